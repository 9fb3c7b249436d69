"""How well a rule's probabilities tell windows in which its kind happens from windows in which it does not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from videoxl_stream.evaluation.sightings import Seen
from videoxl_stream.queries import Span
from videoxl_stream.training.footage.scenes import Occurrence

_CLEARLY_S = 1.0


def labelled(
    occurrences: Iterable[Occurrence], kind: str, seen: Sequence[Seen], alarm: str = "yes"
) -> list[tuple[bool, float]]:
    """Say of each window whether the kind happened in it, and what probability was given.

    It happened if it went on for a second or more; windows that only touch an occurrence are left out.
    """
    spans = [Span(one.start_s, one.end_s) for one in occurrences if one.kind == kind]
    pairs = []
    for one in seen:
        seen_s = sum(_shared_s(one.span, span) for span in spans)
        if seen_s == 0 or seen_s >= _CLEARLY_S:
            pairs.append((seen_s > 0, one.verdict.probability(alarm)))
    return pairs


def auc(pairs: Sequence[tuple[bool, float]]) -> float:
    """Chance that a window in which it happened got the higher probability; half for equal ones, nan for one class."""
    yes = np.array([probability for happened, probability in pairs if happened])
    no = np.array([probability for happened, probability in pairs if not happened])
    if not len(yes) or not len(no):
        return float("nan")
    higher, equal = yes[:, None] > no, yes[:, None] == no
    return float((higher + 0.5 * equal).mean())


def _shared_s(one: Span, other: Span) -> float:
    return max(0.0, min(one.end_s, other.end_s) - max(one.start_s, other.start_s))
