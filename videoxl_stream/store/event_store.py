"""Events, their evidence and how far each stream has come, in one database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event, Exhibit, ExhibitKind, Severity, Status
from videoxl_stream.queries import Span
from videoxl_stream.store import forgetting, retention
from videoxl_stream.store.database import Database
from videoxl_stream.store.doctor import Doctor
from videoxl_stream.store.evidence_folder import EvidenceFolder
from videoxl_stream.store.memories import Memories
from videoxl_stream.store.outbox import Outbox
from videoxl_stream.store.reading import (
    EVENT_COLUMNS,
    EVENTS_BY_START,
    EXHIBIT_COLUMNS,
    EXHIBITS_BY_START,
    StreamSummary,
    conditions,
    event_of,
    exhibit_of,
    newest,
    pages,
    stream_span,
    stream_state,
    stream_summaries,
)
from videoxl_stream.store.removal import Removal
from videoxl_stream.store.tables import CounterRow, EventRow, ExhibitRow
from videoxl_stream.store.writing import Claim, StreamState, Writer

_SETTLED = timedelta(minutes=10)


class EventStore:
    """Events and evidence by SQL; the tables are made and migrated when it is opened.

    An event is one row, its latest revision. Writing a revision that is already there, or an older one, changes
    nothing, so a replay writes nothing twice. Evidence is a row for each file, named by its path.

    Args:
        url: SQLAlchemy's form, such as ``sqlite:///events.db`` or ``postgresql://host/name``. SQLite runs in WAL mode.
        create: whether a SQLite file that is not there is made.

    Raises:
        StoreError: the database cannot be reached or is not an event store. No message shows credentials.
    """

    def __init__(self, url: str = "sqlite:///events.db", *, create: bool = True) -> None:
        self._database = Database(url, create=create)
        self.outbox, self.memories = Outbox(self._database), Memories(self._database)

    @property
    def name(self) -> str:
        """The URL without user, password and options."""
        return self._database.name

    # ---- writing

    def commit(
        self,
        pipeline: str,
        stream_id: str,
        *,
        events: Sequence[Event] = (),
        state: StreamState | None = None,
        exhibits: Sequence[Exhibit] = (),
        counts: Mapping[str, Any] | None = None,
        outbox: Sequence[str] = (),
        claim: int | None = None,
    ) -> list[Event]:
        """Write events, evidence and the stream's state in one transaction.

        Args:
            pipeline: name of the pipeline.
            stream_id: name of the stream.
            events: any number, also several revisions of one.
            state: how far the stream has come; None leaves it as it is.
            exhibits: files of evidence that are there by now; one that is known is brought up to date.
            counts: what became of the stream's frames so far, as plain JSON; None leaves it as it is.
            outbox: names of the sinks to which every event that is new here is to be delivered.
            claim: number of the claim under which this is written; None writes without one.

        Returns:
            the events that were new, in order; those that were there already are left out.

        Raises:
            StreamTaken: somebody else has claimed the stream since; nothing was written.
            StoreError: nothing was written, or all of it but the answer got lost; doing it again is safe.
        """
        times = [at for event in events for at in (event.start, event.end)]
        times += [at for exhibit in exhibits for at in (exhibit.start, exhibit.end)]
        with self._database.writing() as connection:
            writer = Writer(self._database, connection)
            seq = writer.take_turn(len(events)) if times else 0
            fresh = {number: event for number, event in enumerate(events, seq + 1) if writer.event(event, number)}
            writer.outbox(outbox, fresh)
            writer.exhibits(exhibits)
            asked = state.asked.values() if state is not None else ()
            writer.stream(pipeline, stream_id, state, counts, [*times, *asked], claim)
        return list(fresh.values())

    def claim(self, pipeline: str, stream_id: str) -> Claim:
        """Begin to go on with a stream; commits under an older claim are refused from then on.

        Raises:
            StoreError: nothing was claimed, or it was and the answer got lost; claim again.
        """
        with self._database.writing() as connection:
            number = Writer(self._database, connection).claim(pipeline, stream_id)
            return Claim(number, stream_state(connection, pipeline, stream_id))

    def keep(self, event_id: str, *, kept: bool = True) -> bool:
        """Mark an event and its evidence, so that retention never takes them, or take the mark back.

        Returns:
            whether there is such an event.

        Raises:
            StoreError: nothing was changed.
        """
        with self._database.writing() as connection:
            Writer(self._database, connection).take_turn(0)
            marked = sa.update(EventRow).filter_by(id=event_id).values(kept=kept)
            found = connection.execute(marked.returning(EventRow.id)).first() is not None
            connection.execute(sa.update(ExhibitRow).filter_by(event_id=event_id).values(kept=kept))
        return found

    # ---- reading

    def restore(self, pipeline: str, stream_id: str) -> StreamState | None:
        """Read how far a stream has come; None if that was never committed.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._database.reading() as connection:
            return stream_state(connection, pipeline, stream_id)

    def streams(self, *, pipeline: str | None = None) -> list[StreamSummary]:
        """What is known of each stream, by name.

        Raises:
            StoreError: the database cannot be read.
        """
        return stream_summaries(self._database, pipeline)

    def event(self, event_id: str) -> Event | None:
        """The latest revision of one event; None if there is none of that id.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._database.reading() as connection:
            row = connection.execute(sa.select(*EVENT_COLUMNS).filter_by(id=event_id)).first()
        return None if row is None else event_of(row)

    def find(self, beginning: str) -> Event:
        """The one event whose id begins like this.

        Raises:
            ConfigError: there is none, or more than one.
            StoreError: the database cannot be read.
        """
        query = sa.select(*EVENT_COLUMNS).where(EventRow.id.startswith(beginning, autoescape=True)).limit(2)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        if len(rows) != 1:
            msg = (
                f"{'more than one' if rows else 'no'} event's id begins with {beginning!r}; give more of the right one"
            )
            raise ConfigError(msg)
        return event_of(rows[0])

    def events(
        self,
        *,
        pipeline: str | None = None,
        stream_id: str | None = None,
        rule: str | None = None,
        severity: Severity | None = None,
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
            severity: of this severity only.
            status: only those opened, updated or closed.
            since: only those that end at this moment or later.
            until: only those that start before this moment.
            limit: this many at most, the newest.

        Raises:
            StoreError: the database cannot be read.
        """
        named = {"pipeline": pipeline, "stream_id": stream_id, "rule": rule, "severity": severity, "status": status}
        query = sa.select(*EVENT_COLUMNS).where(*conditions(EventRow, named, since, until))
        return [event_of(row) for row in newest(self._database, query, EVENTS_BY_START, limit)]

    def each_event(
        self, *, since: datetime | None = None, until: datetime | None = None, **named: str | None
    ) -> Iterator[Event]:
        """As ``events``, but one by one, for more of them than memory should hold.

        Args:
            since: as there.
            until: as there.
            **named: any of the other conditions there but ``limit``.

        Raises:
            StoreError: the database cannot be read.
        """
        query = sa.select(*EVENT_COLUMNS).where(*conditions(EventRow, named, since, until))
        for rows in pages(self._database, query, EVENTS_BY_START):
            yield from map(event_of, rows)

    def changes(self, after: int, *, limit: int = 1000) -> tuple[list[Event], int]:
        """Events that were written or changed since, in the order in which that happened, each in its latest revision.

        Args:
            after: the number that an earlier call gave, or ``last_change()``.
            limit: this many at most.

        Returns:
            the events, and the number to give next time.

        Raises:
            StoreError: the database cannot be read.
        """
        query = sa.select(*EVENT_COLUMNS, EventRow.seq).where(EventRow.seq > after).order_by(EventRow.seq).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [event_of(row) for row in rows], max((row.seq for row in rows), default=after)

    def last_change(self) -> int:
        """The number of the latest change of any event; ``changes(after=...)`` gives what comes behind it.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._database.reading() as connection:
            return int(connection.execute(sa.select(CounterRow.value).filter_by(name="events")).scalar_one())

    def exhibits(
        self,
        *,
        event_id: str | None = None,
        pipeline: str | None = None,
        stream_id: str | None = None,
        kind: ExhibitKind | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> list[Exhibit]:
        """Evidence that meets every condition given, oldest first.

        Args:
            event_id: of this event only.
            pipeline: of this pipeline only.
            stream_id: of this stream only.
            kind: only clips, pictures or thumbnails.
            since: only what ends at this moment or later.
            until: only what starts before this moment.
            limit: this many at most, the newest.

        Raises:
            StoreError: the database cannot be read.
        """
        named = {"event_id": event_id, "pipeline": pipeline, "stream_id": stream_id, "kind": kind}
        met = conditions(ExhibitRow, named, since, until)
        query = sa.select(*EXHIBIT_COLUMNS).where(*met, ~ExhibitRow.leaving)
        return [exhibit_of(row) for row in newest(self._database, query, EXHIBITS_BY_START, limit)]

    def stream_span(
        self, stream_id: str, since: datetime, until: datetime, *, pipeline: str | None = None
    ) -> Span | None:
        """A span of UTC on the stream's own clock, as events and evidence of that time say; None if there are none.

        Where that clock jumped meanwhile, the span reaches from the earliest to the latest moment it can mean.

        Raises:
            ConfigError: the span is empty.
            StoreError: the database cannot be read.
        """
        _check_span(since, until)
        return stream_span(self._database, _stream(stream_id, pipeline), since, until)

    # ---- giving up

    def apply(
        self, kept: retention.Retention, evidence: Path | None, now: datetime, *, dry_run: bool = False
    ) -> Removal:
        """Let go of what a retention does not keep.

        Rows are marked first, then files deleted, then the rows, so that whatever stops it in between, the next
        ``apply``, or ``doctor``, finds the rest and finishes. Works in short transactions beside a running pipeline.

        Args:
            kept: how long and how much.
            evidence: folder of the files; None where there never was any.
            now: aware time that ages are counted up to.
            dry_run: whether only to say what would go.

        Raises:
            StoreError: the database cannot be written, or there is no such folder.
        """
        return retention.apply(self._database, kept, _folder(evidence), now, dry_run=dry_run)

    def forget(
        self,
        stream_id: str,
        since: datetime,
        until: datetime,
        evidence: Path | None,
        *,
        pipeline: str | None = None,
        dry_run: bool = False,
    ) -> Removal:
        """Delete every event and all evidence of a stream that touch a span of time, kept or not, for good.

        A SQLite file is rewritten, so that nothing of them stays in it. What a PostgreSQL server keeps of deleted
        rows goes when the server vacuums, and with its logs and backups. What rules remember of such events goes
        as well. Memories are not: ``Pipeline.forget`` and ``StoppedStream.forget`` do all of it together.

        Args:
            stream_id: name of the stream.
            since: start of the span in UTC.
            until: its end.
            evidence: folder of the files; None where there never was any.
            pipeline: of this pipeline only; None for every pipeline that watched such a stream.
            dry_run: whether only to say what would go.

        Raises:
            ConfigError: the span is empty.
            StoreError: the database cannot be written, or is in use, or there is no such folder. Do it again then.
        """
        _check_span(since, until)
        named = _stream(stream_id, pipeline)
        return forgetting.forget(self._database, named, since, until, _folder(evidence), dry_run=dry_run)

    def doctor(self, evidence: Path, *, settled: timedelta = _SETTLED) -> Doctor:
        """Someone who compares rows with files, both ways.

        Args:
            evidence: folder of the files.
            settled: files younger than this are left alone: their rows may be on the way.

        Raises:
            StoreError: there is no such folder.
        """
        return Doctor(self._database, EvidenceFolder(evidence), (datetime.now(UTC) - settled).timestamp())

    def close(self) -> None:
        """Release all connections; may be called twice."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _stream(stream_id: str, pipeline: str | None) -> dict[str, Any]:
    return {"stream_id": stream_id} | ({"pipeline": pipeline} if pipeline is not None else {})


def _check_span(since: datetime, until: datetime) -> None:
    if until <= since:
        msg = f"from {since} until {until} is no span of time; give one that ends after it starts"
        raise ConfigError(msg)


def _folder(path: Path | None) -> EvidenceFolder | None:
    return None if path is None else EvidenceFolder(path)
