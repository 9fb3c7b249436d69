"""Streams that are held back: their partition goes on, their messages stay, and come once they are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from tests.connectors.kafka.footage import Reader, Site, committed, frame, produce, source
from tests.kafka_broker import KafkaBroker
from videoxl_stream.connectors.kafka import Encoding, InFlight, KafkaSource
from videoxl_stream.connectors.kafka.frame_stream import KafkaStream
from videoxl_stream.connectors.kafka.open_stream import OpenKafkaStream

pytestmark = pytest.mark.service


class Choosy(Reader):
    """Opens no stream that is not wanted."""

    def __init__(self, described: KafkaSource, site: Site, unwanted: Iterable[str]) -> None:
        super().__init__(described, site)
        self.unwanted, self.held = set(unwanted), set[str]()
        self.idle: set[str] = set()  # opened, and not read just now
        self._poll = self.feed.poll
        self.feed.poll = self._choose  # type: ignore[method-assign]

    def _choose(self, timeout_s: float, leave: Any) -> Sequence[KafkaStream]:
        wanted = []
        for stream in self._poll(timeout_s, leave):
            assert isinstance(stream, KafkaStream)
            if stream.stream_id in self.unwanted:
                self.held.add(stream.stream_id)
                self.feed.hold_back(stream.stream_id)
            else:
                wanted.append(stream)
        return wanted

    def _read(self, stream_id: str, opened: OpenKafkaStream) -> None:
        if stream_id not in self.idle:
            super()._read(stream_id, opened)

    def want(self, stream_id: str) -> None:
        self.unwanted.discard(stream_id)
        self.held.discard(stream_id)
        self.feed.bring_back(stream_id)

    def leave(self, stream_ids: Sequence[str]) -> None:
        super().leave([name for name in stream_ids if name in self.opened])


def assert_whole(site: Site, streams: str, num: int) -> None:
    for stream_id in streams:
        assert [one.index for one in site.frames[stream_id]] == list(range(num))
        assert [one.utc for one in site.frames[stream_id]] == [frame(stream_id, index).utc for index in range(num)]


def test_the_others_of_its_partition_go_on_and_its_offset_waits(broker: KafkaBroker) -> None:
    topic = broker.topic()
    produce(broker, topic, "ab", 100)
    site, limits = Site(), InFlight(messages=8)
    with Choosy(source(broker, topic, limits=limits), site, "b") as reader:
        reader.until(lambda: len(site.frames["a"]) == 100)
        assert reader.held == {"b"}
        assert sum(map(len, reader.feed._streams.values())) == 0
        assert not reader.feed.paused
    assert committed(broker, topic) == 1  # where the first message of b is
    with Reader(source(broker, topic, limits=limits), site) as reader:  # as after a restart with more room
        reader.until(lambda: len(site.frames["b"]) == 100)
    assert_whole(site, "ab", 100)
    assert committed(broker, topic) == 200


@pytest.mark.parametrize("encoding", [Encoding.JPEG, Encoding.MPEGTS])
def test_it_comes_whole_once_it_is_wanted_and_nothing_comes_twice(broker: KafkaBroker, encoding: Encoding) -> None:
    topic = broker.topic(2)
    streams = "abcd"
    produce(broker, topic, streams, 24, encoding)
    site = Site()
    with Choosy(source(broker, topic, limits=InFlight(messages=8)), site, "bc") as reader:
        reader.until(lambda: len(site.frames["a"]) == len(site.frames["d"]) == 24)
        for number, name in enumerate("bc", 1):
            produce(broker, topic, streams, 12, encoding, first=12 * number + 12)
            reader.until(lambda: len(site.frames["a"]) == len(site.frames["d"]) == 24 + 12 * number)  # noqa: B023
            reader.want(name)
            reader.until(lambda: len(site.frames[name]) == 24 + 12 * number)  # noqa: B023
        produce(broker, topic, streams, 12, encoding, first=48)
        reader.until(lambda: site.num_frames == 4 * 60)
        reader.until(lambda: not reader.feed._progress.num_pending)
    assert_whole(site, streams, 60)
    again = Site()
    again.positions = dict(site.positions)
    produce(broker, topic, "a", 1, first=60)
    with Reader(source(broker, topic), again) as reader:  # all that is before it was committed
        reader.until(lambda: again.num_frames == 1)
        assert reader.feed.counts.messages == 1


def test_who_is_still_held_back_keeps_the_offset(broker: KafkaBroker) -> None:
    topic = broker.topic()
    produce(broker, topic, "abc", 20)
    site = Site()
    with Choosy(source(broker, topic), site, "bc") as reader:
        reader.until(lambda: len(site.frames["a"]) == 20 and reader.held == {"b", "c"})
        reader.want("b")
        reader.until(lambda: len(site.frames["b"]) == 20)
        produce(broker, topic, "abc", 5, first=20)
        reader.until(lambda: len(site.frames["a"]) == len(site.frames["b"]) == 25)
    assert committed(broker, topic) == 2  # the first message of c
    with Reader(source(broker, topic), site) as reader:
        reader.until(lambda: len(site.frames["c"]) == 25)
    assert_whole(site, "abc", 25)


def test_what_was_read_and_is_not_durable_keeps_the_offset_though_it_comes_again(broker: KafkaBroker) -> None:
    topic = broker.topic()
    produce(broker, topic, "ab", 10)  # a has the even offsets
    site = Site()
    with Choosy(source(broker, topic), site, "b") as reader:
        reader.durable = False
        reader.until(lambda: len(site.frames["a"]) == 10)
        a = reader.opened["a"]
        a.acknowledge({**a.position(), "index": 6})
        reader.durable = True
        reader.idle.add("a")
        reader.want("b")
        reader.until(lambda: len(site.frames["b"]) == 10)
        assert a.read(0.0) is None  # all of it was passed
        assert reader.feed._progress.committable({0})[0] <= 12  # where frame 6 of a is
        a.acknowledge(a.position())
    assert committed(broker, topic) == 20


def test_no_offset_is_committed_in_front_of_what_comes_again(broker: KafkaBroker) -> None:
    topic = broker.topic()
    produce(broker, topic, "ab", 60)
    site = Site()
    with Choosy(source(broker, topic), site, "b") as reader:
        reader.durable = False
        reader.until(lambda: len(site.frames["a"]) == 60)
        reader.opened["a"].acknowledge({**reader.opened["a"].position(), "index": 59})  # only offset 118 waits
        reader.want("b")
        reader.until(lambda: len(site.frames["b"]) == 60)
        reader.opened["b"].acknowledge({**reader.opened["b"].position(), "index": 20})
    offset = committed(broker, topic)
    assert offset is not None
    assert offset <= 41  # where frame 20 of b is
