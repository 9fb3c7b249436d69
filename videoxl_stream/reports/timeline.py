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
class Bar:
    """One event on its lane."""

    event: Event
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Lane:
    """One rule of one stream."""

    rule: str
    bars: tuple[Bar, ...]


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


def timelines(events: Sequence[Event], start: datetime, end: datetime) -> list[Timeline]:
    """Lay out the events of each stream between two moments.

    Args:
        events: of any streams and rules; what lies outside the two moments is cut off.
        start: left edge.
        end: right edge, later than ``start``.
    """
    axis = _ticks(start, end)
    streams = sorted({event.stream_id for event in events})
    return [
        Timeline(stream_id, _lanes([e for e in events if e.stream_id == stream_id], start, end), axis)
        for stream_id in streams
    ]


def _lanes(events: Sequence[Event], start: datetime, end: datetime) -> tuple[Lane, ...]:
    rules = sorted({event.rule for event in events})
    return tuple(Lane(rule, tuple(_bar(event, start, end) for event in events if event.rule == rule)) for rule in rules)


def _bar(event: Event, start: datetime, end: datetime) -> Bar:
    left, right = _percent(event.start, start, end), _percent(event.end, start, end)
    width = max(right - left, _MIN_WIDTH)
    return Bar(event, round(min(left, 100 - width), 3), round(width, 3))


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
