"""``videoxl-stream report``: a period of an event store as a page to read."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from videoxl_stream.cli.amounts import moment, shown_bytes
from videoxl_stream.errors import ConfigError

if TYPE_CHECKING:
    from videoxl_stream.reports import Report

_DEFAULT = "sqlite:///events.db"


class Form(StrEnum):
    """How a report is written."""

    HTML = "html"
    MARKDOWN = "md"
    JSON = "json"

    @classmethod
    def of(cls, path: Path) -> Form:
        """What a file's name says.

        Raises:
            ConfigError: it says nothing of use.
        """
        try:
            return cls(path.suffix.removeprefix(".").lower())
        except ValueError as e:
            msg = f"{path.name} says not how to write a report; name it .html, .md or .json"
            raise ConfigError(msg) from e


def report(
    out: Annotated[Path, typer.Option(help="The file to write: .html, .md or .json.")] = Path("report.html"),
    store: Annotated[str, typer.Option("--store", "--events", help="SQLAlchemy URL of the event store.")] = _DEFAULT,
    since: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="TIME", help="From this time (UTC) on, or from this long ago: 24h, 7d."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="TIME", help="Up to this time (UTC), or so long ago; with --since, now."),
    ] = None,
    evidence: Annotated[
        Path | None, typer.Option(help="Evidence folder, for pictures, and for links where it lies beside the file.")
    ] = None,
    pipeline: Annotated[str | None, typer.Option(help="Of this pipeline only.")] = None,
    stream: Annotated[list[str] | None, typer.Option(help="Of this stream only; may be given several times.")] = None,
    timezone: Annotated[str, typer.Option(help="Zone in which times are shown, such as Europe/Paris.")] = "UTC",
    title: Annotated[str, typer.Option(help="Heading.")] = "What happened",
) -> None:
    """Write what was found, with pictures, timelines, gaps and counts, into one file that needs no network."""
    from videoxl_stream.reports import Report
    from videoxl_stream.store import EventStore

    form, now = Form.of(out), datetime.now(UTC)
    with EventStore(store, create=False) as opened:
        gathered = Report.of(
            opened,
            pipeline=pipeline,
            streams=stream or None,
            since=since,
            until=now if until is None and since is not None else until,
            timezone=timezone,
            title=title,
            now=now,
        )
    _write(gathered, form, out, evidence)
    Console().print(_told(gathered, out), markup=False, highlight=False, soft_wrap=True)


def _write(gathered: Report, form: Form, out: Path, evidence: Path | None) -> None:
    from videoxl_stream.reports import write_html, write_json, write_markdown

    if form == Form.HTML:
        write_html(out, gathered, evidence=evidence)
    elif form == Form.MARKDOWN:
        write_markdown(out, gathered, evidence=evidence)
    else:
        write_json(out, gathered)


def _told(gathered: Report, out: Path) -> str:
    from videoxl_stream.reports.words import counted, moment

    parts = [counted(len(gathered.events), "event"), counted(len(gathered.streams), "stream")]
    if gathered.summaries:
        parts.append(f"{len(gathered.summaries):,} in words")
    if gathered.gaps:
        parts.append(counted(len(gathered.gaps), "gap"))
    period = " to ".join(moment(at, gathered.zone) for at in (gathered.start, gathered.end))
    size = shown_bytes(out.stat().st_size)
    return f"{', '.join(parts)}, {period} {gathered.timezone}, are in {out} ({size})"
