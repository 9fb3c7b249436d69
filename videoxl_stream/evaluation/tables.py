"""The scoreboard as tables for people."""

from __future__ import annotations

from rich.table import Table

from videoxl_stream.evaluation.plain_table import plain_table
from videoxl_stream.evaluation.scoreboard import GROUPS, Scoreboard, Tally
from videoxl_stream.evaluation.trial import BASELINES, GATED, MODEL
from videoxl_stream.training.footage.conditions import CONDITIONS

NAMES = {
    MODEL: "model",
    GATED: "motion gate",
    "zeroed": "memory zeroed",
    "always": "always yes",
    "difference": "frames differ",
    "colour": "mean colour",
}
_POOLED = ("anomalies", "all")


def tables(board: Scoreboard) -> list[Table]:
    """All that there is to show."""
    shown = [score_table(board), baseline_table(board), condition_table(board)]
    return [*shown, gate_table(board)] if GATED in board.ways else shown


def score_table(board: Scoreboard) -> Table:
    """What the model found."""
    columns = ("true", "found", "right", "prec.", "recall", "F1", "IoU", "delay", "false/h")
    table = plain_table("what the model found", "kind", *columns)
    for group in GROUPS:
        one = board.tally(MODEL, group)
        numbers = (one.true, one.found, one.matched)
        shares = (one.counts.precision, one.counts.recall, one.counts.f1)
        _add(table, group, [*map(str, numbers), *(f"{share:.2f}" for share in shares), *_means(one)])
    return table


def _means(one: Tally) -> list[str]:
    matched = one.to_json()
    means = [f"{matched['mean_iou']:.2f}", f"{matched['mean_delay_s']:.1f}"] if one.matched else ["", ""]
    return [*means, f"{one.alarms_per_hour:.1f}"]


def baseline_table(board: Scoreboard) -> Table:
    """F1 of the model and of the baselines."""
    ways = [way for way in BASELINES if way in board.ways]
    table = plain_table("F1 beside baselines", "kind", "model", *(NAMES[way] for way in ways), "above best")
    for group in GROUPS:
        scores = [board.tally(way, group).counts.f1 for way in (MODEL, *ways)]
        _add(table, group, [*(f"{score:.2f}" for score in scores), f"{board.margin(group):+.2f}"])
    return table


def condition_table(board: Scoreboard) -> Table:
    """What the model found under each condition; a clip may be of several."""
    columns = ("clips", "true", "found", "right", "prec.", "recall", "F1", "false/h")
    table = plain_table("conditions", "", *columns)
    for condition in CONDITIONS:
        clips = [truth for one in board.findings for truth in one.truths.values() if condition in truth.conditions]
        if clips:
            one = board.tally(MODEL, "all", condition)
            numbers = (len(clips), one.true, one.found, one.matched)
            shares = (one.counts.precision, one.counts.recall, one.counts.f1)
            cells = (*map(str, numbers), *(f"{share:.2f}" for share in shares), f"{one.alarms_per_hour:.1f}")
            table.add_row(condition, *cells)
    return table


def gate_table(board: Scoreboard) -> Table:
    """What the motion gate saves, and what it costs."""
    columns = ("frames", "taken in", "model s", "recall", "precision", "F1")
    table = plain_table("motion gate", "", *columns)
    for way, name in ((MODEL, "off"), (GATED, "on")):
        cost, counts = board.cost(way), board.tally(way, "all").counts
        shares = (counts.recall, counts.precision, counts.f1)
        spent = (str(cost.read), str(cost.ingested), f"{cost.model_s:.0f}")
        table.add_row(name, *spent, *(f"{share:.2f}" for share in shares))
    return table


def _add(table: Table, group: str, cells: list[str]) -> None:
    table.add_row(group, *cells, style="bold" if group in _POOLED else None)
