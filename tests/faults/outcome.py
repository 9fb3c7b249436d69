"""What came of one kind of fault."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One line of the table of faults.

    Args:
        name: what was done.
        tried: how often.
        survived: how often all was well again by itself.
        lost: things that should be there and are not.
        duplicated: things that are there and should not be.
        seconds_to_recover: median time from the end of the fault to the first sign that work goes on.
        remark: what the figures count, in words.
    """

    name: str
    tried: int
    survived: int
    lost: int
    duplicated: int
    seconds_to_recover: float
    remark: str = ""

    @property
    def is_well(self) -> bool:
        """Whether nothing was lost, doubled or left lying."""
        return self.tried == self.survived and not self.lost and not self.duplicated

    def named(self, name: str) -> Outcome:
        """The same under another name."""
        return replace(self, name=name)


def median(seconds: Iterable[float]) -> float:
    """Rounded for people; 0 if there was nothing to measure."""
    return round(statistics.median(list(seconds) or [0.0]), 2)


def write(outcomes: Sequence[Outcome], path: Path) -> None:
    """Write them as a list of JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1) + "\n", encoding="utf-8")
