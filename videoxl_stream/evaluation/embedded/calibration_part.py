"""The part that says whether the rules' verdicts, calibrated as shipped, happen as often as they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from videoxl_stream.evaluation.bar import bar
from videoxl_stream.evaluation.calibration import calibrated, verdict_pairs
from videoxl_stream.evaluation.clip_pair import DURATION_S, ENCODING
from videoxl_stream.evaluation.embedded.part import Work
from videoxl_stream.evaluation.event_record import numbers_of_rules
from videoxl_stream.evaluation.finished import Finished
from videoxl_stream.evaluation.provenance import hardware, versions
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.reliability import NUM_BINS, Pairs
from videoxl_stream.evaluation.seeds import each_seed
from videoxl_stream.evaluation.sightings import watch_seed
from videoxl_stream.pipelines.embedded_rules import embedded_rules

ALL = "all kinds"
_DRAWS = 2000

Verdicts = dict[str, list[tuple[bool, float]]]
"""For each rule whether it was so, and the probability as the model gave it."""


@dataclass(frozen=True)
class CalibrationPart:
    """Verdicts about the finest pieces that rules ask about.

    Args:
        title: of the part.
        seeds: of pairs of clips.
        duration_s: of each clip.
    """

    title: str
    seeds: Sequence[int]
    duration_s: float = DURATION_S
    measure: str = "verdicts"

    @property
    def settings(self) -> Mapping[str, Any]:
        """Footage and calibration."""
        footage = {"seeds": self.seeds, "duration_s": self.duration_s, "encoding": asdict(ENCODING)}
        return {**footage, "rules": numbers_of_rules()}

    def run(self, work: Work) -> Record:
        """Watch pairs that are not done yet with every verdict kept."""
        begun = {"measure": self.measure, "model": work.revision, "duration_s": self.duration_s}
        finished = Finished(work.folder, begun)
        left = [seed for seed in self.seeds if finished.get(str(seed)) is None]
        watch = partial(_verdicts, model=work.model, duration_s=self.duration_s)
        with bar(self.title, len(self.seeds)) as tell:
            for number, (seed, verdicts) in enumerate(each_seed(watch, left, work.jobs), 1):
                finished.put(str(seed), verdicts)
                tell(len(self.seeds) - len(left) + number)
        made = Record(self.measure, work.named, self.settings, versions(), hardware())
        count(made, [finished.get(str(seed)) or {} for seed in self.seeds])
        return made


def _verdicts(seed: int, *, model: str, duration_s: float) -> Verdicts:
    clips = watch_seed(seed, model=model, duration_s=duration_s, encoding=ENCODING)
    return {rule.name: verdict_pairs(clips, rule) for rule in embedded_rules()}


def count(made: Record, found: Sequence[Mapping[str, Pairs]]) -> None:
    """Put the calibration errors into a record: of each kind and of all, as shipped and as the model gave them.

    Args:
        made: takes them.
        found: for each seed the verdicts of each rule.
    """
    pooled: dict[str, list[list[tuple[bool, float]]]] = {}
    for verdicts in found:
        whole: dict[str, list[tuple[bool, float]]] = {}
        for rule in embedded_rules():
            raw = verdicts[rule.name]
            for how, pairs in (("", calibrated(raw, rule)), (", uncalibrated", raw)):
                pooled.setdefault(f"{rule.name}{how}", []).append(list(pairs))
                whole.setdefault(f"{ALL}{how}", []).extend(pairs)
        for name, pairs in whole.items():
            pooled.setdefault(name, []).append(pairs)
    for name, clips in pooled.items():
        made.add_reliability(name, [pair for clip in clips for pair in clip])
        made.details.setdefault("intervals", {})[error_of(name)] = error_interval(clips)
    made.details["true"] = {name: sum(bool(h) for clip in clips for h, _ in clip) for name, clips in pooled.items()}


def error_of(name: str) -> str:
    """What a record calls the calibration error of some verdicts."""
    return f"{name}: calibration error"


def error_interval(clips: Sequence[Pairs], seed: int = 0) -> tuple[float, float]:
    """95 % interval of the expected calibration error, with whole clips drawn anew: their verdicts hang together."""
    sums = np.array([_sums(clip) for clip in clips])  # (clips, bins, 2): surplus of probability, verdicts
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(clips), np.full(len(clips), 1 / len(clips)), size=_DRAWS)
    surplus, verdicts = np.moveaxis(np.einsum("dc,cbp->dbp", counts, sums), -1, 0)
    errors = np.abs(surplus).sum(axis=1) / np.maximum(verdicts.sum(axis=1), 1)
    low, high = np.quantile(errors, (0.025, 0.975))
    return round(float(low), 6), round(float(high), 6)


def _sums(pairs: Pairs) -> np.ndarray:
    happened, probability = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    place = np.minimum((probability * NUM_BINS).astype(int), NUM_BINS - 1)
    surplus = np.bincount(place, weights=probability - happened, minlength=NUM_BINS)
    return np.stack((surplus, np.bincount(place, minlength=NUM_BINS)), axis=1)
