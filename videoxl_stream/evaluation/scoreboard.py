"""The scoreboard: what was claimed against what was true, over many seeds, for each kind and way of watching."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from videoxl_stream.evaluation.claims import Claim
from videoxl_stream.evaluation.matching import Counts, Happening, match
from videoxl_stream.evaluation.trial import BASELINES, MODEL, Cost, Findings
from videoxl_stream.queries import Span
from videoxl_stream.training.footage.clips import Truth
from videoxl_stream.training.footage.conditions import CONDITIONS
from videoxl_stream.training.footage.scenes import Occurrence
from videoxl_stream.training.footage.vocabulary import ANOMALIES, KINDS

GROUPS: Mapping[str, tuple[str, ...]] = {
    **{kind: (kind,) for kind in ANOMALIES},
    "anomalies": ANOMALIES,
    "ad": ("ad",),
    "abandoned": ("abandoned",),
    "all": KINDS,
}
"""Rows of the table; the pooled ones count every event alike."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over clips.

    Args:
        true: occurrences.
        found: claims.
        matched: pairs of both.
        footage_s: seconds looked at.
        quiet_alarms: claims in clips in which nothing happens, of no kind.
        quiet_s: seconds of these clips.
        iou: of all pairs together.
        delay_s: from the beginning of what is true to the alarm, of all pairs together.
        named: pairs whose brand was named right.
        brands: pairs that have one.
    """

    true: int = 0
    found: int = 0
    matched: int = 0
    footage_s: float = 0.0
    quiet_alarms: int = 0
    quiet_s: float = 0.0
    iou: float = 0.0
    delay_s: float = 0.0
    named: int = 0
    brands: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def counts(self) -> Counts:
        """For precision, recall and F1."""
        return Counts(self.true, self.found, self.matched)

    @property
    def alarms_per_hour(self) -> float:
        """False alarms in an hour of footage."""
        return _share(3600.0 * (self.found - self.matched), self.footage_s)

    def to_json(self) -> dict[str, float]:
        """Counts, shares and means as plain data; means of nothing are 0."""
        means = {
            "false_alarms_per_hour": self.alarms_per_hour,
            "false_alarms_in_quiet_clips": self.quiet_alarms,
            "false_alarms_per_quiet_hour": _share(3600.0 * self.quiet_alarms, self.quiet_s),
            "mean_iou": _share(self.iou, self.matched),
            "mean_delay_s": _share(self.delay_s, self.matched),
        }
        brands = {"brands_named": _share(self.named, self.brands)} if self.brands else {}
        return self.counts.to_json() | {name: round(value, 4) for name, value in (means | brands).items()}


def tally(findings: Findings, claims: Sequence[Claim], kinds: Sequence[str], condition: str | None = None) -> Tally:
    """Count one seed's claims of some kinds.

    Args:
        findings: what was true.
        claims: of one way of watching.
        kinds: which to count.
        condition: of the clips to count; None means all.
    """
    total = Tally()
    for name, truth in findings.truths.items():
        if condition is None or condition in truth.conditions:
            total += _of_clip(
                name, truth, [one for one in claims if one.stream_id == name and one.kind in kinds], kinds
            )
    return total


def _of_clip(name: str, truth: Truth, claims: Sequence[Claim], kinds: Sequence[str]) -> Tally:
    true = [one for one in truth.occurrences if one.kind in kinds]
    pairs = [(true[index], claims[claim]) for index, claim in match(_true(name, true), _found(claims))]
    branded = [(one, claim) for one, claim in pairs if "brand" in one.attributes]
    quiet = not truth.occurrences
    return Tally(
        true=len(true),
        found=len(claims),
        matched=len(pairs),
        footage_s=truth.duration_s,
        quiet_alarms=len(claims) if quiet else 0,
        quiet_s=truth.duration_s if quiet else 0.0,
        iou=sum(_span(one).iou(claim.span) for one, claim in pairs),
        delay_s=sum(claim.alarm_s - one.start_s for one, claim in pairs),
        named=sum(one.attributes["brand"] in (claim.content or "") for one, claim in branded),
        brands=len(branded),
    )


def _true(name: str, occurrences: Iterable[Occurrence]) -> list[Happening]:
    return [Happening(name, one.kind, _span(one)) for one in occurrences]


def _found(claims: Iterable[Claim]) -> list[Happening]:
    return [Happening(one.stream_id, one.kind, one.span) for one in claims]


def _span(one: Occurrence) -> Span:
    return Span(one.start_s, one.end_s)


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """Everything that was found on some seeds.

    Args:
        findings: of each seed.
    """

    findings: Sequence[Findings]

    @property
    def ways(self) -> list[str]:
        """The ways of watching that all seeds have."""
        return list(self.findings[0].claims) if self.findings else []

    def tally(self, way: str, group: str, condition: str | None = None) -> Tally:
        """Count one row of ``GROUPS`` for one way of watching, on all clips or on those of a condition."""
        kinds = GROUPS[group]
        return sum((tally(one, one.claims[way], kinds, condition) for one in self.findings), Tally())

    def cost(self, way: str) -> Cost:
        """What a way of watching took, all seeds together."""
        return sum((one.costs[way] for one in self.findings), Cost())

    def best_baseline(self, group: str) -> tuple[str, float]:
        """The baseline with the highest F1, and that."""
        scores = {way: self.tally(way, group).counts.f1 for way in BASELINES if way in self.ways}
        best = max(scores, key=lambda way: scores[way])
        return best, scores[best]

    def margin(self, group: str) -> float:
        """How far the model's F1 lies above the best baseline's."""
        return self.tally(MODEL, group).counts.f1 - self.best_baseline(group)[1]

    def to_json(self) -> dict[str, object]:
        """Every row of every way, and the margins."""
        return {
            "ways": {way: {group: self.tally(way, group).to_json() for group in GROUPS} for way in self.ways},
            "conditions": {
                condition: {group: self.tally(MODEL, group, condition).to_json() for group in GROUPS}
                for condition in CONDITIONS
            },
            "costs": {way: asdict(self.cost(way)) for way in self.findings[0].costs},
            "above_best_baseline": {
                group: {"baseline": self.best_baseline(group)[0], "margin": round(self.margin(group), 4)}
                for group in GROUPS
            },
        }


def _share(value: float, whole: float) -> float:
    return value / whole if whole else 0.0
