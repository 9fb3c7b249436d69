"""How events look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from rich.markup import escape
from rich.table import Table

from videoxl_stream.events import Event, Severity, Status

_COLOURS = {Severity.INFO: "blue", Severity.WARNING: "yellow", Severity.CRITICAL: "red"}


def line(event: Event) -> str:
    """One line of markup, with the time at which the event came to be what it is."""
    at = event.end if event.status == Status.CLOSED else event.start
    colour = _COLOURS[event.severity]
    return (
        f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} {escape(event.stream_id)} [{colour}]{escape(event.rule)}[/] "
        f"{event.status} {event.probability:.0%}"
    )


def table(found: Sequence[Event]) -> Table:
    """A row for each event."""
    rows = Table("start (UTC)", "seconds", "stream", "rule", "severity", "status", "probability", "id")
    for event in found:
        rows.add_row(
            f"{event.start.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            f"{event.end_s - event.start_s:.1f}",
            escape(event.stream_id),
            escape(event.rule),
            event.severity,
            event.status,
            f"{event.probability:.0%}",
            event.id[:8],
        )
    return rows
