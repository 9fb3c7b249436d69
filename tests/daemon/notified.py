"""systemd's side of a service: the socket to which a daemon tells how it stands."""

from __future__ import annotations

import socket
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

_PATIENCE_S = 60.0


class Systemd:
    """Listens as systemd does for a service of ``Type=notify``.

    Args:
        folder: for the socket.
        watchdog_s: after which it would give up a service that says nothing.
    """

    def __init__(self, folder: Path, watchdog_s: float = 120.0) -> None:
        path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self.environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": str(int(watchdog_s * 1e6))}
        self.told: list[str] = []

    def wait_for(self, line: str) -> None:
        """Wait until a line that begins so is told from now on."""
        deadline = monotonic() + _PATIENCE_S
        while True:
            self._socket.settimeout(max(0.01, deadline - monotonic()))
            lines = self._socket.recv(4096).decode().splitlines()
            self.told += lines
            if any(each.startswith(line) for each in lines):
                return

    def rest(self) -> list[str]:
        """All that is told until now."""
        self._socket.setblocking(False)
        try:
            while True:
                self.told += self._socket.recv(4096).decode().splitlines()
        except BlockingIOError:
            return self.told

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
