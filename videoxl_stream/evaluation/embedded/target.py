"""Target: one row of what is promised, and where in the records it is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from videoxl_stream.evaluation.embedded.figure import Figure, Unit
from videoxl_stream.evaluation.record import Record

Find = Callable[..., Figure]
"""Takes the records of a target's parts, in order."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a figure must reach.

    Args:
        side: at least or at most.
        value: in the figure's unit; shares and points as 0..1.
    """

    side: Literal["least", "most"]
    value: float

    def holds(self, figure: Figure) -> bool:
        """Whether a figure reaches it; what is not known does not."""
        return figure.value >= self.value if self.side == "least" else figure.value <= self.value

    def written(self, unit: Unit) -> str:
        """For people."""
        return f"{'≥' if self.side == 'least' else '≤'} {Figure(self.value, 0).written(unit)}"


@dataclass(frozen=True, slots=True)
class Target:
    """One row.

    Args:
        what: is measured.
        parts: whose records it is found in.
        find: the figure in these records.
        unit: of the figure.
        bound: None where it is only reported.
    """

    what: str
    parts: Sequence[str]
    find: Find
    unit: Unit = "share"
    bound: Bound | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A target and what was found; None where one of its parts has no record yet."""

    target: Target
    figure: Figure | None

    @classmethod
    def of(cls, target: Target, records: Mapping[str, Record]) -> Row:
        """Look it up."""
        if any(part not in records for part in target.parts):
            return cls(target, None)
        return cls(target, target.find(*(records[part] for part in target.parts)))

    @property
    def reached(self) -> str:
        """Yes, no, or that there is nothing to reach."""
        if self.target.bound is None:
            return "reported"
        if self.figure is None or not self.figure.known:
            return "not measured"
        return "yes" if self.target.bound.holds(self.figure) else "no"

    @property
    def cells(self) -> list[str]:
        """What, to reach, found, interval, n, reached: for people."""
        one = self.target
        wanted = "" if one.bound is None else one.bound.written(one.unit)
        if self.figure is None:
            return [one.what, wanted, "not measured", "", "", self.reached]
        found = self.figure
        return [one.what, wanted, found.written(one.unit), found.interval_written(one.unit), str(found.n), self.reached]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        one, found = self.target, self.figure
        bound = None if one.bound is None else {"at": one.bound.side, "value": one.bound.value}
        figures = {} if found is None else {name: getattr(found, name) for name in ("value", "low", "high", "n")}
        plain = {name: None if value != value else value for name, value in figures.items()}  # noqa: PLR0124 - nan
        return {"what": one.what, "unit": one.unit, "reach": bound, **plain, "reached": self.reached}
