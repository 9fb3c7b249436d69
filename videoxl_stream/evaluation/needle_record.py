"""What a needle run found, as a record and as tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from rich.table import Table

from videoxl_stream.evaluation.needle_grid import Grid
from videoxl_stream.evaluation.plain_table import plain_table
from videoxl_stream.evaluation.provenance import hardware, versions
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.subject import Subject

MEANS_NOTHING = (
    "random weights: the answers mean nothing and are not scored; times and bytes are those of the true sizes"
)
_FIGURES = {"needle": "needle", "none": "none shown", "gone": "gone and said so", "left": "none left"}


def record(
    subject: Subject, grid: Grid, pieces: Sequence[Mapping[str, Any]], device: str, size: tuple[int, int]
) -> Record:
    """Everything about a run in one record; answers of random weights are left out."""
    settings = {**asdict(grid), "size": size}
    made = Record("needle", subject.to_json(), settings, versions(), hardware(device))
    made.times = [_times(pieces, length, ratio) for length in sorted(grid.lengths) for ratio in grid.ratios]
    if subject.random:
        made.details["note"] = MEANS_NOTHING
        return made
    pairs: dict[str, list[tuple[bool, float]]] = {}
    for length, seed, ratio, answer in _answers(pieces):
        _count(made, length, seed, ratio, answer)
        if answer["what"] != "gone":
            pairs.setdefault(f"ratio {ratio}", []).append((answer["right"], answer["probability"]))
    for name, each in pairs.items():
        made.add_reliability(name, each)
    return made


def _answers(pieces: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, int, str, dict[str, Any]]]:
    for piece in pieces:
        for ratio, found in piece["ratios"].items():
            for answer in found["answers"]:
                yield piece["num_frames"], piece["seed"], ratio, answer


def _count(made: Record, length: int, seed: int, ratio: str, answer: Mapping[str, Any]) -> None:
    what, depth, form = answer["what"], answer["depth"], answer["form"]
    figure = _FIGURES[what]
    scores = [f"{figure}, ratio {ratio}", f"{figure}, ratio {ratio}, {length} frames"]
    if what == "needle":
        scores += [depth_score(ratio, length, depth), f"{figure}, ratio {ratio}, {form}s"]
    cell = f"{what}/{ratio}/{length}" + ("" if depth is None else f"/{depth:g}/{form}")
    made.add(scores, cell, str(seed), answer["right"])


def depth_score(ratio: int | str, length: int, depth: float) -> str:
    """Name of the figure of one cell of the grid."""
    return f"needle, ratio {ratio}, {length} frames, depth {depth:g}"


def _times(pieces: Sequence[Mapping[str, Any]], length: int, ratio: int) -> dict[str, Any]:
    """Medians over the haystacks of a length, at a ratio."""
    of = [piece for piece in pieces if piece["num_frames"] == length]
    found = [piece["ratios"][str(ratio)] for piece in of]
    row: dict[str, Any] = {"num_frames": length, "ratio": ratio, "haystacks": len(of)}
    row["encode_fps"] = _median(length / piece["times"]["encode_s"] for piece in of)
    row["compress_fps"] = _median(each["frames"] / each["compress_s"] for each in found)
    row["ask_s"] = _median(each["ask_s"] / max(1, sum(a["what"] != "gone" for a in each["answers"])) for each in found)
    row["memory_bytes"] = max((each["memory_bytes"] for each in found), default=0)
    if any("peak_bytes" in each for each in found):
        row["peak_bytes"] = max(each["peak_bytes"] for each in found)
    return row


def _median(values: Iterator[float]) -> float:
    found = list(values)
    return round(median(found), 5) if found else math.nan


def tables(made: Record) -> list[Table]:
    """For a terminal: the grid of each ratio, what else was scored, and times."""
    settings, shown = made.settings, []
    if made.scores:
        for ratio in settings["ratios"]:
            grid = plain_table(
                f"needles named right, ratio {ratio}", "frames", *(f"{d:g}" for d in settings["depths"]), "all"
            )
            for length in sorted(settings["lengths"]):
                names = [depth_score(ratio, length, depth) for depth in settings["depths"]]
                cells = [_rate(made, name) for name in (*names, f"needle, ratio {ratio}, {length} frames")]
                grid.add_row(str(length), *cells)
            shown.append(grid)
        rest = plain_table("of all lengths", "", "right", "95 %", "of")
        for name, score in made.to_json()["scores"].items():
            if "frames" not in name:
                rest.add_row(name, _rate(made, name), f"{score['low']:.1%} to {score['high']:.1%}", str(score["n"]))
        shown.append(rest)
    times = plain_table("times", "frames", "ratio", "encode frames/s", "compress frames/s", "s a question", "memory MB")
    for row in made.times:
        speeds = (f"{row['encode_fps']:.0f}", f"{row['compress_fps']:.0f}", f"{row['ask_s']:.3f}")
        times.add_row(str(row["num_frames"]), str(row["ratio"]), *speeds, f"{row['memory_bytes'] / 1e6:.1f}")
    return [*shown, times]


def _rate(made: Record, name: str) -> str:
    return f"{made.value(name):.1%}" if name in made.scores else ""
