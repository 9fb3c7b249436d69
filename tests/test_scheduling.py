from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.errors import ConfigError
from videoxl_stream.rules import Rule
from videoxl_stream.scheduling import Schedule

START = datetime(2026, 3, 1, 6, 59, 30, tzinfo=UTC)
ALWAYS = Rule(name="always", question="Anything?")
MINUTELY = replace(ALWAYS, name="minutely", schedule=timedelta(minutes=1))
DAILY = replace(ALWAYS, name="daily", schedule="0 8 * * *", timezone="Europe/Amsterdam")  # 07:00 UTC in winter


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def asked(schedule: Schedule, ends: list[float]) -> list[list[str]]:
    """Names of the rules due at the close of each window, the first of which starts at 0 s."""
    return [[rule.name for rule in schedule.due(at(start), at(end))] for start, end in pairwise([0.0, *ends])]


def test_by_default_a_rule_is_asked_at_every_window() -> None:
    assert asked(Schedule([ALWAYS]), [10, 20, 30]) == [["always"]] * 3


def test_an_interval_is_aligned_to_utc() -> None:
    assert asked(Schedule([MINUTELY]), [20, 40, 60, 80, 100]) == [[], ["minutely"], [], [], ["minutely"]]


def test_a_time_exactly_at_a_window_end_is_asked_there_and_once() -> None:
    assert asked(Schedule([MINUTELY]), [15, 30, 45]) == [[], ["minutely"], []]


def test_a_crontab_follows_its_time_zone() -> None:
    assert asked(Schedule([DAILY]), [20, 40, 60]) == [[], ["daily"], []]


def test_times_missed_in_a_gap_are_made_up_for_by_one_question() -> None:
    schedule = Schedule([MINUTELY, DAILY])
    assert schedule.due(at(0), at(10)) == []
    assert schedule.due(at(3600), at(3610)) == [MINUTELY, DAILY]
    assert schedule.due(at(3610), at(3620)) == []


def test_a_clock_that_jumps_back_is_followed() -> None:
    schedule = Schedule([MINUTELY])
    assert schedule.due(at(86_400), at(86_460)) == [MINUTELY]
    assert schedule.due(at(0), at(20)) == []
    assert schedule.due(at(20), at(40)) == [MINUTELY]


def test_a_restart_goes_on_where_it_stopped() -> None:
    ends = [float(end) for end in range(10, 400, 10)]
    whole = asked(Schedule([MINUTELY, ALWAYS, DAILY]), ends)
    first = Schedule([MINUTELY, ALWAYS, DAILY])
    before = asked(first, ends[:17])
    second = Schedule([MINUTELY, ALWAYS, DAILY], first.asked)
    after = [[rule.name for rule in second.due(at(end - 10), at(end))] for end in ends[17:]]
    assert before + after == whole


def test_a_crontab_that_cannot_be_read_names_the_rule() -> None:
    with pytest.raises(ConfigError, match=r"'daily'.*five fields"):
        Schedule([replace(DAILY, schedule="sometimes")])


@given(st.lists(st.integers(1, 90), min_size=1, max_size=40), st.integers(1, 200))
def test_every_stretch_that_passed_is_asked_once(lengths: list[int], every_s: int) -> None:
    """A rule is due at a window exactly if a multiple of its interval lies in the window."""
    schedule = Schedule([replace(ALWAYS, schedule=timedelta(seconds=every_s))])
    start = START
    for length in lengths:
        end = start + timedelta(seconds=length)
        passed = end.timestamp() // every_s - (start.timestamp() - (start == START)) // every_s
        assert bool(schedule.due(start, end)) == (passed > 0)
        start = end


def test_a_rule_that_is_fired_is_due_once_and_keeps_its_times() -> None:
    schedule = Schedule([MINUTELY, DAILY])
    schedule.fire("daily")
    assert schedule.due(at(0), at(10)) == [DAILY]
    assert schedule.due(at(10), at(20)) == []
    schedule.fire("minutely")
    assert schedule.due(at(20), at(40)) == [MINUTELY, DAILY]  # fired and due are one question
    with pytest.raises(ConfigError, match=r"'hourly'.*daily"):
        schedule.fire("hourly")
