"""Signals, turned into calls between two steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def handled(*, stop: Callable[[], None], reload: Callable[[], None]) -> Iterator[None]:
    """Let SIGTERM and SIGINT stop, and SIGHUP reload, as long as this lasts; only the main thread can be asked to.

    A second signal to stop does what it did before: it ends the program at once.

    Args:
        stop: called at once, wherever the program is; must only take note.
        reload: the same.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_stop(number: int, _frame: FrameType | None) -> None:
        stop()
        signal.signal(number, before[signal.Signals(number)])

    def on_reload(_number: int, _frame: FrameType | None) -> None:
        reload()

    wanted = {signal.SIGTERM: on_stop, signal.SIGINT: on_stop, signal.SIGHUP: on_reload}
    before: dict[int, Any] = {number: signal.getsignal(number) for number in wanted}
    for number, handler in wanted.items():
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in wanted:
            signal.signal(number, before[number])
