"""One stream on its way through a pipeline: what it reads, holds and remembers between steps."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from videoxl_stream.buffer import FrameBuffer, Window
from videoxl_stream.errors import EndOfStream, SourceReadError
from videoxl_stream.events import Event, Status
from videoxl_stream.frames import Frame
from videoxl_stream.interfaces import Memory, Position, Source
from videoxl_stream.rules import Rule, RuleState, Sighting, close, decide
from videoxl_stream.scheduling import Schedule
from videoxl_stream.store import StreamState

_READ_TIMEOUT_S = 0.2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StreamCounts:
    """What became of one stream's frames; ``read == ingested + dropped + held`` at every moment.

    Args:
        sampled_away: decoded by the source but not wanted by its sampling.
        read: given by the source.
        ingested: in a window that the model has taken in.
        dropped: given up by the buffer's policy.
        held: waiting.
        windows: taken in, in this run.
        events: opened, in this run.
    """

    sampled_away: int
    read: int
    ingested: int
    dropped: int
    held: int
    windows: int
    events: int


class Stream:
    """One stream in use: its source, buffer and memory, and what its rules remember.

    Args:
        source: opened here, where ``before`` says.
        memory: its own.
        buffer: its own.
        rules: what to watch for.
        before: where an earlier run stopped.
    """

    def __init__(
        self, source: Source, memory: Memory, buffer: FrameBuffer, rules: Sequence[Rule], before: StreamState
    ) -> None:
        self.stream_id = source.stream_id
        self.memory = memory
        self.buffer = buffer
        self.schedule = Schedule(rules, before.asked)
        self.windows = before.windows
        self.fault: SourceReadError | None = None
        self.ended = False  # the source gives no more
        self.finished = False  # and all that it gave is worked off
        self._rules = tuple(rules)
        self._states = {rule.name: RuleState() for rule in rules}
        for name in before.rules.keys() & self._states.keys():
            self._states[name] = RuleState.from_json(before.rules[name])
        self._first_window = before.windows
        self._position = before.position
        self._refused: tuple[Frame, Position] | None = None
        self._opened_events = 0
        self.source = source.open(before.position)

    @property
    def counts(self) -> StreamCounts:
        """What became of the frames so far."""
        buffer, refused = self.buffer.counts, int(self._refused is not None)
        return StreamCounts(
            sampled_away=self.source.sampled_away,
            read=buffer.accepted + refused,
            ingested=buffer.taken,
            dropped=buffer.dropped,
            held=buffer.held + refused,
            windows=self.windows - self._first_window,
            events=self._opened_events,
        )

    @property
    def state(self) -> StreamState:
        """What to keep for a restart."""
        rules = {name: state.to_json() for name, state in self._states.items()}
        return StreamState(self.windows, self._position, rules, self.schedule.asked)

    def read(self) -> None:
        """Move one frame from the source to the buffer, if there is one and room for it."""
        offered = self._refused or self._next_frame()
        if offered is not None:
            self._refused = None if self.buffer.put(*offered) else offered

    def decide(self, verdicts: Sequence[tuple[Rule, Sighting]]) -> list[Event]:
        """Let each rule that was asked turn its verdict into an event, or into none."""
        events = []
        for rule, sighting in verdicts:
            self._states[rule.name], event = decide(rule, self._states[rule.name], sighting)
            if event is not None:
                events.append(event)
                self._opened_events += event.status == Status.OPENED
        return events

    def pass_window(self, window: Window) -> None:
        """Count a window as done, so that the stream goes on behind it."""
        self.windows += 1
        self._position = window.resume

    def close_events(self) -> list[Event]:
        """End every event that is going on."""
        events = []
        for rule in self._rules:
            self._states[rule.name], event = close(rule, self._states[rule.name])
            events += [event] if event is not None else []
        return events

    def _next_frame(self) -> tuple[Frame, Position] | None:
        if self.ended:
            return None
        try:
            frame = self.source.read(_READ_TIMEOUT_S)
        except EndOfStream:
            self._end()
            return None
        except SourceReadError as e:
            _log.warning("stream %s broke: %s", self.stream_id, e)
            self.fault = e
            self._end()
            return None
        return None if frame is None else (frame, self.source.position())

    def _end(self) -> None:
        self.ended = True
        self.buffer.end()
        self.source.close()
