from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.errors import ConfigError
from videoxl_stream.queries import Query, Span
from videoxl_stream.rules import Rule

FIRE = Rule(name="fire", question="Is there a fire?", threshold=0.7, clear_below=0.4)
NIGHT = replace(FIRE, quiet=((time(22), time(6)),), timezone="Europe/Amsterdam")
COUNT = Rule(name="people", question="How many people are there?", answers=("0", "1", "2"), alarm=None)


@pytest.mark.parametrize("rule", [FIRE, COUNT, replace(FIRE, locates=False)])
def test_a_look_back_ends_with_the_window_and_holds_it(rule: Rule) -> None:
    minute, window = replace(rule, look_back_s=60.0), Span(90, 100)
    assert minute.look_back(Span(0, 100), window) == Span(40, 100)
    assert minute.look_back(Span(80, 100), window) == Span(80, 100)
    assert replace(rule, look_back_s=3.0).look_back(Span(0, 100), window) == window
    assert rule.look_back(Span(20, 100), window) == Span(20, 100)


def test_what_is_searched_is_looked_at_once_what_is_judged_again_and_again() -> None:
    window, memory = Span(90, 100), Span(0, 100)
    assert FIRE.look_back(memory, window, asked_until_s=70.0) == Span(70, 100)
    assert replace(FIRE, look_back_s=20.0).look_back(memory, window, asked_until_s=70.0) == Span(80, 100)
    assert FIRE.look_back(memory, window, asked_until_s=95.0) == window  # it was asked amid the window
    for rule in (COUNT, replace(FIRE, locates=False)):
        assert rule.look_back(memory, window, asked_until_s=70.0) == memory


def test_a_look_back_survives_a_clock_that_jumped_back() -> None:
    for rule in (FIRE, replace(FIRE, look_back_s=60.0), replace(FIRE, look_back_s=5.0)):
        assert rule.look_back(Span(500, 600), Span(90, 100)) == Span(90, 100)
        assert rule.look_back(Span(500, 600), Span(90, 100), asked_until_s=600.0) == Span(90, 100)


def test_a_rule_waits_until_the_memory_reaches_back_far_enough() -> None:
    left = replace(FIRE, min_footage_s=60.0, locates=False)
    assert not left.has_footage(Span(0, 55), Span(50, 55))
    assert left.has_footage(Span(0, 60), Span(55, 60))
    assert FIRE.has_footage(Span(0, 5), Span(0, 5))


def test_a_query_has_the_answers_of_its_rule() -> None:
    assert COUNT.query(Span(0, 10)) == Query("How many people are there?", ("0", "1", "2"), Span(0, 10))
    assert FIRE.query(None).span is None


def test_without_an_alarm_every_answer_counts() -> None:
    assert (COUNT.opens_from, FIRE.opens_from, FIRE.clears_below) == (0.0, 0.7, 0.4)
    assert replace(FIRE, clear_below=None).clears_below == 0.7
    assert (FIRE.searches, COUNT.searches, replace(FIRE, locates=False).searches) == (True, False, False)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": " "}, "no name"),
        ({"name": "stream.fire"}, "reserved"),
        ({"question": ""}, "question"),
        ({"answers": ("yes",)}, "two or more"),
        ({"answers": ()}, "none of its answers"),
        ({"alarm": "maybe"}, "none of its answers"),
        ({"content": " "}, "content"),
        ({"answers": (), "alarm": None, "content": "What?"}, "in words already"),
        ({"threshold": 0.0}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"clear_below": 0.9}, "clear_below"),
        ({"look_back_s": 0.0}, "look_back_s"),
        ({"resolution_s": -1.0}, "resolution_s"),
        ({"min_footage_s": math.inf}, "min_footage_s"),
        ({"hold_s": -1.0}, "hold_s"),
        ({"cooldown_s": -1.0}, "cooldown_s"),
        ({"calibration": (0.0, 1.0)}, "scale"),
        ({"calibration": (1.0, math.nan)}, "shift"),
        ({"quiet": ((time(6), time(6)),)}, "quiet"),
        ({"quiet": ((time(6, tzinfo=UTC), time(7)),)}, "without a zone"),
        ({"schedule": timedelta(0)}, "schedule"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        replace(FIRE, **change)


@given(st.floats(0, 1), st.floats(0.1, 10), st.floats(-5, 5))
def test_calibration_moves_the_logit(probability: float, scale: float, shift: float) -> None:
    calibrated = replace(FIRE, calibration=(scale, shift)).calibrated(probability)
    assert 0 <= calibrated <= 1
    if 1e-6 < probability < 1 - 1e-6:
        logit = scale * math.log(probability / (1 - probability)) + shift
        assert calibrated == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-9)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=5).map(sorted), st.floats(0.1, 10), st.floats(-5, 5))
def test_calibration_keeps_the_order(probabilities: list[float], scale: float, shift: float) -> None:
    rule = replace(FIRE, calibration=(scale, shift))
    assert all(rule.calibrated(low) <= rule.calibrated(high) for low, high in pairwise(probabilities))
    assert [FIRE.calibrated(probability) for probability in probabilities] == probabilities


@pytest.mark.parametrize(
    ("utc", "quiet"),
    [
        (datetime(2026, 1, 10, 20, 59, tzinfo=UTC), False),  # 21:59 in Amsterdam
        (datetime(2026, 1, 10, 21, 0, tzinfo=UTC), True),
        (datetime(2026, 1, 11, 4, 59, tzinfo=UTC), True),
        (datetime(2026, 1, 11, 5, 0, tzinfo=UTC), False),
        (datetime(2026, 7, 10, 20, 0, tzinfo=UTC), True),  # 22:00 in summer
        (datetime(2026, 7, 11, 4, 0, tzinfo=UTC), False),
    ],
)
def test_quiet_hours_follow_the_clock_on_the_wall(utc: datetime, quiet: bool) -> None:
    assert NIGHT.is_quiet(utc) == quiet
    assert not FIRE.is_quiet(utc)


minutes = st.integers(0, 24 * 60 - 1)
stretches = st.lists(st.tuples(minutes, minutes).filter(lambda pair: pair[0] != pair[1]), max_size=3)


@given(stretches, st.integers(0, 525_600), st.sampled_from(["UTC", "Europe/Amsterdam", "America/New_York"]))
def test_quiet_hours_are_the_minutes_of_the_wall_clock(pairs: list[tuple[int, int]], at: int, zone: str) -> None:
    quiet = tuple((time(*divmod(start, 60)), time(*divmod(end, 60))) for start, end in pairs)
    rule = replace(FIRE, quiet=quiet, timezone=zone)
    shown = set()
    for start, end in pairs:
        minute = start
        while minute != end:
            shown.add(minute)
            minute = (minute + 1) % (24 * 60)
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=at)
    local = moment.astimezone(rule.zone)
    assert rule.is_quiet(moment) == (local.hour * 60 + local.minute in shown)


@pytest.mark.parametrize(("day", "hours"), [(24, 8), (25, 9), (26, 8)])
def test_a_night_is_as_long_as_the_clock_makes_it(day: int, hours: int) -> None:
    """On 25 October 2026, at three in the night, clocks go back by an hour."""
    noon = datetime(2026, 10, day, 12, tzinfo=UTC)
    assert sum(NIGHT.is_quiet(noon - timedelta(minutes=minute)) for minute in range(24 * 60)) == hours * 60
