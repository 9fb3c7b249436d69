"""Footage through a real broker: killed in traffic, full of what is no footage, read by two that come and go."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from tests import kafka_broker, postgres
from tests.connectors.kafka.footage import all_records, jpeg, send
from tests.faults.live import RECOVER_S, LiveSite
from tests.faults.outcome import Outcome, median
from tests.faults.process import wait_for
from tests.kafka_broker import KafkaBroker
from videoxl_stream.connectors.file import FileSource
from videoxl_stream.connectors.kafka import EventConsumer, FrameProducer
from videoxl_stream.errors import EndOfStream, SinkError
from videoxl_stream.evaluation.clip_pair import SAMPLE_FPS, ClipPair
from videoxl_stream.events import Event
from videoxl_stream.frames import Frame
from videoxl_stream.outages import DOWN

_LOOK_S = 0.1
_SESSION_S = 3
_SETTLED_S = 8.0  # Tansu never answers who is joining while another leaves, which Apache Kafka does
_WINDOW = 10  # frames, of the embedded model
_DONE_S = 240.0
_SEED = 4022


def footage(folder: Path, seconds: float) -> list[Frame]:
    """Frames of a rendered clip in which much happens."""
    pair = ClipPair(_SEED, seconds)
    folder.mkdir(parents=True, exist_ok=True)
    path = pair.paths(folder)[f"site-{_SEED}"]
    if not path.exists():
        pair.render(folder, threads=2)
    opened, frames = FileSource(path, sample_fps=SAMPLE_FPS).open(), []
    with suppress(EndOfStream):
        while True:
            frame = opened.read(10.0)
            frames += [] if frame is None else [frame]
    opened.close()
    return frames


def _feed(broker: KafkaBroker, topic: str, group: str) -> dict[str, Any]:
    fps, session = f"sample_fps={SAMPLE_FPS:g}", f"session_timeout_s={_SESSION_S}"
    return {"url": f"kafka://{broker.servers}/{topic}?group={group}&{fps}&{session}"}


def _create(broker: KafkaBroker, *topics: str, partitions: int = 1) -> None:
    for topic in topics:
        broker.topic(partitions, topic)


class Traffic:
    """Footage that is sent all the time, as a camera does that goes on while nobody listens."""

    def __init__(self, broker: KafkaBroker, topic: str, frames: Sequence[Frame], streams: Sequence[str]) -> None:
        self._producer = FrameProducer(broker.servers, topic, timeout_s=2.0)
        self._frames, self._streams = frames, streams
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        first, last = self._frames[0], self._frames[-1]
        round_s = last.time_s - first.time_s + 1 / SAMPLE_FPS
        for number, frame in enumerate(cycle(self._frames)):
            if self._stop.wait(0.05):
                return
            at = first.utc + (frame.utc - first.utc) + (number // len(self._frames)) * timedelta(seconds=round_s)
            try:
                for stream_id in self._streams:
                    self._producer.write(replace(frame, stream_id=stream_id, utc=at))
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
        self.heard_at = time.monotonic()
        self._consumer = EventConsumer(broker.servers, topic, group="faults", session_timeout_s=_SESSION_S)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._stop.is_set():
            for event in self._consumer.poll(0.1):
                self.got.add((event.id, event.revision))
                self.heard_at = time.monotonic()

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
        _create(broker, "frames", "frames.dead", "events")
        site = LiveSite(
            folder / "site",
            [_feed(broker, "frames", "site")],
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
            with _frozen(site):
                listener.heard_at = time.monotonic()
                wait_for(lambda: time.monotonic() - listener.heard_at > 1.5, RECOVER_S)
                broker.kill()
            time.sleep(rng.uniform(0.2, 4.0))
            read, heard = site.figures("frames_read"), len(listener.got)
            broker.start()
            _create(broker, "frames", "frames.dead", "events")
            took = wait_for(lambda: _more(site, read), RECOVER_S, _LOOK_S)  # noqa: B023
            told = wait_for(lambda: len(listener.got) > heard, RECOVER_S, _LOOK_S)  # noqa: B023
            recoveries.append(RECOVER_S if took is None else took)
            survived += took is not None and told is not None
        traffic.close()
        wait_for(lambda: not _waiting(site) and _quiet(site), RECOVER_S, _LOOK_S)
        site.stop()
        wait_for(lambda: not _expected(site) - listener.got, 20.0, _LOOK_S)
        expected, got = _expected(site), set(listener.got)
        with site.store() as store:
            held = {(letter.event_id, letter.revision) for letter in store.outbox.letters(limit=10_000)}
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
        _create(broker, "frames", "frames.dead")
        site = LiveSite(folder / "site", [_feed(broker, "frames", "site")])
        opened.callback(site.end)
        site.start()
        send(broker, "frames", mixed[:num])
        send(broker, "frames", mixed[num:])
        took = wait_for(lambda: site.figure("frames_ingested", "good") >= num - num % _WINDOW, _DONE_S, _LOOK_S)
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


def shared(folder: Path, clips: Path, *, num_streams: int = 6, num_faults: int = 7, seed: int = 14) -> Outcome:
    """Two daemons of one group, one store and one folder of memories, that come, go, die and fall asleep."""
    programs = postgres.programs()
    assert programs is not None, postgres.REMEDY
    rng, frames = random.Random(seed), footage(clips, 60.0)
    streams = [f"camera-{number}" for number in range(num_streams)]
    frames = frames[: len(frames) // _WINDOW * _WINDOW]
    recoveries = []
    with kafka_broker.served() as broker, postgres.served(programs) as server, ExitStack() as opened:
        _create(broker, "frames", "frames.dead", partitions=num_streams)
        for name in ("alone", "shared"):
            server.create(name)
        site = _Pair(folder, broker, server.url("shared"), opened)
        producer = threading.Thread(target=_produce, args=(broker, frames, streams, num_faults * 6.0))
        producer.start()
        opened.callback(producer.join)
        kinds = islice(cycle([signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP]), num_faults)
        for kind in kinds:
            time.sleep(rng.uniform(0, 2.0))
            recoveries.append(site.disturb(rng.randrange(2), kind))
        producer.join()
        done = wait_for(lambda: site.windows(streams) >= num_streams * len(frames) // _WINDOW, _DONE_S, 0.2)
        for each in site.members:
            each.stop()
        alone = LiveSite(folder / "alone", [_feed(broker, "frames", "alone")], url=server.url("alone"))
        opened.callback(alone.end)
        alone.start()
        wait_for(lambda: _windows(alone, streams) >= num_streams * len(frames) // _WINDOW, _DONE_S, 0.2)
        alone.stop()
        found, expected = _found(site.members[0]), _found(alone)
        came, due = _windows(site.members[0], streams), _windows(alone, streams)
    differing = sum(found[name] != expected[name] for name in set(found) & set(expected))
    return Outcome(
        name="two daemons of one group: stopped, killed, frozen",
        tried=num_faults,
        survived=num_faults if done is not None and not differing else 0,
        lost=len(set(expected) - set(found)) + max(0, due - came) * _WINDOW,
        duplicated=len(set(found) - set(expected)) + max(0, came - due) * _WINDOW,
        seconds_to_recover=median(recoveries),
        remark=f"{num_streams} streams, {len(expected)} events compared field by field and {due * _WINDOW} frames with "
        "one undisturbed daemon; the memory of a stream is locked, so that no two have it at once",
    )


class _Pair:
    """Two daemons that share a store and a folder of memories."""

    def __init__(self, folder: Path, broker: KafkaBroker, url: str, opened: ExitStack) -> None:
        self.members = [
            LiveSite(folder / name, [_feed(broker, "frames", "site")], url=url, memory=folder / "memory")
            for name in ("first", "second")
        ]
        for each in self.members:
            opened.callback(each.end)
            each.start()
            time.sleep(_SETTLED_S)

    def disturb(self, number: int, kind: signal.Signals) -> float:
        """Let one go in some way; gives how long it took until anything was done again."""
        member, other = self.members[number], self.members[1 - number]
        if kind == signal.SIGSTOP:
            with _frozen(member):
                time.sleep(2 * _SESSION_S)
        elif kind == signal.SIGKILL:
            member.end()
        else:
            member.stop()
        before = self.windows(None)
        took = wait_for(lambda: self.windows(None) > before, RECOVER_S, _LOOK_S)
        if kind != signal.SIGSTOP:
            member.start()
        time.sleep(_SETTLED_S)
        assert other.daemon.is_running
        return RECOVER_S if took is None else took

    def windows(self, streams: Sequence[str] | None) -> int:
        """Done by both, as the store says."""
        return _windows(self.members[0], streams)


def _produce(broker: KafkaBroker, frames: Sequence[Frame], streams: Sequence[str], lasts_s: float) -> None:
    with FrameProducer(broker.servers, "frames") as producer:
        for frame in frames:
            for stream_id in streams:
                producer.write(replace(frame, stream_id=stream_id))
            producer.flush()
            time.sleep(lasts_s / len(frames))


@contextmanager
def _frozen(site: LiveSite) -> Iterator[None]:
    os.kill(site.daemon.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(site.daemon.process.pid, signal.SIGCONT)


def _found(site: LiveSite) -> dict[str, Event]:
    """All but outages, which are of the wall clock."""
    with site.store() as store:
        return {event.id: event for event in store.events() if event.rule != DOWN}


def _windows(site: LiveSite, streams: Sequence[str] | None) -> int:
    with site.store() as store:
        names = [each.stream_id for each in store.streams()] if streams is None else streams
        states = [store.restore("site", name) for name in names]
    return sum(state.windows for state in states if state is not None)


def _more(site: LiveSite, before: dict[str, float]) -> bool:
    now = site.figures("frames_read")
    return any(now.get(name, 0.0) > frames for name, frames in before.items())


def _waiting(site: LiveSite) -> bool:
    with site.store() as store:
        return bool(store.outbox.letters(limit=1))


def _quiet(site: LiveSite) -> bool:
    """Whether nothing comes any more."""
    before = site.figures("windows")
    time.sleep(1.5)
    return site.figures("windows") == before


def _expected(site: LiveSite) -> set[tuple[str, int]]:
    with site.store() as store:
        return {(event.id, revision) for event in store.events() for revision in range(event.revision + 1)}
