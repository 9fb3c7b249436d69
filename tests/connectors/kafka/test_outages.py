"""A broker that dies in traffic and comes back knowing nothing."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from tests.connectors.kafka.footage import Reader, Site, all_records, frame, produce, source
from tests.connectors.kafka.occurrences import occurrence
from tests.kafka_broker import KafkaBroker
from videoxl_stream.connectors.kafka import FrameProducer, KafkaEventSink
from videoxl_stream.errors import SinkError
from videoxl_stream.events import Event

pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")]


def delivered(sink: KafkaEventSink, events: list[Event]) -> None:
    """What an outbox does: write all of it again until it has arrived."""
    deadline = time.monotonic() + 60
    while True:
        try:
            for event in events:
                sink.write(event)
            sink.flush()
        except SinkError:
            assert time.monotonic() < deadline
        else:
            return


def test_events_survive_since_flush_says_that_they_did_not_arrive(mortal_broker: KafkaBroker) -> None:
    topic = mortal_broker.topic()
    sink = KafkaEventSink(mortal_broker.servers, topic, timeout_s=2)
    delivered(sink, [occurrence(0)])
    mortal_broker.kill()
    lost = [occurrence(number) for number in range(1, 6)]
    with pytest.raises(SinkError, match=r"are kept.*start it") as raised:
        for event in lost:
            sink.write(event)
        sink.flush()
    assert raised.value.__cause__ is not None
    mortal_broker.start()
    mortal_broker.topic(1, topic)
    delivered(sink, lost)
    sink.close()
    sink.close()
    records = all_records(mortal_broker, topic, 5)
    assert [Event.model_validate_json(record.value) for record in records] == lost


def test_a_feed_comes_back_by_itself(mortal_broker: KafkaBroker) -> None:
    topic, site = mortal_broker.topic(2), Site()
    produce(mortal_broker, topic, "ab", 10)
    with Reader(source(mortal_broker, topic), site) as reader:
        reader.until(lambda: site.num_frames == 20)
        assert reader.feed.connection.up
        mortal_broker.kill()
        reader.until(lambda: not reader.feed.connection.up)
        assert "no broker answers" in reader.feed.connection.reason
        mortal_broker.start()
        mortal_broker.topic(2, topic)
        produce(mortal_broker, topic, "ab", 10, first=10)
        reader.until(lambda: site.num_frames == 40)
        reader.until(lambda: reader.feed.connection.up)
        assert reader.feed.connection.losses >= 1
    for stream_id in "ab":
        assert [one.index for one in site.frames[stream_id]] == list(range(20))
        assert [one.utc for one in site.frames[stream_id]] == [frame(stream_id, index).utc for index in range(20)]


def test_a_feed_comes_back_as_often_as_the_broker_dies_in_traffic(mortal_broker: KafkaBroker) -> None:
    topic, site, stopped = mortal_broker.topic(), Site(), threading.Event()

    def send() -> None:
        with FrameProducer(mortal_broker.servers, topic, timeout_s=2) as producer:
            index = 0
            while not stopped.wait(0.02):
                index += 1
                with suppress(SinkError):
                    producer.write(frame("a", index))
                    producer.flush()

    sending = threading.Thread(target=send)
    sending.start()
    try:
        with Reader(source(mortal_broker, topic), site) as reader:
            reader.until(lambda: site.num_frames > 5)
            for pause_s in (1.0, 0.2):
                mortal_broker.kill()
                back_at = time.monotonic() + pause_s
                reader.until(lambda at=back_at: time.monotonic() > at)  # type: ignore[misc]
                mortal_broker.start()
                mortal_broker.topic(1, topic)
                before = site.num_frames
                reader.until(lambda num=before: site.num_frames > num + 5)  # type: ignore[misc]
    finally:
        stopped.set()
        sending.join()
    assert [one.index for one in site.frames["a"]] == list(range(site.num_frames))


def test_a_topic_that_does_not_exist_yet_is_waited_for(mortal_broker: KafkaBroker) -> None:
    site = Site()
    with Reader(source(mortal_broker, "later"), site) as reader:
        reader.until(lambda: "create it" in reader.feed.connection.reason)
        mortal_broker.topic(1, "later")
        produce(mortal_broker, "later", "a", 3)
        reader.until(lambda: site.num_frames == 3)


def test_a_feed_is_closed_while_it_waits_for_a_broker(mortal_broker: KafkaBroker) -> None:
    mortal_broker.kill()
    with Reader(source(mortal_broker, "frames"), Site()) as reader:
        reader.turn()
        assert not reader.feed.connection.up


def test_footage_that_does_not_arrive_is_an_error(mortal_broker: KafkaBroker) -> None:
    producer = FrameProducer(mortal_broker.servers, mortal_broker.topic(), timeout_s=2)
    producer.write(frame("a", 0))
    producer.flush()
    mortal_broker.kill()
    producer.write(frame("a", 1))
    with pytest.raises(SinkError, match="footage does not reach"):
        producer.flush()
    producer.close()
