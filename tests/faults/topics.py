"""Footage in topics, and daemons that read it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

from tests.faults.live import LiveSite
from tests.kafka_broker import KafkaBroker
from videoxl_stream.connectors.file import FileSource
from videoxl_stream.errors import EndOfStream
from videoxl_stream.evaluation.clip_pair import SAMPLE_FPS, ClipPair
from videoxl_stream.frames import Frame

SESSION_S = 3
WINDOW = 10  # frames, of the embedded model
LOOK_S, DONE_S = 0.1, 240.0
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


def feed_of(broker: KafkaBroker, topic: str, group: str) -> dict[str, Any]:
    """How a site names a topic."""
    fps, session = f"sample_fps={SAMPLE_FPS:g}", f"session_timeout_s={SESSION_S}"
    return {"url": f"kafka://{broker.servers}/{topic}?group={group}&{fps}&{session}"}


def create_topics(broker: KafkaBroker, *topics: str, partitions: int = 1) -> None:
    """Create topics; brokers of ours forget them when they die."""
    for topic in topics:
        broker.topic(partitions, topic)


def endless(frames: Sequence[Frame]) -> Iterator[Frame]:
    """The same footage again and again, on a clock that goes on."""
    round_s = len(frames) / SAMPLE_FPS
    for number, frame in enumerate(cycle(frames)):
        yield replace(frame, utc=frame.utc + timedelta(seconds=number // len(frames) * round_s))


@contextmanager
def frozen(site: LiveSite) -> Iterator[None]:
    """Let a daemon sleep, as a machine does that is moved."""
    os.kill(site.daemon.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(site.daemon.process.pid, signal.SIGCONT)


def windows_of(site: LiveSite, streams: Sequence[str] | None) -> int:
    """Windows done of all streams, or of these, as the store says."""
    with site.store() as store:
        names = [each.stream_id for each in store.streams()] if streams is None else streams
        states = [store.restore("site", name) for name in names]
    return sum(state.windows for state in states if state is not None)
