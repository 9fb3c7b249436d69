"""Many hours of footage as fast as the machine takes them: whatever grows, shows.

python -m tests.faults.soak [--hours 24] [--out build/soak.json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from videoxl_stream.connectors.file import FileSource
from videoxl_stream.connectors.json_lines import JSONLinesSink
from videoxl_stream.daemon import Daemon
from videoxl_stream.daemon.health import Health
from videoxl_stream.delivery import Delivery
from videoxl_stream.errors import EndOfStream
from videoxl_stream.evaluation.clip_pair import ClipPair
from videoxl_stream.evidence import Evidence
from videoxl_stream.frames import Frame, Image
from videoxl_stream.interfaces import Connection, Position, VideoModel
from videoxl_stream.journal import Durability
from videoxl_stream.names import find_rules, load_model
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.store import EventStore, Retention

_START = datetime(2026, 1, 1, tzinfo=UTC)
_FPS = 2.0
_EVIDENCE_BYTES = 50 * 2**20
_RULES = ["fire", "intrusion", "fall", "crowd", "tampering"]
_BUDGET = 1024


class Endless:
    """The same minutes of footage again and again, on a clock that goes on. Resume: none, it begins anew.

    Args:
        images: of one round, at two frames a second.
        hours: of stream time.
    """

    stream_id, live = "soak", False

    def __init__(self, images: Sequence[Image], hours: float) -> None:
        self.sampled_away, self.connection = 0, Connection()
        self.expected_frames = int(hours * 3600 * _FPS)
        self._images, self._next = images, 0

    def open(self, resume: Position | None = None, *, packets: bool = False) -> Endless:
        """It is its own open source."""
        return self

    def read(self, timeout_s: float) -> Frame:
        """Never waits."""
        if self._next >= self.expected_frames:
            raise EndOfStream
        time_s, image = self._next / _FPS, self._images[self._next % len(self._images)]
        self._next += 1
        return Frame(self.stream_id, self._next - 1, time_s, _START + timedelta(seconds=time_s), image)

    def packets(self) -> tuple[()]:
        """Pictures only."""
        return ()

    def position(self) -> Position:
        """Number of the next frame."""
        return {"next": self._next}

    def acknowledge(self, position: Position) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process holds at some hour of stream time; and the median CPU time of windows since the one before."""

    hour: float
    rss_mib: float
    descriptors: int
    window_cpu_ms: float
    evidence_mib: float
    memory_mib: float
    events: int


def rss_mib() -> float:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def size_mib(folder: Path) -> float:
    """Of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


class Watcher:
    """Takes a sample whenever so much stream time has passed.

    Args:
        pipeline: being run.
        folder: of its files.
        every_windows: between two samples.
    """

    def __init__(self, pipeline: Pipeline, folder: Path, every_windows: int) -> None:
        self.samples: list[Sample] = []
        self._pipeline, self._folder, self._every = pipeline, folder, every_windows
        self._times: list[float] = []
        self._windows, self._at = 0, time.process_time()

    def __call__(self, _: object) -> None:
        """Look, after a step."""
        counts = self._pipeline.counts["soak"]
        if counts.windows == self._windows:
            return
        now = time.process_time()
        self._times.append(now - self._at)
        self._windows, self._at = counts.windows, now
        if counts.windows % self._every == 0:
            self.samples.append(
                Sample(
                    hour=round(counts.ingested / _FPS / 3600, 2),
                    rss_mib=round(rss_mib(), 1),
                    descriptors=len(os.listdir("/proc/self/fd")),
                    window_cpu_ms=round(statistics.median(self._times) * 1000, 2),
                    evidence_mib=round(size_mib(self._folder / "evidence"), 1),
                    memory_mib=round(size_mib(self._folder / "memory"), 1),
                    events=counts.events,
                )
            )
            self._times.clear()
            self._at = time.process_time()


def soak(folder: Path, images: Sequence[Image], hours: float, model: VideoModel[Any], samples: int) -> list[Sample]:
    """Let a whole daemon watch so many hours, with everything on that writes or keeps something."""
    source = Endless(images, hours)
    with EventStore(f"sqlite:///{folder / 'events.db'}") as store:
        pipeline = Pipeline(
            sources=[source],
            model=model,
            rules=find_rules(_RULES, "embedded"),
            store=store,
            name="soak",
            budget=_BUDGET,
            evidence=Evidence(folder / "evidence"),
            durability=Durability(folder / "memory"),
            outbox=["file"],
        )
        num_windows = source.expected_frames // model.window_frames
        watcher = Watcher(pipeline, folder, max(1, num_windows // samples))
        kept = Retention(budget_bytes=_EVIDENCE_BYTES)
        evidence = folder / "evidence"
        with Progress() as bar:
            task = bar.add_task("soak", total=num_windows)

            def step(told: object) -> None:
                watcher(told)
                bar.update(task, completed=pipeline.counts["soak"].windows)

            def upkeep() -> None:
                store.apply(kept, evidence if evidence.is_dir() else None, datetime.now(UTC))

            Daemon(
                pipeline,
                delivery=Delivery(store, {"file": JSONLinesSink(folder / "events.jsonl")}),
                health=Health(port=0),
                upkeep=upkeep,
                upkeep_s=5.0,
                progress=step,
            ).run()
    return watcher.samples


def growth(samples: Sequence[Sample], what: str) -> float:
    """How much higher a figure is in the last quarter than in the second, as a share."""
    values = [float(getattr(sample, what)) for sample in samples]
    quarter = len(values) // 4
    if quarter == 0:  # it was stopped early
        return 0.0
    return statistics.mean(values[-quarter:]) / statistics.mean(values[quarter : 2 * quarter]) - 1


def footage(folder: Path, duration_s: float) -> list[Image]:
    """Pictures of a rendered clip."""
    folder.mkdir(parents=True)
    pair = ClipPair(4020, duration_s)
    pair.render(folder, threads=2)
    opened = FileSource(next(iter(pair.paths(folder).values())), sample_fps=_FPS).open()
    images: list[Image] = []
    try:
        while True:
            frame = opened.read(30.0)
            images += [] if frame is None else [frame.image]
    except EndOfStream:
        return images
    finally:
        opened.close()


def main() -> None:
    """Read the command line, soak, and say what grew."""
    given = argparse.ArgumentParser(description="Many hours of footage as fast as the machine takes them.")
    given.add_argument("--hours", type=float, default=24.0)
    given.add_argument("--out", type=Path, default=Path("build/soak.json"))
    options = given.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak") as name:
        folder = Path(name)
        images = footage(folder / "clips", 180.0)
        samples = soak(folder, images, options.hours, load_model("embedded"), samples=24)
    table = Table("hour", "RSS, MiB", "descriptors", "CPU ms a window", "evidence, MiB", "memory, MiB", "events")
    for sample in samples:
        table.add_row(*(f"{value:g}" for value in asdict(sample).values()))
    Console().print(table)
    grown = {what: round(growth(samples, what), 3) for what in ("rss_mib", "descriptors", "window_cpu_ms")}
    seconds = round(time.monotonic() - began)
    about = {"hours": options.hours, "seconds": seconds, "machine": platform.processor() or platform.machine()}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    report = about | {"growth": grown, "samples": [asdict(sample) for sample in samples]}
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    Console().print(f"growth from the second quarter to the last: {grown}, {seconds} s", highlight=False)


if __name__ == "__main__":
    main()
