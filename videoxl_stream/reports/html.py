"""Events as one HTML file that needs nothing else: no network, no scripts, light and dark."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event, Severity, Status
from videoxl_stream.reports.timeline import Mark, timelines

_JPEG = b"\xff\xd8\xff"


def render_html(
    events: Sequence[Event],
    *,
    title: str = "Events",
    note: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
    thumbnails: Mapping[str, bytes] | None = None,
    marks: Sequence[Mark] = (),
) -> str:
    """Make a report: counts, a timeline for every rule, and a table.

    Args:
        events: in any order; ``EventStore.events()`` gives them.
        title: heading of the page.
        note: a sentence below it, such as which model looked at which footage.
        start: left edge of the timelines, aware; None means the first event's or mark's start.
        end: right edge; None means the last event's or mark's end.
        thumbnails: for event ids, one JPEG each.
        marks: stretches to outline on the timelines, such as what is known to have happened.

    Returns:
        the page; everything in it is escaped, pictures are embedded.

    Raises:
        ConfigError: a thumbnail is no JPEG, or ``end`` is not later than ``start``.
    """
    pictures = {event_id: _data_url(event_id, jpeg) for event_id, jpeg in (thumbnails or {}).items()}
    ordered = sorted(events, key=lambda event: (event.start, event.stream_id, event.rule))
    left, right = _edges([*ordered, *marks], start, end)
    environment = Environment(
        loader=PackageLoader("videoxl_stream.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(moment=_moment, clock=_clock, duration=_duration)
    return environment.get_template("report.html.j2").render(
        title=title,
        note=note,
        start=left,
        end=right,
        events=ordered,
        tiles=_tiles(ordered),
        rules=sorted(Counter(event.rule for event in ordered).items()),
        timelines=timelines(ordered, left, right, marks),
        pictures=pictures,
    )


def write_html(
    path: str | Path,
    events: Sequence[Event],
    *,
    title: str = "Events",
    note: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
    thumbnails: Mapping[str, bytes] | None = None,
    marks: Sequence[Mark] = (),
) -> Path:
    """Write the page that ``render_html`` makes, and the folders above it.

    Returns:
        the path.

    Raises:
        ConfigError: as for ``render_html``.
    """
    page = render_html(events, title=title, note=note, start=start, end=end, thumbnails=thumbnails, marks=marks)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def _edges(shown: Sequence[Event | Mark], start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    left = start or min((one.start for one in shown), default=datetime(1970, 1, 1, tzinfo=UTC))
    right = end or max((one.end for one in shown), default=left + timedelta(seconds=1))
    if end is None:
        right = max(right, left + timedelta(seconds=1))
    if right <= left:
        msg = f"a report from {left} to {right} shows nothing; give an end later than its start"
        raise ConfigError(msg)
    return left, right


def _tiles(events: Sequence[Event]) -> list[tuple[str, int]]:
    return [
        ("events", len(events)),
        ("critical", sum(event.severity == Severity.CRITICAL for event in events)),
        ("going on", sum(event.status != Status.CLOSED for event in events)),
        ("streams", len({event.stream_id for event in events})),
        ("rules", len({event.rule for event in events})),
    ]


def _data_url(event_id: str, jpeg: bytes) -> str:
    if not jpeg.startswith(_JPEG):
        msg = f"the thumbnail of event {event_id} is no JPEG; encode it as one"
        raise ConfigError(msg)
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _clock(seconds: float) -> str:
    """Stream time as a player shows it: 1:02:03 or 2:03."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _duration(event: Event) -> str:
    seconds = event.end_s - event.start_s
    return f"{seconds:.1f} s" if seconds < 60 else _clock(seconds)
