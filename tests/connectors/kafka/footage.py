"""Frames that tell from each other, and a reader that does with a feed what a pipeline does."""

from __future__ import annotations

import io
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import numpy as np
from kafka import TopicPartition
from PIL import Image

from tests.kafka_broker import KafkaBroker
from videoxl_stream.connectors.kafka import Encoding, FrameProducer, KafkaSource
from videoxl_stream.connectors.kafka.open_stream import OpenKafkaStream
from videoxl_stream.frames import Frame
from videoxl_stream.interfaces import Position

START = datetime(2026, 1, 1, tzinfo=UTC)
DEADLINE_S = 30.0
SESSION_S = 2.0  # joining a group takes a part of it


def frame(stream_id: str, index: int, fps: float = 2.0) -> Frame:
    """A grey picture whose brightness says which."""
    image = np.full((48, 64, 3), 20 + index % 200, np.uint8)
    return Frame(stream_id, index, index / fps, START + timedelta(seconds=index / fps), image)


def jpeg(level: int = 100) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (level, level, level)).save(out, "JPEG")
    return out.getvalue()


def produce(
    broker: KafkaBroker, topic: str, streams: Iterable[str], num: int, encoding: str = "jpeg", first: int = 0
) -> None:
    """Send frames of several streams, in turn."""
    with FrameProducer(broker.servers, topic, encoding=Encoding(encoding)) as producer:
        for index in range(first, first + num):
            for stream_id in streams:
                producer.write(frame(stream_id, index))


def send(broker: KafkaBroker, topic: str, messages: Iterable[tuple[dict[str, bytes], bytes | None]]) -> None:
    """Send messages of any kind."""
    producer = broker.brokers.producer()
    for headers, value in messages:
        producer.send(topic, value, headers.get("stream_id", b"nobody"), list(headers.items()), timestamp_ms=10**12)
    producer.flush(30)
    producer.close(30)


def source(broker: KafkaBroker, topic: str, **options: Any) -> KafkaSource:
    usual: dict[str, Any] = {"group": f"{topic}-site", "sample_fps": None, "session_timeout_s": SESSION_S}
    return KafkaSource(broker.servers, topic, **{**usual, **options})


def committed(broker: KafkaBroker, topic: str, partition: int = 0, group: str | None = None) -> int | None:
    consumer = broker.brokers.consumer(group_id=group or f"{topic}-site")
    try:
        offset: int | None = consumer.committed(TopicPartition(topic, partition))
    finally:
        consumer.close()
    return offset


def all_records(broker: KafkaBroker, topic: str, num: int) -> list[Any]:
    """So many records of a topic, those of one partition in order."""
    consumer = broker.brokers.consumer(auto_offset_reset="earliest")
    consumer.assign([TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic)])
    records: list[Any] = []
    deadline = time.monotonic() + DEADLINE_S
    try:
        while len(records) < num and time.monotonic() < deadline:
            for found in consumer.poll(200).values():
                records += found
    finally:
        consumer.close()
    return records


class Site:
    """What several readers share: the positions and frames that are durable, and who reads what."""

    def __init__(self) -> None:
        self.positions: dict[str, Position] = {}
        self.frames: defaultdict[str, list[Frame]] = defaultdict(list)
        self.readers: dict[str, str] = {}
        self.shared: list[str] = []  # streams that two readers had at once
        self.lock = threading.Lock()

    @property
    def num_frames(self) -> int:
        return sum(map(len, self.frames.values()))


class Reader:
    """One feed in use; every frame is durable at once unless a test holds them back."""

    def __init__(self, described: KafkaSource, site: Site, name: str = "reader") -> None:
        self.feed = described.open()
        self.site, self.name = site, name
        self.opened: dict[str, OpenKafkaStream] = {}
        self.left: list[str] = []
        self.durable = True

    def leave(self, stream_ids: Sequence[str]) -> None:
        self.left += stream_ids
        for stream_id in stream_ids:
            self.opened.pop(stream_id).close()
            del self.site.readers[stream_id]

    def turn(self, *, read: bool = True) -> None:
        for stream in self.feed.poll(0.05, self.leave):
            if stream.stream_id in self.site.readers:
                self.site.shared.append(stream.stream_id)
            self.site.readers[stream.stream_id] = self.name
            opened = stream.open(self.site.positions.get(stream.stream_id))
            assert isinstance(opened, OpenKafkaStream)
            self.opened[stream.stream_id] = opened
        if read:
            for stream_id, one in self.opened.items():
                self._read(stream_id, one)

    def until(self, condition: Callable[[], bool], *, read: bool = True) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, (self.feed.connection, self.feed.counts, self.site.num_frames)
            self.turn(read=read)

    def _read(self, stream_id: str, opened: OpenKafkaStream) -> None:
        while (one := opened.read(0.0)) is not None:
            with self.site.lock:
                self.site.frames[stream_id].append(one)
                if self.durable:
                    self.site.positions[stream_id] = opened.position()
                    opened.acknowledge(opened.position())

    def close(self) -> None:
        self.feed.close()
        for stream_id, opened in self.opened.items():
            opened.close()
            self.site.readers.pop(stream_id, None)
        self.opened.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
