"""Two daemons that share streams, and come and go, compared with one that nobody disturbed."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Self

from tests import kafka_broker, postgres
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
from videoxl_stream.connectors.kafka import FrameProducer
from videoxl_stream.events import Event
from videoxl_stream.frames import Frame
from videoxl_stream.outages import DOWN

_STEADY_S = 1.0
_EVERY_S = 0.3  # between two frames that are sent


def shared(folder: Path, clips: Path, *, num_streams: int = 6, num_faults: int = 6, seed: int = 14) -> Outcome:
    """Two daemons of one group, one store and one folder of memories, that come, go, die and fall asleep."""
    programs = postgres.programs()
    assert programs is not None, postgres.REMEDY
    rng, frames = random.Random(seed), footage(clips, 60.0)
    streams = [f"camera-{number}" for number in range(num_streams)]
    with kafka_broker.served() as broker, postgres.served(programs) as server, ExitStack() as opened:
        create_topics(broker, "frames", "frames.dead", partitions=num_streams)
        for name in ("alone", "shared"):
            server.create(name)
        sending = opened.enter_context(_Sending(broker, frames, streams))
        pair = _Pair(folder, broker, server.url("shared"), set(streams), opened)
        recoveries = []
        for kind in islice(cycle([signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP]), num_faults):
            time.sleep(rng.uniform(0, 2.0))
            recoveries.append(pair.disturb(rng.randrange(2), kind))
        due = sending.end() * num_streams // WINDOW
        done = wait_for(lambda: windows_of(pair.members[0], streams) >= due, DONE_S, 0.2)
        for each in pair.members:
            each.stop()
        alone = LiveSite(folder / "alone", [feed_of(broker, "frames", "alone")], url=server.url("alone"))
        opened.callback(alone.end)
        alone.start()
        assert wait_for(lambda: windows_of(alone, streams) >= due, DONE_S, 0.2) is not None, f"see {alone.log}"
        alone.stop()
        found, expected, came = _found(pair.members[0]), _found(alone), windows_of(pair.members[0], streams)
    differing = sum(found[name] != expected[name] for name in set(found) & set(expected))
    back = sum(took < RECOVER_S for took in recoveries)
    return Outcome(
        name="two daemons of one group: stopped, killed, frozen",
        tried=num_faults,
        survived=back if done is not None and not differing else 0,
        lost=len(set(expected) - set(found)) + max(0, due - came) * WINDOW,
        duplicated=len(set(found) - set(expected)) + max(0, came - due) * WINDOW,
        seconds_to_recover=median(recoveries),
        remark=f"{num_streams} streams; {len(expected)} events, field by field, and {due * WINDOW} frames compared "
        "with one undisturbed daemon; recovered: the other has opened all streams",
    )


class _Pair:
    """Two daemons that share a store and a folder of memories."""

    def __init__(self, folder: Path, broker: KafkaBroker, url: str, streams: set[str], opened: ExitStack) -> None:
        self._streams = streams
        self.members = [
            LiveSite(folder / name, [feed_of(broker, "frames", "site")], url=url, memory=folder / "memory")
            for name in ("first", "second")
        ]
        for each in self.members:
            opened.callback(each.end)
            each.start()
        self._settle()

    def disturb(self, number: int, kind: signal.Signals) -> float:
        """Let one go in some way, and come back; says how long the other took to go on with all streams.

        Who is only frozen keeps the memories on disk, so there it counts from when it wakes up.
        """
        member, other = self.members[number], self.members[1 - number]
        if kind == signal.SIGSTOP:
            with frozen(member):
                time.sleep(2 * SESSION_S)
            return self._settle()
        if kind == signal.SIGKILL:
            member.end()
        else:
            member.stop()
        took = wait_for(lambda: set(other.figures("up")) == self._streams, RECOVER_S, LOOK_S)
        member.start()
        self._settle()
        return RECOVER_S if took is None else took

    def _settle(self) -> float:
        """Wait until each has streams, and nobody another's. Tansu never answers who joins while another leaves."""
        began = time.monotonic()
        while (took := time.monotonic() - began) < RECOVER_S:
            if self._shares() == (shares := self._shares(_STEADY_S)) and all(shares):
                first, second = shares
                if not first & second and first | second == self._streams:
                    return took
        return RECOVER_S

    def _shares(self, later_s: float = 0.0) -> tuple[set[str], set[str]]:
        time.sleep(later_s)
        first, second = self.members
        return set(first.figures("up")), set(second.figures("up"))


class _Sending:
    """Footage that is sent until it is enough, in whole windows."""

    def __init__(self, broker: KafkaBroker, frames: Sequence[Frame], streams: Sequence[str]) -> None:
        self._broker, self._frames, self._streams = broker, frames, streams
        self._enough, self._num = threading.Event(), 0
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def end(self) -> int:
        """Send no more; says how many frames each stream was given."""
        self._enough.set()
        self._thread.join()
        return self._num

    def _send(self) -> None:
        with FrameProducer(self._broker.servers, "frames") as producer:
            for frame in endless(self._frames):
                for stream_id in self._streams:
                    producer.write(replace(frame, stream_id=stream_id))
                producer.flush()
                self._num += 1
                if self._enough.wait(_EVERY_S) and not self._num % WINDOW:
                    return


def _found(site: LiveSite) -> dict[str, Event]:
    """All but outages, which are of the wall clock."""
    with site.store() as store:
        return {event.id: event for event in store.events() if event.rule != DOWN}
