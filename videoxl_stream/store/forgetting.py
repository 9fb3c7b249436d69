"""Forgetting a stretch of a stream for good."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from videoxl_stream.store.database import Database
from videoxl_stream.store.evidence_folder import EvidenceFolder
from videoxl_stream.store.reading import EVENTS_BY_START, EXHIBITS_BY_START, Row, conditions
from videoxl_stream.store.removal import (
    EventRelease,
    Removal,
    Transaction,
    in_batches,
    leaving,
    release_exhibits,
    sweep,
)
from videoxl_stream.store.tables import EventRow, ExhibitRow, RuleRow


def forget(
    database: Database,
    named: dict[str, Any],
    since: datetime,
    until: datetime,
    folder: EvidenceFolder | None,
    *,
    dry_run: bool,
) -> Removal:
    """Delete events and evidence that touch a span of time, kept or not, and what rules remember of such events.

    Args:
        database: of the store.
        named: columns that say which stream.
        since: start of the span.
        until: its end.
        folder: of evidence; None where there never was any.
        dry_run: whether only to say what would go.
    """
    if dry_run:
        with database.trying() as connection:
            num_events, undelivered = _release(lambda: nullcontext(connection), named, since, until)
            return replace(leaving(connection), events=num_events, undelivered=undelivered)
    num_events, undelivered = _release(database.writing, named, since, until)
    swept = sweep(database, folder)
    return replace(swept, events=num_events, undelivered=undelivered, scrubbed=database.scrub())


def _release(transaction: Transaction, named: dict[str, Any], since: datetime, until: datetime) -> tuple[int, int]:
    """Returns how many events went, and how many of their revisions from the outbox."""
    release = EventRelease()

    def forget_events(connection: sa.Connection, rows: Sequence[Row]) -> None:
        release(connection, rows)
        _forget_open(connection, named, [row.id for row in rows])

    found = sa.select(EventRow.id, EventRow.start).where(*conditions(EventRow, named, since, until))
    shown = sa.select(ExhibitRow.path, ExhibitRow.start).where(*conditions(ExhibitRow, named, since, until))
    num_events = in_batches(transaction, found, EVENTS_BY_START, forget_events)
    in_batches(transaction, shown, EXHIBITS_BY_START, release_exhibits)
    return num_events, release.undelivered


def _forget_open(connection: sa.Connection, named: dict[str, Any], ids: Sequence[str]) -> None:
    """A rule's state holds the event that is going on, words and all; such a rule begins anew."""
    states = sa.select(RuleRow.__table__).filter_by(**named).where(RuleRow.state.is_not(None))
    for row in connection.execute(states).all():
        if any(id_ in row.state for id_ in ids):
            key = {"pipeline": row.pipeline, "stream_id": row.stream_id, "rule": row.rule}
            connection.execute(sa.update(RuleRow).filter_by(**key).values(state=None))
