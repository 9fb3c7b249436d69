"""The tables. A change here needs a migration beside it (``migrations/versions``); a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Double, Index, String, Text, TypeDecorator
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
    """The latest revision of one event; the columns are the fields of ``Event``."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_stream", "pipeline", "stream_id", "start"),
        Index("ix_events_rule", "rule", "start"),
        Index("ix_events_status", "status", "start"),
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


class StreamRow(Tables):
    """How far one stream has come."""

    __tablename__ = "streams"

    pipeline: Mapped[str] = mapped_column(String(255), primary_key=True)
    stream_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    windows: Mapped[int]
    position: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class RuleRow(Tables):
    """What one rule remembers of one stream."""

    __tablename__ = "rules"

    pipeline: Mapped[str] = mapped_column(String(255), primary_key=True)
    stream_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    rule: Mapped[str] = mapped_column(String(255), primary_key=True)
    state: Mapped[str | None] = mapped_column(Text)
    asked: Mapped[datetime | None]
