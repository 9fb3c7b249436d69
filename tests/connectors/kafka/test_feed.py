"""Footage out of a real broker."""

from __future__ import annotations

import gc
import itertools
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.connectors.kafka.footage import (
    Reader,
    Site,
    all_records,
    committed,
    frame,
    jpeg,
    produce,
    send,
    source,
)
from tests.kafka_broker import KafkaBroker
from videoxl_stream.connectors.kafka import Encoding, FrameProducer, InFlight
from videoxl_stream.connectors.kafka.message import FrameMessage
from videoxl_stream.errors import SourceOpenError
from videoxl_stream.frames import Frame

pytestmark = pytest.mark.service


@pytest.mark.parametrize("encoding", list(Encoding))
def test_every_format_gives_the_frames_that_were_sent(broker: KafkaBroker, encoding: Encoding) -> None:
    topic = broker.topic(3)
    produce(broker, topic, "abc", 21, encoding)
    site = Site()
    with Reader(source(broker, topic), site) as reader:
        reader.until(lambda: site.num_frames == 63)
        assert reader.feed.connection.up
    for stream_id in "abc":
        frames = site.frames[stream_id]
        assert [one.index for one in frames] == list(range(21))
        for one in frames:
            sent = frame(stream_id, one.index)
            assert one.time_s == pytest.approx(sent.time_s, abs=1e-4)
            assert abs((one.utc - sent.utc).total_seconds()) < 1e-4
            assert abs(float(one.image.mean()) - float(sent.image.mean())) < 3


@pytest.mark.parametrize("encoding", [Encoding.JPEG, Encoding.MPEGTS])
def test_sampling_is_the_same_for_pictures_and_segments(broker: KafkaBroker, encoding: Encoding) -> None:
    topic = broker.topic()
    produce(broker, topic, "a", 24, encoding)
    site = Site()
    with Reader(source(broker, topic, sample_fps=0.5), site) as reader:
        reader.until(lambda: committed_all(reader, 24 if encoding is Encoding.JPEG else 6))
        assert [one.time_s for one in site.frames["a"]] == [0, 2, 4, 6, 8, 10]
        assert reader.opened["a"].sampled_away == 18


def committed_all(reader: Reader, num: int) -> bool:
    """Whether so many messages came, and nothing of them waits for anything."""
    return reader.feed.counts.messages == num and not reader.feed._progress.num_pending


def test_offsets_wait_until_the_footage_is_durable(broker: KafkaBroker) -> None:
    topic = broker.topic()
    produce(broker, topic, "ab", 6)
    site = Site()
    with Reader(source(broker, topic), site) as reader:
        reader.durable = False
        reader.until(lambda: site.num_frames == 12)
    assert committed(broker, topic) in {None, 0}
    first = [one.utc for one in site.frames["a"]]
    site.frames.clear()
    with Reader(source(broker, topic), site) as reader:  # all of it comes again
        reader.until(lambda: site.num_frames == 12)
        assert [one.utc for one in site.frames["a"]] == first
    assert committed(broker, topic) == 12


def test_the_lowest_footage_that_is_not_durable_holds_the_offset(broker: KafkaBroker) -> None:
    topic = broker.topic()
    produce(broker, topic, "ab", 4)  # offsets 0 and 2, 4, 6 are of a
    site = Site()
    with Reader(source(broker, topic), site) as reader:
        reader.durable = False
        reader.until(lambda: site.num_frames == 8)
        b, a = reader.opened["b"], reader.opened["a"]
        b.acknowledge(b.position())
        a.acknowledge({**a.position(), "index": 2})
    assert committed(broker, topic) == 4


def test_what_comes_again_is_passed_by_the_position(broker: KafkaBroker) -> None:
    topic = broker.topic()
    produce(broker, topic, "ab", 5)
    site = Site()
    reader = Reader(source(broker, topic), site)
    reader.until(lambda: site.num_frames == 10)
    for opened in reader.opened.values():  # killed before anything was committed
        opened.close()
    reader.feed._progress.give_up({0})
    reader.feed.close()
    site.readers.clear()
    assert committed(broker, topic) in {None, 0}
    produce(broker, topic, "ab", 3, first=5)
    with Reader(source(broker, topic), site) as reader:
        reader.until(lambda: site.num_frames == 16)  # the producer counts from 0 anew, but with later times
        reader.until(lambda: committed_all(reader, 16))
    assert [one.index for one in site.frames["a"]] == list(range(8))
    assert [one.utc for one in site.frames["b"]] == [frame("b", index).utc for index in range(8)]
    assert committed(broker, topic) == 16


@pytest.mark.parametrize("stop_after", [1, 3, 4, 5])
def test_going_on_within_a_segment(broker: KafkaBroker, stop_after: int) -> None:
    topic = broker.topic()
    produce(broker, topic, "a", 12, Encoding.FMP4)  # segments of four
    site = Site()
    first = Reader(source(broker, topic), site)
    first.until(lambda: bool(first.opened), read=False)
    opened = first.opened["a"]
    frames: list[Frame] = []
    while len(frames) < stop_after:
        one = opened.read(1.0)
        frames += [] if one is None else [one]
    site.positions["a"] = opened.position()
    opened.acknowledge(opened.position())
    first.close()
    site.frames["a"] = frames
    with Reader(source(broker, topic), site) as reader:
        reader.until(lambda: site.num_frames == 12)
    assert [one.index for one in site.frames["a"]] == list(range(12))
    assert [one.utc for one in site.frames["a"]] == [frame("a", index).utc for index in range(12)]


def test_partitions_rest_instead_of_filling_memory(broker: KafkaBroker) -> None:
    topic = broker.topic(2)
    produce(broker, topic, "abcdefgh", 100)
    site = Site()
    limits = InFlight(messages=16)
    with Reader(source(broker, topic, limits=limits), site) as reader:
        reader.until(lambda: reader.feed.paused == {0, 1}, read=False)
        most = 0
        for _ in range(20):
            reader.turn(read=False)
            most = max(most, *(len(stream) for stream in reader.feed._streams.values()))
        assert reader.feed.counts.messages < 400
        assert most <= 16 + 32
        reader.until(lambda: site.num_frames == 800)  # and nothing was forgotten
        reader.until(lambda: not reader.feed.paused)
    assert {stream_id: len(frames) for stream_id, frames in site.frames.items()} == dict.fromkeys("abcdefgh", 100)


def test_bytes_are_bounded_too(broker: KafkaBroker) -> None:
    topic = broker.topic(2)
    produce(broker, topic, "abcdefgh", 60)
    site = Site()
    limits = InFlight(messages=10**6, num_bytes=20 * len(jpeg()))
    with Reader(source(broker, topic, limits=limits), site) as reader:
        reader.until(lambda: len(reader.feed.paused) > 0, read=False)
        for _ in range(20):
            reader.turn(read=False)
        assert sum(stream.num_bytes for stream in reader.feed._streams.values()) < (20 + 64) * len(jpeg())
        reader.until(lambda: site.num_frames == 480)


def test_messages_that_come_twice_or_late_are_left_out(broker: KafkaBroker) -> None:
    topic = broker.topic()

    def numbered(number: int, second: int) -> tuple[dict[str, bytes], bytes]:
        time = f"2026-01-01T00:00:{second:02d}Z".encode()
        return {"stream_id": b"a", "sequence": b"%d" % number, "timestamp": time}, jpeg(number)

    order = [(0, 0), (1, 1), (1, 1), (2, 2), (0, 0), (5, 5), (4, 4), (6, 6), (0, 10), (1, 11)]
    send(broker, topic, itertools.starmap(numbered, order))
    site = Site()
    with Reader(source(broker, topic), site) as reader:
        reader.until(lambda: committed_all(reader, 10))
        assert [one.time_s for one in site.frames["a"]] == [0, 1, 2, 5, 6, 10, 11]
        counts = reader.opened["a"].counts
    assert (counts.duplicates, counts.missing) == (3, 2)
    assert committed(broker, topic) == 10


def kinds_of_damage() -> dict[str, tuple[dict[str, bytes], bytes]]:
    ok = {"stream_id": b"good"}
    return {
        "stream_id": ({}, jpeg()),
        "UTF-8": ({"stream_id": b"\xff"}, jpeg()),
        "timestamp": ({**ok, "timestamp": b"yesterday"}, jpeg()),
        "sequence": ({**ok, "sequence": b"-"}, jpeg()),
        "empty": (ok, b""),
        "neither JPEG": (ok, b"<html>not found</html>"),
        "the picture cannot be decoded": (ok, jpeg()[:300]),
        "too large": (ok, jpeg() + bytes(60_000)),
        "the segment": (ok, (b"\x47" + bytes(range(187))) * 40),
    }


def test_a_thousand_malformed_messages_harm_no_good_one(broker: KafkaBroker) -> None:
    topic, damage = broker.topic(), kinds_of_damage()
    bad = list(itertools.islice(itertools.cycle(damage.values()), 1000))
    good = [
        ({"stream_id": b"good", "timestamp": b"%d" % (10**12 + 1000 * number)}, jpeg(number)) for number in range(200)
    ]
    mixed: list[Any] = []
    for number, one in enumerate(bad):
        mixed.append(one)
        if number % 5 == 4:
            mixed.append(good[number // 5])
    send(broker, topic, mixed)
    site = Site()
    with Reader(source(broker, topic, max_message_bytes=50_000), site) as reader:
        reader.until(lambda: committed_all(reader, 1200))
        assert [round(one.time_s) for one in site.frames["good"]] == list(range(200))
        assert reader.feed.counts.rejected == 1000
    assert committed(broker, topic) == 1200
    letters = all_records(broker, f"{topic}.dead", 1000)
    assert len(letters) == 1000
    told = [dict(letter.headers) for letter in letters]
    expected = Counter(itertools.islice(itertools.cycle(damage), 1000))
    found = Counter(next(kind for kind in damage if kind in each["reason"].decode()) for each in told)
    assert found == expected
    by_offset = {int(each["original_offset"]): letter for each, letter in zip(told, letters, strict=True)}
    for offset, (headers, value) in enumerate(mixed):
        if (headers, value) not in good:
            assert by_offset[offset].value == value
            assert {each["original_topic"] for each in told} == {topic.encode()}


def test_an_offset_waits_until_its_dead_letter_is_safe(mortal_broker: KafkaBroker) -> None:
    topic = mortal_broker.topic()
    send(mortal_broker, topic, [({}, b"nothing")])
    with Reader(source(mortal_broker, topic), Site()) as reader:
        reader.feed._letters._not_before = float("inf")  # it cannot be written
        reader.until(lambda: reader.feed.counts.rejected == 1)
        assert reader.feed._progress.committable({0}) == {0: 0}
        reader.feed._letters._not_before = 0.0
        reader.until(lambda: reader.feed._progress.committable({0}) == {0: 1})
    assert committed(mortal_broker, topic) == 1


def test_a_stream_that_was_closed_loses_nothing_of_what_came_then(broker: KafkaBroker) -> None:
    topic = broker.topic()
    produce(broker, topic, "ab", 2)  # offsets 0 and 2 are of a
    site = Site()
    with Reader(source(broker, topic), site) as reader:
        reader.until(lambda: site.num_frames == 4)
        reader.opened.pop("a").close()
        reader.durable = False
        produce(broker, topic, "ba", 1, first=2)  # b's 4 waits to be durable when a's 5 comes
        reader.until(lambda: reader.feed.counts.messages == 6 and site.num_frames == 5)
        produce(broker, topic, "b", 1, first=3)
        reader.until(lambda: site.num_frames == 6)
        b = reader.opened["b"]
        b.acknowledge(b.position())
    assert committed(broker, topic) == 5


def test_what_waits_to_be_durable_is_not_kept_in_memory(broker: KafkaBroker) -> None:
    topic = broker.topic()
    produce(broker, topic, "a", 8)
    site = Site()
    with Reader(source(broker, topic), site) as reader:
        reader.durable = False
        reader.until(lambda: site.num_frames == 8)
        gc.collect()
        assert [one for one in gc.get_objects() if type(one) is FrameMessage] == []
        assert reader.feed._progress.committable({0}) == {0: 0}


def test_a_stream_of_two_partitions_comes_again_whole_if_one_is_given_up(broker: KafkaBroker) -> None:
    topic, site = broker.topic(2), Site()
    producer = broker.brokers.producer()
    for number in range(10):
        headers = [("stream_id", b"a"), ("timestamp", b"%d" % (10**12 + 1000 * number))]
        producer.send(topic, jpeg(number), b"a", headers, partition=number // 5)
        producer.flush(30)
    producer.close(30)
    with Reader(source(broker, topic), site) as reader:
        reader.durable = False
        reader.until(lambda: site.num_frames == 10)
        reader.feed._give_up(reader.leave, frozenset({0}))
        assert reader.opened == {}
        reader.until(lambda: site.num_frames == 20)


class NoText(str):
    """A name of a header that no UTF-8 is."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


def test_a_header_that_cannot_be_read_stops_nobody(broker: KafkaBroker) -> None:
    topic, site = broker.topic(), Site()
    send(broker, topic, [({"stream_id": b"a"}, jpeg())])
    send(broker, topic, [({NoText("bad"): b"1"}, jpeg())])
    produce(broker, topic, "b", 3)
    with Reader(source(broker, topic), site) as reader:
        reader.until(lambda: committed_all(reader, 5))
        assert (len(site.frames["a"]), len(site.frames["b"]), reader.feed.counts.rejected) == (1, 3, 1)
    assert committed(broker, topic) == 5
    [letter] = all_records(broker, f"{topic}.dead", 1)
    assert dict(letter.headers)["original_offset"] == b"1"
    assert b"UTF-8" in dict(letter.headers)["unreadable"]


def test_a_dead_letter_is_shortened_until_its_topic_takes_it(
    broker: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videoxl_stream.connectors.kafka.dead_letters._MAX_MESSAGE_BYTES", 4000)
    topic = broker.topic()
    for headers, value in (({"note": b"x" * 200}, b"y" * 9000), ({"note": b"x" * 9000}, b"y"), ({}, b"z")):
        send(broker, topic, [(headers, value)])
    with Reader(source(broker, topic), Site()) as reader:
        reader.until(lambda: committed_all(reader, 3))
    told = [(dict(letter.headers), letter.value) for letter in all_records(broker, f"{topic}.dead", 3)]
    told.sort(key=lambda each: each[0]["original_offset"])
    assert [value for _, value in told] == [b"", b"", b"z"]
    assert [headers.get("left_out_bytes") for headers, _ in told] == [b"9000", b"1", None]
    assert [len(headers.get("note", b"")) for headers, _ in told] == [200, 0, 0]


def test_a_stream_whose_pictures_change_in_size_goes_on(broker: KafkaBroker) -> None:
    topic, site = broker.topic(), Site()
    with FrameProducer(broker.servers, topic, encoding="mpegts") as producer:
        for index in range(4):
            one = frame("a", index)
            image = one.image if index < 2 else np.repeat(one.image, 2, axis=1)
            producer.write(replace(one, image=image))
    with Reader(source(broker, topic), site) as reader:
        reader.until(lambda: site.num_frames == 4)
    assert [one.image.shape[1] for one in site.frames["a"]] == [64, 64, 128, 128]


def test_a_stream_is_opened_once(broker: KafkaBroker) -> None:
    topic = broker.topic()
    produce(broker, topic, "a", 1)
    with Reader(source(broker, topic), Site()) as reader:
        reader.until(lambda: bool(reader.opened))
        stream = reader.feed._streams["a"]
        assert (stream.stream_id, stream.live) == ("a", False)
        with pytest.raises(SourceOpenError, match="opened before"):
            stream.open()


def test_positions_in_a_topic_that_was_created_anew_hold_nothing_back(
    mortal_broker: KafkaBroker, caplog: pytest.LogCaptureFixture
) -> None:
    topic = mortal_broker.topic()
    produce(mortal_broker, topic, "a", 9)
    site = Site()
    with Reader(source(mortal_broker, topic), site) as reader:
        reader.until(lambda: site.num_frames == 9)
    mortal_broker.kill()
    mortal_broker.start()
    mortal_broker.topic(1, topic)
    produce(mortal_broker, topic, "a", 4, first=9)
    with Reader(source(mortal_broker, topic), site) as reader:
        reader.until(lambda: site.num_frames == 13)
    assert [one.index for one in site.frames["a"]] == list(range(13))
    assert [one.utc for one in site.frames["a"]] == [frame("a", index).utc for index in range(13)]
    assert "created anew" in caplog.text
