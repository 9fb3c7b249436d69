"""Readers that come and go share a site without a loss."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.connectors.kafka.footage import DEADLINE_S, Reader, Site, frame, produce, source
from tests.kafka_broker import KafkaBroker
from videoxl_stream.connectors.kafka.membership import Membership

pytestmark = pytest.mark.service

STREAMS = [f"camera-{number}" for number in range(8)]


@contextmanager
def working(reader: Reader) -> Iterator[None]:
    """Let a reader work in a thread; what it dies of fails the test."""
    ended, died = threading.Event(), []

    def work() -> None:
        try:
            while not ended.is_set():
                reader.turn()
        except BaseException as e:
            died.append(e)
        finally:
            reader.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(DEADLINE_S)
    assert died == []
    assert not thread.is_alive()


def test_streams_move_to_a_reader_that_joins_and_back_when_it_leaves(broker: KafkaBroker) -> None:
    topic, site, sent = broker.topic(4), Site(), 30
    produce(broker, topic, STREAMS, sent)
    with Reader(source(broker, topic), site, "first") as first:
        first.until(lambda: site.num_frames == sent * len(STREAMS))
        second = Reader(source(broker, topic), site, "second")
        with working(second):
            first.until(lambda: bool(first.left))
            while len(set(site.readers.values())) < 2:  # streams are opened when footage comes
                produce(broker, topic, STREAMS, 1, first=sent)
                sent += 1
                for _ in range(5):
                    first.turn()
            produce(broker, topic, STREAMS, 40, first=sent)
            sent += 40
            first.until(lambda: site.num_frames == sent * len(STREAMS))
        produce(broker, topic, STREAMS, 10, first=sent)
        sent += 10
        first.until(lambda: site.num_frames == sent * len(STREAMS))
        assert set(site.readers.values()) == {"first"}
    assert site.shared == []
    for stream_id in STREAMS:  # nothing lost, nothing doubled, all in order
        assert [one.index for one in site.frames[stream_id]] == list(range(sent))
        assert [one.utc for one in site.frames[stream_id]] == [frame(stream_id, index).utc for index in range(sent)]


def test_streams_are_given_up_in_the_thread_that_polls(broker: KafkaBroker) -> None:
    topic, site = broker.topic(4), Site()
    produce(broker, topic, STREAMS, 5)
    with Reader(source(broker, topic), site, "first") as first:
        first.until(lambda: site.num_frames == 5 * len(STREAMS))
        threads: set[int] = set()
        leave = first.leave

        def leave_here(stream_ids: list[str]) -> None:
            threads.add(threading.get_ident())
            leave(stream_ids)

        first.leave = leave_here  # type: ignore[method-assign, assignment]
        with working(Reader(source(broker, topic), site, "second")):
            first.until(lambda: bool(first.left))
        assert threads == {threading.get_ident()}


def test_a_reader_that_has_much_to_do_gives_up_its_share_all_the_same(broker: KafkaBroker) -> None:
    topic, site = broker.topic(4), Site()
    produce(broker, topic, STREAMS, 5)

    def busy() -> bool:
        time.sleep(0.1)  # a model at work
        return bool(first.left)

    with Reader(source(broker, topic), site, "first") as first:
        first.until(lambda: site.num_frames == 5 * len(STREAMS))
        produce(broker, topic, STREAMS, 20, first=5)
        first.until(lambda: first.feed.counts.messages >= 10 * len(STREAMS), read=False)
        with working(Reader(source(broker, topic), site, "second")):
            first.until(busy, read=False)
            first.until(lambda: site.num_frames == 25 * len(STREAMS))
    assert site.shared == []


def test_what_was_not_durable_goes_with_the_stream(broker: KafkaBroker) -> None:
    topic, site = broker.topic(4), Site()
    produce(broker, topic, STREAMS, 5)
    with Reader(source(broker, topic), site, "first") as first:
        first.durable = False
        first.until(lambda: site.num_frames == 5 * len(STREAMS))
        with working(Reader(source(broker, topic), site, "second")):
            first.until(lambda: bool(first.left))
            moved = set(first.left)
            first.until(lambda: all(len(site.frames[stream_id]) == 10 for stream_id in moved))
    for stream_id in moved:
        assert [one.index for one in site.frames[stream_id]] == [*range(5), *range(5)]


def test_what_brokers_answer_a_reader_that_joins_is_not_asked_for_again(
    broker: KafkaBroker, caplog: pytest.LogCaptureFixture
) -> None:
    """Also if it has other things to do meanwhile: a broker may tell nobody of a member that asks anew."""
    caplog.set_level(logging.DEBUG, "kafka.coordinator")
    membership = Membership(
        broker.brokers,
        broker.topic(2),
        "patient",
        session_timeout_s=3.0,
        settings={},
        work=lambda _: time.sleep(0.4),
        confirm=lambda: None,
    )
    given_up: list[frozenset[int]] = []

    def revoked(partitions: frozenset[int]) -> dict[int, int]:
        given_up.append(partitions)
        return {}

    for _ in range(40):
        membership.poll(0.2, revoked, paused=frozenset(), commit={})
    membership.close(revoked)
    assert given_up == [{0, 1}]
    asked = [record for record in caplog.records if record.message.startswith("Sending JoinGroup")]
    assert len(asked) <= 2, "the first time without a name"
