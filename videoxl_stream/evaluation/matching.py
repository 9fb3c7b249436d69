"""What was found against what was true: one-to-one matching of spans, precision, recall and F1."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from videoxl_stream.queries import Span

MIN_IOU = 0.3


@dataclass(frozen=True, slots=True)
class Happening:
    """Something of one kind on one stream, from when to when, true or claimed."""

    stream_id: str
    kind: str
    span: Span


@dataclass(frozen=True, slots=True)
class Counts:
    """How many were true, how many were found, and how many of both belong together.

    A share of nothing is 1 if nothing was true and nothing found, else 0.
    """

    true: int = 0
    found: int = 0
    matched: int = 0

    @property
    def precision(self) -> float:
        """Share of what was found that is true."""
        return self.matched / self.found if self.found else float(not self.true)

    @property
    def recall(self) -> float:
        """Share of what is true that was found."""
        return self.matched / self.true if self.true else float(not self.found)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return self.f_beta(1.0)

    def f_beta(self, beta: float) -> float:
        """The same with recall ``beta`` times as important as precision (van Rijsbergen 1979, chapter 7)."""
        both = beta**2 * self.true + self.found
        return (1 + beta**2) * self.matched / both if both else 1.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.true + other.true, self.found + other.found, self.matched + other.matched)

    def to_json(self) -> dict[str, float]:
        """Counts and shares as plain data."""
        shares = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        counts = {"true": self.true, "found": self.found, "matched": self.matched}
        return counts | {name: round(share, 4) for name, share in shares.items()}


@dataclass(frozen=True, slots=True)
class Score:
    """The counts of each kind."""

    kinds: Mapping[str, Counts] = field(default_factory=dict)

    @property
    def total(self) -> Counts:
        """All kinds together."""
        return sum(self.kinds.values(), Counts())

    def __add__(self, other: Score) -> Score:
        names = dict.fromkeys((*self.kinds, *other.kinds))
        return Score({name: self.kinds.get(name, Counts()) + other.kinds.get(name, Counts()) for name in names})


def match(true: Sequence[Happening], found: Sequence[Happening], min_iou: float = MIN_IOU) -> list[tuple[int, int]]:
    """Pair what was found with what was true, each at most once and as many as can be paired.

    Two belong together if stream and kind are the same and the intersection of their spans is at least ``min_iou``
    of the union. At this low a bound one span may fit two others, so that taking the best pair first can leave a
    later one without its only partner; augmenting paths (Kuhn's algorithm) give a maximum matching.

    Returns:
        pairs of indices into ``true`` and ``found``, in order of ``true``.
    """
    fitting = [_fitting(one, found, min_iou) for one in true]
    owner: dict[int, int] = {}  # found -> true
    for index in range(len(true)):
        _augment(index, fitting, owner)
    return sorted((index, claim) for claim, index in owner.items())


def score(true: Sequence[Happening], found: Sequence[Happening], min_iou: float = MIN_IOU) -> Score:
    """Count, for each kind that was true or found, what belongs together; see ``match``."""
    pairs = match(true, found, min_iou)
    kinds = sorted({one.kind for one in (*true, *found)})
    return Score(
        {
            kind: Counts(
                true=sum(one.kind == kind for one in true),
                found=sum(one.kind == kind for one in found),
                matched=sum(true[index].kind == kind for index, _ in pairs),
            )
            for kind in kinds
        }
    )


def _fitting(one: Happening, found: Sequence[Happening], min_iou: float) -> list[int]:
    """What could be paired with one that is true, the best first."""
    ious = {
        claim: one.span.iou(other.span)
        for claim, other in enumerate(found)
        if (other.stream_id, other.kind) == (one.stream_id, one.kind)
    }
    return sorted((claim for claim, iou in ious.items() if iou >= min_iou), key=lambda claim: -ious[claim])


def _augment(start: int, fitting: Sequence[Sequence[int]], owner: dict[int, int]) -> None:
    """Find a partner for ``start``, breadth first; others may have to change theirs for it, none loses it."""
    reached: dict[int, int] = {}  # found -> the true one from which it was reached
    waiting = deque([start])
    while waiting:
        index = waiting.popleft()
        for claim in fitting[index]:
            if claim in reached:
                continue
            reached[claim] = index
            if claim not in owner:
                _exchange(claim, start, reached, owner)
                return
            waiting.append(owner[claim])


def _exchange(claim: int, start: int, reached: Mapping[int, int], owner: dict[int, int]) -> None:
    """Walk back from a free claim to ``start``; everybody on the way takes the claim it was reached through."""
    held = {index: other for other, index in owner.items()}
    while True:
        index = reached[claim]
        owner[claim] = index
        if index == start:
            return
        claim = held[index]
