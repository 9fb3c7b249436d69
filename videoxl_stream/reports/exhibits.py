"""Which evidence a report shows: pictures and clips of events, and a few thumbnails of each stream."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from videoxl_stream.events import Event, Exhibit, ExhibitKind
from videoxl_stream.reports.figures import StreamFigures
from videoxl_stream.store import EventStore

THUMBNAILS_PER_STREAM = 12
_ROUNDING = timedelta(seconds=1)  # evidence may say its times less exactly than events


def exhibits_of(store: EventStore, events: Sequence[Event]) -> tuple[Exhibit, ...]:
    """The pictures, then the clips, of events.

    Raises:
        StoreError: the store cannot be read.
    """
    if not events:
        return ()
    wanted = {event.id for event in events}
    since, until = min(event.start for event in events), max(event.end for event in events)
    pipelines = {event.pipeline for event in events}
    return tuple(
        exhibit
        for pipeline in sorted(pipelines)
        for kind in (ExhibitKind.PICTURE, ExhibitKind.CLIP)
        for exhibit in store.exhibits(pipeline=pipeline, kind=kind, since=since - _ROUNDING, until=until + _ROUNDING)
        if exhibit.event_id in wanted
    )


def thumbnails_of(
    store: EventStore, streams: Sequence[StreamFigures], start: datetime, end: datetime
) -> tuple[Exhibit, ...]:
    """One thumbnail out of each twelfth of a period, the newest in it, where there is one.

    Raises:
        StoreError: the store cannot be read.
    """
    step = (end - start) / THUMBNAILS_PER_STREAM
    found = []
    for stream in streams:
        for number in range(THUMBNAILS_PER_STREAM):
            since, until = start + number * step, start + (number + 1) * step
            found += store.exhibits(
                pipeline=stream.pipeline,
                stream_id=stream.stream_id,
                kind=ExhibitKind.THUMBNAIL,
                since=since,
                until=until,
                limit=1,
            )
    return tuple({exhibit.path: exhibit for exhibit in found}.values())
