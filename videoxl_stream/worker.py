"""One model at work for many streams: windows in, events out."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from videoxl_stream.asking import ask_rules, on_the_side, say, take_in
from videoxl_stream.buffer import Window
from videoxl_stream.decisions import Moment
from videoxl_stream.errors import StoreError
from videoxl_stream.events import Event, Exhibit
from videoxl_stream.interfaces import Memory, VideoModel
from videoxl_stream.ledger import Entry, Ledger
from videoxl_stream.rules import Rule
from videoxl_stream.stream import Stream

_EVIDENCE_S = 60.0
_log = logging.getLogger(__name__)


class Worker:
    """Takes windows in and asks what is due, always in the order in which things become durable.

    First the chunk, then one transaction with events, rules' states and how far the stream has come, then the
    source's position.

    Args:
        model: sees and answers.
        ledger: where all that is found is written.
    """

    def __init__(self, model: VideoModel[Any], ledger: Ledger) -> None:
        self._model, self._ledger = model, ledger

    def take_in(self, stream: Stream, window: Window, events: list[Event]) -> list[Event]:
        """Let the model see a window, unless nothing moves in it; then ask what is due.

        Args:
            stream: whose window.
            window: the one that comes next.
            events: found before it, stored along with it.
        """
        exhibits, events = stream.see(window), events + stream.gap_before(window)
        moment, still = stream.at_close(window), stream.is_still(window)
        if still:
            events += stream.stand(moment, self._say(stream.memory))
        else:
            self._remember(stream, window)
            events += self.ask(stream, stream.memory, moment, stream.schedule.due(window.start, window.end))
        exhibits += stream.note(events) + stream.advance(window)
        stream.pass_window(window, still=still)
        return self.emit(stream, events, exhibits)

    def ask(self, stream: Stream, memory: Memory, moment: Moment, due: Sequence[Rule]) -> list[Event]:
        """Ask rules at the close of a window; nothing is stored yet."""
        if not due:
            return []
        began = time.perf_counter()
        sightings = ask_rules(self._model, memory, stream.asked(due), moment)
        events = stream.decide(list(zip(due, sightings, strict=True)), self._say(memory))
        stream.spent.verdict_s += time.perf_counter() - began
        stream.spent.asked += 1
        return events

    def now(self, stream: Stream, *, fresh: bool) -> Memory:
        """A stream's memory, or as it would be with all that waits."""
        memory: Memory = on_the_side(self._model, stream.memory, stream.reader.waiting() if fresh else [])
        return memory

    def close_events(self, stream: Stream, events: list[Event]) -> list[Event]:
        """End a stream: nothing can be going on any more."""
        events = events + stream.close_events(self._say(stream.memory))
        return self.emit(stream, events, stream.note(events) + stream.finish_evidence())

    def change_rules(self, stream: Stream, rules: Sequence[Rule]) -> list[Event]:
        """Let a stream be watched for other things."""
        events = stream.change_rules(rules, self._say(stream.memory))
        return self.emit(stream, events, stream.note(events))

    def keep_evidence(self, stream: Stream, until: float = math.inf) -> None:
        """Write what evidence is in the making, with the footage there is.

        Args:
            stream: whose.
            until: by ``time.monotonic()``; clips with masks that are not encoded by then are given up.

        Raises:
            StoreError: it could not be listed, and waits in the ledger.
        """
        left_s = min(_EVIDENCE_S, max(0.0, until - time.monotonic()))
        if exhibits := stream.finish_evidence(left_s):
            self._ledger.write(Entry(stream_id=stream.stream_id, exhibits=exhibits))

    def let_go(self, stream: Stream) -> None:
        """Let another process go on with a stream from where the store says, also with its events."""
        self._ledger.drop(stream.stream_id)
        stream.close()
        try:
            self.keep_evidence(stream)
        except StoreError as e:
            _log.warning("stream %s was handed over; its newest evidence waits to be listed: %s", stream.stream_id, e)

    def emit(self, stream: Stream, events: list[Event], exhibits: Sequence[Exhibit] = ()) -> list[Event]:
        """Store, in one transaction with how far the stream has come; then tell the sinks, and the source.

        Raises:
            StoreError: it could not be stored, and waits in the ledger.
        """
        state = stream.state
        entry = Entry(
            stream_id=stream.stream_id,
            events=events,
            exhibits=exhibits,
            state=state,
            counts=stream.counts,
            claim=stream.claim,
            stored=partial(stream.acknowledge, state),
        )
        return self._ledger.write(entry)

    def _say(self, memory: Memory) -> partial[str | None]:
        return partial(say, self._model, memory)

    def _remember(self, stream: Stream, window: Window) -> None:
        """Take a window in, and make it durable before anything else is."""
        began = time.perf_counter()
        journal = stream.journal
        seen = window if journal is None else journal.seen(window)
        take_in(self._model, stream.memory, seen)
        if journal is not None:
            journal.append(stream.memory, stream.windows, seen)
        stream.spent.chunk_s += time.perf_counter() - began
        stream.spent.chunks += 1
