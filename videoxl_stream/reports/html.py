"""A report as one HTML file that needs nothing else: no network, no scripts to read it, light and dark."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from videoxl_stream.events import Event, ExhibitKind, Severity, Status
from videoxl_stream.reports import words
from videoxl_stream.reports.exhibits import THUMBNAILS_PER_STREAM
from videoxl_stream.reports.figures import rank
from videoxl_stream.reports.pictures import Pictures, embed
from videoxl_stream.reports.report import Report
from videoxl_stream.reports.shelf import Shelf
from videoxl_stream.reports.timeline import timelines
from videoxl_stream.whole_file import write_text

_KINDS = {"ingested": "ingested", "still": "still", "sampled away": "sampled", "dropped": "dropped", "held": "held"}
_SEVERITIES = tuple(reversed(Severity))
_MAX_GAPS = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One event in the table.

    Args:
        event: what was found.
        stream: what its stream is called.
        picture: a ``data:`` URL.
        picture_link: relative URL of the whole picture.
        clip: relative URL of the clip.
        clip_length: for people.
    """

    event: Event
    stream: str
    picture: str | None
    picture_link: str | None
    clip: str | None
    clip_length: str


def render_html(
    report: Report,
    *,
    evidence: Path | str | None = None,
    page: Path | str | None = None,
    pictures: Mapping[str, bytes] | None = None,
    max_events: int = 500,
    max_pictures: int = 150,
    max_thumbnails: int = 240,
    picture_width: int = 360,
) -> str:
    """Make the page.

    What there are too many events for is left out of the table, and said: those that matter least, by severity and
    then by probability. Timelines and figures are always of all events.

    Args:
        report: what it shows.
        evidence: folder of the report's exhibits; None shows none.
        page: file that the page will be; where the evidence folder lies below or beside it, or beside its folder,
            clips and whole pictures are linked. None links nothing.
        pictures: for event ids, a JPEG each, shown as they are in place of evidence.
        max_events: rows of the table at most.
        max_pictures: pictures of events at most.
        max_thumbnails: small pictures under the timelines at most.
        picture_width: of embedded pictures in pixels at most.

    Returns:
        the page; everything in it is escaped, pictures are embedded.

    Raises:
        ConfigError: one of ``pictures`` is no JPEG.
        StoreError: there is no such evidence folder.
    """
    shelf = Shelf(evidence, page)
    bounds = {"max_pictures": max_pictures, "max_thumbnails": max_thumbnails, "width": picture_width}
    embedded = embed(report, shelf, pictures or {}, **bounds)
    rules, rows = report.rules, _rows(report, embedded, shelf, max_events)
    environment = _environment(report)
    script = environment.get_template("filter.js.j2").render()
    return environment.get_template("report.html.j2").render(
        report=report,
        severities=_SEVERITIES,
        rules=rules,
        tiles=_tiles(report, len(rules)),
        silent=[words.silence(report.label(stream), last, report.zone) for stream, last in report.silent],
        pictures=embedded,
        rows=rows,
        choices=_choices(rows),
        kinds=list(_KINDS.items()),
        accounts=_accounts(report),
        gaps=report.gaps[:_MAX_GAPS],
        remarks=_remarks(report, rows, embedded),
        script_digest=f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}",
        **_drawn(report),
    )


def write_html(
    path: str | Path, report: Report, *, evidence: Path | str | None = None, pictures: Mapping[str, bytes] | None = None
) -> Path:
    """Write the page that ``render_html`` makes, and the folders above it; the file is there only when it is whole.

    Returns:
        the path.

    Raises:
        ConfigError: the file cannot be written, or one of ``pictures`` is no JPEG.
        StoreError: there is no such evidence folder.
    """
    path = Path(path)
    return write_text(path, render_html(report, evidence=evidence, page=path, pictures=pictures))


def _environment(report: Report) -> Environment:
    environment = Environment(
        loader=PackageLoader("videoxl_stream.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        moment=partial(words.moment, zone=report.zone),
        day=partial(words.day, zone=report.zone),
        time_of_day=partial(words.time_of_day, zone=report.zone),
        duration=words.duration,
        length_of=lambda event: words.duration(event.end_s - event.start_s),
        percent=words.percent,
        counted=words.counted,
    )
    return environment


def _tiles(report: Report, num_rules: int) -> list[dict[str, Any]]:
    events = report.events
    tiles: list[tuple[str, object, str]] = [
        ("events" if len(events) != 1 else "event", len(events), ""),
        ("critical", sum(event.severity == Severity.CRITICAL for event in events), "critical"),
        ("going on", sum(event.status != Status.CLOSED for event in events), "warning"),
        ("streams", len(report.streams), ""),
        ("rules", num_rules, ""),
    ]
    if report.gaps:
        tiles.append(("without footage", words.duration(sum(stream.missing_s for stream in report.streams)), "warning"))
    return [{"name": name, "number": number, "kind": kind} for name, number, kind in tiles]


def _rows(report: Report, pictures: Pictures, shelf: Shelf, max_events: int) -> list[Row]:
    shown = {event.id for event in sorted(report.events, key=rank, reverse=True)[:max_events]}
    proof = {(one.event_id, one.kind): one for one in report.exhibits}
    rows = []
    for event in report.events:
        if event.id in shown:
            clip, picture = proof.get((event.id, ExhibitKind.CLIP)), proof.get((event.id, ExhibitKind.PICTURE))
            rows.append(
                Row(
                    event=event,
                    stream=report.label(event),
                    picture=pictures.of_events.get(event.id),
                    picture_link=None if picture is None else shelf.link(picture),
                    clip=None if clip is None else shelf.link(clip),
                    clip_length="" if clip is None else words.duration(clip.end_s - clip.start_s),
                )
            )
    return rows


def _choices(rows: Sequence[Row]) -> list[tuple[str, list[str]]]:
    severities = {row.event.severity for row in rows}
    return [
        ("severity", [severity for severity in _SEVERITIES if severity in severities]),
        ("rule", sorted({row.event.rule for row in rows})),
        ("stream", sorted({row.stream for row in rows})),
    ]


def _drawn(report: Report) -> dict[str, Any]:
    """What the timelines need."""
    drawn = timelines(report)
    labels = {one.label for one in drawn}
    return {
        "timelines": drawn,
        "columns": THUMBNAILS_PER_STREAM,
        "has_hatchings": any(one.hatchings for one in drawn),
        "mark_labels": _mark_labels(report),
        "quiet": [label for stream in report.streams if (label := report.label(stream)) not in labels],
    }


def _mark_labels(report: Report) -> str:
    labels = sorted({mark.label.split(",")[0] for mark in report.marks})
    return ", ".join(labels[:3]) + (", …" if len(labels) > 3 else "")


def _accounts(report: Report) -> list[dict[str, Any]]:
    """A row for each stream, if anything is known of any, and one for all."""
    if all(stream.frames is None and stream.last is None for stream in report.streams):
        return []
    rows = [{"name": report.label(stream), "last": stream.last, "frames": stream.frames} for stream in report.streams]
    if len(rows) > 1 and report.frames is not None:
        rows.append({"name": "all", "last": None, "frames": report.frames})
    return rows


def _remarks(report: Report, rows: Sequence[Row], pictures: Pictures) -> list[str]:
    """What is not shown, and why."""
    remarks = []
    if left_out := len(report.events) - len(rows):
        remarks.append(
            f"The table leaves out {words.counted(left_out, 'event')} of lower severity or probability; "
            "timelines and figures are of all events."
        )
    if pictures.left_out:
        remarks.append(f"Pictures of {words.counted(pictures.left_out, 'event')} of lower rank are left out.")
    if pictures.missing:
        remarks.append(f"{words.counted(pictures.missing, 'picture')} of the store cannot be read.")
    if len(report.gaps) > _MAX_GAPS:
        remarks.append(f"Only the first {_MAX_GAPS} of {len(report.gaps):,} gaps are listed.")
    return remarks
