"""Frames from topics of Kafka, events to them and back; the only place that touches kafka-python.

``docs/kafka.md`` is the contract of the messages.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():  # it opens its own files in a way that Python 3.11 advises against
    warnings.simplefilter("ignore", DeprecationWarning)
    import kafka as _kafka  # noqa: F401 - before anything below does

from videoxl_stream.connectors.kafka.encodings import Encoding
from videoxl_stream.connectors.kafka.event_consumer import EventConsumer
from videoxl_stream.connectors.kafka.event_sink import KafkaEventSink
from videoxl_stream.connectors.kafka.frame_producer import FrameProducer
from videoxl_stream.connectors.kafka.pressure import InFlight
from videoxl_stream.connectors.kafka.security import KafkaSecurity
from videoxl_stream.connectors.kafka.source import KafkaSource

__all__ = [
    "Encoding",
    "EventConsumer",
    "FrameProducer",
    "InFlight",
    "KafkaEventSink",
    "KafkaSecurity",
    "KafkaSource",
]
