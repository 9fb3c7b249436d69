"""Events to a topic of Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kafka.errors import KafkaError

from videoxl_stream.connectors.kafka.brokers import Brokers, check_topic
from videoxl_stream.connectors.kafka.record_producer import TOO_LARGE, Record, RecordProducer
from videoxl_stream.connectors.kafka.security import KafkaSecurity
from videoxl_stream.connectors.kafka.url import KafkaURL
from videoxl_stream.errors import SinkError
from videoxl_stream.events import Event


class KafkaEventSink:
    """Writes each event as JSON, keyed by its stream: the events of one stream stay in order.

    Delivery: at least once. Each message is acknowledged by all replicas before ``flush`` returns, and written once
    as long as no error comes between; after one, messages may come twice: ``EventConsumer`` tells them apart by id
    and revision, which are also in the headers. ``docs/kafka.md`` is the contract.

    Args:
        servers: ``host:port`` of one broker or several.
        topic: where to.
        security: how to log in.
        timeout_s: after which an event that was not acknowledged is given up.

    Raises:
        ConfigError: a server or the topic cannot be.
    """

    def __init__(
        self,
        servers: str | Sequence[str],
        topic: str,
        *,
        security: KafkaSecurity | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self.topic = check_topic(topic)
        self._brokers = Brokers(servers, security)
        self._producer = RecordProducer(self._brokers, timeout_s=timeout_s)

    @classmethod
    def from_url(cls, url: str, **options: Any) -> KafkaEventSink:
        """``kafka://user:password@host:port/topic``, with options of security as ``KafkaSource`` has them.

        Args:
            url: the whole.
            options: as of this class.

        Raises:
            ConfigError: the URL cannot be understood.
        """
        address = KafkaURL(url)
        address.check_taken()
        return cls(address.brokers.servers, address.topic, **{"security": address.brokers.security, **options})

    @property
    def name(self) -> str:
        """For people, without credentials."""
        return f"{self._brokers.shown}/{self.topic}"

    def write(self, event: Event) -> None:
        """Send one event; ``flush`` tells whether it arrived.

        Raises:
            SinkError: no broker answers, and all since the last ``flush`` is to be written again; or the event is
                larger than allowed.
        """
        headers = {"event_id": event.id, "revision": str(event.revision), "version": str(event.version)}
        value = event.model_dump_json().encode()
        try:
            self._producer.write(Record(self.topic, event.stream_id.encode(), value, headers))
        except KafkaError as e:
            if not isinstance(e, TOO_LARGE):
                self._producer.close()
            raise self._failed(e) from e

    def flush(self) -> None:
        """Wait until every event that was written has been acknowledged.

        Raises:
            SinkError: one was not; write all of them again.
        """
        try:
            self._producer.flush()
        except KafkaError as e:
            raise self._failed(e) from e

    def close(self) -> None:
        """Release everything; may be called twice."""
        self._producer.close()

    def __repr__(self) -> str:
        return f"KafkaEventSink({self.name!r})"

    def _failed(self, error: KafkaError) -> SinkError:
        msg = f"events do not reach topic {self.topic!r}, and are kept: {self._brokers.explain(error)}"
        return SinkError(msg, for_good=isinstance(error, TOO_LARGE))
