"""The outbox: revisions of events that were written together with their events and are still to be delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event
from videoxl_stream.store.database import Database
from videoxl_stream.store.reading import Condition
from videoxl_stream.store.tables import OutboxRow

_ERROR_CHARS = 500


@dataclass(frozen=True, slots=True)
class Letter:
    """One revision of an event on its way to one sink.

    Args:
        sink: name of the sink.
        seq: its place in the order of all changes of events.
        event_id: of the event.
        revision: of the event.
        payload: the event as JSON.
        at: UTC at which it was written.
        attempts: how often it could not be delivered.
        error: why not, the last time; None if that never happened.
        refused: whether the sink will never take it.
    """

    sink: str
    seq: int
    event_id: str
    revision: int
    payload: str
    at: datetime
    attempts: int = 0
    error: str | None = None
    refused: bool = False

    @property
    def event(self) -> Event:
        """The event as it was then.

        Raises:
            pydantic.ValidationError: another version wrote it, in a form that this one does not know.
        """
        return Event.model_validate_json(self.payload)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What has not been delivered to one sink.

    Args:
        waiting: letters that will be delivered.
        oldest: UTC at which the oldest of them was written; None if there are none.
        refused: letters that the sink will never take.
    """

    waiting: int = 0
    oldest: datetime | None = None
    refused: int = 0


class Outbox:
    """What is still to be delivered, by sink; ``EventStore.commit`` fills it.

    Deleting a letter is what says that it was delivered; the events themselves stay as they are.

    Args:
        database: of the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def for_threads(self) -> bool:
        """Whether other threads than the one that opened the store can use it."""
        return not self._database.in_memory

    def waiting(self, sink: str, limit: int = 100) -> list[Letter]:
        """The oldest letters that a sink is still to be given, in the order of their writing.

        Raises:
            StoreError: the database cannot be read.
        """
        return self._letters([OutboxRow.sink == sink, ~OutboxRow.refused], limit)

    def letters(self, sink: str | None = None, *, refused: bool | None = None, limit: int = 100) -> list[Letter]:
        """The oldest letters, for people.

        Args:
            sink: to this one only.
            refused: only those refused, or only those waiting.
            limit: this many at most.

        Raises:
            StoreError: the database cannot be read.
        """
        return self._letters(_met(sink, refused), limit)

    def delivered(self, sink: str, seqs: Sequence[int]) -> None:
        """Delete letters that a sink has taken; those that are gone already are no error.

        Raises:
            StoreError: none was deleted, or their deletion was not confirmed; do it again.
        """
        gone = sa.delete(OutboxRow).where(OutboxRow.sink == sink, OutboxRow.seq.in_(seqs))
        with self._database.writing() as connection:
            connection.execute(gone)

    def failed(self, sink: str, seq: int, error: str, *, refused: bool = False) -> None:
        """Write down that a letter could not be delivered.

        Args:
            sink: which could not take it.
            seq: of the letter.
            error: why not, without credentials; cut if it is long.
            refused: whether it is given up until a person says ``retry``.

        Raises:
            StoreError: nothing was changed.
        """
        row = sa.update(OutboxRow).where(OutboxRow.sink == sink, OutboxRow.seq == seq)
        shown = error.replace("\x00", "")[:_ERROR_CHARS]  # PostgreSQL keeps no zeros in texts
        with self._database.writing() as connection:
            connection.execute(row.values(attempts=OutboxRow.attempts + 1, error=shown, refused=refused))

    def retry(self, sink: str | None = None, *, event_id: str | None = None) -> int:
        """Let refused letters be delivered after all; later ones may have arrived before them.

        Args:
            sink: to this one only.
            event_id: of this event only.

        Returns:
            how many.

        Raises:
            StoreError: nothing was changed.
        """
        again = sa.update(OutboxRow).where(*_met(sink, True, event_id)).values(refused=False, attempts=0)
        with self._database.writing() as connection:
            return connection.execute(again).rowcount

    def drop(self, sink: str | None = None, *, event_id: str | None = None, refused: bool | None = True) -> int:
        """Delete letters that shall not be delivered.

        Args:
            sink: to this one only.
            event_id: of this event only.
            refused: those refused; False for those waiting, None for both, and then the sink must be named.

        Returns:
            how many.

        Raises:
            ConfigError: letters that wait would go, but no sink is named.
            StoreError: nothing was changed.
        """
        if not refused and sink is None:
            msg = "which sink's letters shall not be delivered? Name it; those of all sinks are never dropped at once"
            raise ConfigError(msg)
        with self._database.writing() as connection:
            return connection.execute(sa.delete(OutboxRow).where(*_met(sink, refused, event_id))).rowcount

    def backlog(self) -> dict[str, Backlog]:
        """What has not been delivered, for each sink that has anything.

        Raises:
            StoreError: the database cannot be read.
        """
        columns = (OutboxRow.sink, OutboxRow.refused, sa.func.count().label("num"), sa.func.min(OutboxRow.at))
        query = sa.select(*columns).group_by(OutboxRow.sink, OutboxRow.refused).order_by(OutboxRow.sink)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        found: dict[str, Backlog] = {}
        for sink, refused, num, oldest in rows:
            known = found.get(sink, Backlog())
            found[sink] = replace(known, refused=num) if refused else replace(known, waiting=num, oldest=oldest)
        return found

    def _letters(self, met: Sequence[Condition], limit: int) -> list[Letter]:
        query = sa.select(OutboxRow.__table__).where(*met).order_by(OutboxRow.seq, OutboxRow.sink)
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(limit)).all()
        return [Letter(**row._mapping) for row in rows]


def _met(sink: str | None, refused: bool | None, event_id: str | None = None) -> list[Condition]:
    found = [] if refused is None else [OutboxRow.refused == refused]
    found += [] if sink is None else [OutboxRow.sink == sink]
    return found if event_id is None else [*found, OutboxRow.event_id == event_id]
