"""Forgetting on request: a memory goes back to before the first window that saw a span."""

from __future__ import annotations

from collections import deque
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

from videoxl_stream.errors import ModelError
from videoxl_stream.queries import Span

if TYPE_CHECKING:
    from videoxl_stream.model.memory import VideoMemory


def forget(memory: VideoMemory, span: Span) -> bool:
    """Give up every window from the first that holds footage of a span, or has seen such footage before it left.

    Each window attends to all that is remembered before it, so whatever came later has seen the span as well.

    Args:
        memory: goes on at the slot at which the first of these windows stood; anew if none is left.
        span: in the times of its frames.

    Returns:
        whether anything went.

    Raises:
        ModelError: the memory is a fork or holds text.
    """
    if memory.is_fork or memory.text_length:
        msg = "a fork shares its footage with the memory it came from; forget it there"
        raise ModelError(msg)
    kept = (
        []
        if _holds(span, *memory.evicted)
        else list(takewhile(lambda c: not _holds(span, c.start_s, c.end_s), memory.chunks))
    )
    gone = list(memory.chunks)[len(kept) :]
    waiting = any(_holds(span, time_s) for times in memory.pending.times for time_s in times)
    if not gone and not waiting:
        return False
    memory.claim()
    if gone:
        memory.next, memory.carry = gone[0].first, gone[0].carry if kept else 0
    memory.chunks = deque(kept)
    memory.pending = type(memory.pending)()
    memory.last_s = kept[-1].end_s if kept else None
    memory.evicted = memory.evicted if kept else []
    memory.slots.erase_all_but(memory.slots.places(np.arange(memory.first, memory.next)))
    return True


def _holds(span: Span, *times: float) -> bool:
    """Whether footage from the first to the last of some times touches a span; nothing touches it if there are none."""
    return bool(times) and min(times) < span.end_s and max(times) >= span.start_s
