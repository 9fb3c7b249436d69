"""Intervals: how far a figure can be trusted, and whether two of them differ.

Every figure here is a ratio of sums over items, each a numerator and a denominator: a rate has 1 below and 0 or 1
above, an F1 twice the matched above and the true and found below, a delay its seconds above and its events below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Item = tuple[float, float]
"""What one clip, stream or question adds to the numerator and to the denominator."""
Items = Sequence[Item]
_Z = 1.959964  # of 95 %
_DRAWS, _ELEMENTS = 4000, 2**22
_SURE = 0.05


def ratio(items: Items) -> float:
    """Sum of numerators over sum of denominators; nan where that is 0."""
    above, below = (math.fsum(column) for column in zip(*items, strict=True)) if items else (0.0, 0.0)
    return above / below if below else math.nan


def is_rate(items: Items) -> bool:
    """Whether every item is simply right or wrong."""
    return bool(items) and all(below == 1 and above in (0, 1) for above, below in items)


def wilson(right: float, total: int) -> tuple[float, float]:
    """95 % interval of a rate (Wilson, 1927); everything where nothing was tried."""
    if not total:
        return 0.0, 1.0
    share, square = right / total, _Z * _Z / total
    centre = (share + square / 2) / (1 + square)
    reach = _Z * math.sqrt(share * (1 - share) / total + square / (4 * total)) / (1 + square)
    return max(0.0, centre - reach), min(1.0, centre + reach)


def interval(items: Items) -> tuple[float, float]:
    """95 % interval of a ratio: Wilson's for a rate, else by drawing items anew (percentile bootstrap)."""
    if is_rate(items):
        return wilson(sum(above for above, _ in items), len(items))
    return _middle(_drawn(np.array(items, dtype=np.float64).reshape(-1, 1, 2))[:, 0])


def paired_rates_interval(first: Items, second: Items) -> tuple[float, float]:
    """95 % interval of how far one rate lies above another on the same items, in the same order (Newcombe, 1998).

    His method 10 for paired data; unlike a bootstrap it is not sure of everything where no item differs.
    """
    total = len(first)
    table = np.zeros((2, 2))
    for (one, _), (other, _) in zip(first, second, strict=True):
        table[int(other), int(one)] += 1
    (h, g), (f, e) = table.tolist()  # both wrong, only the first right; only the second right, both right
    two, one = (e + f) / total, (e + g) / total
    (low_2, high_2), (low_1, high_1) = wilson(e + f, total), wilson(e + g, total)
    margins = (e + f) * (g + h) * (e + g) * (f + h)
    over = e * h - f * g
    phi = (max(0.0, over - total / 2) if over > 0 else over) / math.sqrt(margins) if margins else 0.0

    def reach(a: float, b: float) -> float:
        return math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))

    value = two - one
    return value - reach(two - low_2, high_1 - one), value + reach(high_2 - two, one - low_1)


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one ratio lies above another.

    Args:
        value: of the second less of the first.
        low: of its 95 % interval.
        high: of its 95 % interval.
        paired: whether both were found on the same items.
        significant: whether the interval leaves out 0; with paired rates the exact sign test must agree, since few
            items that differ make a bootstrap too sure.
    """

    value: float
    low: float
    high: float
    paired: bool
    significant: bool

    @classmethod
    def paired_of(cls, first: Items, second: Items) -> Difference:
        """Two ratios on the same items, in the same order: both are drawn anew together."""
        both = np.array((first, second), dtype=np.float64).transpose(1, 0, 2)  # (items, 2, 2)
        drawn = _drawn(both)
        low, high = _middle(drawn[:, 1] - drawn[:, 0])
        sure = low > 0 or high < 0
        if sure and is_rate(first) and is_rate(second):
            sure = _sign_test(first, second) < _SURE
        return cls(ratio(second) - ratio(first), low, high, True, sure)

    @classmethod
    def unpaired_of(cls, first: Items, second: Items) -> Difference:
        """Two ratios on different items: Newcombe's interval (1998, method 10) for rates, else two bootstraps."""
        value = ratio(second) - ratio(first)
        if is_rate(first) and is_rate(second):
            (low_1, high_1), (low_2, high_2) = interval(first), interval(second)
            one, two = ratio(first), ratio(second)
            low, high = value - math.hypot(two - low_2, high_1 - one), value + math.hypot(high_2 - two, one - low_1)
        else:
            columns = (np.array(items, dtype=np.float64).reshape(-1, 1, 2) for items in (first, second))
            drawn = [_drawn(column, seed=seed)[:, 0] for seed, column in enumerate(columns)]
            low, high = _middle(drawn[1] - drawn[0])
        return cls(value, low, high, False, low > 0 or high < 0)


def _drawn(items: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """Ratios of items (items, columns, 2) drawn anew: (draws, columns), nan where a denominator is 0."""
    rng, total = np.random.default_rng(seed), len(items)
    if not total:
        return np.full((1, items.shape[1]), np.nan)
    sums, step = [], max(1, _ELEMENTS // total)
    for start in range(0, _DRAWS, step):
        counts = rng.multinomial(total, np.full(total, 1 / total), size=min(step, _DRAWS - start))
        sums.append(np.einsum("di,icp->dcp", counts, items))
    above, below = np.moveaxis(np.concatenate(sums), -1, 0)
    ratios: NDArray[np.float64] = np.divide(above, below, out=np.full_like(above, np.nan), where=below != 0)
    return ratios


def _middle(drawn: NDArray[np.float64]) -> tuple[float, float]:
    """The middle 95 % of what was drawn; nan where nothing came out."""
    found = drawn[~np.isnan(drawn)]
    if not len(found):
        return math.nan, math.nan
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def _sign_test(first: Items, second: Items) -> float:
    """Two-sided chance that items which differ would lean to one side as much, were there nothing in it (McNemar)."""
    up = sum(a < b for (a, _), (b, _) in zip(first, second, strict=True))
    down = sum(a > b for (a, _), (b, _) in zip(first, second, strict=True))
    differ = up + down
    ways = sum(math.comb(differ, k) for k in range(min(up, down) + 1))
    return min(1.0, 2 * ways / float(2**differ))
