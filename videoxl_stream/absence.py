"""A stream that is known but not watched, told of as any other that is down."""

from __future__ import annotations

from dataclasses import dataclass, replace

from videoxl_stream.gaps import GAP, LastFrame
from videoxl_stream.interfaces import Clock, Connection
from videoxl_stream.ledger import Entry, Ledger
from videoxl_stream.outages import DOWN, Look, Outage, look
from videoxl_stream.store import EventStore, StreamState


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Opens ``stream.down`` for streams that nobody watches; whoever watches one next, here or elsewhere, closes it.

    Args:
        pipeline: its name.
        store: where streams' states are.
        ledger: where events are written.
        clock: wall time.
    """

    pipeline: str
    store: EventStore
    ledger: Ledger
    clock: Clock

    def tell(self, stream_id: str, reason: str) -> None:
        """Say that a stream is not watched, unless that was said already.

        Args:
            stream_id: which.
            reason: why, fit for people.

        Raises:
            StoreError: it was not said; do it again.
        """
        claim = self.store.claim(self.pipeline, stream_id)  # what who had it before still writes would be lost
        before = claim.state or StreamState()
        outage = Outage.from_json(before.rules[DOWN]) if DOWN in before.rules else Outage()
        seen = Look(
            pipeline=self.pipeline,
            stream_id=stream_id,
            window=before.windows,
            now=self.clock.now(),
            last=LastFrame.from_json(before.rules[GAP]) if GAP in before.rules else None,
            connection=Connection(up=False, reason=reason),
            losses=0,
        )
        outage, events = look(outage, seen)
        if events:
            state = replace(before, rules={**before.rules, DOWN: outage.to_json()})
            self.ledger.write(Entry(stream_id=stream_id, events=events, state=state, claim=claim.number))
