"""What a report is about, gathered once; the writers make pages and files of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import reduce
from operator import add
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, BaseModel, ConfigDict, computed_field

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event, Exhibit
from videoxl_stream.gaps import GAP, LastFrame, is_of_stream
from videoxl_stream.reports.exhibits import exhibits_of, thumbnails_of
from videoxl_stream.reports.figures import FrameCounts, RuleFigures, StreamFigures
from videoxl_stream.store import EventStore, StreamState, StreamSummary

_LEAST = timedelta(seconds=1)
_SILENCE = timedelta(minutes=1)  # what is newest is always still on its way


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch that is outlined on the lane of a rule, such as what is known to have happened."""

    stream_id: str
    rule: str
    start: datetime
    end: datetime
    label: str


class Report(BaseModel):
    """A period of some streams: what was found, what proves it, what was missing. Pure data.

    Its JSON, of ``version`` 1, holds every field below and the computed ``rules``; times are UTC, in ISO 8601.
    ``Report.model_json_schema(mode="serialization")`` is its schema.

    Args:
        title: heading.
        note: a sentence below it.
        timezone: IANA name of the zone in which pages show times.
        start: of the period.
        end: of the period, later than its start.
        written: when all this was gathered.
        streams: every stream it is about, with figures, also those on which nothing was found.
        events: found by rules, oldest first; those that touch the period.
        summaries: what rules that are answered in words said, oldest first: their ``content``.
        gaps: missing footage and jumps of the clock, as ``stream.gap`` events, oldest first.
        exhibits: pictures and clips of the events; their paths are relative to the evidence folder.
        thumbnails: a few pictures of each stream, spread over the period.
        marks: stretches to outline.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    title: str = "What happened"
    note: str = ""
    timezone: str = "UTC"
    start: AwareDatetime
    end: AwareDatetime
    written: AwareDatetime
    streams: tuple[StreamFigures, ...] = ()
    events: tuple[Event, ...] = ()
    summaries: tuple[Event, ...] = ()
    gaps: tuple[Event, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    thumbnails: tuple[Exhibit, ...] = ()
    marks: tuple[Mark, ...] = ()

    @classmethod
    def of(
        cls,
        store: EventStore,
        *,
        pipeline: str | None = None,
        streams: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        timezone: str = "UTC",
        title: str = "What happened",
        note: str = "",
        marks: Sequence[Mark] = (),
        now: datetime | None = None,
    ) -> Self:
        """Gather a period from a store.

        Args:
            store: read only.
            pipeline: of this pipeline only.
            streams: of these streams only, by name; None means all.
            since: start of the period; None means as far back as anything is known.
            until: its end; None means up to where anything is known.
            timezone: IANA name.
            title: heading.
            note: a sentence below it.
            marks: stretches to outline, such as what is known to have happened.
            now: when this is; None asks the clock.

        Raises:
            ConfigError: the store knows no such pipeline or stream, there is no such time zone, or the period ends
                before it starts.
            StoreError: the store cannot be read.
        """
        known = _chosen(store, pipeline, streams)
        found = _sorted(
            event
            for each in known
            for event in store.events(pipeline=each.pipeline, stream_id=each.stream_id, since=since, until=until)
        )
        now = now or datetime.now(UTC)
        figures = [_figures(store, each) for each in known]
        times = [at for each in figures for at in (each.first, each.last) if at is not None]
        times += [at for mark in marks for at in (mark.start, mark.end)]
        start, end = _period(times, since, until, now)
        told = {"timezone": timezone, "title": title, "note": note, "marks": tuple(marks), "written": now}
        report = cls._of(figures, found, start, end, **told)
        return report.model_copy(
            update={
                "exhibits": exhibits_of(store, report.events),
                "thumbnails": thumbnails_of(store, report.streams, start, end),
            }
        )

    @classmethod
    def of_events(
        cls,
        events: Sequence[Event],
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        timezone: str = "UTC",
        title: str = "What happened",
        note: str = "",
        marks: Sequence[Mark] = (),
        streams: Sequence[str] = (),
        now: datetime | None = None,
    ) -> Self:
        """Make a report of events that are at hand, in any order, without a store.

        Args:
            events: all are shown.
            start: of the period; None means the first event's or mark's start.
            end: of the period; None means the last event's or mark's end.
            timezone: IANA name.
            title: heading.
            note: a sentence below it.
            marks: stretches to outline, such as what is known to have happened.
            streams: that were watched; those of events and marks need not be named.
            now: when this is; None asks the clock.

        Raises:
            ConfigError: there is no such time zone, or the period ends before it starts.
        """
        now = now or datetime.now(UTC)
        shown: list[Event | Mark] = [*events, *marks]
        left, right = _period([at for one in shown for at in (one.start, one.end)], start, end, now)
        keys = {(event.pipeline, event.stream_id) for event in events}
        seen = {stream_id for _, stream_id in keys}
        keys |= {
            ("", stream_id) for stream_id in (*streams, *(mark.stream_id for mark in marks)) if stream_id not in seen
        }
        figures = [StreamFigures(pipeline=pipeline, stream_id=stream_id) for pipeline, stream_id in sorted(keys)]
        told = {"timezone": timezone, "title": title, "note": note, "marks": tuple(marks), "written": now}
        return cls._of(figures, _sorted(events), left, right, **told)

    @classmethod
    def _of(
        cls, figures: Sequence[StreamFigures], found: Sequence[Event], start: datetime, end: datetime, **fields: Any
    ) -> Self:
        """Tell findings, summaries and gaps apart, and count them."""
        if end <= start:
            msg = f"a report from {start} to {end} shows nothing; give an end later than its start"
            raise ConfigError(msg)
        gaps = tuple(event for event in found if event.rule == GAP)
        summaries = tuple(event for event in found if event.rule != GAP and _is_summary(event))
        events = tuple(event for event in found if event.rule != GAP and not _is_summary(event))
        num_events = Counter((event.pipeline, event.stream_id) for event in events)
        counted = tuple(_counted(stream, num_events[stream.key], gaps, start, end) for stream in figures)
        report = cls(start=start, end=end, streams=counted, events=events, summaries=summaries, gaps=gaps, **fields)
        _ = report.zone  # refuses what is none
        return report

    @computed_field  # type: ignore[prop-decorator]
    @property
    def rules(self) -> tuple[RuleFigures, ...]:
        """Figures of every rule, also of those that found nothing, by name."""
        names = {event.rule for event in self.events} | {rule for stream in self.streams for rule in stream.rules}
        names -= {event.rule for event in self.summaries} - {event.rule for event in self.events}
        return tuple(
            RuleFigures.of(name, [event for event in self.events if event.rule == name]) for name in sorted(names)
        )

    @property
    def zone(self) -> tzinfo:
        """The zone in which pages show times."""
        try:
            # UTC must not need a time zone database, which small containers lack.
            return UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as e:
            msg = f"there is no time zone {self.timezone!r}; give an IANA name such as 'Europe/Paris'"
            raise ConfigError(msg) from e

    @property
    def pipelines(self) -> list[str]:
        """Those that watched the streams, by name."""
        return sorted({stream.pipeline for stream in self.streams} - {""})

    @property
    def silent(self) -> list[tuple[StreamFigures, datetime]]:
        """Streams of which nothing is known at the period's end, for more than a minute and a hundredth of it.

        Returns:
            each with the last moment that is known.
        """
        least = max(_SILENCE, (self.end - self.start) / 100)
        heard = [(stream, stream.last) for stream in self.streams if stream.last is not None]
        return [(stream, last) for stream, last in heard if self.end - last > least]

    @property
    def frames(self) -> FrameCounts | None:
        """What became of the frames of all streams of which that is known."""
        told = [stream.frames for stream in self.streams if stream.frames is not None]
        return reduce(add, told) if told else None

    def label(self, of: StreamFigures | Event) -> str:
        """What to call a stream: its pipeline is named only where there are several."""
        return f"{of.pipeline} / {of.stream_id}" if len(self.pipelines) > 1 and of.pipeline else of.stream_id


def _chosen(store: EventStore, pipeline: str | None, streams: Sequence[str] | None) -> list[StreamSummary]:
    known = store.streams(pipeline=pipeline)
    if pipeline is not None and not known:
        names = sorted({each.pipeline for each in store.streams()})
        msg = f"the store knows no pipeline {pipeline!r}; it knows {names}"
        raise ConfigError(msg)
    if streams is None:
        return known
    names = sorted({each.stream_id for each in known})
    if unknown := sorted(set(streams) - set(names)):
        msg = f"the store knows no stream {', '.join(map(repr, unknown))}; it knows {names}"
        raise ConfigError(msg)
    return [each for each in known if each.stream_id in streams]


def _figures(store: EventStore, known: StreamSummary) -> StreamFigures:
    """What is known of a stream, whatever the period."""
    state = store.restore(known.pipeline, known.stream_id) or StreamState()
    last = max((at for at in (known.last, _last_seen(state)) if at is not None), default=None)
    return StreamFigures(
        pipeline=known.pipeline,
        stream_id=known.stream_id,
        first=known.first,
        last=last,
        rules=tuple(sorted(name for name in {*state.rules, *state.asked} if not is_of_stream(name))),
        frames=FrameCounts.of(known.counts),
    )


def _last_seen(state: StreamState) -> datetime | None:
    """When the last frame was seen: a stream on which nothing is found leaves no other trace."""
    try:
        return LastFrame.from_json(state.rules[GAP]).utc if GAP in state.rules else None
    except ConfigError:  # of another version
        return None


def _sorted(events: Any) -> list[Event]:
    return sorted(events, key=lambda event: (event.start, event.pipeline, event.stream_id, event.rule, event.id))


def _is_summary(event: Event) -> bool:
    """Whether it is the answer of a rule that is answered in words."""
    return not event.answer and event.content is not None


def _period(
    times: Sequence[datetime], since: datetime | None, until: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    start = since or min(times, default=until or now)
    end = until or max([start + _LEAST, *times])
    return (start if since is not None else min(start, end - _LEAST)), end


def _counted(
    stream: StreamFigures, num_events: int, gaps: Sequence[Event], start: datetime, end: datetime
) -> StreamFigures:
    own = [gap for gap in gaps if (gap.pipeline, gap.stream_id) == stream.key]
    missing = [gap for gap in own if gap.answer == "gap"]
    within = [min(gap.end, end) - max(gap.start, start) for gap in missing]
    return stream.model_copy(
        update={
            "events": num_events,
            "gaps": len(missing),
            "missing_s": sum(length.total_seconds() for length in within),
            "clock_jumps": len(own) - len(missing),
        }
    )
