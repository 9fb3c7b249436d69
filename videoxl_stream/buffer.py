"""Frames waiting between a source and a model, cut into windows."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from videoxl_stream.errors import ConfigError
from videoxl_stream.frames import Frame
from videoxl_stream.interfaces import Position
from videoxl_stream.queries import Span

_LONE_FRAME_S = 1e-3  # how long a window of one frame, whose spacing nobody knows, is taken to last


class DropPolicy(StrEnum):
    """What a full buffer does with one more frame."""

    WAIT = "wait"
    DROP_OLDEST = "drop_oldest"
    DROP_NEWEST = "drop_newest"


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferLimits:
    """How much may wait, what happens beyond that, and what counts as a gap.

    Args:
        max_s: seconds of footage that may wait, first to last frame.
        max_bytes: bytes of pictures that may wait.
        policy: ``wait`` refuses the frame until a window is taken, so that the source is not read meanwhile;
            ``drop_oldest`` keeps what is fresh; ``drop_newest`` keeps what came first. None means ``drop_oldest``
            for what is live and ``wait`` for what waits to be read.
        gap_s: a longer step in presentation time between two frames closes the window before it.

    Raises:
        ConfigError: a limit is not positive or the policy has another name.
    """

    max_s: float = 60.0
    max_bytes: int = 512 * 2**20
    policy: DropPolicy | str | None = None
    gap_s: float = 10.0

    def __post_init__(self) -> None:
        for name in ("max_s", "max_bytes", "gap_s"):
            if not getattr(self, name) > 0:
                msg = f"{name} is {getattr(self, name)}; give a number above 0"
                raise ConfigError(msg)
        if self.policy is not None and self.policy not in tuple(DropPolicy):
            msg = f"unknown drop policy {self.policy!r}; choose from {[str(policy) for policy in DropPolicy]}"
            raise ConfigError(msg)

    def for_source(self, *, live: bool) -> BufferLimits:
        """The same with a policy, fit for a source that is live or waits to be read."""
        usual = DropPolicy.DROP_OLDEST if live else DropPolicy.WAIT
        return replace(self, policy=self.policy or usual)


@dataclass(frozen=True, slots=True)
class BufferCounts:
    """What became of the frames; ``accepted == taken + dropped + held`` at every moment.

    A frame that ``wait`` refused is not accepted: it is still the caller's.
    """

    accepted: int = 0
    taken: int = 0
    dropped: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Frames that belong together in one chunk of memory.

    Args:
        frames: at least one, in the order they came.
        short: cut before it was full, by a gap, a jump back or the end; compress it without waiting for more.
        resume: where the source goes on after the last frame, if it said so.
    """

    frames: tuple[Frame, ...]
    short: bool
    resume: Position | None = None

    @property
    def span(self) -> Span:
        """Stream time covered: to one mean frame spacing behind the last frame."""
        first_s, last_s = self.frames[0].time_s, self.frames[-1].time_s
        spacing_s = (last_s - first_s) / max(1, len(self.frames) - 1)
        return Span(first_s, max(last_s + (spacing_s or _LONE_FRAME_S), math.nextafter(last_s, math.inf)))

    @property
    def start(self) -> datetime:
        """UTC at the start of the span."""
        return self.frames[0].utc

    @property
    def end(self) -> datetime:
        """UTC at the end of the span."""
        return self.frames[-1].utc + timedelta(seconds=self.span.end_s - self.frames[-1].time_s)


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    frame: Frame
    resume: Position | None
    step_s: float | None  # since the frame before it; None over a gap or a jump back


class FrameBuffer:
    """A bounded queue of one stream's frames that is emptied window by window. One thread uses it.

    Fullness is the only signal for dropping: no rate is estimated. It counts as full only when a window could be
    taken, since otherwise nothing would ever make room; so a window in the making may exceed ``max_s``. Gaps hold
    no footage and do not count as seconds.

    Args:
        window_frames: frames in a full window.
        limits: bounds, policy and gap; without a policy it waits.

    Raises:
        ConfigError: ``window_frames`` is below 1.
    """

    def __init__(self, window_frames: int, limits: BufferLimits | None = None) -> None:
        if window_frames < 1:
            msg = f"window_frames is {window_frames}; a window needs at least one frame"
            raise ConfigError(msg)
        self._window_frames = window_frames
        self._limits = (limits or BufferLimits()).for_source(live=False)
        self._waiting: deque[_Waiting] = deque()
        self._held_s = 0.0
        self._held_bytes = 0
        self._ended = False
        self._accepted = self._taken = self._dropped = 0

    @property
    def counts(self) -> BufferCounts:
        """What became of the frames so far."""
        return BufferCounts(self._accepted, self._taken, self._dropped, len(self._waiting))

    @property
    def held_bytes(self) -> int:
        """Bytes of the pictures that wait."""
        return self._held_bytes

    @property
    def gap_s(self) -> float:
        """A longer step between two frames is a gap."""
        return self._limits.gap_s

    @property
    def is_ready(self) -> bool:
        """Whether a window can be taken."""
        return self._ready_frames() > 0

    def put(self, frame: Frame, resume: Position | None = None) -> bool:
        """Accept a frame, or refuse it under ``wait``.

        Args:
            frame: the next frame of the stream.
            resume: the source's position behind this frame.

        Returns:
            False if the buffer is full and the policy is ``wait``: take a window, then offer the frame again.

        Raises:
            ConfigError: not even one window of such pictures fits, or ``end`` was called.
        """
        self._check(frame)
        step_s = self._step_to(frame)
        if self._is_full_for(frame, step_s):
            if self._limits.policy == DropPolicy.WAIT:
                return False
            if self._limits.policy == DropPolicy.DROP_NEWEST:
                self._accepted += 1
                self._dropped += 1
                return True
            while self._waiting and self._exceeds(frame, step_s):
                self._pop()
                self._dropped += 1
        self._accepted += 1
        self._add(frame, resume, step_s)
        return True

    def end(self) -> None:
        """Say that no frame will follow: what is left becomes a short window."""
        self._ended = True

    def take(self) -> Window | None:
        """Remove and return the oldest window; None while it is still in the making."""
        size = self._ready_frames()
        if size == 0:
            return None
        taken = [self._pop() for _ in range(size)]
        self._taken += size
        return self._window(taken)

    def waiting(self) -> list[Window]:
        """The windows that all that waits would make if nothing followed; it goes on waiting."""
        windows: list[list[_Waiting]] = []
        for one in self._waiting:
            if not windows or len(windows[-1]) == self._window_frames or one.step_s is None:
                windows.append([])
            windows[-1].append(one)
        return [self._window(window) for window in windows]

    def forget(self, span: Span) -> int:
        """Drop all frames of a span that wait, and say how many."""
        kept = [one for one in self._waiting if not span.start_s <= one.frame.time_s < span.end_s]
        forgotten = len(self._waiting) - len(kept)
        self._waiting.clear()
        self._held_s, self._held_bytes = 0.0, 0
        for one in kept:
            self._add(one.frame, one.resume, self._step_to(one.frame))
        self._dropped += forgotten
        return forgotten

    def _window(self, taken: Sequence[_Waiting]) -> Window:
        frames = tuple(one.frame for one in taken)
        return Window(frames, short=len(frames) < self._window_frames, resume=taken[-1].resume)

    def _add(self, frame: Frame, resume: Position | None, step_s: float | None) -> None:
        self._held_s += step_s or 0.0 if self._waiting else 0.0
        self._held_bytes += frame.num_bytes
        self._waiting.append(_Waiting(frame, resume, step_s))

    def _check(self, frame: Frame) -> None:
        if self._ended:
            msg = f"frame {frame.index} of {frame.stream_id!r} came after the end; use a new buffer"
            raise ConfigError(msg)
        window_bytes = self._window_frames * frame.num_bytes
        if window_bytes > self._limits.max_bytes:
            msg = (
                f"a window of {self._window_frames} pictures of {frame.num_bytes} bytes does not fit in "
                f"max_bytes={self._limits.max_bytes}; give at least {window_bytes} or smaller pictures"
            )
            raise ConfigError(msg)

    def _step_to(self, frame: Frame) -> float | None:
        """Seconds since the newest waiting frame; None over a gap or a jump back."""
        if not self._waiting:
            return None
        step_s = frame.time_s - self._waiting[-1].frame.time_s
        return step_s if 0 <= step_s <= self._limits.gap_s else None

    def _ready_frames(self) -> int:
        """Length of the window that can be taken now, 0 for none."""
        size = 0
        for waiting in islice(self._waiting, self._window_frames):
            if size and waiting.step_s is None:
                return size
            size += 1
        return size if size == self._window_frames or self._ended else 0

    def _exceeds(self, frame: Frame, step_s: float | None) -> bool:
        """Whether the bounds would be broken with this frame added."""
        held_bytes = self._held_bytes + frame.num_bytes
        return self._held_s + (step_s or 0.0) > self._limits.max_s or held_bytes > self._limits.max_bytes

    def _is_full_for(self, frame: Frame, step_s: float | None) -> bool:
        return self._exceeds(frame, step_s) and self._ready_frames() > 0

    def _pop(self) -> _Waiting:
        waiting = self._waiting.popleft()
        self._held_bytes -= waiting.frame.num_bytes
        # The new first frame's step led from the one that left. Sums of floats drift: start afresh when empty.
        self._held_s = self._held_s - (self._waiting[0].step_s or 0.0) if len(self._waiting) > 1 else 0.0
        return waiting
