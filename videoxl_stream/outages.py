"""A source that cannot be read is an event of its own: it opens when the camera goes down and closes when it is up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from videoxl_stream.events import Event, Severity, Status, event_id
from videoxl_stream.gaps import LastFrame
from videoxl_stream.interfaces import Connection
from videoxl_stream.rules import RESERVED
from videoxl_stream.stored import Stored

DOWN = f"{RESERVED}down"
"""Stands in the place of a rule's name."""


@dataclass(frozen=True, slots=True)
class Outage(Stored):
    """What is known of one stream's outages; plain data, so that it can be stored.

    Args:
        event: the newest, open or closed; None if there was none.
    """

    event: Event | None = None

    @property
    def is_open(self) -> bool:
        """Whether the source is down, as far as events say."""
        return self.event is not None and self.event.status != Status.CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at how a source stands.

    Args:
        pipeline: name of the pipeline.
        stream_id: name of the stream.
        window: index of the window in the making; names an event that opens. Outages that begin while the same
            window is in the making are one event, which goes on.
        now: wall time, for a source that is down has no other.
        last: the newest frame that came; None if none ever did.
        connection: how the source stands.
        losses: how often it had been lost at the look before.
    """

    pipeline: str
    stream_id: str
    window: int
    now: datetime
    last: LastFrame | None
    connection: Connection
    losses: int

    @property
    def now_s(self) -> float:
        """Stream time, as far as the newest frame tells."""
        return 0.0 if self.last is None else max(0.0, self.last.time_s + (self.now - self.last.utc).total_seconds())


def look(outage: Outage, seen: Look) -> tuple[Outage, list[Event]]:
    """Say what has changed since the look before.

    Returns:
        the state to keep, and the events to emit: the opening of an outage, its close, or both where the source
        was lost and is back already.
    """
    events: list[Event] = []
    connection = seen.connection
    if not outage.is_open and (not connection.up or connection.losses > seen.losses):
        outage = _open(outage, seen)
        events.append(_event(outage))
    if outage.is_open and connection.up:
        outage = _close(outage, seen)
        events.append(_event(outage))
    return outage, events


def _event(outage: Outage) -> Event:
    assert outage.event is not None  # both callers have just made it
    return outage.event


def _open(outage: Outage, seen: Look) -> Outage:
    name = event_id(seen.pipeline, seen.stream_id, DOWN, seen.window)
    reason = seen.connection.reason or "the connection was lost"
    if outage.event is not None and outage.event.id == name:  # down again, before the next window
        again = outage.event
        changes = {"status": Status.UPDATED, "revision": again.revision + 1, "content": reason}
        return replace(outage, event=again.model_copy(update=changes | _until(again, seen)))
    start_s, start = (seen.now_s, seen.now) if seen.last is None else (seen.last.time_s, seen.last.utc)
    if outage.event is not None and outage.event.end > start:  # the newest frame came late
        start_s, start = start_s + (outage.event.end - start).total_seconds(), outage.event.end
    event = Event(
        id=name,
        status=Status.OPENED,
        pipeline=seen.pipeline,
        stream_id=seen.stream_id,
        rule=DOWN,
        severity=Severity.WARNING,
        window=seen.window,
        start=min(start, seen.now),
        end=seen.now,
        start_s=min(start_s, seen.now_s),
        end_s=seen.now_s,
        question="Is the source down?",
        answer="down",
        content=reason,
        probability=1.0,
    )
    return replace(outage, event=event)


def _close(outage: Outage, seen: Look) -> Outage:
    event = _event(outage)
    changes = {"status": Status.CLOSED, "revision": event.revision + 1}
    return replace(outage, event=event.model_copy(update=changes | _until(event, seen)))


def _until(event: Event, seen: Look) -> dict[str, datetime | float]:
    # The wall clock, or the stream's, may have been set back meanwhile.
    end = max(event.end, seen.now)
    return {"end": end, "end_s": max(event.end_s, event.start_s + (end - event.start) / timedelta(seconds=1))}
