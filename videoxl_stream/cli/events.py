"""``videoxl-stream events``: what is in an event store."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from videoxl_stream.cli.amounts import moment
from videoxl_stream.cli.export import Format, write_events
from videoxl_stream.cli.shown import line, table
from videoxl_stream.events import Event, Severity, Status

events = typer.Typer(name="events", help="Look at the events that were found.", no_args_is_help=True)

_Store = Annotated[str, typer.Option(help="SQLAlchemy URL of the event store.")]
_Stream = Annotated[str | None, typer.Option(help="Of this stream only.")]
_Rule = Annotated[str | None, typer.Option(help="Of this rule only.")]
_Severity = Annotated[Severity | None, typer.Option(help="Of this severity only.")]
_Status = Annotated[Status | None, typer.Option(help="In this state only.")]
_Since = Annotated[
    datetime | None,
    typer.Option(parser=moment, metavar="TIME", help="That end at this time (UTC) or later, or this long ago: 2h, 1d."),
]
_Until = Annotated[
    datetime | None,
    typer.Option(parser=moment, metavar="TIME", help="That start before this time (UTC), or before so long ago."),
]
_DEFAULT = "sqlite:///events.db"


@events.command()
def schema() -> None:
    """Print the JSON Schema of events as sinks get them, version 1."""
    from videoxl_stream.events import event_schema

    typer.echo(json.dumps(event_schema(), indent=2))


@events.command("list")
def list_events(
    store: _Store = _DEFAULT,
    stream: _Stream = None,
    rule: _Rule = None,
    severity: _Severity = None,
    status: _Status = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[int | None, typer.Option(min=1, help="This many at most, the newest.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List events, oldest first."""
    from videoxl_stream.store import EventStore

    with EventStore(store, create=False) as opened:
        found = opened.events(
            stream_id=stream, rule=rule, severity=severity, status=status, since=since, until=until, limit=limit
        )
    if as_json:
        typer.echo(json.dumps([event.model_dump(mode="json") for event in found], indent=2))
    else:
        Console().print(table(found))


@events.command()
def tail(
    store: _Store = _DEFAULT,
    stream: _Stream = None,
    rule: _Rule = None,
    severity: _Severity = None,
    status: _Status = None,
    last: Annotated[int, typer.Option(min=0, help="Begin with so many events that are there already.")] = 10,
    follow: Annotated[bool, typer.Option(help="Go on with what is found from now on, until Ctrl-C.")] = True,
    every_s: Annotated[float, typer.Option("--every", min=0.01, help="Seconds between looks at the store.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Follow events as they are found, updated and closed."""
    from videoxl_stream.store import EventStore

    wanted = {"stream_id": stream, "rule": rule, "severity": severity, "status": status}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    console = Console()

    def show(event: Event) -> None:
        if as_json:
            typer.echo(event.model_dump_json())
        else:
            console.print(line(event), soft_wrap=True, highlight=False)

    with EventStore(store, create=False) as opened:
        seen = opened.last_change()
        before = opened.events(stream_id=stream, rule=rule, severity=severity, status=status, limit=last)
        for event in before:
            show(event)
        while follow:
            changed, seen = opened.changes(seen)
            for event in changed:
                # What was written while we listed the last ones is shown already.
                if event not in before and all(getattr(event, name) == value for name, value in wanted.items()):
                    show(event)
            if not changed:
                time.sleep(every_s)


@events.command()
def export(
    out: Annotated[Path, typer.Argument(help="The file to write, .jsonl or .csv.")],
    store: _Store = _DEFAULT,
    stream: _Stream = None,
    rule: _Rule = None,
    severity: _Severity = None,
    status: _Status = None,
    since: _Since = None,
    until: _Until = None,
    evidence: Annotated[
        Path | None, typer.Option(help="Evidence folder: copy the files of each event into a folder beside the file.")
    ] = None,
    keep: Annotated[
        bool | None, typer.Option(help="Whether retention spares the events from now on; with --evidence it does.")
    ] = None,
) -> None:
    """Write events to a file, and their evidence beside it; what was exported with its evidence is kept."""
    from videoxl_stream.store import EventStore

    named = {"stream_id": stream, "rule": rule, "severity": severity, "status": status}
    with EventStore(store, create=False) as opened:
        found = opened.each_event(since=since, until=until, **named)
        kept = evidence is not None if keep is None else keep
        written = write_events(opened, found, out, Format.of(out), evidence, keep=kept)
    Console().print(str(written), markup=False, highlight=False, soft_wrap=True)


@events.command()
def keep(
    event_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Events, by their ids or how these begin.")],
    store: _Store = _DEFAULT,
    undo: Annotated[bool, typer.Option("--undo", help="Let retention take them again.")] = False,
) -> None:
    """Mark events and their evidence, so that retention never takes them."""
    from videoxl_stream.store import EventStore

    with EventStore(store, create=False) as opened:
        for event_id in [opened.find(given).id for given in event_ids]:
            opened.keep(event_id, kept=not undo)
            typer.echo(event_id)
