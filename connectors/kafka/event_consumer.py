"""Events from a topic, each once."""

from __future__ import annotations

import logging
import math
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from types import TracebackType
from typing import Any, Literal, Self

from pydantic import ValidationError

from videoxl_stream.connectors.kafka.brokers import Brokers, check_topic
from videoxl_stream.connectors.kafka.dead_letters import DeadLetters
from videoxl_stream.connectors.kafka.progress import Done, Progress
from videoxl_stream.connectors.kafka.security import KafkaSecurity
from videoxl_stream.connectors.kafka.subscription import Subscription
from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event, Severity, Status
from videoxl_stream.interfaces import Connection

_POLL_S = 1.0
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
        start: where a group begins in a partition of which it has committed nothing.
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
        in_time = 1 <= session_timeout_s < math.inf
        if not group.strip() or start not in {"earliest", "latest"} or remembered < 1 or not in_time:
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
        self._progress = Progress()
        self._waiting: deque[tuple[Event, Done]] = deque()  # came, and are not done with
        self._num_given = 0  # of these, by the last ``poll``
        self._closed = False
        self.counts = ConsumedCounts()

    @property
    def connection(self) -> Connection:
        """How it stands with the brokers."""
        return self._subscription.connection

    def __iter__(self) -> Iterator[Event]:
        """Give events for ever; each is done with when the next is asked for.

        A loop that was left, or whose body raised, begins with the same event the next time.
        """
        self._finish_given()
        while not self._closed:
            if not self._waiting:
                self._receive(_POLL_S)
                continue
            event, done = self._waiting[0]
            self.counts.given += 1
            yield event
            done()
            if self._waiting and self._waiting[0][1] is done:  # nobody else has gone on meanwhile
                self._waiting.popleft()

    def poll(self, timeout_s: float) -> list[Event]:
        """Give what has come, for a loop of one's own; what the call before gave is done with.

        Args:
            timeout_s: how long to wait where there is nothing.
        """
        self._finish_given()
        if not self._waiting:
            self._receive(timeout_s)
        self._num_given = len(self._waiting)
        self.counts.given += self._num_given
        return [event for event, _ in self._waiting]

    def close(self) -> None:
        """Commit what is done, with what ``poll`` gave last, and leave the group; may be called twice."""
        if self._closed:
            return
        self._closed = True
        self._finish_given()
        if self._letters is not None:
            self._letters.flush(_POLL_S)
            self._letters.settle()
        self._subscription.close(self._progress.committable)
        if self._letters is not None:
            self._letters.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._num_given = 0  # it comes again
        self.close()

    def _finish_given(self) -> None:
        for _ in range(self._num_given):
            self._waiting.popleft()[1]()
        self._num_given = 0

    def _receive(self, timeout_s: float) -> None:
        """Let events come in; only called while none waits, so that none does when a partition is given up."""
        if self._letters is not None:
            self._letters.settle()
        partitions = self._progress.partitions
        paused = partitions if self._letters is not None and self._letters.is_full else frozenset()
        commit = self._progress.due()
        found = self._subscription.poll(timeout_s, self._progress.give_up, paused=paused, commit=commit)
        for record in chain.from_iterable(found.values()):
            done = self._progress.receive(record.partition, record.offset)
            event = self._take(record, done)
            if event is not None:
                self._waiting.append((event, done))

    def _take(self, record: Any, done: Done) -> Event | None:
        try:
            event = Event.model_validate_json(record.value or b"")
        except ValidationError as e:
            self._refuse(record, e, done)
            return None
        if self._revisions.get(event.id, -1) >= event.revision:
            self.counts.repeated += 1
        elif any(getattr(event, name) != value for name, value in self._wanted.items()):
            self.counts.unwanted += 1
        else:
            self._remember(event)
            return event
        done()
        return None

    def _remember(self, event: Event) -> None:
        self._revisions[event.id] = event.revision
        self._revisions.move_to_end(event.id)
        if len(self._revisions) > self._remembered:
            self._revisions.popitem(last=False)

    def _refuse(self, record: Any, error: ValidationError, done: Done) -> None:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        said = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'value'}: {each['msg']}" for each in faults[:3])
        reason = f"no event of version 1: {said}"
        self.counts.malformed += 1
        if self._letters is None:
            _log.warning("%s, partition %d, offset %d is left out: %s", *_where(record), reason)
            done()
        else:
            self._letters.add(record, reason, done)


def _where(record: Any) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset
