"""What the scheme ``kafka`` stands for, for ``open_feed`` and ``open_sink``."""

from __future__ import annotations

from typing import Any

from videoxl_stream.connectors.kafka.event_sink import KafkaEventSink
from videoxl_stream.connectors.kafka.source import KafkaSource


def feed_at(url: str, **options: Any) -> KafkaSource:
    """As ``KafkaSource.from_url``."""
    return KafkaSource.from_url(url, **options)


def sink_at(url: str, **options: Any) -> KafkaEventSink:
    """As ``KafkaEventSink.from_url``."""
    return KafkaEventSink.from_url(url, **options)
