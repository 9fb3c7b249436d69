"""``videoxl-stream demo``: everything at work, on footage rendered for the occasion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from videoxl_stream.events import Event, Status

if TYPE_CHECKING:
    from videoxl_stream.evaluation.comparison import Comparison, Row
    from videoxl_stream.evaluation.matching import Counts
    from videoxl_stream.pipeline import Progress as Step


def demo(
    seed: Annotated[int | None, typer.Option(help="Of the footage; None takes the one that is always shown.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for clips, events, report and summary.")] = Path("demo"),
    seconds: Annotated[float, typer.Option(min=10, help="Length of each of the two clips.")] = 180.0,
) -> None:
    """Render two videos, watch them with the model that comes along, and compare what it finds with the truth."""
    console = Console()
    with console.status("loading PyTorch"):
        from videoxl_stream.evaluation.demo import SEED, Demo
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as bars:
        screen = _Screen(bars)
        compared = Demo(out, SEED if seed is None else seed, seconds).run(
            sinks=[screen], on_render=screen.render, on_watch=screen.watch
        )
    console.print(_events(compared.rows()))
    console.print(_score(compared))
    for name in ("report.html", "events.db", "summary.json"):
        console.print(str(out / name), style="dim", markup=False, highlight=False, soft_wrap=True)


class _Screen:
    """Bars for rendering and watching each stream, and a line above them for each event that opens."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def write(self, event: Event) -> None:
        """Show an event."""
        if event.status == Status.OPENED:
            line = f"{event.start_s:6.1f} s  {event.stream_id}: {event.rule} ({event.probability:.0%})"
            self._bars.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def render(self, style: str, share: float) -> None:
        """Move the bar of a clip being rendered."""
        self._move(f"rendering {style}", share, 1.0)

    def watch(self, step: Step) -> None:
        """Move the bar of a clip being watched."""
        self._move(f"watching {step.stream_id}", step.counts.ingested, step.expected_frames)

    def _move(self, name: str, done: float, total: float | None) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(escape(name), total=total)
        self._bars.update(self._tasks[name], completed=done)


def _events(rows: list[Row]) -> Table:
    table = Table("stream", "kind", "true (s)", "found (s)", "IoU", "answer", title="true and found")
    for row in rows:
        true, found = "nothing", "missed"
        if row.true is not None:
            true = "\n".join((_span(row.true.start_s, row.true.end_s), row.true.attributes.get("brand", ""))).strip()
        if row.event is not None:
            found = _span(row.event.start_s, row.event.end_s)
        iou = "" if row.iou is None else f"{row.iou:.2f}"
        answer = "" if row.event is None else row.event.answer
        right = row.true is not None and row.event is not None
        table.add_row(row.stream_id, row.kind, true, found, iou, answer, style=None if right else "yellow")
    return table


def _span(start_s: float, end_s: float) -> str:
    return f"{start_s:.0f} to {end_s:.0f}"


def _score(compared: Comparison) -> Table:
    table = Table("kind", "true", "found", "matched", "precision", "recall", "F1", title="score")
    for kind, counts in compared.score.kinds.items():
        table.add_row(kind, *_numbers(counts))
    table.add_section()
    table.add_row("all", *_numbers(compared.score.total), style="bold")
    return table


def _numbers(counts: Counts) -> list[str]:
    numbers = (counts.true, counts.found, counts.matched)
    return [*map(str, numbers), f"{counts.precision:.2f}", f"{counts.recall:.2f}", f"{counts.f1:.2f}"]
