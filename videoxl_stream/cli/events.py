"""``videoxl-stream events``: what is in an event store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from videoxl_stream.events import Event, Status

events = typer.Typer(name="events", help="Look at the events that were found.", no_args_is_help=True)


@events.callback()
def _group() -> None:
    """Keep ``events list`` a command of a group while the group has one command."""


@events.command("list")
def list_events(
    store: Annotated[str, typer.Option(help="SQLAlchemy URL of the event store.")] = "sqlite:///events.db",
    stream: Annotated[str | None, typer.Option(help="Of this stream only.")] = None,
    rule: Annotated[str | None, typer.Option(help="Of this rule only.")] = None,
    status: Annotated[Status | None, typer.Option(help="In this state only.")] = None,
    since: Annotated[datetime | None, typer.Option(help="That end at this time (UTC) or later.")] = None,
    until: Annotated[datetime | None, typer.Option(help="That start before this time (UTC).")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="This many at most, the newest.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List events, oldest first."""
    from videoxl_stream.store import EventStore

    with EventStore(store, create=False) as opened:
        found = opened.events(
            stream_id=stream, rule=rule, status=status, since=_utc(since), until=_utc(until), limit=limit
        )
    if as_json:
        typer.echo(json.dumps([event.model_dump(mode="json") for event in found], indent=2))
    else:
        Console().print(_table(found))


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


def _table(found: Sequence[Event]) -> Table:
    table = Table("start (UTC)", "seconds", "stream", "rule", "severity", "status", "probability", "id")
    for event in found:
        table.add_row(
            f"{event.start.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            f"{event.end_s - event.start_s:.1f}",
            escape(event.stream_id),
            escape(event.rule),
            event.severity,
            event.status,
            f"{event.probability:.0%}",
            event.id[:8],
        )
    return table
