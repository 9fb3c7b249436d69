"""Intervals that cover what they say, and differences that are marked only where there are any."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.evaluation.intervals import (
    Difference,
    Item,
    interval,
    is_rate,
    paired_rates_interval,
    ratio,
    wilson,
)

RIGHT, WRONG = (1.0, 1.0), (0.0, 1.0)


def rate(right: int, total: int) -> list[tuple[float, float]]:
    return [RIGHT] * right + [WRONG] * (total - right)


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (29, 29, 0.8830, 1.0)],
)
def test_wilson_gives_the_published_intervals(right: int, total: int, low: float, high: float) -> None:
    """Newcombe (1998), table I, method 3."""
    assert wilson(right, total) == pytest.approx((low, high), abs=5e-5)


def test_newcombe_gives_the_published_difference() -> None:
    """Newcombe (1998), table II, method 10: 56/70 and 48/80."""
    found = Difference.unpaired_of(rate(48, 80), rate(56, 70))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert found.significant
    assert not found.paired


@given(st.integers(0, 40), st.integers(1, 40))
def test_an_interval_holds_its_rate(right: int, more: int) -> None:
    low, high = wilson(right, right + more)
    assert 0 <= low <= right / (right + more) <= high <= 1


def test_wilson_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    drawn = rng.binomial(50, 0.9, size=4000)
    covered = [low <= 0.9 <= high for low, high in (wilson(int(right), 50) for right in drawn)]
    assert 0.93 < np.mean(covered) < 0.98


def test_a_ratio_is_of_sums_and_its_interval_holds_it() -> None:
    items = [(2.0, 3.0), (0.0, 1.0), (4.0, 4.0), (0.0, 0.0)] * 8
    assert ratio(items) == 0.75
    low, high = interval(items)
    assert low < 0.75 < high
    assert not is_rate(items)
    assert math.isnan(ratio([]))
    assert math.isnan(ratio([(0.0, 0.0)]))
    assert all(map(math.isnan, interval([(0.0, 0.0)])))


def test_the_same_answers_do_not_differ() -> None:
    items = rate(30, 50)
    found = Difference.paired_of(items, items)
    assert (found.value, found.low, found.high, found.significant) == (0, 0, 0, False)


def test_pairs_tell_apart_what_samples_cannot() -> None:
    first = rate(150, 200)
    second = [RIGHT if place < 160 else WRONG for place in range(200)]  # ten more, nothing lost
    assert Difference.paired_of(first, second).significant
    assert not Difference.unpaired_of(first, second).significant


def test_a_few_lucky_items_are_not_significant() -> None:
    first, second = rate(195, 200), rate(199, 200)
    found = Difference.paired_of(first, second)
    assert found.low > 0  # the bootstrap alone would be too sure
    assert not found.significant


def test_scores_that_are_no_rates_are_compared_too() -> None:
    rng = np.random.default_rng(0)
    first = [(float(2 * rng.integers(3)), 6.0) for _ in range(60)]
    better = [(above + 1.5, below) for above, below in first]
    found = Difference.paired_of(first, better)
    assert found.value == pytest.approx(0.25)
    assert found.significant
    assert found.high - found.low < 1e-9
    assert Difference.unpaired_of(first, better).significant


def test_paired_rates_have_newcombes_interval() -> None:
    def items(both: int, first: int, second: int, neither: int) -> tuple[list[Item], list[Item]]:
        one = [1.0] * both + [1.0] * first + [0.0] * second + [0.0] * neither
        other = [1.0] * both + [0.0] * first + [1.0] * second + [0.0] * neither
        return [(value, 1.0) for value in one], [(value, 1.0) for value in other]

    his_example = paired_rates_interval(*items(36, 2, 12, 0))
    assert list(his_example) == pytest.approx([0.0569, 0.3404], abs=1e-4)
    low, high = paired_rates_interval(*items(98, 2, 0, 0))
    assert low < -0.02 < high
    low, high = paired_rates_interval(*items(20, 0, 0, 0))
    assert low == -high == pytest.approx(-0.161, abs=1e-3)
