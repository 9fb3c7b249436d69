"""Calibration of the embedded rules' verdicts: a scale and a shift of each rule's logit (Platt scaling).

Fitted to the finest pieces that a rule is asked about: single seconds where it locates, the whole look-back where it
does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from videoxl_stream.evaluation.clip_pair import SAMPLE_FPS
from videoxl_stream.evaluation.reliability import Pairs, Reliability, auc, platt
from videoxl_stream.evaluation.sightings import Seen, Watched
from videoxl_stream.pipelines.embedded_rules import QUESTIONS, embedded_rules
from videoxl_stream.queries import Span
from videoxl_stream.rules import Rule
from videoxl_stream.training.footage.scenes import Occurrence

_FRAME_S = 1 / SAMPLE_FPS


def verdict_pairs(clips: Sequence[Watched], rule: Rule) -> list[tuple[bool, float]]:
    """What a rule was told about each finest piece, uncalibrated, and whether it was so.

    A piece holds an event if one of its frames does. The state of things at a close holds if its last frame does.
    """
    pairs = []
    for clip in clips:
        true = [one for one in clip.truth.occurrences if one.kind == rule.name]
        for seen in clip.sightings[rule.name]:
            for span in _pieces(seen):
                asked = span if rule.locates else Span(span.end_s - _FRAME_S, span.end_s)
                pairs.append((_happens(true, asked), seen.verdicts[span].probability(rule.alarm or "")))
    return pairs


def _pieces(seen: Seen) -> Iterator[Span]:
    return (Span(start_s, end_s) for start_s, end_s in pairwise(seen.edges))


def _happens(true: Sequence[Occurrence], span: Span) -> bool:
    return any(min(one.end_s, span.end_s) - max(one.start_s, span.start_s) >= _FRAME_S for one in true)


def calibrated(pairs: Pairs, rule: Rule) -> Pairs:
    """The same with the rule's calibration."""
    return [(happened, rule.calibrated(probability)) for happened, probability in pairs]


def calibrate(
    clips: Sequence[Watched], check: Sequence[Watched], kinds: Iterable[str] = QUESTIONS
) -> dict[str, dict[str, Any]]:
    """Fit each of the embedded rules, and compare on other clips.

    Args:
        clips: fitted on these.
        check: errors are of these.
        kinds: of the rules.

    Returns:
        for each rule its ``calibration``, and reliability ``before`` and ``after``.
    """
    report: dict[str, dict[str, Any]] = {}
    for rule in embedded_rules(kinds):
        fitted = replace(rule, calibration=platt(verdict_pairs(clips, rule)))
        pairs = verdict_pairs(check, rule)
        report[rule.name] = {
            "calibration": fitted.calibration,
            "verdicts": len(pairs),
            "true": sum(happened for happened, _ in pairs),
            "auc": auc(pairs),
            "before": Reliability.of(pairs).to_json(),
            "after": Reliability.of(calibrated(pairs, fitted)).to_json(),
        }
    return report
