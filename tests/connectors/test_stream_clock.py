"""From a camera's times to UTC: spacing kept, drift followed, jumps tied anew, never back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.connectors.stream_clock import ClockSetBackError, Moment, StreamClock

DAY_US = 1_795_000_000_000_000  # some day's UTC
STEP_US = 40_000
SETTLED = 12


def packets(
    num: int, *, delays_us: list[int] | None = None, rate: float = 1.0, told_us: int | None = None
) -> list[Moment]:
    """A camera whose clock runs at some rate, over a network that delays; ``told_us`` is how wrong its UTC is."""
    moments = []
    for index in range(num):
        taken_us = DAY_US + index * STEP_US
        delay_us = delays_us[index % len(delays_us)] if delays_us else 0
        shown_us = round(index * STEP_US * rate)
        sent_us = None if told_us is None else taken_us + told_us
        moments.append(Moment(shown_us, shown_us, taken_us + delay_us, sent_us))
    return moments


def utc_of(moments: list[Moment], *, last_us: int | None = None) -> list[int]:
    """What the clock makes of a connection's packets."""
    clock = StreamClock(moments[:SETTLED], last_us=last_us)
    times = []
    for moment in moments:
        clock.observe(moment)
        times.append(clock.utc_us(moment.shown_us))
    return times


def steps(times: list[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(times)]


@given(st.lists(st.integers(0, 400_000), min_size=5, max_size=30))
def test_jitter_of_the_network_is_no_jitter_of_time(delays_us: list[int]) -> None:
    times = utc_of(packets(200, delays_us=delays_us))
    assert all(abs(step - STEP_US) <= STEP_US * 0.0051 + 1 for step in steps(times))
    assert abs(times[-1] - (DAY_US + 199 * STEP_US)) <= 400_000


@pytest.mark.parametrize("rate", [0.9995, 1.0005])
def test_drift_is_followed_for_ever(rate: float) -> None:
    """Two hours at 500 ppm are 3.6 s."""
    num = 2 * 3600 * 25
    times = utc_of(packets(num, delays_us=[5_000, 30_000, 0, 80_000], rate=rate))
    assert abs(times[-1] - (DAY_US + num * STEP_US)) < 200_000
    assert all(abs(step - STEP_US) <= STEP_US * 0.006 for step in steps(times))


def test_a_burst_at_the_beginning_is_footage_that_waited() -> None:
    moments = [Moment(index * STEP_US, index * STEP_US, DAY_US + index, None) for index in range(SETTLED)]
    assert utc_of(moments)[-1] == pytest.approx(DAY_US, abs=SETTLED)


@pytest.mark.parametrize(("told_us", "error_us"), [(-300_000, -300_000), (2_000_000, 2_000_000), (9_000_000, 0)])
def test_the_cameras_clock_counts_unless_it_is_far_off(told_us: int, error_us: int) -> None:
    times = utc_of(packets(100, told_us=told_us))
    assert times[-1] == pytest.approx(DAY_US + 99 * STEP_US + error_us, abs=1000)


def test_a_report_that_comes_later_is_followed_slowly() -> None:
    moments = packets(5000, delays_us=[200_000])
    late = packets(5000, told_us=0)
    times = utc_of(moments[:100] + late[100:])
    assert all(step > 0.99 * STEP_US for step in steps(times))
    assert times[-1] == pytest.approx(DAY_US + 4999 * STEP_US, abs=1000)


@given(
    jumps=st.lists(st.tuples(st.integers(20, 60), st.integers(-(10**10), 10**10)), min_size=1, max_size=5),
    delays_us=st.lists(st.integers(0, 200_000), min_size=1, max_size=9),
)
def test_time_never_runs_back_where_the_cameras_does(jumps: list[tuple[int, int]], delays_us: list[int]) -> None:
    moments, offset_us, place = packets(400, delays_us=delays_us), 0, 0
    for length, jump_us in jumps:
        place += length
        offset_us += jump_us
        moved = packets(400, delays_us=delays_us)
        moments[place:] = [
            Moment(each.shown_us + offset_us, each.decoded_us + offset_us, each.arrived_us) for each in moved[place:]
        ]
    times = utc_of(moments)
    assert all(step >= 0 for step in steps(times))
    for moment, time_us in zip(moments, times, strict=True):
        assert abs(time_us - moment.arrived_us) < 7_000_000


def test_a_camera_that_stood_still_is_later_from_then_on() -> None:
    before, after = packets(200), packets(3000)[200:]
    held = [Moment(each.shown_us, each.decoded_us, each.arrived_us + 8_000_000) for each in after]
    times = utc_of(before + held)
    assert all(step > 0 for step in steps(times))
    assert times[-1] == pytest.approx(held[-1].arrived_us, abs=1000)


def test_a_clock_of_this_machine_that_is_set_back_ends_the_connection() -> None:
    moments = packets(100)
    back = [Moment(each.shown_us, each.decoded_us, each.arrived_us - 3_600_000_000) for each in moments[50:]]
    with pytest.raises(ClockSetBackError):
        utc_of(moments[:50] + back)


def test_a_new_connection_goes_on_behind_the_one_before() -> None:
    moments = packets(50)
    assert utc_of(moments, last_us=DAY_US + 300_000)[0] == DAY_US + 300_001  # jitter between two connections
    for back_us, seen in ((10_000_000, True), (3_600_000_000, False), (-5_000_000, False)):
        clock = StreamClock(moments, last_us=DAY_US + back_us)
        assert clock.seen_us == (DAY_US + back_us if seen else None)
        assert clock.utc_us(0) == DAY_US
