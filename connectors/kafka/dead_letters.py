"""Messages that cannot be used, to a topic of their own with the reason."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

from kafka.errors import KafkaError

from videoxl_stream.connectors.backoff import Backoff
from videoxl_stream.connectors.kafka.brokers import Brokers
from videoxl_stream.connectors.kafka.record_producer import TOO_LARGE, Record, RecordProducer

_TIMEOUT_S = 5.0
_MAX_MESSAGE_BYTES = 1 << 28  # brokers refuse what is too large for them; the client need not
_MAX_REASON = 500  # characters
_MAX_WAITING, _MAX_WAITING_BYTES = 1000, 1 << 27
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Letter:
    record: Any
    reason: str
    then: Callable[[], None]
    future: Any = None
    is_whole: bool = True  # its value goes with it
    is_bare: bool = False  # nothing of its own goes with it

    def shorten(self) -> bool:
        """Leave out the value, or key and headers of its own, too; False where nothing is left to leave out."""
        could = not self.is_bare
        self.is_whole, self.is_bare = False, not self.is_whole
        return could


class DeadLetters:
    """Writes messages to a topic until brokers have acknowledged them, whatever goes wrong meanwhile.

    One thread adds and settles; another may send, since that can take long.

    Args:
        brokers: whom to write to.
        topic: where.
    """

    def __init__(self, brokers: Brokers, topic: str) -> None:
        self.topic = topic
        self._brokers = brokers
        self._producer = RecordProducer(brokers, timeout_s=_TIMEOUT_S, max_request_size=_MAX_MESSAGE_BYTES)
        self._added: deque[_Letter] = deque()
        self._sent: deque[_Letter] = deque()
        self._delivered: deque[_Letter] = deque()
        self._num_bytes = 0  # of all that are in these
        self._backoff = Backoff(topic)
        self._not_before = 0.0
        self._lock = Lock()  # one sends at a time

    @property
    def num_waiting(self) -> int:
        """Messages that no broker has acknowledged."""
        return len(self._added) + len(self._sent)

    @property
    def is_full(self) -> bool:
        """Whether so many wait that nothing more is to be read meanwhile."""
        return self.num_waiting >= _MAX_WAITING or self._num_bytes >= _MAX_WAITING_BYTES

    def add(self, record: Any, reason: str, then: Callable[[], None]) -> None:
        """Take a message.

        Args:
            record: of kafka-python, as it came.
            reason: why it cannot be used.
            then: called by ``settle`` once it is safe.
        """
        _log.debug("%s, partition %d, offset %d: %s", record.topic, record.partition, record.offset, reason)
        self._num_bytes += len(record.value or b"")
        self._added.append(_Letter(record, reason[:_MAX_REASON], then))

    def settle(self) -> None:
        """Tell of every message that has become safe."""
        while self._delivered:
            letter = self._delivered.popleft()
            self._num_bytes -= len(letter.record.value or b"")
            letter.then()

    def send(self) -> None:
        """Let messages go, and see what became of those before; waits for no acknowledgement."""
        with self._lock:
            self._send()

    def _send(self) -> None:
        if time.monotonic() < self._not_before:
            return
        try:
            self._look()
            while self._added:
                self._post(self._added[0])
        except KafkaError as e:
            self._retreat(e)

    def _post(self, letter: _Letter) -> None:
        try:
            letter.future = self._producer.send(self._record(letter))
        except TOO_LARGE:
            if not letter.shorten():
                raise
        else:
            self._sent.append(self._added.popleft())

    def flush(self, timeout_s: float) -> None:
        """Send until everything is safe or time is over."""
        deadline = time.monotonic() + timeout_s
        while self.num_waiting and time.monotonic() < deadline:
            self.send()
            time.sleep(0.01)

    def close(self) -> None:
        """Release everything; may be called twice."""
        self._producer.close()

    def _look(self) -> None:
        while self._sent and self._sent[0].future.is_done:
            letter, error = self._sent[0], self._sent[0].future.exception
            if isinstance(error, TOO_LARGE) and letter.shorten():
                self._added.appendleft(self._sent.popleft())
            elif error is not None:
                raise error
            else:
                self._backoff.reset()
                self._delivered.append(self._sent.popleft())

    def _retreat(self, error: KafkaError) -> None:
        """Begin again later, with all that nobody acknowledged."""
        wait_s = self._backoff.next_s()
        self._not_before = time.monotonic() + wait_s
        _log.warning("%d messages wait for topic %s: %s", self.num_waiting, self.topic, self._brokers.explain(error))
        self._added.extendleft(reversed(self._sent))
        self._sent.clear()
        self._producer.close()

    def _record(self, letter: _Letter) -> Record:
        record = letter.record
        headers = {
            "reason": letter.reason,
            "original_topic": record.topic,
            "original_partition": str(record.partition),
            "original_offset": str(record.offset),
            "original_timestamp": str(record.timestamp),
        }
        if not letter.is_whole:
            headers["left_out_bytes"] = str(len(record.value or b""))
        if letter.is_bare:
            return Record(self.topic, None, b"", headers)
        own = [(name, value) for name, value in record.headers or () if isinstance(value, bytes)]
        value = record.value or b"" if letter.is_whole else b""
        return Record(self.topic, record.key, value, headers, binary_headers=own)
