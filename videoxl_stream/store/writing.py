"""What a commit writes: events, evidence, and how far a stream has come.

Always in this order, so that two writers never wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from videoxl_stream.errors import StreamTaken
from videoxl_stream.events import Event, Exhibit
from videoxl_stream.interfaces import Position
from videoxl_stream.store.database import Database
from videoxl_stream.store.evidence_folder import checked
from videoxl_stream.store.tables import CounterRow, EventRow, ExhibitRow, OutboxRow, RuleRow, StreamRow


@dataclass(frozen=True, slots=True)
class StreamState:
    """What must be known of a stream to go on with it after a restart.

    Args:
        windows: windows taken so far; the index of the next.
        position: the source's position behind the last of them.
        rules: each rule's state, as the JSON it gave; an empty text deletes what was kept.
        asked: the stream time in UTC up to which each rule's schedule is done.
    """

    windows: int = 0
    position: Position | None = None
    rules: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to go on with a stream, until somebody else claims it.

    Args:
        number: given to ``EventStore.commit``.
        state: how far the stream has come; None if that was never committed.
    """

    number: int
    state: StreamState | None


class Writer:
    """One transaction's writes.

    Args:
        database: says how its kind of SQL writes a row that may be there.
        connection: of the transaction.
    """

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database, self._connection = database, connection

    def take_turn(self, num: int) -> int:
        """Wait for whoever writes events now; returns the last number before the ``num`` that are now ours."""
        counter = sa.update(CounterRow).filter_by(name="events").values(value=CounterRow.value + num)
        return int(self._connection.execute(counter.returning(CounterRow.value)).scalar_one()) - num

    def event(self, event: Event, seq: int) -> bool:
        """Write a revision unless it, or a later one, is there; say whether it was new."""
        values = event.model_dump()
        insert = self._database.upsert(EventRow).values(**values, seq=seq, kept=False)
        changed = {**{name: insert.excluded[name] for name in values if name != "id"}, "seq": seq}
        insert = insert.on_conflict_do_update(
            index_elements=[EventRow.id], set_=changed, where=EventRow.revision < insert.excluded.revision
        )
        return self._connection.execute(insert.returning(EventRow.id)).first() is not None

    def outbox(self, sinks: Sequence[str], events: Mapping[int, Event]) -> None:
        """Write, for each of the sinks, what it is to be given: events by their number in the order of changes."""
        at = datetime.now(UTC)
        rows = [
            {"sink": sink, "seq": seq, "event_id": event.id, "revision": event.revision, "payload": payload, "at": at}
            for seq, event in events.items()
            for payload in [event.model_dump_json()]
            for sink in dict.fromkeys(sinks)
        ]
        if rows:
            self._connection.execute(sa.insert(OutboxRow).values(attempts=0, refused=False), rows)

    def exhibits(self, exhibits: Sequence[Exhibit]) -> None:
        """Write evidence, or what has become of it, such as a clip that grew; of a kept event it is kept as well."""
        if not exhibits:
            return
        rows = sorted((each.model_dump() | {"path": checked(each.path)} for each in exhibits), key=itemgetter("path"))
        insert = self._database.upsert(ExhibitRow).values(kept=False, leaving=False)
        changed = {name: insert.excluded[name] for name in Exhibit.model_fields if name != "path"}
        insert = insert.on_conflict_do_update(
            index_elements=[ExhibitRow.path], set_={**changed, "leaving": insert.excluded.leaving}
        )
        self._connection.execute(insert, rows)
        kept = sa.select(EventRow.id).where(EventRow.id.in_({each.event_id for each in exhibits}), EventRow.kept)
        self._connection.execute(sa.update(ExhibitRow).where(ExhibitRow.event_id.in_(kept)).values(kept=True))

    def stream(
        self,
        pipeline: str,
        stream_id: str,
        state: StreamState | None,
        counts: Mapping[str, Any] | None,
        times: Sequence[datetime],
        claim: int | None,
    ) -> None:
        """Write how far a stream has come, what became of its frames, and how far what is known of it reaches.

        Raises:
            StreamTaken: somebody else has claimed it; the transaction must be taken back.
        """
        key = {"pipeline": pipeline, "stream_id": stream_id}
        self._make_row(key)
        row = self._connection.execute(sa.select(StreamRow.__table__).filter_by(**key).with_for_update()).one()
        if claim not in {None, row.claims}:
            raise StreamTaken(stream_id)
        known = [*times, *(at for at in (row.first, row.last) if at is not None)]
        values: dict[str, Any] = {"first": min(known, default=None), "last": max(known, default=None)}
        if counts is not None:
            values["counts"] = dict(counts)
        if state is not None:
            values["windows"] = state.windows
            values["position"] = None if state.position is None else dict(state.position)
        self._connection.execute(sa.update(StreamRow).filter_by(**key).values(**values))
        if state is not None:
            self._rules(key, state)

    def claim(self, pipeline: str, stream_id: str) -> int:
        """Let nobody write a stream any more who claimed it before; returns the number of this claim."""
        key = {"pipeline": pipeline, "stream_id": stream_id}
        self._make_row(key)
        claimed = sa.update(StreamRow).filter_by(**key).values(claims=StreamRow.claims + 1)
        return int(self._connection.execute(claimed.returning(StreamRow.claims)).scalar_one())

    def _make_row(self, key: dict[str, str]) -> None:
        new = self._database.upsert(StreamRow).values(**key, windows=None).on_conflict_do_nothing()
        self._connection.execute(new)

    def _rules(self, key: dict[str, str], state: StreamState) -> None:
        for rule in sorted({*state.rules, *state.asked}):
            values = {"state": state.rules.get(rule) or None, "asked": state.asked.get(rule)}
            insert = self._database.upsert(RuleRow).values(**key, rule=rule, **values)
            self._connection.execute(insert.on_conflict_do_update(index_elements=[*key, "rule"], set_=values))
