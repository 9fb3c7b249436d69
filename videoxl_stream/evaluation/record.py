"""Record: everything about one run of a measure, in one JSON file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.intervals import Item, interval, ratio
from videoxl_stream.evaluation.reliability import Reliability
from videoxl_stream.whole_file import write_text

FORMAT = 1
_REQUIRED = ("measure", "model", "settings", "scores", "items")


@dataclass
class Record:
    """One run.

    Args:
        measure: its name, such as ``needle``.
        model: name and revision of the weights, and whether its answers mean anything.
        settings: all that was asked for, seeds and ratios among it.
        versions: see ``provenance.versions``.
        hardware: see ``provenance.hardware``.
        scores: for each figure the cells whose items it is the ratio of.
        items: for each cell its items by name; the same names in two runs mean the same clips and questions.
        values: figures without items, such as a calibration error, with the number of things they are of.
        times: seconds, rates and bytes.
        details: what else a measure has to tell.
        written: when.
    """

    measure: str
    model: Mapping[str, Any]
    settings: Mapping[str, Any]
    versions: Mapping[str, str] = field(default_factory=dict)
    hardware: Mapping[str, str | int] = field(default_factory=dict)
    scores: dict[str, list[str]] = field(default_factory=dict)
    items: dict[str, dict[str, Item]] = field(default_factory=dict)
    values: dict[str, tuple[float, int]] = field(default_factory=dict)
    times: Any = field(default_factory=dict)
    details: Any = field(default_factory=dict)
    written: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def add(self, scores: Iterable[str], cell: str, name: str, above: float, below: float = 1.0) -> None:
        """Count an item.

        Args:
            scores: the figures it counts for.
            cell: where it is kept, once for all figures.
            name: of the clip and question.
            above: numerator.
            below: denominator.
        """
        self.items.setdefault(cell, {})[name] = (float(above), float(below))
        for score in scores:
            cells = self.scores.setdefault(score, [])
            if cell not in cells:
                cells.append(cell)

    def add_reliability(self, name: str, pairs: Sequence[tuple[bool, float]]) -> None:
        """Keep the calibration of verdicts: whether each was right, and how probable it was said to be."""
        if pairs:
            found = Reliability.of(pairs)
            self.values[f"{name}: calibration error"] = (found.ece, len(pairs))
            self.details.setdefault("reliability", {})[name] = found.to_json()

    def of(self, score: str) -> dict[str, Item]:
        """The items of a figure, by name."""
        return {f"{cell}/{name}": item for cell in self.scores[score] for name, item in self.items[cell].items()}

    def value(self, score: str) -> float:
        """A figure; nan where it is of nothing."""
        return ratio(list(self.of(score).values()))

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "format": FORMAT,
            "measure": self.measure,
            "model": dict(self.model),
            "settings": dict(self.settings),
            "versions": dict(self.versions),
            "hardware": dict(self.hardware),
            "written": self.written,
            "scores": {name: self._score(name) for name in self.scores},
            "values": {name: {"value": _plain(value), "n": n} for name, (value, n) in self.values.items()},
            "times": self.times,
            "details": self.details,
            "items": self.items,
        }

    def _score(self, name: str) -> dict[str, Any]:
        items = list(self.of(name).values())
        low, high = interval(items)
        figures = {"value": ratio(items), "low": low, "high": high}
        rounded = {key: _plain(value) for key, value in figures.items()}
        return {**rounded, "n": len(items), "cells": self.scores[name]}

    def save(self, path: Path) -> None:
        """Write it; there is all of the file or none."""
        write_text(path, json.dumps(self.to_json(), indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Record:
        """Read it back.

        Raises:
            ConfigError: it is no such file.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as e:
            msg = f"{path} cannot be read as JSON ({e}); give a file that an eval command wrote"
            raise ConfigError(msg) from e
        if not isinstance(data, dict) or data.get("format") != FORMAT or any(key not in data for key in _REQUIRED):
            msg = f"{path} is no record of a run in format {FORMAT}; give a file that an eval command wrote"
            raise ConfigError(msg)
        return cls(
            **{key: data[key] for key in ("measure", "model", "settings")},
            **{key: data[key] for key in ("times", "details", "written") if key in data},
            versions=data.get("versions", {}),
            hardware=data.get("hardware", {}),
            scores={name: list(score["cells"]) for name, score in data["scores"].items()},
            items={cell: {n: (a, b) for n, (a, b) in items.items()} for cell, items in data["items"].items()},
            values={name: (_number(v["value"]), v["n"]) for name, v in data.get("values", {}).items()},
        )


def _plain(value: float) -> float | None:
    """A figure as JSON has it: nan is null."""
    return None if math.isnan(value) else round(value, 6)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
