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
    from videoxl_stream.evaluation.comparison import Row
    from videoxl_stream.pipeline import Progress as Step


def demo(
    seed: Annotated[
        list[int] | None, typer.Option(help="Of the footage, may be repeated; None takes those always shown.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for clips, events, report and summary.")] = Path("demo"),
    seconds: Annotated[float, typer.Option(min=10, help="Length of each clip.")] = 180.0,
) -> None:
    """Render videos, watch them with the model that comes along, and compare what it finds with the truth."""
    console = Console()
    with console.status("loading PyTorch"):
        from videoxl_stream.evaluation.demo import SEEDS, Demo
        from videoxl_stream.evaluation.tables import tables
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as bars:
        screen = _Screen(bars)
        shown = Demo(out, seed or SEEDS, seconds).run(sinks=[screen], on_render=screen.render, on_watch=screen.watch)
    console.print(_events(shown.compared.rows()))
    for table in tables(shown.board):
        console.print(table)
    for name in ("report.html", "events.db", "summary.json"):
        console.print(str(out / name), style="dim", markup=False, highlight=False, soft_wrap=True)


class _Screen:
    """Bars for rendering and for each way of watching, and a line above them for each event that opens."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._shares: dict[str, dict[str, tuple[float, float]]] = {}

    def write(self, event: Event) -> None:
        """Show an event."""
        if event.status == Status.OPENED:
            line = f"{event.start_s:6.1f} s  {event.stream_id}: {event.rule} ({event.probability:.0%})"
            self._bars.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def render(self, stream_id: str, share: float) -> None:
        """Move the bar of the clips being rendered."""
        self._move("rendering", stream_id, share, 1.0)

    def watch(self, way: str, step: Step) -> None:
        """Move the bar of a way of watching."""
        done = step.counts.ingested + step.counts.still
        self._move(f"watching: {way}", step.stream_id, done, step.expected_frames or done)

    def _move(self, name: str, stream_id: str, done: float, total: float) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(escape(name), total=None)
            self._shares[name] = {}
        shares = self._shares[name]
        shares[stream_id] = (done, total)
        finished, whole = (sum(column) for column in zip(*shares.values(), strict=True))
        self._bars.update(self._tasks[name], completed=finished, total=whole)


def _events(rows: list[Row]) -> Table:
    table = Table("stream", "kind", "true (s)", "found (s)", "IoU", "content", title="true and found")
    for row in rows:
        true, found = "nothing", "missed"
        if row.true is not None:
            true = "\n".join((_span(row.true.start_s, row.true.end_s), row.true.attributes.get("brand", ""))).strip()
        if row.event is not None:
            found = _span(row.event.start_s, row.event.end_s)
        iou = "" if row.iou is None else f"{row.iou:.2f}"
        content = "" if row.event is None else row.event.content or ""
        right = row.true is not None and row.event is not None
        table.add_row(row.stream_id, row.kind, true, found, iou, content, style=None if right else "yellow")
    return table


def _span(start_s: float, end_s: float) -> str:
    return f"{start_s:.0f} to {end_s:.0f}"
