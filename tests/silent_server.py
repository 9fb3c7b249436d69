"""A server that accepts whoever comes, reads what they say, and answers nothing."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

_PATIENCE_S = 60.0


class SilentServer:
    """It listens on a port of this machine."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._heard = threading.Semaphore(0)

    def wait_for_guest(self) -> socket.socket:
        """Wait until the next one has come."""
        assert self._heard.acquire(timeout=_PATIENCE_S), "nobody came"
        return self._open[-1]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            self._heard.release()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(_PATIENCE_S)
        for connection in self._open:
            connection.close()
