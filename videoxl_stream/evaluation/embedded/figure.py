"""Figure: one number with its interval and what it is of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from videoxl_stream.evaluation.intervals import Difference, Item, interval, is_rate, paired_rates_interval, ratio
from videoxl_stream.evaluation.record import Record

Unit = Literal["share", "points", "score", "s", "per hour", "frames/s", "GB"]
_WRITTEN: Mapping[Unit, Callable[[float], str]] = {
    "share": lambda value: f"{100 * value:.1f} %",
    "points": lambda value: f"{100 * value:+.1f} points",
    "score": lambda value: f"{value:.3f}",
    "s": lambda value: f"{value:.1f} s",
    "per hour": lambda value: f"{value:.2f} an hour",
    "frames/s": lambda value: f"{value:.0f} frames/s",
    "GB": lambda value: f"{value:.2f} GB",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """What was found.

    Args:
        value: nan where there was nothing to find.
        n: things it is of.
        low: of its 95 % interval; nan where there is none.
        high: of its 95 % interval.
    """

    value: float
    n: int
    low: float = math.nan
    high: float = math.nan

    @classmethod
    def of(cls, record: Record, score: str) -> Figure:
        """A score of a record; nothing where the record has no items for it."""
        items = list(record.of(score).values()) if score in record.scores else []
        return cls(ratio(items), len(items), *interval(items)) if items else cls(math.nan, 0)

    @classmethod
    def of_value(cls, record: Record, name: str) -> Figure:
        """A value of a record, with the interval that its details have of it."""
        value, n = record.values.get(name, (math.nan, 0))
        low, high = record.details.get("intervals", {}).get(name, (math.nan, math.nan))
        return cls(value, n, low, high)

    @classmethod
    def change(cls, first: Mapping[str, Item], second: Mapping[str, Item]) -> Figure:
        """How far a ratio lies above another one, of those items by name that both have, pair by pair."""
        names = [name for name in first if name in second]
        if not names:
            return cls(math.nan, 0)
        one, other = [first[name] for name in names], [second[name] for name in names]
        if is_rate(one) and is_rate(other):
            return cls(ratio(other) - ratio(one), len(names), *paired_rates_interval(one, other))
        found = Difference.paired_of(one, other)
        return cls(found.value, len(names), found.low, found.high)

    @property
    def known(self) -> bool:
        """Whether anything was found."""
        return not math.isnan(self.value)

    def written(self, unit: Unit) -> str:
        """The value for people."""
        return _WRITTEN[unit](self.value) if self.known else "none"

    def interval_written(self, unit: Unit) -> str:
        """The interval for people; empty where there is none."""
        if math.isnan(self.low) or math.isnan(self.high):
            return ""
        return f"{_WRITTEN[unit](self.low)} to {_WRITTEN[unit](self.high)}"
