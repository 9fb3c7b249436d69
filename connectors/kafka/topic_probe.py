"""Whether a topic is still the one that we began to read."""

from __future__ import annotations

import time

from kafka.errors import KafkaError, UnknownTopicOrPartitionError

from videoxl_stream.connectors.kafka.brokers import Brokers


class TopicReplaced(KafkaError):  # type: ignore[misc] # noqa: N818 - the library ships no types
    """Raised when a topic has gone, or another has taken its name."""


class TopicProbe:
    """Looks now and then. A consumer does not notice by itself: it waits for ever for what no broker has.

    Args:
        brokers: to be asked.
        topic: its name.
        every_s: seconds between looks.
    """

    def __init__(self, brokers: Brokers, topic: str, every_s: float) -> None:
        self._brokers, self._topic, self._every_s = brokers, topic, every_s
        self._next = 0.0
        self.topic_id: str | None = None
        self.fault = ""

    def hasten(self) -> None:
        """Let the next look ask."""
        self._next = 0.0

    def look(self, *, reading: bool) -> None:
        """Ask, if it is time to; what hinders is in ``fault``.

        Args:
            reading: whether anything is being read of the topic. If not, another topic can take its place: whoever
                leaves a group while joining it leaves a ghost behind, which some brokers wait for.

        Raises:
            KafkaError: the topic does not exist, is another one, or cannot be asked for the first time.
        """
        if time.monotonic() < self._next:
            return
        try:
            topic_id = self._brokers.topic_id(self._topic)
        except KafkaError as e:
            self.fault = self._brokers.explain(e)
            if self.topic_id is None:
                raise
            return
        finally:
            self._next = time.monotonic() + self._every_s
        self._compare(topic_id, reading=reading)

    def confirm(self) -> None:
        """Ask now, and allow for no other answer than that it is the topic that is being read.

        Raises:
            KafkaError: it is another, it does not exist, or nobody says.
        """
        self._compare(self._brokers.topic_id(self._topic), reading=True)

    def _compare(self, topic_id: str | None, *, reading: bool) -> None:
        if topic_id is None and (reading or self.topic_id is None):
            raise UnknownTopicOrPartitionError(self._topic)
        if topic_id is None:
            self.fault = self._brokers.explain(UnknownTopicOrPartitionError(self._topic))
            return
        if reading and self.topic_id is not None and topic_id != self.topic_id:
            msg = f"topic {self._topic} was created anew"
            raise TopicReplaced(msg)
        self.topic_id, self.fault = topic_id, ""
