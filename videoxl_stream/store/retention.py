"""How long what was found is kept, and how much of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import accumulate

import sqlalchemy as sa

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import ExhibitKind, Severity
from videoxl_stream.store.database import Database
from videoxl_stream.store.evidence_folder import EvidenceFolder
from videoxl_stream.store.reading import EVENTS_BY_END, EXHIBITS_BY_END, Condition
from videoxl_stream.store.removal import (
    EventRelease,
    Removal,
    Transaction,
    in_batches,
    leaving,
    release_exhibits,
    sweep,
)
from videoxl_stream.store.tables import EventRow, ExhibitRow

_LOOSE = sa.select(ExhibitRow.path, ExhibitRow.end, ExhibitRow.num_bytes).where(~ExhibitRow.kept, ~ExhibitRow.leaving)


@dataclass(frozen=True, slots=True)
class Retention:
    """How old each class of things may become, and how much room all evidence may take.

    Age counts from the end of the footage that a thing shows. An event that goes takes its evidence along. What
    is marked as kept, because it was exported or by hand, never goes.

    Args:
        events: events of no class below; None keeps them for ever, here and below.
        severities: events of a severity, instead of ``events``.
        rules: events of a rule, instead of either.
        clips: clips of events, though the event stays.
        pictures: pictures of events, though the event stays.
        thumbnails: thumbnails of memory's chunks.
        budget_bytes: of all evidence together; the oldest goes first, whatever it is.

    Raises:
        ConfigError: an age or the budget is negative.
    """

    events: timedelta | None = None
    severities: Mapping[Severity, timedelta] = field(default_factory=dict)
    rules: Mapping[str, timedelta] = field(default_factory=dict)
    clips: timedelta | None = None
    pictures: timedelta | None = None
    thumbnails: timedelta | None = None
    budget_bytes: int | None = None

    def __post_init__(self) -> None:
        """Refuse what would delete footage that is yet to come."""
        ages = (
            self.events,
            self.clips,
            self.pictures,
            self.thumbnails,
            *self.severities.values(),
            *self.rules.values(),
        )
        if any(age is not None and age < timedelta(0) for age in ages):
            msg = "an age of a retention is negative; give how old things may become, such as timedelta(days=30)"
            raise ConfigError(msg)
        if self.budget_bytes is not None and self.budget_bytes < 0:
            msg = f"a budget of {self.budget_bytes} bytes is negative; give the room that evidence may take, or None"
            raise ConfigError(msg)

    def old_events(self, now: datetime) -> Iterator[Condition]:
        """Which events are too old, class by class."""
        usual = EventRow.rule.not_in(list(self.rules))
        for rule, age in self.rules.items():
            yield sa.and_(EventRow.rule == rule, EventRow.end < now - age)
        for severity, age in self.severities.items():
            yield sa.and_(usual, EventRow.severity == severity, EventRow.end < now - age)
        if self.events is not None:
            yield sa.and_(usual, EventRow.severity.not_in(list(self.severities)), EventRow.end < now - self.events)

    def old_exhibits(self, now: datetime) -> Iterator[Condition]:
        """Which evidence is too old, class by class."""
        ages = {
            ExhibitKind.CLIP: self.clips,
            ExhibitKind.PICTURE: self.pictures,
            ExhibitKind.THUMBNAIL: self.thumbnails,
        }
        for kind, age in ages.items():
            if age is not None:
                yield sa.and_(ExhibitRow.kind == kind, ExhibitRow.end < now - age)


def apply(
    database: Database, retention: Retention, folder: EvidenceFolder | None, now: datetime, *, dry_run: bool
) -> Removal:
    """Let go of what a retention does not keep, in short transactions; files first, then their rows.

    Args:
        database: of the store.
        retention: what is kept.
        folder: of evidence; None where there never was any.
        now: aware time that ages are counted up to.
        dry_run: whether only to say what would go.
    """
    if dry_run:
        with database.trying() as connection:
            released = _release(lambda: nullcontext(connection), retention, now)
            return _together(released, leaving(connection))
    released = _release(database.writing, retention, now)
    return _together(released, sweep(database, folder))


def _release(transaction: Transaction, retention: Retention, now: datetime) -> Removal:
    """Returns what a removal says beyond files: events, revisions not delivered, bytes too many."""
    release, num_events = EventRelease(), 0
    for condition in retention.old_events(now):
        old = sa.select(EventRow.id, EventRow.end).where(condition, ~EventRow.kept)
        num_events += in_batches(transaction, old, EVENTS_BY_END, release)
    for condition in retention.old_exhibits(now):
        in_batches(transaction, _LOOSE.where(condition), EXHIBITS_BY_END, release_exhibits)
    released = Removal(events=num_events, undelivered=release.undelivered)
    if retention.budget_bytes is None:
        return released
    with transaction() as connection:
        held = sa.select(sa.func.coalesce(sa.func.sum(ExhibitRow.num_bytes), 0)).where(~ExhibitRow.leaving)
        excess = int(connection.execute(held).scalar_one()) - retention.budget_bytes
    return replace(released, over_bytes=_shrink(transaction, excess))


def _together(rows: Removal, files: Removal) -> Removal:
    return replace(files, events=rows.events, undelivered=rows.undelivered, over_bytes=rows.over_bytes)


def _shrink(transaction: Transaction, num_bytes: int) -> int:
    """Give up evidence, oldest first, until so many bytes have gone; returns how many are still wanting."""
    last = None
    while num_bytes > 0:
        with transaction() as connection:
            rows = connection.execute(EXHIBITS_BY_END.behind(_LOOSE, last)).all()
            freed = list(accumulate(row.num_bytes for row in rows))
            release_exhibits(connection, rows[: bisect_left(freed, num_bytes) + 1])
        if not rows:
            break
        num_bytes, last = num_bytes - freed[-1], rows[-1]
    return max(num_bytes, 0)
