"""Limits of a rule: the thresholds and delays with which its verdicts make the best events.

Tries thresholds, on-delays and off-delays on the calibrated verdicts of clips that were watched, through the same
searches and decisions as the pipeline makes. Of each kind it takes what gives the best F of events together with its
neighbours on the grid, rather than the one best point, which is luck. Precision counts twice as much as recall where a
rule is asked about every second: there a limit that is a little too low costs many false alarms on other clips, and one
that is too high few events. A rule that is told about whole windows only, of a state that lasts, has a grid of its own:
rare states are given faint probabilities, which lie close together at the low end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import fmean

from videoxl_stream.evaluation.matching import Counts, Happening, score
from videoxl_stream.evaluation.sightings import Watched, events_from
from videoxl_stream.queries import Span
from videoxl_stream.rules import Rule

GRID = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
HOLDS_S = (0.0, 2.0, 4.0)
DELAYS_S = (0.0, 2.0, 3.0)


@dataclass(frozen=True, slots=True)
class _Tried:
    """What is tried of a rule.

    Args:
        grid: thresholds.
        delays_s: on-delays.
        holds_s: off-delays.
        beta: how many times as much recall counts as precision.
    """

    grid: tuple[float, ...]
    delays_s: tuple[float, ...]
    holds_s: tuple[float, ...]
    beta: float


_SECONDS = _Tried(GRID, DELAYS_S, HOLDS_S, beta=0.5)
_EVEN_LOG_ODDS = tuple(round(1 / (1 + math.exp(-step / 3)), 3) for step in range(-12, 10))
_STATES = _Tried(_EVEN_LOG_ODDS, (0.0, 5.0, 10.0, 15.0), (0.0, 5.0), beta=1.0)

Place = tuple[int, int, float, float]
"""Indices of ``threshold`` and ``clear_below`` in the grid, ``delay_s`` and ``hold_s``."""


def clip_counts(clip: Watched, rule: Rule) -> Counts:
    """True, found and matched events of a rule's kind in a clip."""
    found = [Happening("", rule.name, Span(e.start_s, e.end_s)) for e in events_from(rule, clip.sightings[rule.name])]
    occurrences = [one for one in clip.truth.occurrences if one.kind == rule.name]
    return score([Happening("", rule.name, Span(one.start_s, one.end_s)) for one in occurrences], found).total


def total_counts(clips: Sequence[Watched], rule: Rule) -> Counts:
    """Counts over all clips."""
    return sum((clip_counts(clip, rule) for clip in clips), Counts())


def best_rule(clips: Sequence[Watched], rule: Rule) -> Rule:
    """The rule with the limits that have the best neighbourhood; of equally good ones those in the middle."""
    tried = _SECONDS if rule.locates else _STATES
    scores = {place: total_counts(clips, _placed(rule, tried, place)).f_beta(tried.beta) for place in _places(tried)}
    around = {place: (_around(scores, tried, place), scores[place]) for place in scores}
    best = max(around.values())
    equal = [place for place in around if around[place] == best]
    middle = [fmean(axis) for axis in zip(*equal, strict=True)]
    return _placed(rule, tried, min(equal, key=lambda place: math.dist(place, middle)))


def _places(tried: _Tried) -> Iterator[Place]:
    for delay_s, hold_s, opens in product(tried.delays_s, tried.holds_s, range(len(tried.grid))):
        for clears in range(opens + 1):
            yield opens, clears, delay_s, hold_s


def _placed(rule: Rule, tried: _Tried, place: Place) -> Rule:
    opens, clears, delay_s, hold_s = place
    return replace(rule, threshold=tried.grid[opens], clear_below=tried.grid[clears], delay_s=delay_s, hold_s=hold_s)


def _around(scores: Mapping[Place, float], tried: _Tried, place: Place) -> float:
    """Mean score of a place and its neighbours; one beyond the edge scores like the place at the edge itself."""
    opens, clears, *times_s = place
    last = len(tried.grid) - 1
    near = []
    for up, across in product((-1, 0, 1), repeat=2):
        other = min(max(opens + up, 0), last)
        near.append(scores[other, min(max(clears + across, 0), other), times_s[0], times_s[1]])
    return fmean(near)
