"""Doubles for tests of pipelines: sources, sinks, models and clocks that do what a script says."""

from __future__ import annotations

import copy
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from videoxl_stream.errors import ConfigError, EndOfStream, MemoryFormatError, NotInMemoryError, SourceOpenError
from videoxl_stream.events import Event
from videoxl_stream.frames import Frame, Image, Packet
from videoxl_stream.interfaces import Connection, Position
from videoxl_stream.queries import Query, Span, Verdict

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class ScriptedSource:
    """Frames at given moments, and any error among them.

    Delivery: every frame once, in order. Resume: exact; the position is the number of items read.

    Args:
        script: for each read the presentation time of the frame in seconds, None for "nothing came in time", or an
            error to raise. After the last one reads raise ``EndOfStream``.
        stream_id: name of the stream.
        start: UTC at presentation time 0.
        picture: makes the picture shown at a presentation time; None means small grey ones.
        live: as of a camera: whoever reads it must not wait.
    """

    def __init__(
        self,
        script: Sequence[float | Exception | None],
        *,
        stream_id: str = "scripted",
        start: datetime = _EPOCH,
        picture: Callable[[float], Image] | None = None,
        live: bool = False,
    ) -> None:
        self.script = tuple(script)
        self.live = live
        self.start = start
        self.picture = picture or _grey
        self._stream_id = stream_id

    @property
    def stream_id(self) -> str:
        """Name of the stream."""
        return self._stream_id

    def open(self, resume: Position | None = None, *, packets: bool = False) -> OpenScript:
        """Open it, from the start or from where an earlier ``position()`` said; it has no packets to give.

        Raises:
            SourceOpenError: ``resume`` is not a script's position.
        """
        return OpenScript(self, resume or {"next": 0, "index": 0})


class OpenScript:
    """A script being read; made by ``ScriptedSource.open``."""

    def __init__(self, source: ScriptedSource, resume: Position) -> None:
        self._source = source
        try:
            self._next, self._index = int(resume["next"]), int(resume["index"])
        except (KeyError, ValueError, TypeError) as e:
            msg = f"{dict(resume)!r} is no position in a script; pass what position() gave"
            raise SourceOpenError(msg) from e
        self.closed = False
        self.acknowledged: Position | None = None
        self.connection = Connection()

    @property
    def sampled_away(self) -> int:
        """Always 0: a script holds only what is wanted."""
        return 0

    @property
    def expected_frames(self) -> int:
        """How many frames the whole script gives."""
        return sum(isinstance(item, int | float) for item in self._source.script)

    def read(self, timeout_s: float) -> Frame | None:
        """Do what the script says next; None takes no time.

        Raises:
            EndOfStream: the script is over.
        """
        if self._next == len(self._source.script):
            msg = f"the script of {self._source.stream_id!r} is over"
            raise EndOfStream(msg)
        item = self._source.script[self._next]
        self._next += 1
        if isinstance(item, Exception):
            raise item
        if item is None:
            return None
        self._index += 1
        utc = self._source.start + timedelta(seconds=item)
        return Frame(self._source.stream_id, self._index - 1, item, utc, self._source.picture(item))

    def packets(self) -> tuple[Packet, ...]:
        """None: a script has pictures only."""
        return ()

    def position(self) -> Position:
        """Where the next read begins."""
        return {"next": self._next, "index": self._index}

    def acknowledge(self, position: Position) -> None:
        """Remember it."""
        self.acknowledged = position

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


@dataclass
class ListSink:
    """Keeps every event it is given."""

    events: list[Event] = field(default_factory=list)

    def write(self, event: Event) -> None:
        """Keep one event."""
        self.events.append(event)


@dataclass
class ScriptedMemory:
    """What a ``ScriptedModel`` remembers: the presentation times of each window. A window is one piece."""

    budget: int | None = None
    windows: list[list[float]] = field(default_factory=list)
    pending: list[float] = field(default_factory=list)
    ratio: int | None = None
    first: int = 0
    evicted: list[float] = field(default_factory=list)

    @property
    def times(self) -> list[float]:
        """Presentation times of all frames in memory."""
        return [time_s for window in [*self.windows, self.pending] for time_s in window]

    @property
    def span(self) -> Span | None:
        """From the oldest frame to just behind the newest."""
        times = self.times
        return Span(min(times), math.nextafter(max(times), math.inf)) if times else None

    @property
    def num_bytes(self) -> int:
        """Eight bytes for each frame's time."""
        return 8 * len(self.times)

    @property
    def held(self) -> range:
        """Running numbers of the windows."""
        return range(self.first, self.first + len(self.windows))

    def starts(self, span: Span) -> list[float]:
        """Presentation times of the frames within a span, ascending."""
        return sorted({time_s for time_s in self.times if span.start_s <= time_s < span.end_s})

    def fork(self) -> ScriptedMemory:
        """A copy."""
        return copy.deepcopy(self)

    def evict(self) -> None:
        """Forget the oldest window; later ones have seen it."""
        gone = [*self.evicted, *self.windows.pop(0)]
        self.evicted = [min(gone), max(gone)]
        self.first += 1

    def forget(self, span: Span) -> bool:
        """Give up the windows from the first that has seen a frame of the span on, and say whether anything went."""
        kept = [] if _touch(self.evicted, span) else list(takewhile(lambda w: not _touch(w, span), self.windows))
        gone = len(kept) < len(self.windows) or any(_touch([time_s], span) for time_s in self.pending)
        if gone:
            self.windows, self.pending = kept, []
            self.evicted = self.evicted if kept else []
        return gone


class ScriptedModel:
    """A model that sees nothing and knows everything: its verdicts follow from what a script says is true when.

    The probability of a query's first answer is ``sure`` if some frame in memory, within the query's span, lies in
    one of the spans scripted for its text, else ``1 - sure``; the other answers share the rest. One frame takes one
    slot of the budget.

    Args:
        truth: for each question the spans of stream time in which its first answer is right.
        window_frames: frames that make one full window.
        sure: probability given to what is true.
        fingerprint: name of its weights.
    """

    def __init__(
        self,
        truth: Mapping[str, Sequence[Span]] | None = None,
        *,
        window_frames: int = 4,
        sure: float = 0.9,
        fingerprint: str = "scripted",
    ) -> None:
        self.truth = dict(truth or {})
        self.sure = sure
        self.fingerprint = fingerprint
        self.calls: list[tuple[str, ...]] = []
        self._window_frames = window_frames

    @property
    def window_frames(self) -> int:
        """Frames that make one full window."""
        return self._window_frames

    def open_memory(
        self, *, system: str | None = None, ratio: int | None = None, budget: int | None = None
    ) -> ScriptedMemory:
        """Begin an empty memory; prompt and ratio change nothing here."""
        return ScriptedMemory(budget, ratio=ratio)

    def append(self, memory: ScriptedMemory, frames: Sequence[Image], timestamps: Sequence[float]) -> None:
        """Add footage; only the times are kept."""
        for _, time_s in zip(frames, timestamps, strict=True):
            memory.pending.append(time_s)
            if len(memory.pending) == self._window_frames:
                self.close_window(memory)

    def close_window(self, memory: ScriptedMemory) -> None:
        """Make a window of what is pending, and forget the oldest windows beyond the budget."""
        if memory.pending:
            memory.windows.append(memory.pending)
            memory.pending = []
        while memory.budget is not None and len(memory.windows) > 1 and len(memory.times) > memory.budget:
            memory.evict()

    def answer(self, memory: ScriptedMemory, question: str, *, span: Span | None = None) -> Iterator[str]:
        """Answer with yes or no, word by word, as a verdict would."""
        [verdict] = self.verdicts(memory, [Query(question, span=span)])
        yield verdict.answer
        yield f" ({verdict.probability('yes'):.0%})"

    def verdicts(self, memory: ScriptedMemory, queries: Sequence[Query]) -> list[Verdict]:
        """Answer from the script; the texts asked in one call are kept in ``calls``.

        Raises:
            NotInMemoryError: a query's span holds no frame that is in memory.
        """
        self.calls.append(tuple(query.text for query in queries))
        return [self._verdict(memory, query) for query in queries]

    def save_memory(self, memory: ScriptedMemory, path: Path) -> None:
        """Write a memory as JSON, atomically."""
        partial = path.with_name(path.name + ".partial")
        partial.write_text(json.dumps(asdict(memory)))
        os.replace(partial, path)

    def load_memory(self, path: Path) -> ScriptedMemory:
        """Read it back.

        Raises:
            MemoryFormatError: it is no scripted memory.
        """
        try:
            return ScriptedMemory(**json.loads(path.read_text()))
        except (ValueError, TypeError) as e:
            msg = f"{path} is no scripted memory; give one that save_memory wrote"
            raise MemoryFormatError(msg) from e

    def dump_memory(self, memory: ScriptedMemory, after: int = 0) -> bytes:
        """The windows from number ``after`` on, as JSON."""
        part = asdict(memory)
        part["windows"] = dict(zip(memory.held, memory.windows, strict=True))
        part["windows"] = {number: window for number, window in part["windows"].items() if number >= after}
        return json.dumps({**part, "stop": memory.held.stop, "fingerprint": self.fingerprint}).encode()

    def restore_memory(self, memory: ScriptedMemory, parts: Sequence[bytes]) -> None:
        """Fill an empty memory.

        Raises:
            MemoryFormatError: a part is damaged, or of another model or ratio.
        """
        try:
            states = [json.loads(part) for part in parts]
            windows = {int(number): window for state in states for number, window in state["windows"].items()}
            made = {(state["fingerprint"], state["ratio"]) for state in states}
        except (ValueError, LookupError, TypeError) as e:
            msg = "a part is of no scripted memory; give what dump_memory gave"
            raise MemoryFormatError(msg) from e
        if made - {(self.fingerprint, memory.ratio)}:
            msg = "a part is of another model or ratio; restore it with those, or begin anew"
            raise MemoryFormatError(msg)
        if states:
            _fill(memory, states[-1], windows)

    def _verdict(self, memory: ScriptedMemory, query: Query) -> Verdict:
        span = query.span or Span(-math.inf, math.inf)
        seen = [time_s for time_s in memory.times if span.start_s <= time_s < span.end_s]
        if not seen:
            gone = "no longer" if _touch(memory.evicted, span) else "not"
            msg = f"footage of {query.span} is {gone} in memory; ask about a later span"
            raise NotInMemoryError(msg)
        true = any(part.start_s <= at < part.end_s for part in self.truth.get(query.text, ()) for at in seen)
        first = self.sure if true else 1 - self.sure
        others = len(query.answers) - 1
        return Verdict(query, (first, *[(1 - first) / others] * others))


class ManualClock:
    """A clock that stands still until it is moved.

    Args:
        now: aware UTC time at the start.
    """

    def __init__(self, now: datetime = _EPOCH) -> None:
        self._now = now

    def now(self) -> datetime:
        """The time it was set to."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move it on.

        Raises:
            ConfigError: ``seconds`` is negative.
        """
        if seconds < 0:
            msg = f"a clock cannot be advanced by {seconds} s; give 0 or more"
            raise ConfigError(msg)
        self._now += timedelta(seconds=seconds)


def _fill(memory: ScriptedMemory, state: dict[str, Any], windows: dict[int, list[float]]) -> None:
    numbers = range(state["first"], state["stop"])
    held = [number for number in numbers if number in windows]
    memory.windows, memory.pending = [windows[number] for number in held], state["pending"]
    memory.first, memory.evicted = state["stop"] - len(held), state["evicted"]
    if len(held) < len(numbers):  # what is left may have seen what is lost
        memory.evicted = [-math.inf, max(windows[held[-1]]) if held else math.inf]
    while memory.budget is not None and len(memory.windows) > 1 and len(memory.times) > memory.budget:
        memory.evict()


def _touch(times: Sequence[float], span: Span) -> bool:
    """Whether footage from the first to the last of some times touches a span; nothing touches it if there are none."""
    return bool(times) and min(times) < span.end_s and max(times) >= span.start_s


def _grey(time_s: float) -> Image:
    return np.full((8, 8, 3), int(time_s) % 256, np.uint8)
