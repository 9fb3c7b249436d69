"""From footage to events: the one place that calls all the other parts, and ``step()``, which shows how."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Self

from videoxl_stream.absence import Absence
from videoxl_stream.buffer import BufferLimits
from videoxl_stream.clock import WallClock
from videoxl_stream.errors import SourceReadError
from videoxl_stream.events import Event
from videoxl_stream.evidence import Evidence
from videoxl_stream.interfaces import Clock, Feed, Memory, Sink, Source, VideoModel
from videoxl_stream.journal import Durability
from videoxl_stream.ledger import Ledger
from videoxl_stream.lineup import Lineup
from videoxl_stream.motion import MotionGate
from videoxl_stream.opening import Opening, check_names, check_rules, check_sources
from videoxl_stream.queries import Query, Span, Verdict
from videoxl_stream.regions import Regions
from videoxl_stream.rules import Rule
from videoxl_stream.status import StreamCounts, StreamStatus
from videoxl_stream.stopped import StoppedStream
from videoxl_stream.store import EventStore, Removal
from videoxl_stream.stream import Progress, Stream
from videoxl_stream.waiting_room import Admit, WaitingRoom
from videoxl_stream.worker import Worker

__all__ = ["Pipeline", "Progress"]


class Pipeline:
    """Sources watched by one model under the same rules; every stream has a memory of its own.

    A pipeline is a cheap description until ``open``, ``step`` or ``run``. It may be run again: events are then
    written once, since their ids and revisions are the same, and sinks hear only of what is new. Footage watched
    under changed rules or by another model belongs in another store, or under another name.

    Args:
        sources: where frames come from. Live ones are read by a thread each, the others when there is room.
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
        durability: how memories are kept on disk, so that a restart goes on with them; None keeps them only while
            the program runs.
        feeds: streams that come and go by themselves; each is resumed where the store says it stopped.
        outbox: names of sinks for which the store keeps every new revision of an event until it is delivered.
        clock: wall time, which only dates what no footage dates: that a source is down.
        admit: says why so many streams at once do not fit; those of feeds then wait. None lets any number in.

    Raises:
        ConfigError: there is no source and no feed, or no rule, two share a name, a rule's crontab cannot be read,
            or there are regions for a stream that is none of the sources.
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
        durability: Durability | None = None,
        feeds: Sequence[Feed] = (),
        outbox: Sequence[str] = (),
        clock: Clock | None = None,
        admit: Admit | None = None,
    ) -> None:
        check_sources(sources, feeds, regions or {})
        check_rules(rules)
        check_names("pipelines", [name])
        self.sources, self.feeds, self.rules = tuple(sources), tuple(feeds), tuple(rules)
        self.model, self.store, self.name = model, store, name
        self.sinks, self.outbox = tuple(sinks), tuple(outbox)
        self._clock = clock or WallClock()
        self._opening = Opening(
            pipeline=name,
            model=model,
            store=store,
            settings={"system": system, "ratio": ratio, "budget": budget},
            limits=limits,
            regions=dict(regions or {}),
            gate=gate,
            evidence=evidence,
            durability=durability,
        )
        self._ledger = Ledger(store, name, self.sinks, self.outbox, lambda e: self._lineup.lose(e))  # noqa: PLW0108
        self._worker = Worker(model, self._ledger)
        absence = Absence(pipeline=name, store=store, ledger=self._ledger, clock=self._clock)
        self._lineup = Lineup(self._open_stream, self._worker.let_go, WaitingRoom(admit), absence.tell)

    @property
    def ended(self) -> bool:
        """Whether every stream has ended; False before anything was opened."""
        return self._lineup.ended

    @property
    def counts(self) -> dict[str, StreamCounts]:
        """What became of each stream's frames, also after the run."""
        return {stream.stream_id: stream.counts for stream in self._lineup}

    @property
    def status(self) -> dict[str, StreamStatus]:
        """How each stream stands, also after the run."""
        return {stream.stream_id: stream.status for stream in self._lineup}

    @property
    def turned_away(self) -> Mapping[str, str]:
        """Streams of feeds that wait for room, and why."""
        return self._lineup.waiting

    @property
    def waiting(self) -> int:
        """Transactions that wait because the store is out of reach."""
        return len(self._ledger)

    @property
    def latest(self) -> Progress | None:
        """What the newest step did, but for its events; None if no stream had a turn."""
        stream = self._lineup.latest
        return None if stream is None else stream.progress

    @property
    def faults(self) -> dict[str, SourceReadError]:
        """The streams that broke, and how."""
        return {stream.stream_id: fault for stream in self._lineup if (fault := stream.reader.fault) is not None}

    def memory(self, stream_id: str) -> Memory:
        """A stream's memory, to ask questions of one's own, also after the run.

        Raises:
            ConfigError: no such stream is open.
        """
        return self._lineup[stream_id].memory

    def open(self, *, resume: bool = False) -> None:
        """Open every source, with a memory each.

        Args:
            resume: go on where the store says that each stream stopped: position, window index, rules and their
                schedules. Memories go on as well if they are durable; else they begin empty.

        Raises:
            SourceOpenError: a source cannot be opened; none stays open.
            MemoryFormatError: a durable memory was made by another model, or with other settings.
            StoreError: the store cannot be read.
        """
        self.close()
        self._ledger.clear()
        self._lineup.open(self.sources, self.feeds, resume=resume)

    def step(self) -> list[Event]:
        """Read one frame of the stream whose turn it is; if that fills a window, take it in and ask what is due.

        Returns:
            the events found, already stored and told to the sinks; none once all streams have ended, or after
            ``close``.

        Raises:
            SourceOpenError: it was the first step, and a source cannot be opened.
            ModelError: the model refused the footage or a question.
            StoreError: the events could not be stored. Nothing is lost: the next step tries again before it does
                anything else.
        """
        if not self._lineup.is_open:
            self.open()
        if len(self._ledger):
            for waiting in self._lineup:
                waiting.keep_packets()
            return self._ledger.settle()
        stream = self._lineup.next()
        if stream is None:
            return []
        self._lineup.read(stream)
        stream.keep_packets()
        events = stream.outage_by(self._clock.now())
        window = stream.reader.take()
        if window is not None:
            return self._worker.take_in(stream, window, events)
        if stream.reader.ended:
            self._lineup.finish(stream)
            stream.close()
            return self._worker.close_events(stream, events)
        return self._worker.emit(stream, events) if events else []

    def add(self, source: Source, regions: Regions | None = None) -> None:
        """Watch one more source from now on, going on where the store says that it stopped.

        Args:
            source: its stream must not be at work yet.
            regions: its zones and masks.

        Raises:
            ConfigError: there is a stream of that name.
            SourceOpenError: it cannot be opened.
            StoreError: the store cannot be read.
        """
        self._opening.regions.pop(source.stream_id, None)
        if regions is not None:
            self._opening.regions[source.stream_id] = regions
        self._lineup.add(source, resume=True)
        self.sources = (*self.sources, source)

    def remove(self, stream_id: str) -> list[Event]:
        """Watch a source no more; what waits is given up, and what is going on is closed.

        Returns:
            the closes, stored and told as by ``step``.

        Raises:
            ConfigError: there is no such stream.
            StoreError: the closes could not be stored; the next step tries again.
        """
        stream = self._lineup[stream_id]
        self._lineup.remove(stream)
        self.sources = tuple(source for source in self.sources if source.stream_id != stream_id)
        stream.close()
        return self._worker.close_events(stream, [])

    def change_rules(self, rules: Sequence[Rule]) -> list[Event]:
        """Watch for other things from now on; a rule that asks the same as before keeps what it remembers.

        Returns:
            the closes of what was going on under rules that are gone, stored and told as by ``step``.

        Raises:
            ConfigError: there is no rule, two share a name, or a crontab cannot be read; nothing has changed then.
            StoreError: the closes could not be stored; the next step tries again.
        """
        check_rules(rules)
        self.rules = tuple(rules)
        return [event for stream in self._lineup for event in self._worker.change_rules(stream, rules)]

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
                events = self.step()
                if progress is not None and self.latest is not None:
                    progress(replace(self.latest, events=tuple(events)))
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
        memory = self._worker.now(self._lineup[stream_id], fresh=fresh)
        return "".join(self.model.answer(memory, question, span=span)).strip()

    def verdicts(self, stream_id: str, queries: Sequence[Query], *, fresh: bool = False) -> list[Verdict]:
        """As ``answer``, for questions with a choice of answers."""
        return self.model.verdicts(self._worker.now(self._lineup[stream_id], fresh=fresh), queries)

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
        stream = self._lineup[stream_id]
        rules = [rule for rule in self.rules if rule.name == rule_name]
        if not fresh or not rules:
            stream.schedule.fire(rule_name)
            return []
        events = []
        while (window := stream.reader.take()) is not None:
            events += self._worker.take_in(stream, window, [])
        found = self._worker.ask(stream, self._worker.now(stream, fresh=True), stream.newest, rules)
        stream.unseen += found
        return events + self._worker.emit(stream, found)

    def forget(self, stream_id: str, span: Span) -> Removal:
        """Give up all that is known of a span of a stream: memory that has seen it, events, evidence, waiting frames.

        Args:
            stream_id: which stream; it must be open, or have been run.
            span: in stream time, finite.

        Returns:
            what went from the store.

        Raises:
            ConfigError: no such stream is open.
            NotInMemoryError: it has given no footage yet; use ``stopped(stream_id).forget``, before ``open``.
            StoreError: events and evidence could not be deleted. The memory has forgotten them; do it again.
        """
        stream = self._lineup[stream_id]
        moment = stream.newest
        self._worker.emit(stream, [], stream.forget(span))
        start, end = moment.utc(span.start_s), moment.utc(span.end_s)
        return self.store.forget(stream_id, start, end, self._opening.evidence_folder, pipeline=self.name)

    def stopped(self, stream_id: str) -> StoppedStream:
        """A stream while this does not watch it, and no other process: a span of it can be forgotten then, too."""
        return self._opening.stopped(stream_id)

    def drain(self, until: float) -> list[Event]:
        """Stop reading live sources, take in what has come of them, and close.

        Args:
            until: by ``time.monotonic()``; what could not be taken in by then is lost, as a gap that is told of.

        Raises:
            StoreError: what was found cannot be stored; sources are closed all the same.
        """
        try:
            events = self._ledger.settle()
            for stream in self._lineup.stop():
                while not stream.finished and time.monotonic() < until and (window := stream.reader.take()) is not None:
                    events += self._worker.take_in(stream, window, [])
        finally:
            self.close(until)
        return events

    def close(self, until: float = math.inf) -> None:
        """Close every source and write the evidence in the making; may be called twice. Memories and counts stay.

        Clips with masks are given up that are not encoded ``until`` then, by ``time.monotonic()``.
        """
        with ExitStack() as closing:
            for stream in self._lineup.close():
                closing.callback(self._worker.keep_evidence, stream, until)
                closing.callback(stream.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _open_stream(self, source: Source, resume: bool) -> Stream:
        return self._opening.stream(source, self.rules, resume=resume)
