"""The demo: footage that nobody has seen before, watched from its video files, scored against its truth.

For each of a few seeds two clips are rendered and encoded as H.264, a site camera and a broadcast channel; the
embedded model was never trained on them (training draws from seeds of 30,000,000 and more), and nothing was tuned on
them. ``SEEDS`` were chosen by what happens in the clips, before any model had watched them, and a test keeps it so:
they are the first numbers in a row, from 1 on, for which ``is_telling`` holds.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.baselines import Baselines
from videoxl_stream.evaluation.claims import Claim, claims_of
from videoxl_stream.evaluation.clip_pair import DURATION_S, SAMPLE_FPS, START, ClipPair, ShareDone
from videoxl_stream.evaluation.comparison import Comparison
from videoxl_stream.evaluation.demo_report import EVIDENCE, write_report, write_summary
from videoxl_stream.evaluation.scoreboard import Scoreboard
from videoxl_stream.evaluation.trial import GATED, MODEL, ZEROED, Findings, gate_of, load, watch
from videoxl_stream.evidence import Evidence
from videoxl_stream.interfaces import Sink, Source
from videoxl_stream.pipeline import Progress
from videoxl_stream.store import EventStore
from videoxl_stream.training.footage.clips import Truth
from videoxl_stream.training.footage.scenes import Scenario
from videoxl_stream.training.footage.vocabulary import KINDS

SEEDS = (38, 39)
PIPELINE = "demo"
FILES = ("summary.json", "report.html", "events.db", "events.db-wal", "events.db-shm")
_CLIP = re.compile(r"(site|channel)-\d+\.(mp4|truth\.json)")

OnStep = Callable[[str, Progress], None]
"""Told of each step with the way of watching."""


def is_telling(scenarios: Mapping[str, Scenario]) -> bool:
    """Whether streams together show every kind, two ads at least, and on each of them nothing for a quarter of it."""
    counts = Counter(o.kind for scenario in scenarios.values() for o in scenario.occurrences)
    enough = all(counts[kind] for kind in KINDS) and counts["ad"] >= 2
    return enough and all(_quiet_share(scenario) >= 0.25 for scenario in scenarios.values())


def _quiet_share(scenario: Scenario) -> float:
    seconds = range(round(scenario.duration_s))
    return sum(not any(o.start_s <= s <= o.end_s for o in scenario.occurrences) for s in seconds) / len(seconds)


def clear(folder: Path) -> None:
    """Make the folder, or take away what an earlier demo left there; files that are not of a demo stay.

    Raises:
        ConfigError: there is a file in the folder's place.
    """
    if folder.exists() and not folder.is_dir():
        msg = f"{folder} is a file; give the demo a folder of its own"
        raise ConfigError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name in FILES or _CLIP.fullmatch(path.name):
            path.unlink()
    shutil.rmtree(folder / EVIDENCE / PIPELINE, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a demo found.

    Args:
        compared: the model's events beside the truth.
        board: these and the baselines, scored.
    """

    compared: Comparison
    board: Scoreboard


@dataclass(frozen=True, slots=True)
class Demo:
    """One run of the demo.

    Args:
        folder: is made, or cleared of an earlier demo; gets clips, events, evidence, report and summary.
        seeds: of the clips.
        duration_s: of each clip.
    """

    folder: Path
    seeds: Sequence[int] = SEEDS
    duration_s: float = DURATION_S

    def run(
        self, *, sinks: Sequence[Sink] = (), on_render: ShareDone | None = None, on_watch: OnStep | None = None
    ) -> Shown:
        """Render, watch, compare, and write everything down.

        Raises:
            ConfigError: the folder cannot be one.
            CheckpointError: the embedded weights are missing.
        """
        begun = perf_counter()
        clear(self.folder)
        pairs = [ClipPair(seed, self.duration_s) for seed in self.seeds]
        truths: dict[str, Truth] = {}
        for pair in pairs:
            truths |= pair.render(self.folder, threads=2, on_progress=on_render)
        rendered = perf_counter()
        sources = [source for pair in pairs for source in pair.sources(self.folder)]
        with EventStore(f"sqlite:///{self.folder / 'events.db'}") as store:
            shown = self._watch(sources, truths, store, sinks, on_watch)
            watched = perf_counter()
            write_report(self.folder, store, shown.compared, START)
        seconds = {"render": rendered - begun, "watch": watched - rendered, "total": perf_counter() - begun}
        write_summary(
            self.folder / "summary.json",
            shown.board,
            seeds=self.seeds,
            model={"name": "embedded", "fingerprint": load("embedded").fingerprint},
            seconds=seconds,
        )
        return shown

    def _watch(
        self,
        sources: Sequence[Source],
        truths: Mapping[str, Truth],
        store: EventStore,
        sinks: Sequence[Sink],
        on_watch: OnStep | None,
    ) -> Shown:
        """Watch in every way; what the model itself finds is kept and told."""
        evidence = Evidence(self.folder / EVIDENCE)
        claims: dict[str, list[Claim]] = {}
        model, tell = load("embedded"), _teller(on_watch, MODEL)
        events, cost = watch(sources, model, store, name=PIPELINE, evidence=evidence, sinks=sinks, on_progress=tell)
        claims[MODEL], costs = claims_of(events, model.window_frames / SAMPLE_FPS), {MODEL: cost}
        for way in (GATED, ZEROED):
            model, tell = load("embedded", blinded=way == ZEROED), _teller(on_watch, way)
            with EventStore("sqlite:///:memory:") as other:
                found, costs[way] = watch(sources, model, other, gate=gate_of(way), on_progress=tell)
            claims[way] = claims_of(found, model.window_frames / SAMPLE_FPS)
        findings = Findings(truths, claims | Baselines.load().claims_on(sources), costs)
        return Shown(Comparison(truths, events), Scoreboard([findings]))


def _teller(on_watch: OnStep | None, way: str) -> Callable[[Progress], None] | None:
    return None if on_watch is None else lambda step: on_watch(way, step)
