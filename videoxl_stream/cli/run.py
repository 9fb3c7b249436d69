"""``videoxl-stream run``: watch the sources of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from videoxl_stream.cli.references import load_object
from videoxl_stream.cli.shown import line
from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Status

if TYPE_CHECKING:
    from videoxl_stream.pipeline import Pipeline
    from videoxl_stream.pipeline import Progress as Step


def run(
    definition: Annotated[
        str, typer.Argument(metavar="FILE.py:NAME", help="A Pipeline, or a function that makes one.")
    ],
    resume: Annotated[bool, typer.Option(help="Go on where the store says that each stream stopped.")] = False,
) -> None:
    """Watch the sources of a pipeline until they end, and tell what happens."""
    pipeline = _load(definition)
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console) as bars:
            pipeline.run(resume=resume, progress=_Screen(bars))
    finally:
        if pipeline.counts:
            console.print(_summary(pipeline))
            console.print(f"events are in {pipeline.store.name}", style="dim", markup=False, soft_wrap=True)


class _Screen:
    """A bar for each stream, and a line for each event above them."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, step: Step) -> None:
        if step.stream_id not in self._tasks:
            self._tasks[step.stream_id] = self._bars.add_task(escape(step.stream_id), total=step.expected_frames)
        self._bars.update(self._tasks[step.stream_id], completed=step.counts.read)
        for event in step.events:
            if event.status != Status.UPDATED:
                self._bars.console.print(line(event), soft_wrap=True, highlight=False)


def _load(definition: str) -> Pipeline:
    from videoxl_stream.pipeline import Pipeline

    found = load_object(definition)
    if callable(found) and not isinstance(found, Pipeline):
        found = found()
    if not isinstance(found, Pipeline):
        msg = f"{definition} is {type(found).__name__}, no Pipeline; name a Pipeline or a function that returns one"
        raise ConfigError(msg)
    return found


def _summary(pipeline: Pipeline) -> Table:
    table = Table("stream", "read", "ingested", "dropped", "waiting", "windows", "events")
    for stream_id, counts in pipeline.counts.items():
        numbers = (counts.read, counts.ingested, counts.dropped, counts.held, counts.windows, counts.events)
        table.add_row(escape(stream_id), *(str(number) for number in numbers))
    return table
