"""Where the bars and ticks of a timeline go, in percent of its width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from videoxl_stream.events import Event

_MAX_TICKS = 6
_MIN_WIDTH = 0.4  # percent; a moment must still be seen
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch that is outlined on the lane of a rule, such as what is known to have happened."""

    stream_id: str
    rule: str
    start: datetime
    end: datetime
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One event on its lane."""

    event: Event
    left: float
    width: float


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
class Tick:
    """One moment on the axis."""

    left: float
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """One stream's events over time, a lane for each rule."""

    stream_id: str
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]


def timelines(events: Sequence[Event], start: datetime, end: datetime, marks: Sequence[Mark] = ()) -> list[Timeline]:
    """Lay out the events of each stream between two moments.

    Args:
        events: of any streams and rules; what lies outside the two moments is cut off.
        start: left edge.
        end: right edge, later than ``start``.
        marks: outlined beside the events, or alone.
    """
    axis = _ticks(start, end)
    shown: list[Event | Mark] = [*events, *marks]
    streams = sorted({one.stream_id for one in shown})
    return [
        Timeline(stream_id, _lanes([one for one in shown if one.stream_id == stream_id], start, end), axis)
        for stream_id in streams
    ]


def _lanes(shown: Sequence[Event | Mark], start: datetime, end: datetime) -> tuple[Lane, ...]:
    rules = sorted({one.rule for one in shown})
    return tuple(_lane(rule, [one for one in shown if one.rule == rule], start, end) for rule in rules)


def _lane(rule: str, shown: Sequence[Event | Mark], start: datetime, end: datetime) -> Lane:
    bars = tuple(Bar(one, *_place(one, start, end)) for one in shown if isinstance(one, Event))
    return Lane(rule, bars, tuple(Outline(one, *_place(one, start, end)) for one in shown if isinstance(one, Mark)))


def _place(shown: Event | Mark, start: datetime, end: datetime) -> tuple[float, float]:
    """Left and width in percent."""
    left, right = _percent(shown.start, start, end), _percent(shown.end, start, end)
    width = max(right - left, _MIN_WIDTH)
    return round(min(left, 100 - width), 3), round(width, 3)


def _percent(at: datetime, start: datetime, end: datetime) -> float:
    return min(100.0, max(0.0, 100 * ((at - start) / (end - start))))


def _ticks(start: datetime, end: datetime) -> tuple[Tick, ...]:
    length_s = (end - start).total_seconds()
    step_s = next((step for step in _STEPS_S if length_s / step <= _MAX_TICKS), None)
    if step_s is None:
        days = -(-length_s // (_MAX_TICKS * _STEPS_S[-1]))
        step_s = int(days) * _STEPS_S[-1]
    first = -(-start.timestamp() // step_s) * step_s
    moments = [
        datetime.fromtimestamp(first, UTC) + index * timedelta(seconds=step_s) for index in range(_MAX_TICKS + 1)
    ]
    return tuple(Tick(round(_percent(at, start, end), 3), _label(at, step_s)) for at in moments if at <= end)


def _label(at: datetime, step_s: int) -> str:
    if step_s >= _STEPS_S[-1]:
        return f"{at:%b %d}"
    return f"{at:%H:%M:%S}" if step_s < 60 else f"{at:%H:%M}"
