"""``videoxl-stream run``: watch the sources of a pipeline."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from videoxl_stream.cli.amounts import shown_bytes
from videoxl_stream.cli.leaving import leave
from videoxl_stream.cli.logs import LogFormat, LogLevel, log_to_stderr
from videoxl_stream.cli.references import load_pipeline, load_site
from videoxl_stream.cli.shown import line
from videoxl_stream.errors import ConfigError, StoreError
from videoxl_stream.events import Status

if TYPE_CHECKING:
    from videoxl_stream.config import Site
    from videoxl_stream.config.reload import Reload
    from videoxl_stream.daemon import Daemon, Health
    from videoxl_stream.delivery import Delivery
    from videoxl_stream.pipeline import Pipeline
    from videoxl_stream.pipeline import Progress as Step
    from videoxl_stream.store import EventStore

_UPKEEP_SHARE = 20  # evidence may exceed its budget by a twentieth before it is brought back
_log = logging.getLogger(__name__)


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
    resume: Annotated[
        bool | None,
        typer.Option(
            help="Go on where the store says that each stream stopped, as live and durable ones do unless told not to."
        ),
    ] = None,
    log_format: Annotated[
        LogFormat | None,
        typer.Option(help="Log to standard error, as text or as lines of JSON, instead of showing bars."),
    ] = None,
    log_level: Annotated[LogLevel, typer.Option(help="How much to log, with --log-format.")] = LogLevel.INFO,
) -> None:
    """Watch the sources of a pipeline until they end, or until told to stop, and tell what happens.

    SIGTERM and Ctrl-C let it work off what waits and end within ten seconds; SIGHUP lets it read a YAML file again.
    """
    if log_format is not None:
        log_to_stderr(log_format, log_level)
    changes = {"source": source, "model": model, "events": events}
    work = _load(definition, {name: value for name, value in changes.items() if value})
    pipeline, console = work.pipeline, Console(quiet=log_format is not None)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, disable=log_format is not None) as bars:
            work.daemon(resume, _Screen(bars)).run()
    finally:
        if pipeline.counts:
            _sum_up(pipeline, console)
            console.print(f"events are in {pipeline.store.name}", style="dim", markup=False, soft_wrap=True)
        pipeline.store.close()
    for fault in pipeline.faults.values():
        raise fault


@dataclass(frozen=True, slots=True)
class _Work:
    """A pipeline, and what a daemon does besides."""

    pipeline: Pipeline
    delivery: Delivery | None = None
    health: Health | None = None
    upkeep: Callable[[], None] | None = None
    reload: Callable[[], None] | None = None
    upkeep_bytes: int | None = None
    goes_on: bool = False

    def daemon(self, resume: bool | None, screen: _Screen) -> Daemon:
        from videoxl_stream.daemon import Daemon

        live = bool(self.pipeline.feeds) or any(source.live for source in self.pipeline.sources)
        return Daemon(
            self.pipeline,
            delivery=self.delivery,
            upkeep=self.upkeep,
            upkeep_bytes=self.upkeep_bytes,
            reload=self.reload,
            health=self.health,
            progress=screen,
            resume=live or self.goes_on if resume is None else resume,
            overdue=_end_anyway,
        )


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


def _load(definition: str, changes: dict[str, Any]) -> _Work:
    if definition.endswith(".py") or ".py:" in definition:
        if changes:
            given = ", ".join(f"--{name}" for name in changes)
            msg = f"{definition} says itself what is watched and how; leave {given} out, or give a YAML file"
            raise ConfigError(msg)
        return _Work(load_pipeline(definition))
    from videoxl_stream.config.reload import Reload

    site, document = load_site(definition)
    if changes:
        site = site.changed(**changes)
    pipeline = site.pipeline(document=None if changes else document)
    budget = site.retention.budget_bytes
    reload = None if changes else Reload(document.path, site, pipeline)
    return _Work(
        pipeline,
        delivery=site.delivery(pipeline.store),
        health=None if site.health is None else site.health.health,
        upkeep=partial(_let_go, site, reload, pipeline.store),
        upkeep_bytes=None if budget is None else max(1, budget // _UPKEEP_SHARE),
        reload=reload,
        goes_on=site.durability is not None,
    )


def _let_go(site: Site, reload: Reload | None, store: EventStore) -> None:
    gone = (site if reload is None else reload.site).retain(store)
    if gone.events or gone.num_bytes:
        typer.echo(f"deleted, as retention says: {gone.events} events, {shown_bytes(gone.num_bytes)} of evidence")


def _end_anyway() -> None:
    """End the process as it stands: what is durable is, and the next start goes on from there."""
    _log.warning("something holds the end up, so it ends as it stands; the next start goes on where this one was")
    leave(0)


def _sum_up(pipeline: Pipeline, console: Console) -> None:
    try:
        console.print(_summary(pipeline))
    except StoreError as e:
        _log.warning("the store is out of reach at the end: %s", e)


def _summary(pipeline: Pipeline) -> Table:
    table = Table(
        "stream", "sampled away", "read", "ingested", "still", "dropped", "waiting", "windows", "events", "evidence"
    )
    for stream_id, counts in pipeline.counts.items():
        read = (counts.sampled_away, counts.read, counts.ingested, counts.still, counts.dropped, counts.held)
        files = len(pipeline.store.exhibits(pipeline=pipeline.name, stream_id=stream_id))
        table.add_row(escape(stream_id), *map(str, (*read, counts.windows, counts.events, files)))
    return table
