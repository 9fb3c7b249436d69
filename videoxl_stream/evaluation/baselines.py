"""Baselines: what can be had without a memory, and without looking much.

    python -m videoxl_stream.evaluation.baselines --seeds 3000-3019

Fits them on seeds that serve for calibration only, and writes their numbers to ``baselines.json`` beside this file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from videoxl_stream.evaluation.claims import Claim
from videoxl_stream.evaluation.clip_pair import DURATION_S, ENCODING, SAMPLE_FPS, ClipPair
from videoxl_stream.evaluation.matching import Counts, Happening, score
from videoxl_stream.evaluation.seeds import all_seeds, seed_range
from videoxl_stream.evaluation.traces import Trace
from videoxl_stream.interfaces import Source
from videoxl_stream.queries import Span
from videoxl_stream.training.footage.clips import ClipFormat, Truth
from videoxl_stream.training.footage.vocabulary import KINDS

FITTED = Path(__file__).with_name("baselines.json")
_SHARES = (0.5, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998)
_HOLDS_S = (0.0, 2.0, 5.0, 15.0)
_RIDGE = 1e-4

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """When a number that changes with time is an event.

    Args:
        opens: from this value on.
        clears: below this one it is over.
        hold_s: seconds below that an event outlives.
    """

    opens: float
    clears: float
    hold_s: float

    def spans(self, times_s: Values, values: Values) -> list[Span]:
        """The events of a trace, (frames,) both."""
        found: list[Span] = []
        lasting = False
        for time_s, value in zip(times_s.tolist(), values.tolist(), strict=True):
            end_s = time_s + 1 / SAMPLE_FPS
            if lasting and value >= self.clears:
                found[-1] = Span(found[-1].start_s, end_s)
            elif value >= self.opens and not lasting:
                found.append(Span(time_s, end_s))
                lasting = True
            elif lasting and time_s - found[-1].end_s >= self.hold_s:
                lasting = False
        return found


@dataclass(frozen=True, slots=True)
class Baselines:
    """Fitted numbers, for each kind.

    Args:
        difference: of the mean difference of consecutive frames.
        weights: of a frame's mean red, green and blue, and 1; their sum is a logit.
        colour: of that logit.
    """

    difference: Mapping[str, Hysteresis]
    weights: Mapping[str, tuple[float, ...]]
    colour: Mapping[str, Hysteresis]

    @classmethod
    def load(cls, path: Path = FITTED) -> Baselines:
        """Read what ``save`` wrote."""
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        limits = {name: {kind: Hysteresis(**one) for kind, one in data[name].items()} for name in _LIMITED}
        return cls(weights={kind: tuple(row) for kind, row in data["weights"].items()}, **limits)

    def save(self, path: Path = FITTED) -> None:
        """Write them as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    def claims_on(self, sources: Sequence[Source]) -> dict[str, list[Claim]]:
        """What each baseline says of some clips."""
        found: dict[str, list[Claim]] = {}
        for source in sources:
            for way, claims in self.claims(Trace.of(source)).items():
                found.setdefault(way, []).extend(claims)
        return found

    def claims(self, trace: Trace) -> dict[str, list[Claim]]:
        """What each baseline says of a clip; ``always`` says that everything happens all the time."""
        whole = Span(float(trace.times_s[0]), float(trace.times_s[-1]) + 1 / SAMPLE_FPS)
        spans = {
            "always": {kind: [whole] for kind in KINDS},
            "difference": {
                kind: limits.spans(trace.times_s, trace.difference) for kind, limits in self.difference.items()
            },
            "colour": {
                kind: limits.spans(trace.times_s, logits(self.weights[kind], trace))
                for kind, limits in self.colour.items()
            },
        }
        return {
            name: [
                Claim(trace.stream_id, kind, one.start_s, one.end_s, one.start_s + 1 / SAMPLE_FPS)
                for kind, each in kinds.items()
                for one in each
            ]
            for name, kinds in spans.items()
        }


_LIMITED = ("difference", "colour")
Seen = tuple[Trace, Truth]


def fit(clips: Sequence[Seen]) -> Baselines:
    """Fit all baselines on clips with their truth; the same clips always give the same numbers."""
    kinds = [kind for kind in KINDS if any(one.kind == kind for _, truth in clips for one in truth.occurrences)]
    weights = {kind: logistic(clips, kind) for kind in kinds}
    return Baselines(
        difference={kind: _best(clips, kind, [trace.difference for trace, _ in clips]) for kind in kinds},
        weights=weights,
        colour={kind: _best(clips, kind, [logits(weights[kind], trace) for trace, _ in clips]) for kind in kinds},
    )


def logits(weights: Sequence[float], trace: Trace) -> Values:
    """The classifier's logit of each frame, (frames,)."""
    summed: Values = trace.colour @ np.array(weights[:3]) + weights[3]
    return summed


def logistic(clips: Sequence[Seen], kind: str) -> tuple[float, ...]:
    """Logistic regression of whether a kind can be seen on a frame's mean colour: three weights and a constant."""
    features = torch.from_numpy(np.concatenate([trace.colour for trace, _ in clips]))
    labels = torch.from_numpy(np.concatenate([_happening(trace, truth, kind) for trace, truth in clips]))
    features = torch.nn.functional.pad(features, (0, 1), value=1.0)
    weights = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=500, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(features @ weights, labels)
        loss = loss + _RIDGE * weights[:3].square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return tuple(weights.tolist())


def _happening(trace: Trace, truth: Truth, kind: str) -> Values:
    """1.0 for each frame on which it goes on, (frames,)."""
    happening = np.zeros(len(trace.times_s))
    for one in truth.occurrences:
        if one.kind == kind:
            happening[(one.start_s <= trace.times_s) & (trace.times_s < one.end_s)] = 1
    return happening


def _best(clips: Sequence[Seen], kind: str, values: Sequence[Values]) -> Hysteresis:
    """The limits that give the best F1 of events; of equally good ones those that claim least."""

    def counts(limits: Hysteresis) -> Counts:
        return sum(
            (_counts(trace, truth, kind, limits, each) for (trace, truth), each in zip(clips, values, strict=True)),
            Counts(),
        )

    return max(_variants(np.concatenate(values)), key=lambda limits: ((c := counts(limits)).f1, -c.found))


def _variants(values: Values) -> Iterator[Hysteresis]:
    levels = np.quantile(values, _SHARES).tolist()
    for opens, clears, hold_s in product(levels, levels, _HOLDS_S):
        if clears <= opens:
            yield Hysteresis(opens, clears, hold_s)


def _counts(trace: Trace, truth: Truth, kind: str, limits: Hysteresis, values: Values) -> Counts:
    true = [Happening(trace.stream_id, kind, Span(o.start_s, o.end_s)) for o in truth.occurrences if o.kind == kind]
    found = [Happening(trace.stream_id, kind, span) for span in limits.spans(trace.times_s, values)]
    return score(true, found).total


def _see(seed: int, *, duration_s: float, encoding: ClipFormat) -> list[Seen]:
    pair = ClipPair(seed, duration_s, encoding)
    with TemporaryDirectory() as folder:
        truths = pair.render(Path(folder))
        return [(Trace.of(source), truths[source.stream_id]) for source in pair.sources(Path(folder))]


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, look at the clips, fit and write."""
    parser = argparse.ArgumentParser(
        prog="python -m videoxl_stream.evaluation.baselines",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=seed_range, default=seed_range("3000-3019"), help="such as 3000-3019")
    parser.add_argument("--seconds", type=float, default=DURATION_S, help="length of each clip")
    parser.add_argument("--fps", type=int, default=ENCODING.fps, help="of the clips")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, default=FITTED, help="JSON file")
    given = parser.parse_args(arguments)
    see = partial(_see, duration_s=given.seconds, encoding=ClipFormat(fps=given.fps))
    clips = all_seeds(see, given.seeds, given.jobs)
    fit([clip for both in clips.values() for clip in both]).save(given.out)


if __name__ == "__main__":
    main()
