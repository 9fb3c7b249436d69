"""``videoxl-stream store``: the care of an event store and its evidence."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from videoxl_stream.cli.amounts import age, ages, moment, shown_bytes, size
from videoxl_stream.cli.forgetting import Forgetting
from videoxl_stream.cli.references import load_model
from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Severity

if TYPE_CHECKING:
    from videoxl_stream.store import Doctor, EventStore, Fault, Removal

_WRONG = 1
_SHOWN = 20  # findings of each kind that are named; the others are counted

store = typer.Typer(name="store", help="Look after an event store and its evidence.", no_args_is_help=True)

_DEFAULT = "sqlite:///events.db"
_Store = Annotated[str, typer.Option(help="SQLAlchemy URL of the event store.")]
_Evidence = Annotated[Path | None, typer.Option(help="Evidence folder; needed where there is any evidence.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would happen.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def _age(text: str) -> typer.models.OptionInfo:
    return typer.Option(parser=age, metavar="AGE", help=text)  # type: ignore[no-any-return]


@store.command()
def migrate(store: _Store = _DEFAULT, dry_run: _DryRun = False) -> None:
    """Bring the tables up to date, or make them; opening a store does the same."""
    from videoxl_stream.store import Database

    database = Database(store, create=not dry_run, upgrade=False)
    try:
        pending = database.pending()
        if pending and not dry_run:
            database.upgrade()
    finally:
        database.close()
    for migration in pending:
        typer.echo(f"{'would run' if dry_run else 'ran'} {migration}")
    if not pending:
        typer.echo(f"{database.name} is up to date")


@store.command()
def retain(
    store: _Store = _DEFAULT,
    evidence: _Evidence = None,
    events: Annotated[timedelta | None, _age("Events of no class below go when they are older, with evidence.")] = None,
    severities: Annotated[
        list[str], typer.Option("--severity", metavar="NAME=AGE", help="Events of a severity; may be repeated.")
    ] = [],  # noqa: B006 - typer copies it
    rules: Annotated[
        list[str], typer.Option("--rule", metavar="NAME=AGE", help="Events of a rule; may be repeated.")
    ] = [],  # noqa: B006
    clips: Annotated[timedelta | None, _age("Clips go when they are older, though their events stay.")] = None,
    pictures: Annotated[timedelta | None, _age("Pictures likewise.")] = None,
    thumbnails: Annotated[timedelta | None, _age("Thumbnails likewise.")] = None,
    budget: Annotated[
        int | None, typer.Option(parser=size, metavar="SIZE", help="All evidence; the oldest goes first: 200GB.")
    ] = None,
    dry_run: _DryRun = False,
) -> None:
    """Delete what is older or larger than it may be; what was exported or marked as kept stays. Ages: 12h, 30d, 4w."""
    from videoxl_stream.store import EventStore, Retention

    retention = Retention(
        events=events,
        severities=_severities(severities),
        rules=ages(rules),
        clips=clips,
        pictures=pictures,
        thumbnails=thumbnails,
        budget_bytes=budget,
    )
    if retention == Retention():
        msg = "nothing says what may go; give an age, such as --events 90d, or a --budget"
        raise ConfigError(msg)
    with EventStore(store, create=False) as opened:
        _tell(opened.apply(retention, evidence, datetime.now(UTC), dry_run=dry_run), dry_run)


@store.command()
def forget(  # noqa: PLR0913, PLR0917 - each is an option
    stream: Annotated[str, typer.Argument(help="Name of the stream.")],
    since: Annotated[
        datetime, typer.Option(parser=moment, metavar="TIME", help="Start in UTC, or so long ago, such as 2h.")
    ],
    until: Annotated[datetime, typer.Option(parser=moment, metavar="TIME", help="End, likewise.")],
    site: Annotated[
        str | None,
        typer.Option(
            metavar="DEFINITION",
            help="What run is given. It says where store and evidence are, and the memory on disk, which forgets too.",
        ),
    ] = None,
    store: Annotated[
        str | None, typer.Option(help=f"SQLAlchemy URL of the event store; {_DEFAULT} if nothing is said.")
    ] = None,
    evidence: _Evidence = None,
    pipeline: Annotated[str | None, typer.Option(help="Of this pipeline only.")] = None,
    memory: Annotated[
        list[Path], typer.Option(help="A saved memory of the stream, to be rewritten; may be repeated.")
    ] = [],  # noqa: B006
    memory_gone: Annotated[
        bool, typer.Option("--memory-gone", help="Memory on disk that the store tells of has been deleted.")
    ] = False,
    model: Annotated[
        str | None, typer.Option(help="The model that saved memories are of, as for ask; embedded if nothing is said.")
    ] = None,
    dry_run: _DryRun = False,
    yes: _Yes = False,
) -> None:
    """Delete for good every event, all evidence and all memory that has seen a span of a stream.

    Stop the pipeline first: what runs goes on remembering, and would write again. What was interrupted is done by
    doing it again.
    """
    wanted: dict[str, Any] = {"since": since, "until": until, "saved": memory, "memory_gone": memory_gone}
    if site is not None:
        alone = {"store": store, "evidence": evidence, "pipeline": pipeline, "model": model}
        forgetting = Forgetting.of_site(site, stream, alone, **wanted)
    else:
        forgetting = Forgetting(
            store=_opened(store),
            stream_id=stream,
            pipeline=pipeline,
            evidence=evidence,
            stopped=None,
            model=partial(load_model, model or "embedded"),
            **wanted,
        )
    with closing(forgetting.store):
        _forget(forgetting, dry_run=dry_run, yes=yes)


@store.command()
def doctor(
    evidence: Annotated[Path, typer.Option(help="Evidence folder.")],
    store: _Store = _DEFAULT,
    settled: Annotated[
        timedelta | None, _age("Files younger than this are left alone, since their rows may be on the way.")
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what is wrong, after asking.")] = False,
    yes: _Yes = False,
) -> None:
    """Compare rows with files, both ways; exit with 0 only if all is right, or was mended."""
    from videoxl_stream.store import EventStore

    console = Console()
    with EventStore(store, create=False) as opened:
        looking = opened.doctor(evidence) if settled is None else opened.doctor(evidence, settled=settled)
        found = _examine(looking, console)
        if not found:
            console.print("rows and files agree")
            return
        if not fix:
            console.print("mend it with --fix")
            raise typer.Exit(_WRONG)
        _ask("Do this?", yes)
        mended = 0
        for finding in looking.examine():
            looking.mend(finding)
            mended += 1
    console.print(f"mended {mended}")


def _examine(looking: Doctor, console: Console) -> Counter[Fault]:
    from videoxl_stream.store import REMEDIES

    found: Counter[Fault] = Counter()
    for finding in looking.examine():
        found[finding.fault] += 1
        if found[finding.fault] <= _SHOWN:
            console.print(f"{finding.path} {finding.what}", markup=False, highlight=False, soft_wrap=True)
    for fault, num in found.items():
        console.print(f"{num} {fault}: {REMEDIES[fault]}", highlight=False)
    return found


def _opened(url: str | None) -> EventStore:
    from videoxl_stream.store import EventStore

    return EventStore(url or _DEFAULT, create=False)


def _forget(forgetting: Forgetting, *, dry_run: bool, yes: bool) -> None:
    forgetting.check()
    forgetting.tell_memories()
    gone = forgetting.plan()
    if dry_run:
        forgetting.rewrite_saved(dry_run=True)
    else:
        _tell(gone, dry_run=True)
        span = f"from {forgetting.since:%Y-%m-%d %H:%M:%S} to {forgetting.until:%Y-%m-%d %H:%M:%S} UTC"
        _ask(f"Forget {forgetting.stream_id} {span} for good?", yes)
        gone = forgetting.do()
    _tell(gone, dry_run)
    if not dry_run and not gone.scrubbed:
        typer.echo("the server overwrites what was deleted when it vacuums; its logs and backups are yours to see to")


def _severities(texts: list[str]) -> dict[Severity, timedelta]:
    try:
        return {Severity(name): old for name, old in ages(texts).items()}
    except ValueError as e:
        msg = f"{e}; severities are {', '.join(Severity)}"
        raise ConfigError(msg) from e


def _ask(question: str, yes: bool) -> None:
    if not yes and not typer.confirm(question):
        raise typer.Abort


def _tell(removal: Removal, dry_run: bool) -> None:
    """What went, and what did not."""
    kinds = "".join(f", {num} {kind}s" for kind, num in removal.exhibits.items())
    freed = shown_bytes(removal.num_bytes)
    typer.echo(f"{'would delete' if dry_run else 'deleted'} {removal.events} events{kinds}: {freed} of evidence")
    if removal.missing:
        typer.echo(f"{removal.missing} of these files were gone already")
    if removal.undelivered:
        typer.echo(f"{removal.undelivered} revisions of these events had not been delivered to a sink")
    if removal.over_bytes:
        typer.echo(f"what is kept exceeds the budget by {shown_bytes(removal.over_bytes)}; release it or raise that")
    for stuck in removal.stuck[:_SHOWN]:
        typer.echo(f"warning: {stuck}", err=True)
    if removal.stuck:
        typer.echo(f"{len(removal.stuck)} files could not be deleted; free them, and do this again", err=True)
        raise typer.Exit(_WRONG)
