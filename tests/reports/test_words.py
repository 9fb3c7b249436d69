from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.reports.words import counted, duration, percent


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (12_000, "3 h 20 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_lengths_read_as_people_say_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_some_is_never_none_or_all(share: float) -> None:
    assert percent(share) not in {"0 %", "100 %"}


def test_none_and_all_are_said() -> None:
    assert (percent(0), percent(1), percent(0.5), percent(0.123)) == ("0 %", "100 %", "50 %", "12.3 %")


def test_one_thing_is_singular() -> None:
    assert (counted(0, "gap"), counted(1, "gap"), counted(2000, "gap")) == ("0 gaps", "1 gap", "2,000 gaps")
