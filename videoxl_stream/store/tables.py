"""The tables. A change here needs a migration beside it (``migrations/versions``); a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Double, Index, String, Text, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UTCDateTime(TypeDecorator[datetime]):
    """Aware UTC times, also in databases that forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn any aware time into UTC before it is written."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Tables(DeclarativeBase):
    """Registry of the tables below."""

    type_annotation_map = {datetime: UTCDateTime, float: Double, dict[str, Any]: JSON}  # noqa: RUF012 - SQLAlchemy's own idiom


class EventRow(Tables):
    """The latest revision of one event; the columns are the fields of ``Event`` and two of our own.

    ``seq`` grows with every change of any event, in the order of the transactions; ``kept`` events never age.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_stream", "pipeline", "stream_id", "start"),
        Index("ix_events_rule", "rule", "start"),
        Index("ix_events_status", "status", "start"),
        Index("ix_events_seq", "seq"),
        Index("ix_events_start", "start"),
        Index("ix_events_end", "end"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int]
    revision: Mapped[int]
    status: Mapped[str] = mapped_column(String(16))
    pipeline: Mapped[str] = mapped_column(String(255))
    stream_id: Mapped[str] = mapped_column(String(255))
    rule: Mapped[str] = mapped_column(String(255))
    severity: Mapped[str] = mapped_column(String(16))
    window: Mapped[int]
    start: Mapped[datetime]
    end: Mapped[datetime]
    start_s: Mapped[float]
    end_s: Mapped[float]
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    content: Mapped[str | None] = mapped_column(Text)
    probability: Mapped[float]
    seq: Mapped[int] = mapped_column(BigInteger)
    kept: Mapped[bool]


class CounterRow(Tables):
    """The last number given out. Whoever writes events updates it first, and so waits for whoever writes them now."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


class ExhibitRow(Tables):
    """One file of evidence; the columns are the fields of ``Exhibit`` and two of our own.

    ``kept`` exhibits never age. What is ``leaving`` has been given up: its file goes first, then the row, so that
    a crash in between is finished by the next one who looks.
    """

    __tablename__ = "exhibits"
    __table_args__ = (
        Index("ix_exhibits_event", "event_id"),
        Index("ix_exhibits_stream", "stream_id", "start"),
        Index("ix_exhibits_kind", "kind", "end"),
        Index("ix_exhibits_leaving", "leaving", "end"),
    )

    path: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    pipeline: Mapped[str] = mapped_column(String(255))
    stream_id: Mapped[str] = mapped_column(String(255))
    event_id: Mapped[str | None] = mapped_column(String(32))
    start: Mapped[datetime]
    end: Mapped[datetime]
    start_s: Mapped[float]
    end_s: Mapped[float]
    num_bytes: Mapped[int] = mapped_column(BigInteger)
    kept: Mapped[bool]
    leaving: Mapped[bool]


class StreamRow(Tables):
    """How far one stream has come, what became of its frames, and from when to when anything is known of it.

    ``claims`` counts who began to go on with it; only the newest may write (a fencing token, Kleppmann 2016).
    """

    __tablename__ = "streams"

    pipeline: Mapped[str] = mapped_column(String(255), primary_key=True)
    stream_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    windows: Mapped[int | None]
    position: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    counts: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    first: Mapped[datetime | None]
    last: Mapped[datetime | None]
    claims: Mapped[int] = mapped_column(BigInteger, server_default="0")


class RuleRow(Tables):
    """What one rule remembers of one stream."""

    __tablename__ = "rules"

    pipeline: Mapped[str] = mapped_column(String(255), primary_key=True)
    stream_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    rule: Mapped[str] = mapped_column(String(255), primary_key=True)
    state: Mapped[str | None] = mapped_column(Text)
    asked: Mapped[datetime | None]


class MemoryRow(Tables):
    """A folder in which one stream keeps, or once kept, its memory on disk."""

    __tablename__ = "memories"

    pipeline: Mapped[str] = mapped_column(String(255), primary_key=True)
    stream_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    path: Mapped[str] = mapped_column(Text, primary_key=True)


class OutboxRow(Tables):
    """One revision of an event that one sink is still to be given.

    ``payload`` is its JSON, so that a later revision does not overwrite it; ``seq`` is that of the event when it was
    this revision; ``refused`` is what the sink will never take: it waits for a person.
    """

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_event", "event_id"),)

    sink: Mapped[str] = mapped_column(String(255), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[str] = mapped_column(String(32))
    revision: Mapped[int]
    payload: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    attempts: Mapped[int]
    error: Mapped[str | None] = mapped_column(Text)
    refused: Mapped[bool]
