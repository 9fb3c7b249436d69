"""One stream on its way through a pipeline: what it holds and remembers between steps."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from videoxl_stream.buffer import BufferLimits, FrameBuffer, Window
from videoxl_stream.decisions import Moment, RuleState, Say, Sighting, close, decide, describe, stand
from videoxl_stream.errors import NotInMemoryError
from videoxl_stream.events import Event, Exhibit
from videoxl_stream.evidence import Evidence
from videoxl_stream.gaps import GAP, LastFrame, gap_before, memory_lost
from videoxl_stream.interfaces import Memory, Source
from videoxl_stream.journal import Journal
from videoxl_stream.motion import MotionGate
from videoxl_stream.outages import DOWN, Look, Outage, look
from videoxl_stream.queries import Span
from videoxl_stream.reading import LiveReader, Reader
from videoxl_stream.regions import Regions
from videoxl_stream.rules import RESERVED, Rule
from videoxl_stream.scheduling import Schedule
from videoxl_stream.status import Spent, StreamCounts, StreamStatus
from videoxl_stream.store import StreamState

GATE, _STARTS = f"{RESERVED}gate", f"{RESERVED}starts"  # stored beside what rules remember
# An alarm that looks back further is named by the oldest window known; as many as are worth storing at each window.
_MAX_STARTS = 128
_CONNECTING = timedelta(seconds=10)  # what a source may take to come up at first without being called down


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


class Stream:
    """One stream in use: its source and memory, and what its rules remember.

    Args:
        source: opened here, where ``before`` says.
        memory: its own.
        rules: what to watch for.
        before: where an earlier run stopped.
        pipeline: name of the pipeline.
        claim: under which it is written to the store.
        window_frames: frames in a full window.
        limits: of its buffer.
        regions: drawn into every frame before anything else sees it.
        gate: tells still windows.
        evidence: how events are proven; None keeps no proof.
        journal: makes its memory durable; None keeps it while the program runs.
        lost: what of its durable memory could not be restored, in words.

    Raises:
        SourceOpenError: the source cannot be opened.
        ConfigError: ``before`` was not written by this version.
    """

    def __init__(  # noqa: PLR0913 - a stream is put together from all the other parts
        self,
        source: Source,
        memory: Memory,
        rules: Sequence[Rule],
        before: StreamState,
        *,
        pipeline: str,
        claim: int,
        window_frames: int,
        limits: BufferLimits | None = None,
        regions: Regions | None = None,
        gate: MotionGate | None = None,
        evidence: Evidence | None = None,
        journal: Journal[Any] | None = None,
        lost: str = "",
    ) -> None:
        self.stream_id = source.stream_id
        self.live = source.live
        self.memory = memory
        self.journal, self.claim = journal, claim
        self.schedule = Schedule(rules, before.asked)
        self.windows = before.windows
        self.unseen: list[Event] = []  # found in footage that still waits: to be shown once it has been seen
        self.spent = Spent()
        self.finished = False  # it has ended, and all that it gave is worked off
        self._pipeline = pipeline
        self._regions = regions or Regions()
        self._gate, self._evidence = gate, evidence
        self._rules = {rule.name: rule for rule in rules}
        self._states = {name: _restored(before, name) for name in self._rules}
        self._last_frame = LastFrame.from_json(before.rules[GAP]) if GAP in before.rules else None
        self._outage = Outage.from_json(before.rules[DOWN]) if DOWN in before.rules else Outage()
        # Where the newest windows began.
        self._starts: deque[float] = deque(json.loads(before.rules.get(_STARTS, "[]")), _MAX_STARTS)
        self._moment = self._last_moment()
        self._first_window = before.windows
        self._position = before.position
        self._opened_events = self._still = self._losses = 0
        self._lost = lost
        self._connecting_since: datetime | None = None
        self._begin(before.rules.get(GATE))
        opened = source.open(before.position, packets=evidence is not None)
        buffer = FrameBuffer(window_frames, (limits or BufferLimits()).for_source(live=source.live))
        reader = LiveReader if source.live else Reader
        self.reader = reader(self.stream_id, opened, buffer, self._regions, packets=evidence is not None)

    @property
    def counts(self) -> StreamCounts:
        """What became of the frames so far."""
        frames = self.reader.counts
        return StreamCounts(
            sampled_away=self.reader.sampled_away,
            read=frames.accepted,
            ingested=frames.taken - self._still,
            still=self._still,
            dropped=frames.dropped,
            held=frames.held,
            windows=self.windows - self._first_window,
            events=self._opened_events,
        )

    @property
    def state(self) -> StreamState:
        """What to keep for a restart."""
        rules = {name: state.to_json() for name, state in self._states.items()}
        if self._last_frame is not None:
            rules |= {GAP: self._last_frame.to_json(), _STARTS: json.dumps(list(self._starts))}
        if self._outage.event is not None:
            rules[DOWN] = self._outage.to_json()
        if self._open_gate is not None:
            rules[GATE] = self._open_gate.seen or ""  # what it saw of a forgotten span must not stay
        return StreamState(self.windows, self._position, rules, self.schedule.asked)

    @property
    def status(self) -> StreamStatus:
        """How it stands."""
        reader, newest, journal = self.reader, self.reader.newest, self.journal
        return StreamStatus(
            stream_id=self.stream_id,
            live=self.live,
            connection=reader.connection,
            counts=self.counts,
            spent=replace(self.spent),
            newest=None if newest is None else newest.utc,
            seen=None if self._moment is None else self._moment.end,
            memory_bytes=self.memory.num_bytes,
            waiting_bytes=reader.held_bytes,
            durable_bytes=None if journal is None else journal.num_bytes,
            not_durable="" if journal is None else journal.state.reason,
            evidence_bytes=0 if self._proof is None else self._proof.counts.num_bytes,
            no_evidence="" if self._proof is None else self._proof.failing,
            fault=str(reader.fault or ""),
            finished=self.finished,
        )

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        return Progress(self.stream_id, self.counts, self.reader.source.expected_frames, ())

    def acknowledge(self, state: StreamState) -> None:
        """Tell the source that all before a stored state is durable."""
        if state.position is not None:
            self.reader.acknowledge(state.position)

    # ---- footage

    def at_close(self, window: Window) -> Moment:
        """The moment at which the window that comes next closes."""
        return self._moment_of(self.windows, window.span, window.end)

    @property
    def newest(self) -> Moment:
        """The moment at which all that waits would close as a short window; if nothing does, the newest close.

        Raises:
            NotInMemoryError: no footage has come yet.
        """
        waiting = self.reader.waiting()
        if waiting:
            return self.at_close(waiting[-1])
        if self._moment is None:
            msg = f"stream {self.stream_id!r} has given no footage yet; step first, or ask the store for what is older"
            raise NotInMemoryError(msg)
        return replace(self._moment, earlier=tuple(self._starts)[:-1])

    def is_still(self, window: Window) -> bool:
        """Whether the motion gate sees nothing move."""
        return self._open_gate is not None and self._open_gate.still(window.frames)

    def pass_window(self, window: Window, *, still: bool) -> None:
        """Count a window as done, so that the stream goes on behind it."""
        self._moment = self.at_close(window)
        self._starts.append(window.span.start_s)
        self._last_frame = LastFrame(window.frames[-1].time_s, window.frames[-1].utc)
        self._still += len(window.frames) if still else 0
        self.windows += 1
        self._position = window.resume

    def forget(self, span: Span) -> list[Exhibit]:
        """Give up all memory of a span, frames that wait, and events that are going on and have to do with it.

        Returns:
            evidence that was in the making, written as far as it goes: what shows the span must be deleted.
        """
        self.memory.forget(span)
        if self.journal is not None:
            self.journal.forget(self.memory)
        self.reader.forget(span)
        self._states = {name: state.forget(span) for name, state in self._states.items()}
        exhibits = self.finish_evidence()
        self._begin()
        return exhibits

    def close(self) -> None:
        """Close its source and journal; what was found stays."""
        self.reader.close()
        if self.journal is not None:
            self.journal.close()

    def _begin(self, gate_saw: str | None = None) -> None:
        """Start gate and evidence afresh: they keep pictures of what they saw."""
        self._open_gate = self._gate.open(gate_saw) if self._gate is not None else None
        evidence = self._evidence
        self._proof = evidence.open(self._pipeline, self.stream_id, self._regions) if evidence is not None else None

    def _moment_of(self, window: int, span: Span, end: datetime) -> Moment:
        return Moment(
            pipeline=self._pipeline, stream_id=self.stream_id, window=window, span=span, end=end, earlier=self._starts
        )

    def _last_moment(self) -> Moment | None:
        """The newest close of an earlier run, as far as it is known."""
        last = self._last_frame
        if last is None or not self._starts:
            return None
        start_s = min(self._starts[-1], last.time_s)
        return self._moment_of(self.windows - 1, Span(start_s, math.nextafter(last.time_s, math.inf)), last.utc)

    # ---- evidence

    def keep_packets(self) -> None:
        """Put into the ring what has come; clips are cut from it."""
        if self._proof is not None:
            self._proof.add(self.reader.packets())

    def see(self, window: Window) -> list[Exhibit]:
        """Keep the pictures of a window for evidence."""
        return self._proof.see(window.frames) if self._proof is not None else []

    def note(self, events: Sequence[Event]) -> list[Exhibit]:
        """Show what was found, and what was found before its window was seen."""
        noted, self.unseen, proof = [*self.unseen, *events], [], self._proof
        return [] if proof is None else [shown for one in noted if self._is_shown(one) for shown in proof.note(one)]

    def advance(self, window: Window) -> list[Exhibit]:
        """Write the evidence that waited for a window."""
        return self._proof.advance(window.frames[-1].time_s) if self._proof is not None else []

    def finish_evidence(self, wait_s: float = 60.0) -> list[Exhibit]:
        """Write what evidence is in the making, with the footage there is; clips with masks have so long."""
        return self.note([]) + (self._proof.finish(wait_s) if self._proof is not None else [])

    def _is_shown(self, event: Event) -> bool:
        """Missing footage cannot be shown, and an answer about a whole day is no one moment."""
        rule = self._rules.get(event.rule)
        if rule is None or self._evidence is None:
            return False
        return rule.alarm is not None or event.end_s - event.start_s <= self._evidence.reach_s

    # ---- events

    def asked(self, rules: Iterable[Rule]) -> list[tuple[Rule, RuleState]]:
        """Rules with what they remember."""
        return [(rule, self._states[rule.name]) for rule in rules]

    def gap_before(self, window: Window) -> list[Event]:
        """The event that footage is missing before a window, if it is."""
        if self._last_frame is None:
            return []
        gap_s, first = self.reader.gap_s, window.frames[0]
        gap = gap_before(first, self._last_frame, gap_s=gap_s, pipeline=self._pipeline, window=self.windows)
        return self._counted([gap] if gap is not None else [])

    def outage_by(self, now: datetime) -> list[Event]:
        """The events that the source went down or came up since the last look, or that memory was lost at the start."""
        if self._lost:
            lost = memory_lost(self._pipeline, self.stream_id, self.windows, self._lost, self._last_frame, now)
            self._lost = ""
            return self._counted([lost])
        connection = self.reader.connection
        self._connecting_since = self._connecting_since or now
        if not (connection.up or connection.losses) and now - self._connecting_since < _CONNECTING:
            return []
        if connection.up and not self._outage.is_open and connection.losses == self._losses:
            return []
        seen = Look(
            pipeline=self._pipeline,
            stream_id=self.stream_id,
            window=self.windows,
            now=now,
            last=self.reader.newest or self._last_frame,
            connection=connection,
            losses=self._losses,
        )
        self._losses = connection.losses
        self._outage, events = look(self._outage, seen)
        return self._counted(events)

    def decide(self, sightings: Sequence[tuple[Rule, Sequence[Sighting]]], say: Say) -> list[Event]:
        """Let each rule that was asked turn what was said into events, or into none."""
        return [
            event
            for rule, seen in sightings
            for event in self._keep(rule, decide(rule, self._states[rule.name], seen), say)
        ]

    def stand(self, moment: Moment, say: Say) -> list[Event]:
        """Let the newest verdicts stand for a window that nobody asks about."""
        return [
            event
            for rule, state in self.asked(self._rules.values())
            for event in self._keep(rule, stand(rule, state, moment), say)
        ]

    def close_events(self, say: Say) -> list[Event]:
        """End every event that is going on."""
        return [
            event
            for rule, state in self.asked(self._rules.values())
            for event in self._keep(rule, close(rule, state), say)
        ]

    def change_rules(self, rules: Sequence[Rule], say: Say) -> list[Event]:
        """Watch for other things from now on.

        A rule that asks the same as before keeps its state, whatever else of it has changed.

        Returns:
            the closes of what was going on under rules that are gone.
        """
        kept = {rule.name for rule in rules if _asks_the_same(rule, self._rules.get(rule.name))}
        events: list[Event] = []
        for name, rule in self._rules.items():
            if name not in kept:
                events += self._keep(rule, close(rule, self._states[name]), say)
                self._states[name] = RuleState()
        self.schedule = Schedule(rules, {name: at for name, at in self.schedule.asked.items() if name in kept})
        self._rules = {rule.name: rule for rule in rules}
        self._states |= {name: RuleState() for name in self._rules if name not in self._states}
        return events

    def _keep(self, rule: Rule, decided: tuple[RuleState, list[Event]], say: Say) -> list[Event]:
        self._states[rule.name], events = describe(rule, *decided, say)
        return self._counted(events)

    def _counted(self, events: list[Event]) -> list[Event]:
        self._opened_events += sum(event.revision == 0 for event in events)
        return events


def _restored(before: StreamState, rule: str) -> RuleState:
    return RuleState.from_json(before.rules[rule]) if rule in before.rules else RuleState()


def _asks_the_same(rule: Rule, before: Rule | None) -> bool:
    return before is not None and (rule.question, rule.answers, rule.alarm) == (
        before.question,
        before.answers,
        before.alarm,
    )
