"""From footage to events: the one place that calls all the other parts, and ``step()``, which shows how."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self

from videoxl_stream.buffer import BufferLimits, FrameBuffer, Window
from videoxl_stream.errors import ConfigError, SourceReadError
from videoxl_stream.events import Event
from videoxl_stream.interfaces import Memory, Sink, Source, VideoModel
from videoxl_stream.rules import Rule, Sighting
from videoxl_stream.scheduling import Schedule
from videoxl_stream.store import EventStore, StreamState
from videoxl_stream.stream import Stream, StreamCounts


@dataclass(frozen=True, slots=True)
class Progress:
    """What one step did.

    Args:
        stream_id: the stream whose turn it was.
        counts: what became of its frames so far.
        expected_frames: about how many it will give, if anybody knows.
        events: what the step found.
    """

    stream_id: str
    counts: StreamCounts
    expected_frames: int | None
    events: tuple[Event, ...]


class Pipeline:
    """Sources watched by one model under the same rules; every stream has a memory of its own.

    A pipeline is a cheap description until ``open``, ``step`` or ``run``. It may be run again: events are then
    written once, since their ids and revisions are the same, and sinks hear only of what is new. Footage watched
    under changed rules or by another model belongs in another store, or under another name.

    Args:
        sources: where frames come from.
        model: sees and answers.
        rules: what to watch for, on every stream.
        store: where events and the state of each stream are kept.
        sinks: told of each event after it is stored; an error of a sink ends the run.
        name: part of every event's id.
        system: system prompt of the memories; None means the model's own.
        ratio: raw visual tokens per kept one; None means the model's own.
        budget: slots each memory keeps at most; None means no limit.
        limits: of each stream's buffer.

    Raises:
        ConfigError: there is no source or no rule, two share a name, or a rule's crontab cannot be read.
    """

    def __init__(
        self,
        *,
        sources: Sequence[Source],
        model: VideoModel[Any],
        rules: Sequence[Rule],
        store: EventStore,
        sinks: Sequence[Sink] = (),
        name: str = "pipeline",
        system: str | None = None,
        ratio: int | None = None,
        budget: int | None = None,
        limits: BufferLimits | None = None,
    ) -> None:
        _check_names("sources", [source.stream_id for source in sources])
        _check_names("rules", [rule.name for rule in rules])
        _check_names("pipelines", [name])
        Schedule(rules)
        self.sources = tuple(sources)
        self.model = model
        self.rules = tuple(rules)
        self.store = store
        self.sinks = tuple(sinks)
        self.name = name
        self._open_memory = partial(model.open_memory, system=system, ratio=ratio, budget=budget)
        self._limits = limits
        self._streams: dict[str, Stream] = {}
        self._turns: deque[Stream] = deque()

    @property
    def ended(self) -> bool:
        """Whether every stream has ended; False before anything was opened."""
        return bool(self._streams) and all(stream.finished for stream in self._streams.values())

    @property
    def counts(self) -> dict[str, StreamCounts]:
        """What became of each stream's frames, also after the run."""
        return {stream_id: stream.counts for stream_id, stream in self._streams.items()}

    @property
    def faults(self) -> dict[str, SourceReadError]:
        """The streams that broke, and how."""
        return {stream_id: stream.fault for stream_id, stream in self._streams.items() if stream.fault is not None}

    def memory(self, stream_id: str) -> Memory:
        """A stream's memory, to ask questions of one's own, also after the run.

        Raises:
            ConfigError: no such stream is open.
        """
        try:
            return self._streams[stream_id].memory
        except KeyError as e:
            msg = f"stream {stream_id!r} is not open; open are {sorted(self._streams)}"
            raise ConfigError(msg) from e

    def open(self, *, resume: bool = False) -> None:
        """Open every source, with an empty memory each.

        Args:
            resume: go on where the store says that each stream stopped: position, window index, rules and their
                schedules. What was seen before is not in memory.

        Raises:
            SourceOpenError: a source cannot be opened; none stays open.
            StoreError: the store cannot be read.
        """
        self.close()
        self._streams = {}
        try:
            for source in self.sources:
                self._turns.append(self._open_stream(source, resume))
        except BaseException:
            self.close()
            raise
        self._streams = {stream.stream_id: stream for stream in self._turns}

    def step(self) -> list[Event]:
        """Read one frame of the stream whose turn it is; if that fills a window, take it in and ask what is due.

        Returns:
            the events found, already stored and told to the sinks; none once all streams have ended, or after
            ``close``.

        Raises:
            SourceOpenError: it was the first step, and a source cannot be opened.
            ModelError: the model refused the footage or a question.
            StoreError: the events could not be stored.
        """
        if not self._streams:
            self.open()
        if not self._turns:
            return []
        stream = self._turns[0]
        self._turns.rotate(-1)
        stream.read()
        window = stream.buffer.take()
        if window is None:
            return self._finish(stream) if stream.ended else []
        self._append(stream, window)
        due = stream.schedule.due(window.start, window.end)
        verdicts = self._ask(stream, window, due)
        events = stream.decide(verdicts)
        stream.pass_window(window)
        return self._emit(stream, events)

    def run(self, *, resume: bool = False, progress: Callable[[Progress], None] | None = None) -> list[Event]:
        """Step until every stream has ended.

        Args:
            resume: as for ``open``.
            progress: told after every step.

        Returns:
            the events found, each in its latest revision.

        Raises:
            SourceReadError: a stream broke; the others were watched to their end and everything found is stored.
        """
        self.open(resume=resume)
        found: dict[str, Event] = {}
        try:
            while not self.ended:
                stream = self._turns[0]
                events = self.step()
                found.update((event.id, event) for event in events)
                if progress is not None:
                    progress(Progress(stream.stream_id, stream.counts, stream.source.expected_frames, tuple(events)))
        finally:
            self.close()
        for fault in self.faults.values():
            raise fault
        return list(found.values())

    def close(self) -> None:
        """Close every source; may be called twice. Memories, counts and faults stay."""
        while self._turns:
            self._turns.popleft().source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open_stream(self, source: Source, resume: bool) -> Stream:
        before = self.store.restore(self.name, source.stream_id) if resume else None
        buffer = FrameBuffer(self.model.window_frames, self._limits)
        return Stream(source, self._open_memory(), buffer, self.rules, before or StreamState())

    def _append(self, stream: Stream, window: Window) -> None:
        images = [frame.image for frame in window.frames]
        self.model.append(stream.memory, images, [frame.time_s for frame in window.frames])
        if window.short:
            self.model.close_window(stream.memory)

    def _ask(self, stream: Stream, window: Window, due: Sequence[Rule]) -> list[tuple[Rule, Sighting]]:
        """All rules that are due, in one call of the model."""
        if not due:
            return []
        memory = stream.memory.span or window.span
        spans = [rule.look_back(memory, window.span) for rule in due]
        queries = [rule.query(span) for rule, span in zip(due, spans, strict=True)]
        verdicts = self.model.verdicts(stream.memory, queries)
        return [
            (
                rule,
                Sighting(
                    pipeline=self.name,
                    stream_id=stream.stream_id,
                    window=stream.windows,
                    span=span,
                    end=window.end,
                    verdict=verdict,
                ),
            )
            for rule, span, verdict in zip(due, spans, verdicts, strict=True)
        ]

    def _emit(self, stream: Stream, events: list[Event]) -> list[Event]:
        """Store, in one transaction with how far the stream has come; then tell the sinks what is new."""
        fresh = self.store.commit(self.name, stream.stream_id, events=events, state=stream.state)
        for event in fresh:
            for sink in self.sinks:
                sink.write(event)
        return events

    def _finish(self, stream: Stream) -> list[Event]:
        """At the end of a stream nothing can be going on any more."""
        self._turns.remove(stream)
        stream.finished = True
        return self._emit(stream, stream.close_events())


def _check_names(what: str, names: Sequence[str]) -> None:
    if not names or not all(name.strip() for name in names):
        msg = f"a pipeline needs at least one of its {what}, each with a name; got {list(names)}"
        raise ConfigError(msg)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        msg = f"{what} must have different names, but these come twice: {twice}"
        raise ConfigError(msg)
