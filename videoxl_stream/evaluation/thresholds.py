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
from dataclasses import replace
from itertools import product
from statistics import fmean

from videoxl_stream.evaluation.matching import Counts, Happening, score
from videoxl_stream.evaluation.sightings import Watched, events_from
from videoxl_stream.queries import Span
from videoxl_stream.rules import Rule

GRID = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
HOLDS_S = (0.0, 2.0, 4.0)
DELAYS_S = (0.0, 2.0, 3.0)
_BETA = 0.5
STATE_GRID = tuple(round(1 / (1 + math.exp(-step / 3)), 3) for step in range(-12, 10))
"""Thresholds of a rule that is told about whole windows only, in even steps of log-odds."""
STATE_HOLDS_S, STATE_DELAYS_S = (0.0, 5.0), (0.0, 5.0, 10.0, 15.0)

Place = tuple[int, int, float, float]
"""Indices of ``threshold`` and ``clear_below`` in the rule's grid, ``delay_s`` and ``hold_s``."""


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
    beta = _BETA if rule.locates else 1.0
    scores = {place: total_counts(clips, _placed(rule, place)).f_beta(beta) for place in _places(rule)}
    last = len(_grid(rule)) - 1
    around = {place: (_around(scores, place, last), scores[place]) for place in scores}
    equal = [place for place in around if around[place] == max(around.values())]
    middle = [fmean(axis) for axis in zip(*equal, strict=True)]
    return _placed(rule, min(equal, key=lambda place: math.dist(place, middle)))


def _grid(rule: Rule) -> tuple[float, ...]:
    return GRID if rule.locates else STATE_GRID


def _places(rule: Rule) -> Iterator[Place]:
    times_s = product(DELAYS_S, HOLDS_S) if rule.locates else product(STATE_DELAYS_S, STATE_HOLDS_S)
    for (delay_s, hold_s), opens in product(list(times_s), range(len(_grid(rule)))):
        for clears in range(opens + 1):
            yield opens, clears, delay_s, hold_s


def _placed(rule: Rule, place: Place) -> Rule:
    opens, clears, delay_s, hold_s = place
    grid = _grid(rule)
    return replace(rule, threshold=grid[opens], clear_below=grid[clears], delay_s=delay_s, hold_s=hold_s)


def _around(scores: Mapping[Place, float], place: Place, last: int) -> float:
    """Mean score of a place and its neighbours; one beyond the edge scores like the place at the edge itself."""
    opens, clears, *times_s = place
    near = []
    for up, across in product((-1, 0, 1), repeat=2):
        other = min(max(opens + up, 0), last)
        near.append(scores[other, min(max(clears + across, 0), other), times_s[0], times_s[1]])
    return fmean(near)
