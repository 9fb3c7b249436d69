"""A trial: one seed's clips rendered, watched in every way, and everything that was claimed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from videoxl_stream.evaluation.baselines import Baselines
from videoxl_stream.evaluation.blinded import BlindedVideoXL
from videoxl_stream.evaluation.claims import Claim, claims_of
from videoxl_stream.evaluation.clip_pair import SAMPLE_FPS, ClipPair
from videoxl_stream.evaluation.stopwatch import Stopwatch
from videoxl_stream.events import Event
from videoxl_stream.evidence import Evidence
from videoxl_stream.interfaces import Sink, Source
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.motion import MotionGate
from videoxl_stream.pipeline import Pipeline, Progress
from videoxl_stream.pipelines.embedded_rules import embedded_rules
from videoxl_stream.store import EventStore
from videoxl_stream.training.footage.clips import Truth, truth_path
from videoxl_stream.whole_file import write_text

MODEL, GATED, ZEROED = "model", "gated", "zeroed"
WATCHED = (MODEL, GATED, ZEROED)
BASELINES = (ZEROED, "always", "difference", "colour")
WAYS = (MODEL, GATED, *BASELINES)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a watch took.

    Args:
        read: frames sampled.
        ingested: of these, frames that the model took in.
        model_s: seconds of processor time in the model.
    """

    read: int = 0
    ingested: int = 0
    model_s: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.read + other.read, self.ingested + other.ingested, self.model_s + other.model_s)


@dataclass(frozen=True, slots=True)
class Findings:
    """What was true of one seed, and what was claimed.

    Args:
        truths: of each stream.
        claims: of each way of watching.
        costs: of those ways that take the model.
    """

    truths: Mapping[str, Truth]
    claims: Mapping[str, Sequence[Claim]]
    costs: Mapping[str, Cost] = field(default_factory=dict)

    def save(self, folder: Path, seed: int, stamp: str) -> None:
        """Write all of it as JSON.

        Args:
            folder: of any number of seeds.
            seed: names the files.
            stamp: names how it was found.
        """
        for name, truth in self.truths.items():
            truth.save(truth_path(folder / name))
        data = {
            "stamp": stamp,
            "claims": {way: [asdict(one) for one in claims] for way, claims in self.claims.items()},
            "costs": {way: asdict(cost) for way, cost in self.costs.items()},
        }
        write_text(folder / f"{seed}.json", json.dumps(data) + "\n")

    @classmethod
    def load(cls, folder: Path, pair: ClipPair, stamp: str) -> Findings | None:
        """Read what ``save`` wrote; None if there is nothing, or if it was found in another way."""
        path = folder / f"{pair.seed}.json"
        if not path.exists():
            return None
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if data["stamp"] != stamp:
            return None
        claims = {way: [Claim(**one) for one in claims] for way, claims in data["claims"].items()}
        return cls(pair.truths(folder), claims, {way: Cost(**cost) for way, cost in data["costs"].items()})


def watch(
    sources: Sequence[Source],
    model: VideoXL,
    store: EventStore,
    *,
    name: str = "footage",
    gate: MotionGate | None = None,
    evidence: Evidence | None = None,
    sinks: Sequence[Sink] = (),
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[list[Event], Cost]:
    """Watch video files with the embedded model's rules, all the way to SQL.

    Args:
        sources: the clips.
        model: has learnt what the rules ask.
        store: empty; the events are read back from it.
        name: of the pipeline.
        gate: leaves out windows in which nothing moves.
        evidence: how clips and pictures of events are kept; None keeps none.
        sinks: told of each event.
        on_progress: told of each step.

    Returns:
        the events as stored, and what it took.
    """
    timed = Stopwatch(model)
    pipeline = Pipeline(
        sources=sources,
        model=timed,
        rules=embedded_rules(),
        store=store,
        sinks=sinks,
        name=name,
        gate=gate,
        evidence=evidence,
    )
    pipeline.run(progress=on_progress)
    counts = pipeline.counts.values()
    cost = Cost(sum(each.read for each in counts), sum(each.ingested for each in counts), timed.seconds)
    return store.events(), cost


def gate_of(way: str) -> MotionGate | None:
    """The gate of a way of watching."""
    return MotionGate() if way == GATED else None


@lru_cache(maxsize=2)
def load(name: str, *, blinded: bool = False) -> VideoXL:
    """Load weights, once in each process.

    Args:
        name: "embedded" or a checkpoint folder.
        blinded: to be asked with its memory zeroed.
    """
    return (BlindedVideoXL if blinded else VideoXL).from_pretrained(name)


@dataclass(frozen=True, slots=True)
class Trial:
    """How seeds are tried; can be sent to another process.

    Args:
        model: "embedded" or a checkpoint folder.
        baselines: fitted on other seeds.
        ways: some of ``WATCHED``; the other baselines cost next to nothing.
    """

    model: str
    baselines: Baselines
    ways: Sequence[str] = WATCHED

    def run(self, pair: ClipPair, folder: Path) -> Findings:
        """Render, watch in every way, and collect what is claimed.

        Args:
            pair: the clips.
            folder: for clips, their truth and databases.
        """
        truths = pair.render(folder)
        claims: dict[str, list[Claim]] = {}
        costs: dict[str, Cost] = {}
        for way in self.ways:
            model = load(self.model, blinded=way == ZEROED)
            with EventStore(f"sqlite:///{folder / way}.db") as store:
                events, costs[way] = watch(pair.sources(folder), model, store, gate=gate_of(way))
            claims[way] = claims_of(events, model.window_frames / SAMPLE_FPS)
        return Findings(truths, claims | self.baselines.claims_on(pair.sources(folder)), costs)
