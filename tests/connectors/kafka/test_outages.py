"""A broker that dies in traffic and comes back knowing nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress

import pytest
from kafka.errors import KafkaError

from tests.connectors.kafka.footage import SESSION_S, Reader, Site, all_records, frame, produce, source
from tests.connectors.kafka.occurrences import occurrence
from tests.kafka_broker import KafkaBroker
from videoxl_stream.connectors.kafka import EventConsumer, FrameProducer, KafkaEventSink
from videoxl_stream.connectors.kafka.membership import Membership
from videoxl_stream.connectors.kafka.record_producer import Record, RecordProducer
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


def test_nothing_is_passed_over_of_a_topic_that_was_created_anew_while_nobody_looked(
    mortal_broker: KafkaBroker,
) -> None:
    topic = mortal_broker.topic()
    revisions = [occurrence(0).model_copy(update={"revision": number}) for number in range(12)]
    got: list[int] = []

    def receive(number: int) -> None:
        deadline = time.monotonic() + 60
        while len(got) < number and time.monotonic() < deadline:
            got.extend(event.revision for event in consumer.poll(0.2))

    with EventConsumer(mortal_broker.servers, topic, group="site", session_timeout_s=SESSION_S) as consumer:
        for first, last in ((0, 3), (3, 12)):
            with closing(KafkaEventSink(mortal_broker.servers, topic, timeout_s=2)) as sink:
                delivered(sink, revisions[first:last])
            receive(last)
            if last < len(revisions):
                mortal_broker.kill()
                mortal_broker.start()
                mortal_broker.topic(1, topic)  # it will be longer than the one before was
    assert got == list(range(12))


def within(seconds: float, condition: Callable[[], bool]) -> None:
    """Look again and again until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline


def threads_of(name: str) -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if name in thread.name}


def test_an_outage_leaves_no_thread_of_a_producer_behind(mortal_broker: KafkaBroker) -> None:
    before = threads_of("kafka-python-producer")
    producer = RecordProducer(mortal_broker.brokers, timeout_s=1.0)
    topic = mortal_broker.topic()
    producer.write(Record(topic, b"a", b"0"))
    producer.flush()
    mortal_broker.stop()
    first = producer.send(Record(topic, b"a", b"1"))
    within(10, lambda: producer._producer._sender._client.in_flight_request_count() > 0)
    mortal_broker.kill()
    within(10, lambda: first.is_done)  # it has been given up, and with it the id that every other message needs
    producer.write(Record(topic, b"a", b"2"))
    with pytest.raises(KafkaError):
        producer.flush()
    assert threads_of("kafka-python-producer") == before


def test_footage_that_another_s_failure_took_along_is_told_by_flush(mortal_broker: KafkaBroker) -> None:
    producer = FrameProducer(mortal_broker.servers, mortal_broker.topic(), timeout_s=1)
    producer.write(frame("a", 0))
    producer.flush()
    mortal_broker.kill()
    producer.write(frame("a", 1))
    producer._producer._end()  # as the failure of the next one does
    with pytest.raises(SinkError, match="write what came before it again"):
        producer.flush()
    producer.close()


def test_a_call_that_does_not_end_leaves_no_ghost_in_the_group(
    mortal_broker: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videoxl_stream.connectors.kafka.membership._CLOSE_S", 0.1)
    topic, stuck, free = mortal_broker.topic(), threading.Event(), threading.Event()
    free.set()

    def work(_: bool) -> None:
        if not free.is_set():
            stuck.set()
            assert free.wait(30)

    def poll() -> None:
        membership.poll(0.05, lambda _: {}, paused=frozenset(), commit={})

    membership = Membership(
        mortal_broker.brokers,
        topic,
        "group",
        session_timeout_s=SESSION_S,
        settings={},
        work=work,
        confirm=lambda: None,
    )
    before = threads_of("kafka-io")
    while not threads_of("kafka-io") - before:
        poll()
    free.clear()
    while not stuck.is_set():
        poll()
    membership.close(lambda _: {})
    free.set()
    for thread in [*threads_of(f"kafka-{topic}"), *(threads_of("kafka-io") - before)]:
        thread.join(10)
        assert not thread.is_alive()


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
