"""Time limits that hold also where FFmpeg does not come back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

_TICK_S = 0.1


class Watch:
    """A thread that sees how long the one beside it takes.

    Args:
        each_tick: called ten times a second.
        overdue: called with the reason, in that thread, when a limit has passed; it ends the process.
    """

    def __init__(self, each_tick: Callable[[], None], overdue: Callable[[str], None]) -> None:
        self._each_tick, self._overdue = each_tick, overdue
        self._limit: tuple[float, str] | None = None
        self._stopped = Event()
        Thread(target=self._look, name="watch", daemon=True).start()

    @contextmanager
    def limit(self, seconds: float, reason: str) -> Iterator[None]:
        """Allow so long for what is done within."""
        self._limit = (time.monotonic() + seconds, reason)
        try:
            yield
        finally:
            self._limit = None

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _look(self) -> None:
        while not self._stopped.wait(_TICK_S):
            limit = self._limit
            if limit is not None and time.monotonic() > limit[0]:
                self._overdue(limit[1])
            self._each_tick()
