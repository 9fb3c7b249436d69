"""Queries: rows that meet conditions, page by page, as the nouns they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from videoxl_stream.events import Event, Exhibit
from videoxl_stream.queries import Span
from videoxl_stream.store.database import Database
from videoxl_stream.store.tables import EventRow, ExhibitRow, RuleRow, StreamRow
from videoxl_stream.store.writing import StreamState

PAGE_ROWS = 1000

Query: TypeAlias = "sa.Select[*tuple[Any, ...]]"
Row: TypeAlias = "sa.Row[*tuple[Any, ...]]"
Condition = sa.ColumnElement[bool]
EVENT_COLUMNS = tuple(getattr(EventRow, name) for name in Event.model_fields)
EXHIBIT_COLUMNS = tuple(getattr(ExhibitRow, name) for name in Exhibit.model_fields)


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """What a store knows of one stream.

    Args:
        pipeline: that watches it.
        stream_id: its name.
        counts: what became of its frames, as the last commit that told it said.
        first: UTC of the earliest moment of which anything was written.
        last: UTC of the latest.
    """

    pipeline: str
    stream_id: str
    counts: Mapping[str, Any]
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """How a query is read in pages: in the order of ``at``, then of ``name``, which is unique.

    Args:
        at: the column that an index sorts by.
        name: the primary key.
        num_rows: rows of one page.
    """

    at: Any
    name: Any
    num_rows: int = PAGE_ROWS

    def first(self, query: Query) -> Query:
        """The query for the first page."""
        return query.order_by(self.at, self.name).limit(self.num_rows)

    def behind(self, query: Query, row: Row | None) -> Query:
        """The query for the page behind a row; the first page behind None."""
        if row is None:
            return self.first(query)
        at, name = row._mapping[self.at.key], row._mapping[self.name.key]
        return self.first(query.where(self.at >= at, sa.or_(self.at > at, self.name > name)))


EVENTS_BY_START = Page(EventRow.start, EventRow.id)
EVENTS_BY_END = Page(EventRow.end, EventRow.id)
EXHIBITS_BY_START = Page(ExhibitRow.start, ExhibitRow.path)
EXHIBITS_BY_END = Page(ExhibitRow.end, ExhibitRow.path)
EXHIBITS_BY_PATH = Page(ExhibitRow.path, ExhibitRow.path)


def pages(database: Database, query: Query, page: Page) -> Iterator[Sequence[Row]]:
    """All rows of a query, each page in a transaction of its own, so that no writer waits for a slow reader."""
    last = None
    while True:
        with database.reading() as connection:
            rows = connection.execute(page.behind(query, last)).all()
        if not rows:
            return
        yield rows
        last = rows[-1]


def newest(database: Database, query: Query, page: Page, limit: int | None) -> Sequence[Row]:
    """The last rows of a query, or all of them, in the order of a page."""
    query = query.order_by(page.at.desc(), page.name.desc()).limit(limit)
    with database.reading() as connection:
        return connection.execute(query).all()[::-1]


def conditions(
    row: type[EventRow] | type[ExhibitRow], named: dict[str, Any], since: datetime | None, until: datetime | None
) -> list[Condition]:
    """What rows must meet: the named columns equal, and a span of time touched."""
    found = [getattr(row, name) == value for name, value in named.items() if value is not None]
    if since is not None:
        found.append(row.end >= since)
    if until is not None:
        found.append(row.start < until)
    return found


def event_of(row: Row) -> Event:
    """The event of a row that has ``EVENT_COLUMNS``."""
    return Event.model_validate({name: row._mapping[name] for name in Event.model_fields})


def exhibit_of(row: Row) -> Exhibit:
    """The exhibit of a row that has ``EXHIBIT_COLUMNS``."""
    return Exhibit.model_validate({name: row._mapping[name] for name in Exhibit.model_fields})


def stream_summaries(database: Database, pipeline: str | None) -> list[StreamSummary]:
    """What is known of each stream, by name."""
    query = sa.select(StreamRow.__table__).order_by(StreamRow.pipeline, StreamRow.stream_id)
    if pipeline is not None:
        query = query.filter_by(pipeline=pipeline)
    with database.reading() as connection:
        rows = connection.execute(query).all()
    return [StreamSummary(row.pipeline, row.stream_id, row.counts or {}, row.first, row.last) for row in rows]


def stream_state(connection: sa.Connection, pipeline: str, stream_id: str) -> StreamState | None:
    """How far a stream has come; None if that was never committed."""
    key = {"pipeline": pipeline, "stream_id": stream_id}
    stream = connection.execute(sa.select(StreamRow.__table__).filter_by(**key)).first()
    rules = connection.execute(sa.select(RuleRow.__table__).filter_by(**key)).all()
    if stream is None or stream.windows is None:
        return None
    return StreamState(
        windows=stream.windows,
        position=stream.position,
        rules={row.rule: row.state for row in rules if row.state is not None},
        asked={row.rule: row.asked for row in rules if row.asked is not None},
    )


def stream_span(database: Database, named: dict[str, Any], since: datetime, until: datetime) -> Span | None:
    """A span of UTC on a stream's clock, by all rows within it and those next to it; None if there are none."""
    starts, ends = [], []
    for start, start_s in _clock_readings(database, named, since, until):
        starts.append(start_s + (since - start).total_seconds())
        ends.append(start_s + (until - start).total_seconds())
    return Span(min(starts), max(ends)) if starts else None


def _clock_readings(
    database: Database, named: dict[str, Any], since: datetime, until: datetime
) -> Iterator[tuple[datetime, float]]:
    """Moments in UTC and on the stream's clock."""
    for table, page in ((EventRow, EVENTS_BY_START), (ExhibitRow, EXHIBITS_BY_START)):
        query = sa.select(page.at, page.name, table.start_s).filter_by(**named)
        for rows in pages(database, query.where(*conditions(table, {}, since, until)), page):
            yield from ((row.start, row.start_s) for row in rows)
        with database.reading() as connection:
            before = connection.execute(query.where(page.at < since).order_by(page.at.desc()).limit(1)).all()
            behind = connection.execute(query.where(page.at >= until).order_by(page.at).limit(1)).all()
        yield from ((row.start, row.start_s) for row in (*before, *behind))
