"""From footage to events: the one place that calls all the other parts, and ``step()``, which shows how."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from videoxl_stream.asking import ask_rules, on_the_side, say, take_in
from videoxl_stream.buffer import BufferLimits, FrameBuffer, Window
from videoxl_stream.decisions import Moment
from videoxl_stream.errors import ConfigError, SourceReadError
from videoxl_stream.events import Event, Exhibit
from videoxl_stream.evidence import Evidence
from videoxl_stream.interfaces import Memory, Sink, Source, VideoModel
from videoxl_stream.motion import MotionGate
from videoxl_stream.queries import Query, Span, Verdict
from videoxl_stream.regions import Regions
from videoxl_stream.rules import Rule
from videoxl_stream.scheduling import Schedule
from videoxl_stream.store import EventStore, Removal, StreamState
from videoxl_stream.stream import Progress, Stream, StreamCounts

__all__ = ["Pipeline", "Progress"]


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
        regions: zones and privacy masks of streams, by name; drawn before anything sees the footage.
        gate: tells windows in which nothing moves: they are not taken in and nothing is asked about them, and the
            newest verdicts stand. What was due then is asked at the close of the next window that is not still.
        evidence: how clips and pictures of events are kept; None keeps none.

    Raises:
        ConfigError: there is no source or no rule, two share a name, a rule's crontab cannot be read, or there are
            regions for a stream that is none of the sources.
    """

    def __init__(  # noqa: PLR0913 - a pipeline is put together from all the other parts
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
        regions: Mapping[str, Regions] | None = None,
        gate: MotionGate | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        _check_names("sources", [source.stream_id for source in sources])
        _check_names("rules", [rule.name for rule in rules])
        _check_names("pipelines", [name])
        Schedule(rules)
        if unknown := sorted(set(regions or {}) - {source.stream_id for source in sources}):
            msg = f"regions are given for streams that are none of the sources: {unknown}"
            raise ConfigError(msg)
        self.sources = tuple(sources)
        self.model = model
        self.rules = tuple(rules)
        self.store = store
        self.sinks = tuple(sinks)
        self.name = name
        self._open_memory = partial(model.open_memory, system=system, ratio=ratio, budget=budget)
        self._limits, self._regions, self._gate, self._evidence = limits, dict(regions or {}), gate, evidence
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
        return self._stream(stream_id).memory

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
        return self._take_in(stream, window)

    def iterate(self, *, resume: bool = False, progress: Callable[[Progress], None] | None = None) -> Iterator[Event]:
        """Step until every stream has ended; give every event as it is found, each revision of it.

        Args:
            resume: as for ``open``.
            progress: told after every step.

        Raises:
            SourceReadError: at the end: a stream broke; the others were watched and everything found is stored.
        """
        self.open(resume=resume)
        try:
            while not self.ended:
                stream = self._turns[0]
                events = self.step()
                if progress is not None:
                    progress(Progress(stream.stream_id, stream.counts, stream.source.expected_frames, tuple(events)))
                yield from events
        finally:
            self.close()
        for fault in self.faults.values():
            raise fault

    def run(self, *, resume: bool = False, progress: Callable[[Progress], None] | None = None) -> list[Event]:
        """Step until every stream has ended; see ``iterate``.

        Returns:
            the events found, each in its latest revision.
        """
        found = {event.id: event for event in self.iterate(resume=resume, progress=progress)}
        return list(found.values())

    # ---- questions of one's own

    def answer(self, stream_id: str, question: str, *, span: Span | None = None, fresh: bool = False) -> str:
        """Ask one stream's memory, also after the run; it does not change.

        Args:
            stream_id: which stream.
            question: in words.
            span: the footage to look at; None means everything in memory.
            fresh: look also at the frames that still wait for a full window.

        Raises:
            ConfigError: no such stream is open.
            NotInMemoryError: the span holds no footage that is in memory.
        """
        return "".join(self.model.answer(self._now(self._stream(stream_id), fresh), question, span=span)).strip()

    def verdicts(self, stream_id: str, queries: Sequence[Query], *, fresh: bool = False) -> list[Verdict]:
        """As ``answer``, for questions with a choice of answers."""
        return self.model.verdicts(self._now(self._stream(stream_id), fresh), queries)

    def fire(self, rule_name: str, stream_id: str, *, fresh: bool = False) -> list[Event]:
        """Make a rule due, whatever its schedule says.

        Args:
            rule_name: of this pipeline's rules.
            stream_id: where it is asked.
            fresh: ask at once, about the frames that still wait, too; they make a short last window on the side,
                which carries the index of the window that they will be part of. Otherwise the rule is asked at the
                close of the next window.

        Returns:
            the events found, stored and told as by ``step``; none unless ``fresh``.

        Raises:
            ConfigError: no such stream is open, or there is no such rule.
            NotInMemoryError: no footage has come yet.
        """
        stream = self._stream(stream_id)
        rules = [rule for rule in self.rules if rule.name == rule_name]
        if not fresh or not rules:
            stream.schedule.fire(rule_name)
            return []
        events = []
        while (window := stream.buffer.take()) is not None:
            events += self._take_in(stream, window)
        found = self._ask(stream, self._now(stream, fresh=True), stream.newest, rules)
        stream.unseen += found
        return events + self._emit(stream, found)

    def forget(self, stream_id: str, span: Span) -> Removal:
        """Give up all that is known of a span of a stream: memory that has seen it, events, evidence, waiting frames.

        Args:
            stream_id: which stream; it must be open, or have been run.
            span: in stream time, finite.

        Returns:
            what went from the store.

        Raises:
            ConfigError: no such stream is open.
            NotInMemoryError: it has given no footage yet; use ``EventStore.forget``.
            StoreError: events and evidence could not be deleted. The memory has forgotten them; do it again.
        """
        stream = self._stream(stream_id)
        moment = stream.newest
        self._emit(stream, [], stream.forget(span))
        files = self.store.exhibits(pipeline=self.name, stream_id=stream_id, limit=1)
        folder = Path(self._evidence.folder) if files and self._evidence is not None else None
        start, end = moment.utc(span.start_s), moment.utc(span.end_s)
        return self.store.forget(stream_id, start, end, folder, pipeline=self.name)

    def close(self) -> None:
        """Close every source and write the evidence in the making; may be called twice. Memories and counts stay."""
        with ExitStack() as closing:
            while self._turns:
                stream = self._turns.popleft()
                closing.callback(self._keep_evidence, stream)
                closing.callback(stream.source.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _stream(self, stream_id: str) -> Stream:
        try:
            return self._streams[stream_id]
        except KeyError as e:
            msg = f"stream {stream_id!r} is not open; open are {sorted(self._streams)}"
            raise ConfigError(msg) from e

    def _open_stream(self, source: Source, resume: bool) -> Stream:
        before = self.store.restore(self.name, source.stream_id) if resume else None
        return Stream(
            source,
            self._open_memory(),
            FrameBuffer(self.model.window_frames, self._limits),
            self.rules,
            before or StreamState(),
            pipeline=self.name,
            regions=self._regions.get(source.stream_id),
            gate=self._gate,
            evidence=self._evidence,
        )

    def _take_in(self, stream: Stream, window: Window) -> list[Event]:
        """Let the model see a window, unless nothing moves in it; then ask what is due."""
        exhibits, events = stream.see(window), stream.gap_before(window)
        moment, still = stream.at_close(window), stream.is_still(window)
        if still:
            events += stream.stand(moment, partial(say, self.model, stream.memory))
        else:
            take_in(self.model, stream.memory, window)
            events += self._ask(stream, stream.memory, moment, stream.schedule.due(window.start, window.end))
        exhibits += stream.note(events) + stream.advance(window)
        stream.pass_window(window, still=still)
        return self._emit(stream, events, exhibits)

    def _ask(self, stream: Stream, memory: Memory, moment: Moment, due: Sequence[Rule]) -> list[Event]:
        sightings = ask_rules(self.model, memory, stream.asked(due), moment)
        return stream.decide(list(zip(due, sightings, strict=True)), partial(say, self.model, memory))

    def _now(self, stream: Stream, fresh: bool) -> Memory:
        memory: Memory = on_the_side(self.model, stream.memory, stream.buffer.waiting() if fresh else [])
        return memory

    def _emit(self, stream: Stream, events: list[Event], exhibits: Sequence[Exhibit] = ()) -> list[Event]:
        """Store, in one transaction with how far the stream has come; then tell the sinks what is new."""
        state, counts = stream.state, asdict(stream.counts)
        fresh = self.store.commit(
            self.name, stream.stream_id, events=events, state=state, exhibits=exhibits, counts=counts
        )
        for event in fresh:
            for sink in self.sinks:
                sink.write(event)
        return events

    def _finish(self, stream: Stream) -> list[Event]:
        """At the end of a stream nothing can be going on any more."""
        self._turns.remove(stream)
        stream.finished = True
        events = stream.close_events(partial(say, self.model, stream.memory))
        return self._emit(stream, events, stream.note(events) + stream.finish_evidence())

    def _keep_evidence(self, stream: Stream) -> None:
        if exhibits := stream.finish_evidence():
            self.store.commit(self.name, stream.stream_id, exhibits=exhibits)


def _check_names(what: str, names: Sequence[str]) -> None:
    if not names or not all(name.strip() for name in names):
        msg = f"a pipeline needs at least one of its {what}, each with a name; got {list(names)}"
        raise ConfigError(msg)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        msg = f"{what} must have different names, but these come twice: {twice}"
        raise ConfigError(msg)
