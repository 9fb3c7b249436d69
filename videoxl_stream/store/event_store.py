"""Events and how far each stream has come, in one database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self

import sqlalchemy as sa
from sqlalchemy.orm import Session

from videoxl_stream.events import Event, Status
from videoxl_stream.interfaces import Position
from videoxl_stream.store.database import Database
from videoxl_stream.store.tables import EventRow, RuleRow, StreamRow


@dataclass(frozen=True, slots=True)
class StreamState:
    """What must be known of a stream to go on with it after a restart.

    Args:
        windows: windows taken so far; the index of the next.
        position: the source's position behind the last of them.
        rules: each rule's state, as the JSON it gave.
        asked: the stream time in UTC up to which each rule's schedule is done.
    """

    windows: int = 0
    position: Position | None = None
    rules: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, datetime] = field(default_factory=dict)


class EventStore:
    """Events by SQL; the tables are made and migrated when it is opened.

    An event is one row, its latest revision. Writing a revision that is already there, or an older one, changes
    nothing, so a replay writes nothing twice.

    Args:
        url: SQLAlchemy's form, such as ``sqlite:///events.db``. SQLite runs in WAL mode.
        create: whether a SQLite file that is not there is made.

    Raises:
        StoreError: the database cannot be reached or is not an event store. No message shows credentials.
    """

    def __init__(self, url: str = "sqlite:///events.db", *, create: bool = True) -> None:
        self._database = Database(url, create=create)

    @property
    def name(self) -> str:
        """The URL without user, password and options."""
        return self._database.name

    def commit(
        self, pipeline: str, stream_id: str, *, events: Sequence[Event] = (), state: StreamState | None = None
    ) -> list[Event]:
        """Write events and the stream's state in one transaction.

        Args:
            pipeline: name of the pipeline.
            stream_id: name of the stream.
            events: any number, also several revisions of one.
            state: how far the stream has come; None leaves it as it is.

        Returns:
            the events that were new, in order; those that were there already are left out.

        Raises:
            StoreError: nothing was written.
        """
        with self._database.writing() as connection, Session(connection) as session:
            fresh = [event for event in events if _write(session, event)]
            if state is not None:
                _keep(session, pipeline, stream_id, state)
            session.flush()
        return fresh

    def restore(self, pipeline: str, stream_id: str) -> StreamState | None:
        """Read how far a stream has come; None if it was never committed.

        Raises:
            StoreError: the database cannot be read.
        """
        of_stream = sa.select(RuleRow).filter_by(pipeline=pipeline, stream_id=stream_id)
        with self._database.reading() as connection, Session(connection) as session:
            stream = session.get(StreamRow, (pipeline, stream_id))
            if stream is None:
                return None
            rules = session.scalars(of_stream).all()
            return StreamState(
                windows=stream.windows,
                position=stream.position,
                rules={row.rule: row.state for row in rules if row.state is not None},
                asked={row.rule: row.asked for row in rules if row.asked is not None},
            )

    def event(self, event_id: str) -> Event | None:
        """The latest revision of one event; None if there is none of that id.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._database.reading() as connection, Session(connection) as session:
            row = session.get(EventRow, event_id)
            return None if row is None else _event(row)

    def events(
        self,
        *,
        pipeline: str | None = None,
        stream_id: str | None = None,
        rule: str | None = None,
        status: Status | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> list[Event]:
        """Events that meet every condition given, oldest first.

        Args:
            pipeline: of this pipeline only.
            stream_id: of this stream only.
            rule: of this rule only.
            status: only those opened, updated or closed.
            since: only those that end at this moment or later.
            until: only those that start before this moment.
            limit: this many at most, the newest.

        Raises:
            StoreError: the database cannot be read.
        """
        named = {"pipeline": pipeline, "stream_id": stream_id, "rule": rule, "status": status}
        query = sa.select(EventRow).filter_by(**{key: value for key, value in named.items() if value is not None})
        if since is not None:
            query = query.where(EventRow.end >= since)
        if until is not None:
            query = query.where(EventRow.start < until)
        query = query.order_by(EventRow.start.desc(), EventRow.id.desc()).limit(limit)
        with self._database.reading() as connection, Session(connection) as session:
            return [_event(row) for row in session.scalars(query)][::-1]

    def close(self) -> None:
        """Release all connections; may be called twice."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _write(session: Session, event: Event) -> bool:
    """Write a revision unless it, or a later one, is there; say whether it was new."""
    row = session.get(EventRow, event.id)
    if row is not None and row.revision >= event.revision:
        return False
    session.merge(EventRow(**event.model_dump()))
    return True


def _event(row: EventRow) -> Event:
    return Event.model_validate({name: getattr(row, name) for name in Event.model_fields})


def _keep(session: Session, pipeline: str, stream_id: str, state: StreamState) -> None:
    position = None if state.position is None else dict(state.position)
    session.merge(StreamRow(pipeline=pipeline, stream_id=stream_id, windows=state.windows, position=position))
    for rule in {*state.rules, *state.asked}:
        session.merge(
            RuleRow(
                pipeline=pipeline,
                stream_id=stream_id,
                rule=rule,
                state=state.rules.get(rule),
                asked=state.asked.get(rule),
            )
        )
