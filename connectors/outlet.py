"""The pipe out of a capturing process, which never makes the network wait for long."""

from __future__ import annotations

import os
import time
from collections import deque
from threading import Condition, Thread

from videoxl_stream.connectors import wire

_MAX_BYTES = 64 << 20  # waiting in this process; the pipe holds another megabyte
_PATIENCE_S = 5.0

Body = bytes | memoryview


class Outlet:
    """Writes messages by a thread of its own; when nobody reads, what is offered is refused.

    Where the pipe is full, ``offer`` waits until there is room, but not longer than ``patience_s`` after the reader
    took something last: then it refuses at once, until the reader goes on.

    Args:
        fd: the pipe's. The process ends when its other side is closed.
        max_bytes: of messages that wait.
        patience_s: how long a reader may take nothing.
    """

    def __init__(self, fd: int, *, max_bytes: int = _MAX_BYTES, patience_s: float = _PATIENCE_S) -> None:
        self._fd = fd
        self._max_bytes, self._patience_s = max_bytes, patience_s
        self._waiting: deque[tuple[wire.Header, Body, int]] = deque()
        self._num_bytes = 0
        self._taken_at = self._sent_at = time.monotonic()
        self._changed = Condition()
        Thread(target=self._write, name="outlet", daemon=True).start()

    @property
    def quiet_s(self) -> float:
        """How long nothing was sent."""
        return time.monotonic() - self._sent_at

    def send(self, header: wire.Header, body: Body = b"") -> None:
        """Queue a message, whatever waits already: for the few that must not be missing."""
        with self._changed:
            self._put(header, body)

    def offer(self, header: wire.Header, body: Body) -> bool:
        """Queue a message if the reader keeps up; say whether it did."""
        with self._changed:
            while self._num_bytes > self._max_bytes:
                left_s = self._taken_at + self._patience_s - time.monotonic()
                if left_s <= 0:
                    return False
                self._changed.wait(left_s)
            self._put(header, body)
        return True

    def flush(self) -> None:
        """Wait until all is written, but no longer than the reader may take."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting, self._patience_s)

    def _put(self, header: wire.Header, body: Body) -> None:
        num_bytes = memoryview(body).nbytes
        self._sent_at = time.monotonic()
        self._taken_at = self._taken_at if self._waiting else self._sent_at
        self._waiting.append((header, body, num_bytes))
        self._num_bytes += num_bytes
        self._changed.notify_all()

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                header, body, num_bytes = self._waiting[0]
            try:
                wire.send(self._fd, header, body)
            except BrokenPipeError:
                os._exit(0)
            with self._changed:
                self._waiting.popleft()
                self._num_bytes -= num_bytes
                self._taken_at = time.monotonic()
                self._changed.notify_all()
