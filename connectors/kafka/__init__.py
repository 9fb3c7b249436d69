"""Frames from topics of Kafka, events to them and back; the only place that touches kafka-python.

``docs/kafka.md`` is the contract of the messages.
"""

from __future__ import annotations

from videoxl_stream.connectors.kafka.event_sink import KafkaEventSink
from videoxl_stream.connectors.kafka.security import KafkaSecurity

__all__ = ["KafkaEventSink", "KafkaSecurity"]
