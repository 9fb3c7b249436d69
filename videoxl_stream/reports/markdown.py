"""A report as Markdown, for mail and chat: no pictures, but links to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from videoxl_stream.events import Event, Exhibit, ExhibitKind, Severity, Status
from videoxl_stream.reports import words
from videoxl_stream.reports.figures import rank
from videoxl_stream.reports.report import Report
from videoxl_stream.reports.shelf import Shelf
from videoxl_stream.whole_file import write_text

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~])")
_MAX_GAPS = 50


def render_markdown(
    report: Report, *, evidence: Path | str | None = None, page: Path | str | None = None, max_events: int = 100
) -> str:
    """Make the text: GitHub's Markdown, with tables.

    Args:
        report: what it tells.
        evidence: folder of the report's exhibits; None links nothing.
        page: file that the text will be; links are as for ``render_html``.
        max_events: rows of the table at most; the events that matter least are left out, and that is said.

    Raises:
        StoreError: there is no such evidence folder.
    """
    shelf = Shelf(evidence, page)
    return "\n".join(
        [
            *_head(report),
            *_summaries(report),
            *_events(report, shelf, max_events),
            *_rules(report),
            *_frames(report),
            *_gaps(report),
        ]
    )


def write_markdown(path: str | Path, report: Report, *, evidence: Path | str | None = None) -> Path:
    """Write what ``render_markdown`` makes, and the folders above it.

    Returns:
        the path.

    Raises:
        ConfigError: the file cannot be written.
        StoreError: there is no such evidence folder.
    """
    path = Path(path)
    return write_text(path, render_markdown(report, evidence=evidence, page=path))


def _head(report: Report) -> Iterator[str]:
    yield f"# {_plain(report.title)}\n"
    if report.note:
        yield f"{_plain(report.note)}\n"
    start, end = words.moment(report.start, report.zone), words.moment(report.end, report.zone)
    yield f"{start} to {end}, {_plain(report.timezone)}\n"
    events = report.events
    parts = [f"**{words.counted(len(events), 'event')}**" if events else "**Nothing was found.**"]
    for severity in reversed(Severity):
        if number := sum(event.severity == severity for event in events):
            parts.append(f"{number:,} {severity}")
    if going_on := sum(event.status != Status.CLOSED for event in events):
        parts.append(f"{going_on:,} going on")
    parts.append(words.counted(len(report.streams), "stream"))
    if report.gaps:
        parts.append(f"{words.duration(sum(stream.missing_s for stream in report.streams))} without footage")
    yield f"{', '.join(parts)}\n"
    for stream, last in report.silent:
        yield f"**{words.silence(_plain(report.label(stream)), last, report.zone)}**\n"


def _summaries(report: Report) -> Iterator[str]:
    for summary in report.summaries:
        when = words.moment(summary.end, report.zone)
        yield f"## {_plain(report.label(summary))}, {when}\n"
        yield "".join(f"> {_plain(line)}\n" for line in (summary.content or "").splitlines() or [""])


def _events(report: Report, shelf: Shelf, max_events: int) -> Iterator[str]:
    shown = {event.id for event in sorted(report.events, key=rank, reverse=True)[:max_events]}
    if not shown:
        return
    yield "## Events\n"
    proof = {(one.event_id, one.kind): one for one in report.exhibits}
    rows = [
        (
            words.moment(event.start, report.zone),
            _plain(event.severity),
            _plain(event.rule),
            _plain(report.label(event)),
            _plain(event.content or f"{event.question} {event.answer}"),
            words.duration(event.end_s - event.start_s) + ("" if event.status == Status.CLOSED else ", going on"),
            words.percent(event.probability),
            _links(event, shelf, [proof.get((event.id, kind)) for kind in (ExhibitKind.PICTURE, ExhibitKind.CLIP)]),
        )
        for event in report.events
        if event.id in shown
    ]
    heads = (f"start ({_plain(report.timezone)})", "severity", "rule", "stream", "what", "length", "probability")
    yield _table((*heads, "evidence"), rows)
    if left_out := len(report.events) - len(shown):
        yield f"{words.counted(left_out, 'event')} of lower severity or probability are left out.\n"


def _links(event: Event, shelf: Shelf, exhibits: Sequence[Exhibit | None]) -> str:
    links = [(one.kind, shelf.link(one)) for one in exhibits if one is not None]
    return " ".join(f"[{kind}](<{link}>)" for kind, link in links if link is not None)


def _rules(report: Report) -> Iterator[str]:
    if report.rules:
        yield "## Rules\n"
        heads = ("rule", "events", *reversed(Severity), "going on", "longest")
        rows = [
            (
                _plain(rule.rule),
                f"{rule.total:,}",
                *(f"{rule.severities[severity]:,}" for severity in reversed(Severity)),
                f"{rule.going_on:,}",
                words.duration(rule.longest_s) if rule.total else "",
            )
            for rule in report.rules
        ]
        yield _table(heads, rows)


def _frames(report: Report) -> Iterator[str]:
    rows = []
    heads: tuple[str, ...] = ()
    for stream in report.streams:
        if stream.frames is not None:
            shares = stream.frames.shares()
            heads = ("stream", "known until", "decoded", *shares)
            last = "" if stream.last is None else words.moment(stream.last, report.zone)
            decoded = f"{stream.frames.decoded:,}" + ("" if stream.frames.adds_up else " (does not add up)")
            told = (f"{count:,} ({words.percent(share)})" for count, share in shares.values())
            rows.append((_plain(report.label(stream)), last, decoded, *told))
    if rows:
        yield "## Frames, since the pipeline was last started\n"
        yield _table(heads, rows)


def _gaps(report: Report) -> Iterator[str]:
    if report.gaps:
        yield "## Gaps\n"
        rows = [
            (
                _plain(report.label(gap)),
                words.moment(gap.start, report.zone),
                words.moment(gap.end, report.zone),
                _plain(gap.content or gap.answer),
            )
            for gap in report.gaps[:_MAX_GAPS]
        ]
        yield _table(("stream", "from", "to", "what"), rows)
        if len(report.gaps) > _MAX_GAPS:
            yield f"Only the first {_MAX_GAPS} of {len(report.gaps):,} are listed.\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _plain(text: str) -> str:
    """Text as it is: nothing in it is Markdown, HTML or the end of a line."""
    text = " ".join(text.split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", text)
