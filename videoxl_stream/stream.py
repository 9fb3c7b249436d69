"""One stream on its way through a pipeline: what it reads, holds and remembers between steps."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from videoxl_stream.buffer import FrameBuffer, Window
from videoxl_stream.decisions import Moment, RuleState, Say, Sighting, close, decide, describe, stand
from videoxl_stream.errors import EndOfStream, NotInMemoryError, SourceReadError
from videoxl_stream.events import Event, Exhibit
from videoxl_stream.evidence import Evidence
from videoxl_stream.frames import Frame
from videoxl_stream.gaps import GAP, LastFrame, gap_before
from videoxl_stream.interfaces import Memory, Position, Source
from videoxl_stream.motion import MotionGate
from videoxl_stream.queries import Span
from videoxl_stream.regions import Regions
from videoxl_stream.rules import Rule
from videoxl_stream.scheduling import Schedule
from videoxl_stream.store import StreamState

_READ_TIMEOUT_S = 0.2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StreamCounts:
    """What became of one stream's frames; ``read == ingested + still + dropped + held`` at every moment.

    Args:
        sampled_away: decoded by the source but not wanted by its sampling.
        read: given by the source.
        ingested: in a window that the model has taken in.
        still: in a window in which nothing moved: sampled away by the motion gate.
        dropped: given up by the buffer's policy, or forgotten while they waited.
        held: waiting.
        windows: passed, in this run, still ones included.
        events: opened, in this run.
    """

    sampled_away: int
    read: int
    ingested: int
    still: int
    dropped: int
    held: int
    windows: int
    events: int


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
    """One stream in use: its source, buffer and memory, and what its rules remember.

    Args:
        source: opened here, where ``before`` says.
        memory: its own.
        buffer: its own.
        rules: what to watch for.
        before: where an earlier run stopped.
        pipeline: name of the pipeline.
        regions: drawn into every frame before anything else sees it.
        gate: tells still windows.
        evidence: how events are proven; None keeps no proof.
    """

    def __init__(
        self,
        source: Source,
        memory: Memory,
        buffer: FrameBuffer,
        rules: Sequence[Rule],
        before: StreamState,
        *,
        pipeline: str,
        regions: Regions | None = None,
        gate: MotionGate | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        self.stream_id = source.stream_id
        self.memory = memory
        self.buffer = buffer
        self.schedule = Schedule(rules, before.asked)
        self.windows = before.windows
        self.unseen: list[Event] = []  # found in footage that still waits: to be shown once it has been seen
        self.fault: SourceReadError | None = None
        self.ended = False  # the source gives no more
        self.finished = False  # and all that it gave is worked off
        self._pipeline = pipeline
        self._starts: deque[float] = deque()  # where the windows that are in memory began
        self._moment: Moment | None = None  # of the newest window
        self._regions = regions or Regions()
        self._gate, self._evidence = gate, evidence
        self._rules = {rule.name: rule for rule in rules}
        self._states = {name: _restored(before, name) for name in self._rules}
        self._last_frame = LastFrame.from_json(before.rules[GAP]) if GAP in before.rules else None
        self._first_window = before.windows
        self._position = before.position
        self._refused: tuple[Frame, Position] | None = None
        self._opened_events = self._still = self._forgotten = 0
        self._begin()
        self.source = source.open(before.position, packets=evidence is not None)

    @property
    def counts(self) -> StreamCounts:
        """What became of the frames so far."""
        buffer, refused, forgotten = self.buffer.counts, int(self._refused is not None), self._forgotten
        return StreamCounts(
            sampled_away=self.source.sampled_away,
            read=buffer.accepted + refused + forgotten,
            ingested=buffer.taken - self._still,
            still=self._still,
            dropped=buffer.dropped + forgotten,
            held=buffer.held + refused,
            windows=self.windows - self._first_window,
            events=self._opened_events,
        )

    @property
    def state(self) -> StreamState:
        """What to keep for a restart."""
        rules = {name: state.to_json() for name, state in self._states.items()}
        if self._last_frame is not None:
            rules[GAP] = self._last_frame.to_json()
        return StreamState(self.windows, self._position, rules, self.schedule.asked)

    # ---- footage

    def read(self) -> None:
        """Move one frame from the source to the buffer, if there is one and room for it."""
        offered = self._refused or self._next_frame()
        if offered is not None:
            self._refused = None if self.buffer.put(*offered) else offered

    def at_close(self, window: Window) -> Moment:
        """The moment at which the window that comes next closes."""
        return Moment(
            pipeline=self._pipeline,
            stream_id=self.stream_id,
            window=self.windows,
            span=window.span,
            end=window.end,
            earlier=self._starts,
        )

    @property
    def newest(self) -> Moment:
        """The moment at which all that waits would close as a short window; if nothing does, the newest close.

        Raises:
            NotInMemoryError: no footage has come yet.
        """
        waiting = self.buffer.waiting()
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
        oldest = self.memory.span
        while oldest is not None and len(self._starts) > 1 and self._starts[1] <= oldest.start_s:
            self._starts.popleft()
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
        self.buffer.forget(span)
        if self._refused is not None and span.start_s <= self._refused[0].time_s < span.end_s:
            self._refused, self._forgotten = None, self._forgotten + 1
        self._states = {name: state.forget(span) for name, state in self._states.items()}
        exhibits = self.finish_evidence()
        self._begin()
        return exhibits

    def _begin(self) -> None:
        """Start gate and evidence afresh: they keep pictures of what they saw."""
        self._open_gate = self._gate.open() if self._gate is not None else None
        evidence = self._evidence
        self._proof = evidence.open(self._pipeline, self.stream_id, self._regions) if evidence is not None else None

    # ---- evidence

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

    def finish_evidence(self) -> list[Exhibit]:
        """Write what evidence is in the making, with the footage there is."""
        return self.note([]) + (self._proof.finish() if self._proof is not None else [])

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
        gap_s, first = self.buffer.gap_s, window.frames[0]
        gap = gap_before(first, self._last_frame, gap_s=gap_s, pipeline=self._pipeline, window=self.windows)
        return self._counted([gap] if gap is not None else [])

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

    def _keep(self, rule: Rule, decided: tuple[RuleState, list[Event]], say: Say) -> list[Event]:
        self._states[rule.name], events = describe(rule, *decided, say)
        return self._counted(events)

    def _counted(self, events: list[Event]) -> list[Event]:
        self._opened_events += sum(event.revision == 0 for event in events)
        return events

    # ---- reading

    def _next_frame(self) -> tuple[Frame, Position] | None:
        if self.ended:
            return None
        try:
            frame = self.source.read(_READ_TIMEOUT_S)
            self._keep_packets()
        except EndOfStream:
            self._end()
            return None
        except SourceReadError as e:
            _log.warning("stream %s broke: %s", self.stream_id, e)
            self.fault = e
            self._end()
            return None
        return None if frame is None else (self._regions.draw(frame), self.source.position())

    def _keep_packets(self) -> None:
        if self._proof is not None:
            self._proof.add(self.source.packets())

    def _end(self) -> None:
        self._keep_packets()
        self.ended = True
        self.buffer.end()
        self.source.close()


def _restored(before: StreamState, rule: str) -> RuleState:
    return RuleState.from_json(before.rules[rule]) if rule in before.rules else RuleState()
