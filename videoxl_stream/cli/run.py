"""``videoxl-stream run``: watch the sources of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from videoxl_stream.cli.amounts import shown_bytes
from videoxl_stream.cli.references import load_pipeline, load_site
from videoxl_stream.cli.shown import line
from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Status

if TYPE_CHECKING:
    from videoxl_stream.pipeline import Pipeline
    from videoxl_stream.pipeline import Progress as Step


def run(
    definition: Annotated[
        str,
        typer.Argument(
            metavar="DEFINITION",
            help="FILE.yaml; FILE.py:NAME of a Pipeline or of a function that makes one; or a ready-made one: "
            "surveillance, ad_detection or daily_summary.",
        ),
    ],
    source: Annotated[
        list[str] | None, typer.Option(help="Path or URL to watch instead of a YAML file's own; may be repeated.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Instead of a YAML file's own.")] = None,
    events: Annotated[str | None, typer.Option(help="URL of the event store, instead of a YAML file's own.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on where the store says that each stream stopped.")] = False,
) -> None:
    """Watch the sources of a pipeline until they end, and tell what happens."""
    changes = {"source": source, "model": model, "events": events}
    pipeline = _load(definition, {name: value for name, value in changes.items() if value})
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console) as bars:
            pipeline.run(resume=resume, progress=_Screen(bars))
    finally:
        if pipeline.counts:
            console.print(_summary(pipeline))
            console.print(f"events are in {pipeline.store.name}", style="dim", markup=False, soft_wrap=True)
        pipeline.store.close()


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


def _load(definition: str, changes: dict[str, Any]) -> Pipeline:
    if definition.endswith(".py") or ".py:" in definition:
        if changes:
            given = ", ".join(f"--{name}" for name in changes)
            msg = f"{definition} says itself what is watched and how; leave {given} out, or give a YAML file"
            raise ConfigError(msg)
        return load_pipeline(definition)
    site, document = load_site(definition)
    if changes:
        site = site.changed(**changes)
    pipeline = site.pipeline(document=None if changes else document)
    gone = site.retain(pipeline.store)
    if gone.events or gone.num_bytes:
        typer.echo(f"deleted, as retention says: {gone.events} events, {shown_bytes(gone.num_bytes)} of evidence")
    return pipeline


def _summary(pipeline: Pipeline) -> Table:
    table = Table(
        "stream", "sampled away", "read", "ingested", "still", "dropped", "waiting", "windows", "events", "evidence"
    )
    for stream_id, counts in pipeline.counts.items():
        read = (counts.sampled_away, counts.read, counts.ingested, counts.still, counts.dropped, counts.held)
        files = len(pipeline.store.exhibits(pipeline=pipeline.name, stream_id=stream_id))
        table.add_row(escape(stream_id), *map(str, (*read, counts.windows, counts.events, files)))
    return table
