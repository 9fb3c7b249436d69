"""Where the bars and ticks of a timeline go, in percent of its width."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from videoxl_stream.events import Event, Exhibit, Severity
from videoxl_stream.reports.figures import StreamFigures, rank
from videoxl_stream.reports.report import Mark, Report

_MAX_TICKS = 6
_MIN_WIDTH = 0.4  # percent; a moment must still be seen
_MAX_BARS = 4000  # of a page
_NEAR = (0.0, 0.5, 2.0, 8.0)  # percent between bars that are drawn as one, where there are too many otherwise
_DAY_S = 86_400
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, _DAY_S)


@dataclass(frozen=True, slots=True)
class Bar:
    """One event on its lane, or several that are too near to one another to be told apart."""

    events: tuple[Event, ...]
    left: float
    width: float

    @property
    def severity(self) -> Severity:
        """Of the loudest event."""
        return max(self.events, key=rank).severity


@dataclass(frozen=True, slots=True)
class Outline:
    """One mark on its lane."""

    mark: Mark
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Lane:
    """One rule of one stream."""

    rule: str
    bars: tuple[Bar, ...]
    outlines: tuple[Outline, ...]


@dataclass(frozen=True, slots=True)
class Hatching:
    """A stretch that nobody has seen: a gap, or what comes after all that is known of the stream."""

    label: str
    start: datetime
    end: datetime
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Tick:
    """One moment on the axis."""

    left: float
    label: str


@dataclass(frozen=True, slots=True)
class Still:
    """One thumbnail under the timeline."""

    exhibit: Exhibit
    left: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """One stream's events over time, a lane for each rule that found something."""

    stream: StreamFigures
    label: str
    lanes: tuple[Lane, ...]
    hatchings: tuple[Hatching, ...]
    stills: tuple[Still, ...]
    ticks: tuple[Tick, ...]

    @property
    def num_bars(self) -> int:
        """Bars of all lanes."""
        return sum(len(lane.bars) for lane in self.lanes)

    @property
    def quiet_rules(self) -> list[str]:
        """Rules that were watched for and have no lane."""
        return sorted(set(self.stream.rules) - {lane.rule for lane in self.lanes})


def timelines(report: Report) -> list[Timeline]:
    """Lay out each stream of which there is something to draw; what lies outside the period is cut off."""
    axis = _ticks(report.start, report.end, report.zone)
    found: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in report.events:
        found[event.pipeline, event.stream_id].append(event)
    drawn = [_timeline(report, stream, found[stream.key], axis) for stream in report.streams]
    drawn = [one for one in drawn if one.lanes or one.hatchings or one.stills]
    for near in _NEAR:
        merged = [replace(one, lanes=tuple(_merged(lane, near) for lane in one.lanes)) for one in drawn]
        if sum(one.num_bars for one in merged) <= _MAX_BARS:
            break
    return merged


def _timeline(report: Report, stream: StreamFigures, events: Sequence[Event], axis: tuple[Tick, ...]) -> Timeline:
    start, end = report.start, report.end
    marks = [mark for mark in report.marks if mark.stream_id == stream.stream_id]
    rules = sorted({event.rule for event in events} | {mark.rule for mark in marks})
    return Timeline(
        stream=stream,
        label=report.label(stream),
        lanes=tuple(_lane(rule, events, marks, start, end) for rule in rules),
        hatchings=tuple(_hatchings(report, stream)),
        stills=tuple(
            Still(exhibit, _percent(exhibit.start, start, end))
            for exhibit in report.thumbnails
            if (exhibit.pipeline, exhibit.stream_id) == stream.key
        ),
        ticks=axis,
    )


def _lane(rule: str, events: Sequence[Event], marks: Sequence[Mark], start: datetime, end: datetime) -> Lane:
    bars = tuple(Bar((event,), *_place(event.start, event.end, start, end)) for event in events if event.rule == rule)
    outlines = (Outline(mark, *_place(mark.start, mark.end, start, end)) for mark in marks if mark.rule == rule)
    return Lane(rule, bars, tuple(outlines))


def _merged(lane: Lane, near: float) -> Lane:
    """Draw as one what would overlap, or is nearer to one another than so many percent."""
    bars: list[Bar] = []
    for bar in sorted(lane.bars, key=lambda bar: bar.left):
        last = bars[-1] if bars else None
        if last is not None and bar.left < round(last.left + last.width + near, 3):
            right = max(last.left + last.width, bar.left + bar.width)
            bars[-1] = Bar((*last.events, *bar.events), last.left, round(right - last.left, 3))
        else:
            bars.append(bar)
    return replace(lane, bars=tuple(bars))


def _hatchings(report: Report, stream: StreamFigures) -> Iterable[Hatching]:
    start, end = report.start, report.end
    for gap in report.gaps:
        if (gap.pipeline, gap.stream_id) == stream.key:
            left, width = _place(gap.start, gap.end, start, end)
            yield Hatching(
                f"{gap.answer}, {gap.content}" if gap.content else gap.answer, gap.start, gap.end, left, width
            )
    for since in (max(last, start) for silent, last in report.silent if silent == stream):
        left, width = _place(since, end, start, end)
        yield Hatching("nothing is known after", since, end, left, width)


def _place(since: datetime, until: datetime, start: datetime, end: datetime) -> tuple[float, float]:
    """Left and width in percent."""
    left, right = _percent(since, start, end), _percent(until, start, end)
    width = max(right - left, _MIN_WIDTH)
    return round(min(left, 100 - width), 3), round(width, 3)


def _percent(at: datetime, start: datetime, end: datetime) -> float:
    return min(100.0, max(0.0, 100 * ((at - start) / (end - start))))


def _ticks(start: datetime, end: datetime, zone: tzinfo) -> tuple[Tick, ...]:
    """Round moments on the wall clock of a zone, also where daylight saving shifts it."""
    length_s = (end - start).total_seconds()
    step_s = next((step for step in _STEPS_S if length_s / step <= _MAX_TICKS), None)
    if step_s is None:
        step_s = _DAY_S * int(-(-length_s // (_MAX_TICKS * _DAY_S)))
    wall = start.astimezone(zone).replace(tzinfo=None)
    midnight = datetime.combine(wall, datetime.min.time())
    first = midnight + timedelta(seconds=(wall - midnight).total_seconds() // step_s * step_s)
    # An hour that comes twice makes one step more; the first may lie before the start.
    walls = [first + number * timedelta(seconds=step_s) for number in range(_MAX_TICKS + 3)]
    moments = sorted({at.replace(tzinfo=zone).astimezone(UTC) for at in walls})
    shown = [at for at in moments if start <= at <= end][: _MAX_TICKS + 1]
    return tuple(Tick(round(_percent(at, start, end), 3), _label(at.astimezone(zone), step_s)) for at in shown)


def _label(at: datetime, step_s: int) -> str:
    if step_s >= _DAY_S or (step_s >= 60 and (at.hour, at.minute) == (0, 0)):
        return f"{at:%b %d}"
    return f"{at:%H:%M:%S}" if step_s < 60 else f"{at:%H:%M}"
