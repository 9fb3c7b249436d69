"""Probabilities that mean what they say, and the numbers that tell whether they do."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.decisions import Moment
from videoxl_stream.evaluation.calibration import calibrate, calibrated, verdict_pairs
from videoxl_stream.evaluation.reliability import Reliability, auc, platt
from videoxl_stream.evaluation.sightings import Seen, Watched
from videoxl_stream.pipelines.embedded_rules import embedded_rules
from videoxl_stream.queries import Query, Span, Verdict
from videoxl_stream.rules import Rule
from videoxl_stream.training.footage.clips import Truth
from videoxl_stream.training.footage.scenes import Occurrence

PAIRS = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=60)


def overconfident(count: int, seed: int) -> list[tuple[bool, float]]:
    """Verdicts whose logits are three times too large and lean to yes."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1.0, 1.5, count)
    happened = rng.random(count) < 1 / (1 + np.exp(-logits))
    return list(zip(happened.tolist(), (1 / (1 + np.exp(-(3 * logits + 1)))).tolist(), strict=True))


def test_platt_finds_what_was_done_to_the_logits() -> None:
    scale, shift = platt(overconfident(20_000, 1))
    assert scale == pytest.approx(1 / 3, abs=0.02)
    assert shift == pytest.approx(-1 / 3, abs=0.05)


def test_calibrated_verdicts_are_reliable_on_others() -> None:
    check, rule = overconfident(20_000, 2), Rule(name="fire", question="?", calibration=platt(overconfident(20_000, 1)))
    assert Reliability.of(check).ece > 0.1
    assert Reliability.of(calibrated(check, rule)).ece < 0.02


def test_auc_is_the_chance_of_the_right_order() -> None:
    assert auc([(True, 0.9), (True, 0.2), (False, 0.1), (False, 0.2)]) == (1 + 1 + 1 + 0.5) / 4
    assert auc([(True, 0.1), (False, 0.9)]) == 0
    assert math.isnan(auc([(True, 0.9)]))


def test_without_both_answers_nothing_is_fitted() -> None:
    assert platt([(False, 0.3), (False, 0.9)]) == platt([(True, 0.3)]) == platt([]) == (1.0, 0.0)


@given(PAIRS)
def test_order_is_kept_and_certainty_never_claimed(pairs: list[tuple[bool, float]]) -> None:
    rule = Rule(name="fire", question="?", calibration=platt(pairs))
    given_, told = zip(*((p, c) for (_, p), (_, c) in zip(pairs, calibrated(pairs, rule), strict=True)), strict=True)
    order = np.argsort(given_, kind="stable")
    assert (np.diff(np.array(told)[order]) >= -1e-12).all()


@given(PAIRS)
def test_bins_hold_every_verdict_once(pairs: list[tuple[bool, float]]) -> None:
    found = Reliability.of(pairs)
    assert sum(each.count for each in found.bins) == len(pairs)
    assert all(each.low - 1e-9 <= each.probability <= each.high + 1e-9 for each in found.bins)
    assert 0 <= found.ece <= 1


def test_the_error_is_the_mean_distance() -> None:
    # Four at 0.75 of which two are true, six at 0.05 of which none is.
    pairs = [(number < 2, 0.75) for number in range(4)] + [(False, 0.05)] * 6
    assert Reliability.of(pairs).ece == pytest.approx(0.4 * 0.25 + 0.6 * 0.05)
    assert Reliability.of([]).ece == 0


def watched(rule: Rule, *true: tuple[float, float]) -> Watched:
    """One window of 5 s asked about in seconds, as 0.1, 0.2 and so on; about all of it with 0.9."""
    window = Span(60.0, 65.0)
    moment = Moment(pipeline="p", stream_id="site", window=12, span=window, end=datetime.fromtimestamp(65, UTC))
    edges = (60.0, 61.0, 62.0, 63.0, 64.0, 65.0) if rule.locates else (5.0, 65.0)
    spans = [Span(edges[i], edges[i + 1]) for i in range(len(edges) - 1)]
    verdicts = {span: Verdict(Query("?"), (0.1 * n, 1 - 0.1 * n)) for n, span in enumerate(spans, 1)}
    if rule.locates:
        verdicts[window] = Verdict(Query("?"), (0.9, 0.1))
    occurrences = tuple(Occurrence(rule.name, start_s, end_s, {}) for start_s, end_s in true)
    return Watched(Truth("a.mp4", 0, "site", 100.0, occurrences), {rule.name: [Seen(moment, edges, verdicts)]})


def test_pairs_are_of_single_seconds_or_of_the_state_at_the_close() -> None:
    fire, abandoned = (rule for rule in embedded_rules(["fire", "abandoned"]))
    clip = watched(fire, (61.2, 62.4), (64.6, 70.0))
    assert [happened for happened, _ in verdict_pairs([clip], fire)] == [False, True, False, False, False]
    assert [p for _, p in verdict_pairs([clip], fire)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert [h for h, _ in verdict_pairs([watched(abandoned, (62.0, 90.0))], abandoned)] == [True]
    assert [h for h, _ in verdict_pairs([watched(abandoned, (30.0, 64.0))], abandoned)] == [False]


def test_each_rule_is_fitted_and_compared() -> None:
    rules = embedded_rules()
    clip = watched(rules[0], (61.0, 63.0))
    clip = Watched(
        clip.truth,
        {rule.name: clip.sightings["intrusion"] for rule in rules if rule.locates}
        | {"abandoned": watched(rules[-1]).sightings["abandoned"]},
    )
    report = calibrate([clip], [clip])
    assert list(report) == [rule.name for rule in rules]
    assert (report["intrusion"]["verdicts"], report["intrusion"]["true"]) == (5, 2)
    assert report["abandoned"]["calibration"] == (1.0, 0.0)
