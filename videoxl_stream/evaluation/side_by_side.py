"""Two runs of a measure side by side: every figure with its interval, and what differs for sure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from rich import box
from rich.table import Table

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.intervals import Difference, interval, is_rate
from videoxl_stream.evaluation.record import Record


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of two runs.

    Args:
        name: of the figure.
        values: of the first run and the second; nan where a run lacks it.
        intervals: 95 % of each; None where there are no items to draw from.
        counts: items of each.
        difference: None where nothing can be said about it.
        rate: whether it is a share of things that are right or wrong.
    """

    name: str
    values: tuple[float, float]
    intervals: tuple[tuple[float, float] | None, tuple[float, float] | None]
    counts: tuple[int, int]
    difference: Difference | None
    rate: bool = False


def compare(first: Record, second: Record) -> list[Row]:
    """Every figure that one of two runs has.

    Where both have the same items by name, they are compared pair by pair; else as two independent samples.

    Raises:
        ConfigError: they are of different measures.
    """
    if first.measure != second.measure:
        msg = f"a run of {first.measure!r} cannot be compared with one of {second.measure!r}; give two of the same"
        raise ConfigError(msg)
    names = dict.fromkeys((*first.scores, *second.scores))
    rows = [_row(name, first, second) for name in names]
    for name in dict.fromkeys((*first.values, *second.values)):
        (one, n), (other, m) = (run.values.get(name, (math.nan, 0)) for run in (first, second))
        rows.append(Row(name, (one, other), (None, None), (n, m), None))
    return rows


def _row(name: str, first: Record, second: Record) -> Row:
    one, other = (run.of(name) if name in run.scores else {} for run in (first, second))
    items = list(one.values()), list(other.values())
    intervals = tuple(interval(each) if each else None for each in items)
    values = tuple(run.value(name) if name in run.scores else math.nan for run in (first, second))
    rate = all(is_rate(each) for each in items if each)
    difference = _difference(one, other)
    return Row(name, values, intervals, (len(one), len(other)), difference, rate)  # type: ignore[arg-type]


def _difference(one: dict[str, tuple[float, float]], other: dict[str, tuple[float, float]]) -> Difference | None:
    if not one or not other:
        return None
    if one.keys() == other.keys():
        found = Difference.paired_of([one[name] for name in one], [other[name] for name in one])
    else:
        found = Difference.unpaired_of(list(one.values()), list(other.values()))
    return None if math.isnan(found.value) or math.isnan(found.low) else found


def changed_settings(first: Record, second: Record) -> dict[str, tuple[object, object]]:
    """What differs between two runs besides the figures, model and machine included."""
    one, other = _settings(first), _settings(second)
    return {key: (one.get(key), other.get(key)) for key in {**one, **other} if one.get(key) != other.get(key)}


def _settings(run: Record) -> dict[str, object]:
    parts = {"model": run.model, "setting": run.settings, "version": run.versions, "hardware": run.hardware}
    return {f"{part} {key}": value for part, content in parts.items() for key, value in content.items()}


def table(rows: list[Row], names: tuple[str, str]) -> Table:
    """For a terminal; what differs significantly is bold, with a mark."""
    shown = Table(title="95 % intervals; * differs significantly", box=box.SIMPLE)
    shown.add_column("figure")
    for column in (*names, "difference", "", "pairs"):
        shown.add_column(column, justify="right", overflow="fold")
    for row in rows:
        cells = list(_cells(row))
        sure = row.difference is not None and row.difference.significant
        shown.add_row(row.name, *cells, style="bold" if sure else None)
    return shown


def _cells(row: Row) -> Iterator[str]:
    for value, bounds, count in zip(row.values, row.intervals, row.counts, strict=True):
        yield "" if math.isnan(value) else f"{_figure(value, row.rate)}{_bounds(bounds, row.rate)} (n={count})"
    found = row.difference
    if found is None:
        yield from ("", "", "")
        return
    yield f"{_figure(found.value, row.rate, '+')}{_bounds((found.low, found.high), row.rate, '+')}"
    yield "*" if found.significant else ""
    yield "yes" if found.paired else "no"


def _bounds(bounds: tuple[float, float] | None, rate: bool, sign: str = "") -> str:
    if bounds is None or math.isnan(bounds[0]):
        return ""
    return f" [{', '.join(_figure(bound, rate, sign) for bound in bounds)}]"


def _figure(value: float, rate: bool, sign: str = "") -> str:
    return f"{value:{sign}.1%}" if rate else f"{value:{sign}.3f}"
