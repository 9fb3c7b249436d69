from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reports.samples import START, event, gap
from videoxl_stream.events import Severity
from videoxl_stream.reports import Report
from videoxl_stream.reports.figures import StreamFigures
from videoxl_stream.reports.timeline import timelines


def test_bars_stand_where_their_events_were() -> None:
    events = [event(30), event(90, 0.2, rule="fall"), event(5, stream_id="yard")]
    gate, yard = timelines(Report.of_events(events, start=START, end=START + timedelta(seconds=200)))
    assert [(lane.rule, bar.left, bar.width) for lane in gate.lanes for bar in lane.bars] == [
        ("fall", 45.0, 0.4),
        ("fire", 15.0, 5.0),
    ]
    assert [(bar.left, bar.width) for bar in yard.lanes[0].bars] == [(2.5, 5.0)]


def test_what_cannot_be_told_apart_is_one_bar_of_the_loudest() -> None:
    second = timedelta(seconds=1)
    events = [event(100), event(111, severity=Severity.CRITICAL), event(5000)]
    [drawn] = timelines(Report.of_events(events, start=START, end=START + 10_000 * second))
    both, alone = drawn.lanes[0].bars
    assert (both.events, both.severity) == ((events[0], events[1]), Severity.CRITICAL)
    assert alone.events == (events[2],)


def test_events_that_touch_are_two() -> None:
    [drawn] = timelines(Report.of_events([event(0), event(10)]))
    assert [(bar.left, bar.width) for bar in drawn.lanes[0].bars] == [(0.0, 50.0), (50.0, 50.0)]


def test_many_streams_that_flap_stay_small() -> None:
    streams = [f"camera-{number}" for number in range(60)]
    found = [event(100 * index, 1, stream_id=name) for name in streams for index in range(100)]
    drawn = timelines(Report.of_events(found))
    assert len(drawn) == 60
    assert sum(one.num_bars for one in drawn) <= 4000
    assert sum(len(bar.events) for one in drawn for lane in one.lanes for bar in lane.bars) == 6000


@pytest.mark.parametrize(
    ("last_s", "hatched"),
    [(500, [(20.0, 10.0), (50.0, 50.0)]), (-9, [(20.0, 10.0), (0.0, 100.0)]), (941, [(20.0, 10.0)])],
)
def test_gaps_and_what_nobody_knows_are_hatched(last_s: float, hatched: list[tuple[float, float]]) -> None:
    end = START + timedelta(seconds=1000)
    known = StreamFigures(pipeline="site", stream_id="gate", last=START + timedelta(seconds=last_s))
    report = Report.of_events([gap(200, 100)], start=START, end=end).model_copy(update={"streams": (known,)})
    [drawn] = timelines(report)
    assert [(one.left, one.width) for one in drawn.hatchings] == hatched
    assert drawn.lanes == ()


def test_a_stream_with_nothing_to_draw_has_no_timeline() -> None:
    assert timelines(Report.of_events([], streams=["gate"], now=START)) == []


def test_rules_that_found_nothing_are_named() -> None:
    watched = StreamFigures(pipeline="site", stream_id="gate", rules=("fall", "fire"))
    [drawn] = timelines(Report.of_events([event(0)]).model_copy(update={"streams": (watched,)}))
    assert drawn.quiet_rules == ["fall"]


@pytest.mark.parametrize(
    ("zone", "start", "hours", "labels"),
    [
        ("UTC", datetime(2026, 1, 1, 20, tzinfo=UTC), 12, ["20:00", "22:00", "Jan 02", "02:00", "04:00", "06:00"]),
        ("Asia/Kolkata", datetime(2026, 1, 1, 20, tzinfo=UTC), 5, ["02:00", "03:00", "04:00", "05:00", "06:00"]),
        # The clock is put forward at 02:00 and back at 03:00: ticks stay round on the wall.
        ("Europe/Paris", datetime(2026, 3, 28, 23, tzinfo=UTC), 24, ["Mar 29", "06:00", "12:00", "18:00", "Mar 30"]),
        ("Europe/Paris", datetime(2026, 10, 24, 22, tzinfo=UTC), 24, ["Oct 25", "06:00", "12:00", "18:00"]),
    ],
)
def test_ticks_are_round_on_the_wall(zone: str, start: datetime, hours: int, labels: list[str]) -> None:
    report = Report.of_events([event(0, start=start, end=start)], end=start + timedelta(hours=hours), timezone=zone)
    shown = [tick.label for tick in timelines(report)[0].ticks]
    assert shown[: len(labels)] == labels
    assert len(shown) - len(labels) <= 1


@given(st.floats(0, 1e8), st.floats(0, 1e7), st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe"]))
def test_any_length_of_time_can_be_drawn(start_s: float, length_s: float, zone: str) -> None:
    report = Report.of_events([event(0), event(start_s, length_s, rule="fall")], timezone=zone)
    [drawn] = timelines(report)
    for bar in (bar for lane in drawn.lanes for bar in lane.bars):
        assert bar.left >= 0
        assert 0.4 <= bar.width <= 100.001 - bar.left
    assert 1 <= len({tick.left for tick in drawn.ticks}) <= 7
