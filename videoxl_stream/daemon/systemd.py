"""Telling systemd how a service stands (sd_notify(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

_MICROSECONDS = 1e6


class Notifier:
    """Sends lines to the socket that systemd names; does nothing where it names none.

    Args:
        environment: with NOTIFY_SOCKET, and WATCHDOG_USEC where a watchdog is wanted.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        watchdog, of_process = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
        is_ours = of_process in {"", str(os.getpid())}
        self.watchdog_s = int(watchdog) / _MICROSECONDS if watchdog.isdigit() and is_ours else None
        """Seconds after which systemd gives up a service that says nothing; None if it waits for ever."""

    def ready(self, status: str) -> None:
        """The service has begun its work."""
        self._send(f"READY=1\nSTATUS={status}")

    def alive(self, status: str) -> None:
        """The service is at work; keeps the watchdog quiet."""
        self._send(f"WATCHDOG=1\nSTATUS={status}")

    def reloading(self, monotonic_s: float) -> None:
        """The service reads its definition again; ``ready`` ends that."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(monotonic_s * _MICROSECONDS)}")

    def stopping(self) -> None:
        """The service is about to end."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        # An address that begins with "@" is in the abstract namespace.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            try:
                sender.sendto(text.encode(), address)
            except OSError:
                return  # whoever listened is gone; the work goes on
