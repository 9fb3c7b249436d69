"""Reliability: whether what is given a probability of 0.8 happens in four cases of five."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

NUM_BINS = 10
_EDGE = 1e-7  # as far as a rule's calibration looks
_LEAST_SCALE = 0.001  # verdicts that tell nothing would get none

Pairs = Sequence[tuple[bool, float]]
"""Whether it happened, and the probability that was given."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Verdicts with a probability in [low, high), the last one with 1 too.

    Args:
        low: 0..1.
        high: 0..1.
        count: verdicts.
        probability: their mean.
        share: of them that were true.
    """

    low: float
    high: float
    count: int
    probability: float
    share: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """The diagram as numbers; empty bins are left out."""

    bins: tuple[Bin, ...]

    @classmethod
    def of(cls, pairs: Pairs, num_bins: int = NUM_BINS) -> Reliability:
        """Sort verdicts into equal bins."""
        happened, probability = _columns(pairs)
        place = np.minimum((probability * num_bins).astype(int), num_bins - 1)
        bins = []
        for number in np.unique(place).tolist():
            here = place == number
            means = float(probability[here].mean()), float(happened[here].mean())
            bins.append(Bin(number / num_bins, (number + 1) / num_bins, int(here.sum()), *means))
        return cls(tuple(bins))

    @property
    def ece(self) -> float:
        """Expected calibration error: mean distance of probability and share (Guo et al., 2017, equation 3)."""
        total = sum(each.count for each in self.bins)
        return sum(each.count * abs(each.probability - each.share) for each in self.bins) / total if total else 0.0

    def to_json(self) -> dict[str, object]:
        """The error and the bins as plain data."""
        return {"ece": round(self.ece, 5), "bins": [asdict(each) for each in self.bins]}


def auc(pairs: Pairs) -> float:
    """Chance that what happened got the higher probability; half for equal ones, nan where a class is missing."""
    happened, probability = _columns(pairs)
    yes, no = probability[happened > 0], probability[happened == 0]
    if not len(yes) or not len(no):
        return float("nan")
    higher, equal = yes[:, None] > no, yes[:, None] == no
    return float((higher + 0.5 * equal).mean())


def platt(pairs: Pairs) -> tuple[float, float]:
    """Fit scale and shift of the logit by maximum likelihood, with Platt's targets, that never ask for certainty.

    Returns:
        for ``Rule.calibration``, rounded; the identity where one of the classes is missing.
    """
    happened, probability = _columns(pairs)
    yes, no = float(happened.sum()), float((1 - happened).sum())
    if not yes or not no:
        return 1.0, 0.0
    sure = np.clip(probability, _EDGE, 1 - _EDGE)
    logits = torch.from_numpy(np.log(sure / (1 - sure)))
    targets = torch.from_numpy(np.where(happened > 0, (yes + 1) / (yes + 2), 1 / (no + 2)))
    fitted = torch.zeros(2, dtype=torch.float64, requires_grad=True)  # logarithm of the scale, shift
    optimiser = torch.optim.LBFGS([fitted], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        calibrated = fitted[0].exp() * logits + fitted[1]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(calibrated, targets)
        loss.backward()
        return loss

    optimiser.step(closure)
    scale, shift = fitted.detach().tolist()
    return max(round(float(np.exp(scale)), 3), _LEAST_SCALE), round(shift, 3)


def _columns(pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Happened, 0 or 1, and probability, (verdicts,) float64 both."""
    columns = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]
