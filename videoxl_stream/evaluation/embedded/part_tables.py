"""The tables of a part for the page, in Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

from videoxl_stream.evaluation.embedded.calibration_part import ALL, error_of
from videoxl_stream.evaluation.embedded.figure import Figure, Unit
from videoxl_stream.evaluation.embedded.leakage_part import LATER
from videoxl_stream.evaluation.needle_record import depth_score
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.scoreboard import GROUPS
from videoxl_stream.evaluation.trial import MODEL
from videoxl_stream.training.footage.vocabulary import KINDS


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; all columns but the first hold numbers."""
    lines = [columns, ["---", *["--:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def tables(record: Record) -> list[str]:
    """Everything of a record that people want to see."""
    return list(_TABLES[record.measure](record))


def _needles(record: Record) -> Iterator[str]:
    depths, lengths = record.settings["depths"], sorted(record.settings["lengths"])
    for ratio in record.settings["ratios"]:
        rows = []
        for length in lengths:
            whole = f"needle, ratio {ratio}, {length} frames"
            names = [*(depth_score(ratio, length, depth) for depth in depths), whole]
            found = Figure.of(record, whole)
            rows.append([f"{length:,}", *(_cell(record, name) for name in names), found.interval_written("share")])
        yield markdown([f"ratio {ratio}: frames", *(f"depth {d:g}" for d in depths), "all", "95 %"], rows)
    rest = [name for name in record.scores if "frames" not in name]
    yield _scores(record, {name: name for name in rest})


def _events(record: Record) -> Iterator[str]:
    """A row for each kind; what was true, found and right comes from the scoreboard."""
    counts: Mapping[str, Mapping[str, float]] = record.details["ways"][MODEL]
    rows = []
    for group in GROUPS:
        one, f1 = counts[group], Figure.of(record, f"{group}: F1")
        units: dict[str, Unit] = {"false alarms per hour": "score", "delay (s)": "s", "span IoU": "score"}
        rest = [Figure.of(record, f"{group}: {name}").written(unit) for name, unit in units.items()]
        named = Figure.of(record, f"{group}: brand named right")
        numbers = [f"{one[name]:g}" for name in ("true", "found", "matched")]
        interval = f1.interval_written("score")
        rows.append([group, *numbers, f1.written("score"), interval, *rest, named.written("share") if named.n else ""])
    columns = ("true", "found", "right", "F1", "95 %", "false alarms/h", "delay", "span IoU", "brand named right")
    yield markdown(["kind", *columns], rows)


def _choices(record: Record) -> Iterator[str]:
    yield _scores(record, {name: name for name in record.scores})


def _leakage(record: Record) -> Iterator[str]:
    rows = []
    for kind, view in product(record.settings["kinds"], LATER):
        figures = [Figure.of(record, f"{kind}, {view}: {name}") for name in ("change", "turned to yes")]
        change, turned = figures
        rows.append([kind, view, change.written("score"), change.interval_written("score"), turned.written("share")])
    yield markdown(("kind", "view", "mean change", "95 %", "turned to yes"), rows)
    kinds = record.settings["kinds"]
    yield _scores(record, {f"{kind}: event seen": f"{kind}: the event itself seen" for kind in kinds})


def _verdicts(record: Record) -> Iterator[str]:
    rows = []
    for kind in (*KINDS, ALL):
        found, raw = (Figure.of_value(record, error_of(f"{kind}{how}")) for how in ("", ", uncalibrated"))
        counts = (str(found.n), str(record.details["true"].get(kind, 0)))
        rows.append([kind, *counts, found.written("score"), found.interval_written("score"), raw.written("score")])
    yield markdown(("kind", "verdicts", "true", "ECE", "95 %", "ECE, uncalibrated"), rows)


def _ingest(record: Record) -> Iterator[str]:
    rows = []
    for slots in record.settings["slots"]:
        rate, told = Figure.of_value(record, f"frames/s, {slots} slots"), record.details[f"{slots} slots"]
        peak, _ = record.values.get(f"peak bytes, {slots} slots", (math.nan, 0))
        numbers = [rate.written("frames/s"), rate.interval_written("frames/s"), str(rate.n)]
        cells = [f"{peak / 1e9:.2f} GB", f"{told['ask_s']:.2f} s", f"{told['load']:.1f}"]
        rows.append([f"{slots:,}", *numbers, *cells])
    yield markdown(("slots", "median", "95 %", "windows", "process at most", "all questions", "load before"), rows)


_TABLES: Mapping[str, Callable[[Record], Iterator[str]]] = {
    "needle": _needles,
    "events": _events,
    "vnbench": _choices,
    "leakage": _leakage,
    "verdicts": _verdicts,
    "ingest": _ingest,
}


def _cell(record: Record, name: str) -> str:
    return Figure.of(record, name).written("share") if name in record.scores else ""


def _scores(record: Record, names: Mapping[str, str]) -> str:
    """Shares with their intervals."""
    rows = []
    for name, shown in names.items():
        found = Figure.of(record, name)
        rows.append([shown, found.written("share"), found.interval_written("share"), str(found.n)])
    return markdown(("", "right", "95 %", "n"), rows)
