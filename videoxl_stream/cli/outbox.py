"""``videoxl-stream outbox``: what has not been delivered, and what is to become of it."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

outbox = typer.Typer(name="outbox", help="See to events that no sink has taken yet.", no_args_is_help=True)

_Store = Annotated[str, typer.Option(help="SQLAlchemy URL of the event store.")]
_DEFAULT = "sqlite:///events.db"


@outbox.command("list")
def list_(
    store: _Store = _DEFAULT,
    sink: Annotated[str | None, typer.Option(help="On the way to this one only.")] = None,
    refused: Annotated[
        bool | None, typer.Option("--refused/--waiting", help="Only what was refused for good, or only what waits.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show this many at most, the oldest.")] = 20,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document a line, with each event as it is sent.")
    ] = False,
) -> None:
    """Show what has not been delivered, and why not."""
    from videoxl_stream.store import EventStore

    with EventStore(store, create=False) as opened:
        letters, backlog = opened.outbox.letters(sink, refused=refused, limit=limit), opened.outbox.backlog()
    if as_json:
        for each in letters:
            fields = {"sink": each.sink, "seq": each.seq, "refused": each.refused, "attempts": each.attempts}
            typer.echo(json.dumps({**fields, "error": each.error, "event": json.loads(each.payload)}))
        return
    rows = Table("since (UTC)", "sink", "event", "revision", "state", "attempts", "error")
    for each in letters:
        state = "refused" if each.refused else "waiting"
        cells = (each.sink, each.event_id[:8], str(each.revision), state, str(each.attempts), each.error or "")
        rows.add_row(f"{each.at:%Y-%m-%d %H:%M:%S}", *map(escape, cells))
    if letters:
        Console().print(rows)
    for name, left in backlog.items():
        typer.echo(f"{name}: {left.waiting} waiting, {left.refused} refused")
    if not backlog:
        typer.echo("everything has been delivered")


@outbox.command()
def retry(
    store: _Store = _DEFAULT,
    sink: Annotated[str | None, typer.Option(help="On the way to this one only.")] = None,
    event: Annotated[str | None, typer.Option(help="The beginning of an event's id; otherwise all.")] = None,
) -> None:
    """Have what was refused delivered after all, by the pipeline that runs or the next that does."""
    from videoxl_stream.store import EventStore

    with EventStore(store, create=False) as opened:
        event_id = None if event is None else opened.find(event).id
        typer.echo(f"{opened.outbox.retry(sink, event_id=event_id)} will be tried again")


@outbox.command()
def drop(
    store: _Store = _DEFAULT,
    sink: Annotated[str | None, typer.Option(help="On the way to this one only.")] = None,
    event: Annotated[str | None, typer.Option(help="The beginning of an event's id; otherwise all.")] = None,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Also what waits, as for a sink that is no more; needs --sink.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Give up delivering what was refused; the events themselves stay in the store."""
    from videoxl_stream.store import EventStore

    with EventStore(store, create=False) as opened:
        event_id = None if event is None else opened.find(event).id
        what = "everything that waits or was refused" if waiting else "what was refused"
        if not yes and not typer.confirm(f"Never deliver {what} to {sink or 'any sink'}?"):
            raise typer.Abort
        dropped = opened.outbox.drop(sink, event_id=event_id, refused=None if waiting else True)
    typer.echo(f"dropped {dropped}")
