"""Giving up evidence: rows are marked, files deleted, rows deleted, so that a crash leaves what can be finished."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import sqlalchemy as sa

from videoxl_stream.errors import StoreError
from videoxl_stream.events import ExhibitKind
from videoxl_stream.store.database import Database
from videoxl_stream.store.evidence_folder import EvidenceFolder
from videoxl_stream.store.reading import EXHIBITS_BY_END, Page, Query, Row, pages
from videoxl_stream.store.tables import EventRow, ExhibitRow, OutboxRow

Transaction = Callable[[], AbstractContextManager[sa.Connection]]
Act = Callable[[sa.Connection, Sequence[Row]], None]


@dataclass(frozen=True, slots=True)
class Removal:
    """What went, or would go.

    Args:
        events: rows of events.
        exhibits: files of evidence, by kind.
        num_bytes: that their rows say they had.
        missing: of these files, those that were gone already.
        stuck: files that could not be deleted, and why; their rows wait for the next time.
        undelivered: revisions of these events that were still to be delivered, counted for each sink.
        over_bytes: by how much what is left exceeds the budget, because it is marked as kept.
        scrubbed: whether the database's own files were made to hold nothing of what was deleted.
    """

    events: int = 0
    exhibits: Mapping[ExhibitKind, int] = field(default_factory=dict)
    num_bytes: int = 0
    missing: int = 0
    stuck: tuple[str, ...] = ()
    undelivered: int = 0
    over_bytes: int = 0
    scrubbed: bool = False


def in_batches(transaction: Transaction, query: Query, page: Page, act: Act) -> int:
    """Act upon all rows of a query, a page in each transaction, so that no other writer waits long.

    Args:
        transaction: begins one.
        query: its rows may be gone after the act.
        page: the order.
        act: what is done; given the transaction and a page of rows.

    Returns:
        how many rows there were.
    """
    num, last = 0, None
    while True:
        with transaction() as connection:
            rows = connection.execute(page.behind(query, last)).all()
            act(connection, rows)
        if not rows:
            return num
        num, last = num + len(rows), rows[-1]


class EventRelease:
    """Deletes rows of events, given by their ``id``, also from the outbox, and gives up their evidence.

    ``undelivered`` counts what went from the outbox.
    """

    def __init__(self) -> None:
        self.undelivered = 0

    def __call__(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Do it for one batch."""
        ids = [row.id for row in rows]
        self.undelivered += connection.execute(sa.delete(OutboxRow).where(OutboxRow.event_id.in_(ids))).rowcount
        connection.execute(sa.update(ExhibitRow).where(ExhibitRow.event_id.in_(ids)).values(leaving=True))
        connection.execute(sa.delete(EventRow).where(EventRow.id.in_(ids)))


def release_exhibits(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Give up evidence, given by its ``path``."""
    paths = [row.path for row in rows]
    connection.execute(sa.update(ExhibitRow).where(ExhibitRow.path.in_(paths)).values(leaving=True))


def leaving(connection: sa.Connection) -> Removal:
    """What has been given up and is still there."""
    columns = (ExhibitRow.kind, sa.func.count(), sa.func.coalesce(sa.func.sum(ExhibitRow.num_bytes), 0))
    rows = connection.execute(sa.select(*columns).where(ExhibitRow.leaving).group_by(ExhibitRow.kind)).all()
    kinds = {ExhibitKind(kind): num for kind, num, _ in rows}
    return Removal(exhibits=kinds, num_bytes=sum(int(num_bytes) for *_, num_bytes in rows))


def sweep(database: Database, folder: EvidenceFolder | None) -> Removal:
    """Delete the files of what has been given up, then its rows, also what a crash left behind.

    Raises:
        StoreError: there are such files, but no folder.
    """
    if folder is None:
        return _nothing_to_sweep(database)
    query = sa.select(ExhibitRow.path, ExhibitRow.kind, ExhibitRow.num_bytes, ExhibitRow.end).where(ExhibitRow.leaving)
    kinds: Counter[ExhibitKind] = Counter()
    num_bytes = missing = 0
    stuck: list[str] = []
    for rows in pages(database, query, EXHIBITS_BY_END):
        gone = []
        for row in rows:
            try:
                missing += not folder.delete(row.path)
            except OSError as e:
                stuck.append(f"{row.path}: {e.strerror}")
                continue
            gone.append(row.path)
            kinds[ExhibitKind(row.kind)] += 1
            num_bytes += row.num_bytes
        with database.writing() as connection:
            connection.execute(sa.delete(ExhibitRow).where(ExhibitRow.path.in_(gone), ExhibitRow.leaving))
    return Removal(exhibits=dict(kinds), num_bytes=num_bytes, missing=missing, stuck=tuple(stuck))


def _nothing_to_sweep(database: Database) -> Removal:
    with database.reading() as connection:
        left = leaving(connection)
    if left.exhibits:
        msg = (
            f"event store {database.name}: {sum(left.exhibits.values())} files of evidence have been given up but not "
            "deleted, because no evidence folder was named; name it, and do this again"
        )
        raise StoreError(msg)
    return left
