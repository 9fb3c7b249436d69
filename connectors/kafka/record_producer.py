"""Messages to brokers, also after they were away."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError, RecordListTooLargeError

from videoxl_stream.connectors.kafka.brokers import Brokers

_SLACK_S = 2.0  # behind the time in which a message is delivered or given up
TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Record:
    """A message to be written.

    Args:
        topic: where.
        key: messages of one key stay in order.
        value: what.
        headers: about it.
        binary_headers: more of them, as bytes.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)
    binary_headers: Sequence[tuple[str, bytes]] = ()


class RecordProducer:
    """A producer of Kafka's that is made when it is first needed, and made anew after an error.

    Args:
        brokers: whom to write to.
        timeout_s: after which a message that was not acknowledged is given up.
        settings: more of ``KafkaProducer``.
    """

    def __init__(self, brokers: Brokers, *, timeout_s: float, **settings: Any) -> None:
        self._brokers = brokers
        self._timeout_s = timeout_s
        timeout_ms = int(timeout_s * 1000)
        self._settings = {
            "delivery_timeout_ms": timeout_ms,
            "request_timeout_ms": timeout_ms // 2,
            "max_block_ms": timeout_ms,
            **settings,
        }
        self._producer: Any = None
        self._sent: list[Any] = []  # futures of what nobody has waited for

    def send(self, record: Record) -> Any:
        """Hand over one message.

        Returns:
            a future of kafka-python, which tells by ``is_done`` and ``exception`` what became of it.

        Raises:
            KafkaError: no broker answers, and the next message goes through a new producer; or the message is one of
                those ``TOO_LARGE``, and nothing else has happened.
        """
        try:
            return self._send(record)
        except TOO_LARGE:
            raise
        except KafkaError:
            self._end()  # it may never work again
            raise

    def write(self, record: Record) -> None:
        """Hand over one message, for ``flush`` to tell what became of it.

        Raises:
            KafkaError: as for ``send``.
        """
        self._sent.append(self.send(record))

    def flush(self) -> None:
        """Wait until everything that ``write`` took has been acknowledged.

        Raises:
            KafkaError: something was not; the next message goes through a new producer.
        """
        sent, self._sent = self._sent, []
        deadline = time.monotonic() + self._timeout_s + _SLACK_S
        try:
            for future in sent:
                future.get(timeout=max(0.0, deadline - time.monotonic()))
        except KafkaError:
            self._end()
            raise

    def close(self) -> None:
        """Release everything; what was not acknowledged may or may not arrive. May be called twice."""
        self._sent = []
        self._end()

    def _send(self, record: Record) -> Any:
        if self._producer is None:
            self._producer = self._brokers.producer(**self._settings)
        headers = [(name, value.encode()) for name, value in record.headers.items()]
        headers += record.binary_headers
        future = self._producer.send(record.topic, record.value, record.key, headers)
        if future.is_done and future.exception is not None:  # without having been sent
            raise future.exception
        return future

    def _end(self) -> None:
        """End the producer; what it still had to send fails, and ``flush`` tells."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        # Its own close waits for all that is to be sent, and where that never comes to an end leaves its thread and
        # sockets behind: after an outage kafka-python 3.0 keeps messages for ever until it has a new producer id.
        producer._sender.force_close()
        producer._sender.join(self._timeout_s + _SLACK_S)
        try:
            producer.close(0)
        except KafkaTimeoutError:
            _log.warning("%s: a producer does not end", self._brokers.shown)
