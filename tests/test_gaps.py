from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event, Severity, Status, event_id
from videoxl_stream.frames import Frame
from videoxl_stream.gaps import GAP, LastFrame, gap_before

START = datetime(2026, 1, 1, tzinfo=UTC)
LAST = LastFrame(100.0, START + timedelta(seconds=100))


def found(time_s: float, utc_s: float | None = None, last: LastFrame = LAST) -> Event | None:
    utc = START + timedelta(seconds=time_s if utc_s is None else utc_s)
    frame = Frame("cam", 7, time_s, utc, np.zeros((2, 2, 3), np.uint8))
    return gap_before(frame, last, gap_s=10.0, pipeline="site", window=3)


@pytest.mark.parametrize("time_s", [100.0, 100.5, 110.0])
def test_frames_that_follow_each_other_are_no_event(time_s: float) -> None:
    assert found(time_s) is None


def test_a_gap_is_an_event_over_the_missing_time() -> None:
    event = found(163.0)
    assert event is not None
    assert (event.rule, event.id) == (GAP, event_id("site", "cam", GAP, 3))
    assert (event.status, event.severity, event.revision) == (Status.CLOSED, Severity.INFO, 0)
    assert (event.start_s, event.end_s) == (100, 163)
    assert (event.start, event.end) == (LAST.utc, START + timedelta(seconds=163))
    assert (event.answer, event.content) == ("gap", "no footage for 63.0 s")


@pytest.mark.parametrize(("time_s", "utc_s"), [(20.0, 20.0), (100.5, 160.0), (100.5, 40.0)])
def test_a_clock_that_jumps_is_an_event(time_s: float, utc_s: float) -> None:
    event = found(time_s, utc_s)
    assert event is not None
    assert event.answer == "clock jump"


def test_what_jumped_is_told() -> None:
    event = found(100.5, 160.0)
    assert event is not None
    assert event.content == "presentation time moved by +0.5 s, UTC by +60.0 s"


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_any_jump_makes_a_proper_event(time_s: float, utc_s: float) -> None:
    last = LastFrame.from_json(LAST.to_json())
    event = found(time_s, utc_s, last)
    quiet = 0 <= time_s - 100 <= 10 and abs(utc_s - time_s) <= 9.99
    assert event is None or not quiet


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(ConfigError, match="without resuming"):
        LastFrame.from_json('{"time_s": "soon"}')
