"""Events through a real broker, each once, and their schema."""

from __future__ import annotations

import logging
from itertools import islice
from typing import Any

import pytest

from tests.connectors.kafka.footage import DEADLINE_S, SESSION_S, all_records, committed, send
from tests.connectors.kafka.occurrences import occurrence
from tests.kafka_broker import KafkaBroker
from videoxl_stream.connectors import open_sink
from videoxl_stream.connectors.kafka import EventConsumer, KafkaEventSink
from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event, Severity, Status

pytestmark = pytest.mark.service


def publish(broker: KafkaBroker, topic: str, events: list[Event]) -> None:
    sink = open_sink(f"kafka://{broker.servers}/{topic}")
    for event in events:
        sink.write(event)
    sink.flush()
    sink.close()


def consumer(broker: KafkaBroker, topic: str, **options: Any) -> EventConsumer:
    usual: dict[str, Any] = {"group": f"{topic}-alarms", "session_timeout_s": SESSION_S}
    return EventConsumer(broker.servers, topic, **{**usual, **options})


def collect(events: EventConsumer, num: int) -> list[Event]:
    """By ``poll``, so many and what comes with them."""
    found: list[Event] = []
    for _ in range(int(DEADLINE_S / 0.2)):
        found += events.poll(0.2)
        if len(found) >= num:
            break
    return found


def test_events_arrive_in_order_with_headers_and_key(broker: KafkaBroker) -> None:
    topic = broker.topic()
    sent = [occurrence(number) for number in range(20)]
    publish(broker, topic, sent)
    records = all_records(broker, topic, 20)
    assert [Event.model_validate_json(record.value) for record in records] == sent
    assert {record.key for record in records} == {b"gate"}
    assert dict(records[3].headers) == {"event_id": sent[3].id.encode(), "revision": b"0", "version": b"1"}


def test_iterating_commits_what_the_body_has_finished(broker: KafkaBroker) -> None:
    topic = broker.topic()
    sent = [occurrence(number) for number in range(6)]
    publish(broker, topic, sent)
    with consumer(broker, topic) as events:
        assert list(islice(events, 4)) == sent[:4]  # the body of the fourth never came back
    assert committed(broker, topic, group=f"{topic}-alarms") == 3
    with consumer(broker, topic) as events:
        assert list(islice(events, 3)) == sent[3:]


def test_an_error_in_the_body_brings_the_event_again(broker: KafkaBroker) -> None:
    topic = broker.topic()
    publish(broker, topic, [occurrence(0), occurrence(1)])
    with pytest.raises(ZeroDivisionError), consumer(broker, topic) as events:
        for event in events:
            assert 1 // (1 - event.window) == 1
    with consumer(broker, topic) as events:
        assert next(iter(events)) == occurrence(1)


def test_a_loop_that_was_left_goes_on_with_the_event_that_it_was_left_over(broker: KafkaBroker) -> None:
    topic = broker.topic()
    sent = [occurrence(number) for number in range(6)]
    publish(broker, topic, sent)
    with consumer(broker, topic) as events:
        assert list(islice(events, 3)) == sent[:3]
        assert next(iter(events)) == sent[2]
        assert list(islice(events, 4)) == sent[2:]
        assert collect(events, 1) == [sent[5]]  # by the other way of asking, too
    assert committed(broker, topic, group=f"{topic}-alarms") == 6


def test_two_loops_over_one_consumer_lose_nothing(broker: KafkaBroker) -> None:
    topic = broker.topic()
    publish(broker, topic, [occurrence(number) for number in range(4)])
    with consumer(broker, topic) as events:
        one, other = iter(events), iter(events)
        found = [next(one), *islice(other, 3), *islice(one, 2)]
    assert {event.window for event in found} == {0, 1, 2, 3}


def test_what_was_polled_is_done_with_when_the_consumer_is_closed(broker: KafkaBroker) -> None:
    topic = broker.topic()
    publish(broker, topic, [occurrence(0)])
    events = consumer(broker, topic)
    assert collect(events, 1) == [occurrence(0)]
    events.close()
    assert committed(broker, topic, group=f"{topic}-alarms") == 1
    publish(broker, topic, [occurrence(1)])
    with pytest.raises(ZeroDivisionError), consumer(broker, topic) as events:
        assert collect(events, 1) == [occurrence(1)]
        raise ZeroDivisionError
    assert committed(broker, topic, group=f"{topic}-alarms") == 1


def test_each_revision_comes_once(broker: KafkaBroker) -> None:
    topic = broker.topic()
    opened, updated = occurrence(0), occurrence(0, 1, status=Status.UPDATED)
    publish(broker, topic, [opened, opened, updated, opened, updated, occurrence(1)])
    with consumer(broker, topic) as events:
        assert collect(events, 3) == [opened, updated, occurrence(1)]
        assert (events.counts.given, events.counts.repeated) == (3, 3)
        assert events.connection.up
    assert committed(broker, topic, group=f"{topic}-alarms") == 6


def test_only_so_many_events_are_remembered(broker: KafkaBroker) -> None:
    topic = broker.topic()
    publish(broker, topic, [occurrence(0), occurrence(1), occurrence(2), occurrence(2), occurrence(0)])
    with consumer(broker, topic, remembered=2) as events:
        assert [event.window for event in collect(events, 4)] == [0, 1, 2, 0]


def test_filters(broker: KafkaBroker) -> None:
    topic = broker.topic()
    wanted = occurrence(5, stream_id="yard", rule="smoke", severity=Severity.WARNING, status=Status.CLOSED)
    publish(broker, topic, [occurrence(0), wanted, occurrence(1, stream_id="yard")])
    for name, value in (("stream_id", "yard"), ("rule", "smoke"), ("severity", "warning"), ("status", "closed")):
        with consumer(broker, topic, group=f"by-{name}", **{name: value}) as events:
            assert wanted in collect(events, 1)
            assert events.counts.unwanted >= 1


def test_what_is_no_event_is_left_out_or_kept(broker: KafkaBroker, caplog: pytest.LogCaptureFixture) -> None:
    topic = broker.topic()
    newer = occurrence(3).model_dump_json().replace('"version":1', '"version":2')
    send(broker, topic, [({}, b"hello"), ({}, None), ({}, newer.encode()), ({}, b"\xff")])
    publish(broker, topic, [occurrence(4)])
    with caplog.at_level(logging.WARNING), consumer(broker, topic) as events:
        assert collect(events, 1) == [occurrence(4)]
        assert events.counts.malformed == 4
    assert "left out: no event of version 1: version" in caplog.text
    with consumer(broker, topic, group="keeps", dead_letters=f"{topic}.bad") as events:
        assert collect(events, 1) == [occurrence(4)]
    letters = all_records(broker, f"{topic}.bad", 4)
    assert len(letters) == 4
    assert all(b"no event of version 1" in dict(letter.headers)["reason"] for letter in letters)


def test_a_group_may_begin_with_what_comes(broker: KafkaBroker) -> None:
    topic = broker.topic()
    publish(broker, topic, [occurrence(0)])
    with consumer(broker, topic, start="latest") as events:
        found: list[Event] = []
        for number in range(1, 300):
            publish(broker, topic, [occurrence(number)])
            found += events.poll(0.1)
            if found:
                break
    assert found
    assert occurrence(0) not in found


def test_arguments_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="give a group"):
        EventConsumer("broker:9092", "events", group=" ")
    with pytest.raises(ConfigError, match="no name of a topic"):
        KafkaEventSink("broker:9092", "my events")
