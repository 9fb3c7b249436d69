"""Events from a topic, each once."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self

from pydantic import ValidationError

from videoxl_stream.connectors.kafka.brokers import Brokers, check_topic
from videoxl_stream.connectors.kafka.dead_letters import DeadLetters
from videoxl_stream.connectors.kafka.progress import Progress
from videoxl_stream.connectors.kafka.security import KafkaSecurity
from videoxl_stream.connectors.kafka.subscription import Subscription
from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event, Severity, Status
from videoxl_stream.interfaces import Connection

_POLL_S = 1.0
_COMMIT_EVERY_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class ConsumedCounts:
    """What became of the messages so far.

    Args:
        given: events handed out.
        repeated: left out, since they or a newer revision had been given.
        unwanted: left out by the filters.
        malformed: no events; skipped, or given to the dead letters.
    """

    given: int = 0
    repeated: int = 0
    unwanted: int = 0
    malformed: int = 0


class EventConsumer:
    """Reads events that ``KafkaEventSink`` wrote, as one of a group that shares the work.

    Use it as a context, and iterate; an event counts as done when the body of the loop comes back for the next::

        with EventConsumer("broker:9092", "events", group="alarms") as events:
            for event in events:
                ring(event)

    Delivery: at least once; brokers that are away are waited for. While it runs, each id and revision comes once, and
    never an older revision behind a newer one: it remembers the newest revision of the latest events, as many as
    ``remembered`` says. It forgets them when it ends, and another reader of the group never knew them: what must
    not happen twice for good has to be keyed by ``event.id`` and ``event.revision`` where it happens.

    Args:
        servers: ``host:port`` of one broker or several.
        topic: where the events are.
        group: name of the consumer group.
        start: where a group begins that has never committed.
        stream_id: only of this stream.
        rule: only of this rule.
        severity: only of this severity.
        status: only in this state.
        dead_letters: topic for what is no event; None skips it with a warning.
        remembered: events of which the newest revision is known.
        session_timeout_s: after which a reader that is not heard of loses its share to others.
        security: how to log in.

    Raises:
        ConfigError: an argument cannot be.
    """

    def __init__(  # noqa: PLR0913 - plain keyword arguments instead of a config object
        self,
        servers: str | Sequence[str],
        topic: str,
        *,
        group: str,
        start: Literal["earliest", "latest"] = "earliest",
        stream_id: str | None = None,
        rule: str | None = None,
        severity: Severity | str | None = None,
        status: Status | str | None = None,
        dead_letters: str | None = None,
        remembered: int = 100_000,
        session_timeout_s: float = 10.0,
        security: KafkaSecurity | None = None,
    ) -> None:
        if not group.strip() or start not in {"earliest", "latest"} or remembered < 1 or session_timeout_s < 1:
            msg = 'give a group, start "earliest" or "latest", remembered and session_timeout_s from 1 on'
            raise ConfigError(msg)
        brokers = Brokers(servers, security)
        wanted = {"stream_id": stream_id, "rule": rule, "severity": severity, "status": status}
        self._wanted = {name: value for name, value in wanted.items() if value is not None}
        self._letters = None if dead_letters is None else DeadLetters(brokers, check_topic(dead_letters))
        self._subscription = Subscription(
            brokers,
            check_topic(topic),
            group,
            session_timeout_s=session_timeout_s,
            settings={"auto_offset_reset": start, "fetch_max_wait_ms": 100},
            work=(lambda: None) if self._letters is None else self._letters.send,
        )
        self._remembered = remembered
        self._revisions: OrderedDict[str, int] = OrderedDict()
        self._progress: defaultdict[int, Progress] = defaultdict(Progress)
        self._given: list[tuple[Progress, int]] = []  # where the events lie that were handed out last
        self._commit_at = 0.0
        self._closed = False
        self.counts = ConsumedCounts()

    @property
    def connection(self) -> Connection:
        """How it stands with the brokers."""
        return self._subscription.connection

    def __iter__(self) -> Iterator[Event]:
        """Give events for ever; each is done with when the next is asked for."""
        while not self._closed:
            for _, event, progress, offset in self._poll(_POLL_S):
                yield event
                progress.done(offset)

    def poll(self, timeout_s: float) -> list[Event]:
        """Give what has come, for a loop of one's own; what the call before gave is done with.

        Args:
            timeout_s: how long to wait where there is nothing.
        """
        self._finish_given()
        found = self._poll(timeout_s)
        self._given = [(progress, offset) for _, _, progress, offset in found]
        return [event for _, event, _, _ in found]

    def close(self) -> None:
        """Commit what is done, and leave the group; may be called twice. What ``poll`` gave last is done with."""
        if self._closed:
            return
        self._closed = True
        if self._letters is not None:
            self._letters.flush(_POLL_S)
            self._letters.settle()
        self._subscription.close(self._committable)
        if self._letters is not None:
            self._letters.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish_given()
        self.close()

    def _finish_given(self) -> None:
        for progress, offset in self._given:
            progress.done(offset)
        self._given = []

    def _poll(self, timeout_s: float) -> list[tuple[int, Event, Progress, int]]:
        if self._letters is not None:
            self._letters.settle()
        found = self._subscription.poll(timeout_s, self._give_up, commit=self._due_commits())
        taken = []
        for partition, records in found.items():
            progress = self._progress[partition]
            for record in records:
                progress.receive(record.offset)
                event = self._take(record, progress)
                if event is not None:
                    taken.append((partition, event, progress, record.offset))
        return taken

    def _take(self, record: Any, progress: Progress) -> Event | None:
        try:
            event = Event.model_validate_json(record.value or b"")
        except ValidationError as e:
            self._refuse(record, e, progress)
            return None
        if self._revisions.get(event.id, -1) >= event.revision:
            self.counts.repeated += 1
        elif any(getattr(event, name) != value for name, value in self._wanted.items()):
            self.counts.unwanted += 1
        else:
            self._remember(event)
            self.counts.given += 1
            return event
        progress.done(record.offset)
        return None

    def _remember(self, event: Event) -> None:
        self._revisions[event.id] = event.revision
        self._revisions.move_to_end(event.id)
        if len(self._revisions) > self._remembered:
            self._revisions.popitem(last=False)

    def _refuse(self, record: Any, error: ValidationError, progress: Progress) -> None:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        said = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'value'}: {each['msg']}" for each in faults[:3])
        reason = f"no event of version 1: {said}"
        self.counts.malformed += 1
        if self._letters is None:
            _log.warning("%s, partition %d, offset %d is left out: %s", *_where(record), reason)
            progress.done(record.offset)
        else:
            self._letters.add(record, reason, partial(progress.done, record.offset))

    def _due_commits(self) -> dict[int, int]:
        if time.monotonic() < self._commit_at:
            return {}
        self._commit_at = time.monotonic() + _COMMIT_EVERY_S
        return self._committable(frozenset(self._progress))

    def _committable(self, partitions: frozenset[int]) -> dict[int, int]:
        known = {each: self._progress[each].committable for each in partitions & set(self._progress)}
        return {each: offset for each, offset in known.items() if offset is not None}

    def _give_up(self, partitions: frozenset[int]) -> dict[int, int]:
        offsets = self._committable(partitions)
        for partition in partitions:
            self._progress.pop(partition, None)
        return offsets


def _where(record: Any) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset
