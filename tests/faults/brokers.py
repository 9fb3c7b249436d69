"""A broker that is killed in traffic, or full of what is no footage."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

from tests import kafka_broker
from tests.connectors.kafka.footage import all_records, jpeg, send
from tests.faults.live import RECOVER_S, LiveSite
from tests.faults.outcome import Outcome, median
from tests.faults.process import wait_for
from tests.faults.topics import (
    DONE_S,
    LOOK_S,
    SESSION_S,
    WINDOW,
    create_topics,
    endless,
    feed_of,
    footage,
    frozen,
    windows_of,
)
from tests.kafka_broker import KafkaBroker
from videoxl_stream.connectors.kafka import EventConsumer, FrameProducer
from videoxl_stream.errors import SinkError
from videoxl_stream.frames import Frame
from videoxl_stream.outages import DOWN

_EVERY_S = 0.1  # between two frames that are sent: five times as fast as they were taken


class Traffic:
    """Footage that is sent all the time, as a camera does that goes on while nobody listens."""

    def __init__(self, broker: KafkaBroker, topic: str, frames: Sequence[Frame], streams: Sequence[str]) -> None:
        self._producer = FrameProducer(broker.servers, topic, timeout_s=2.0)
        self._frames, self._streams = frames, streams
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        for frame in endless(self._frames):
            if self._stop.wait(_EVERY_S):
                return
            try:
                for stream_id in self._streams:
                    self._producer.write(replace(frame, stream_id=stream_id))
                self._producer.flush()
            except SinkError:
                continue  # a camera does not show again what nobody saw

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._producer.close()


class Listener:
    """Reads events all the time, and keeps what it got over all lives of the broker."""

    def __init__(self, broker: KafkaBroker, topic: str) -> None:
        self.got: set[tuple[str, int]] = set()
        self._consumer = EventConsumer(broker.servers, topic, group="faults", session_timeout_s=SESSION_S)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._stop.is_set():
            for event in self._consumer.poll(0.1):
                self.got.add((event.id, event.revision))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()


def killed_broker(folder: Path, clips: Path, *, num_kills: int = 5, seed: int = 13) -> Outcome:
    """A broker that knows nothing after each kill, between cameras, a daemon, and somebody who reads its events.

    Before each kill the daemon is frozen until all that it sent has been read: what only the dead broker knew is
    nobody's to bring back.
    """
    rng, frames = random.Random(seed), footage(clips, 60.0)
    survived, recoveries = 0, []
    with kafka_broker.served() as broker, ExitStack() as opened:
        create_topics(broker, "frames", "frames.dead", "events")
        site = LiveSite(
            folder / "site",
            [feed_of(broker, "frames", "site")],
            rules=["fire", "intrusion", "fall", "crowd", "tampering"],
            sinks=[{"url": f"kafka://{broker.servers}/events", "timeout_s": 2}],
        )
        opened.callback(site.end)
        listener = Listener(broker, "events")
        opened.callback(listener.close)
        traffic = Traffic(broker, "frames", frames, ["gate", "yard"])
        opened.callback(traffic.close)
        site.start()
        assert wait_for(lambda: len(listener.got) > 1, RECOVER_S) is not None, f"no event comes; see {site.log}"
        for _ in range(num_kills):
            time.sleep(rng.uniform(0.5, 3.0))
            with frozen(site):
                wait_for(lambda: not _expected(site) - _held(site) - listener.got, RECOVER_S)
                broker.kill()
            time.sleep(rng.uniform(0.2, 4.0))
            done, heard = windows_of(site, None), len(listener.got)
            broker.start()
            create_topics(broker, "frames", "frames.dead", "events")
            took = wait_for(lambda: windows_of(site, None) > done, RECOVER_S, LOOK_S)  # noqa: B023
            told = wait_for(lambda: len(listener.got) > heard, RECOVER_S, LOOK_S)  # noqa: B023
            recoveries.append(RECOVER_S if took is None else took)
            survived += took is not None and told is not None
        traffic.close()
        wait_for(lambda: not _held(site) and _quiet(site), RECOVER_S, LOOK_S)
        site.stop()
        wait_for(lambda: not _expected(site) - listener.got, 20.0, LOOK_S)
        expected, got = _expected(site), set(listener.got)
        held = _held(site)
    return Outcome(
        name="Kafka broker killed in traffic, in and out",
        tried=num_kills,
        survived=survived,
        lost=len(expected - got - held),
        duplicated=len(got - expected),
        seconds_to_recover=median(recoveries),
        remark=f"{len(expected)} revisions of events, {len(held & expected)} still in the outbox; footage that only "
        "the dead broker held is not counted",
    )


def malformed(folder: Path, *, num: int = 1000) -> Outcome:
    """As many malformed messages as good ones, mixed, into a daemon that runs."""
    good = [
        ({"stream_id": b"good", "timestamp": b"%d" % (10**12 + 500 * number)}, jpeg(40 + number % 200))
        for number in range(num)
    ]
    bad = list(islice(cycle(_damage()), num))
    mixed = [each for pair in zip(good, bad, strict=True) for each in pair]
    with kafka_broker.served() as broker, ExitStack() as opened:
        create_topics(broker, "frames", "frames.dead")
        site = LiveSite(folder / "site", [feed_of(broker, "frames", "site")])
        opened.callback(site.end)
        site.start()
        send(broker, "frames", mixed[:num])
        send(broker, "frames", mixed[num:])
        took = wait_for(lambda: site.figure("frames_ingested", "good") >= num - num % WINDOW, DONE_S, LOOK_S)
        assert took is not None, f"{site.figures('frames_ingested')} came; see {site.log}"
        letters = all_records(broker, "frames.dead", num)
        up = site.figure("up", "good") == 1
        site.stop()
        with site.store() as store:
            down = store.events(rule=DOWN)
    reasons = [dict(letter.headers).get("reason") for letter in letters]
    values = Counter(bytes(letter.value) for letter in letters)
    sent = Counter(value for _, value in bad)
    return Outcome(
        name="malformed Kafka messages",
        tried=num,
        survived=num if up and not down else 0,
        lost=sum((sent - values).values()) + sum(not reason for reason in reasons),
        duplicated=sum((values - sent).values()),
        seconds_to_recover=0.0,
        remark=f"among {num} good ones; lost: good frames not ingested, or malformed ones not in the dead letters",
    )


def _damage() -> list[tuple[dict[str, bytes], bytes]]:
    named = {"stream_id": b"good"}
    return [
        (named, b"neither picture nor footage"),
        (named, jpeg()[:200]),
        ({}, jpeg(1)),
        ({**named, "timestamp": b"yesterday"}, jpeg(2)),
        ({**named, "stream_id": b"\xff\xfe"}, jpeg(3)),
        ({**named, "sequence": b"-1"}, jpeg(4)),
        (named, (b"\x47" + bytes(range(187))) * 40),
    ]


def _held(site: LiveSite) -> set[tuple[str, int]]:
    """Revisions that the outbox still keeps."""
    with site.store() as store:
        return {(letter.event_id, letter.revision) for letter in store.outbox.letters(limit=10_000)}


def _quiet(site: LiveSite) -> bool:
    """Whether nothing comes any more."""
    before = site.figures("windows")
    time.sleep(1.5)
    return site.figures("windows") == before


def _expected(site: LiveSite) -> set[tuple[str, int]]:
    with site.store() as store:
        return {(event.id, revision) for event in store.events() for revision in range(event.revision + 1)}
