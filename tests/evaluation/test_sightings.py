"""Kept verdicts decide as the pipeline did, and thresholds are chosen on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.decisions import Moment
from videoxl_stream.evaluation.matching import Counts
from videoxl_stream.evaluation.sightings import PIPELINE, Seen, Watched, events_from, watch_sightings
from videoxl_stream.evaluation.thresholds import GRID, HOLDS_S, best_rule, total_counts
from videoxl_stream.gaps import GAP
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.queries import Query, Span, Verdict
from videoxl_stream.rules import Rule
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ScriptedModel, ScriptedSource
from videoxl_stream.training.footage.clips import Truth
from videoxl_stream.training.footage.scenes import Occurrence

FIRE = Rule(name="fire", question="Is there a fire?", threshold=0.6, clear_below=0.3)
FALL = Rule(name="fall", question="Has a person fallen?", resolution_s=None, cooldown_s=5.0, hold_s=2.0)
LEFT = Rule(name="left", question="Was a bag left behind?", look_back_s=8.0, min_footage_s=8.0, locates=False)


def seen(window: int, probability: float) -> Seen:
    """What a rule was told about the seconds [5 window, 5 window + 5)."""
    span = Span(5.0 * window, 5.0 * window + 5)
    end = datetime.fromtimestamp(span.end_s, UTC)
    moment = Moment(pipeline=PIPELINE, stream_id="site", window=window, span=span, end=end)
    verdict = Verdict(Query(FIRE.question), (probability, 1 - probability))
    return Seen(moment, (span.start_s, span.end_s), {span: verdict})


def watched(probabilities: list[float], *fires: tuple[float, float]) -> Watched:
    occurrences = tuple(Occurrence("fire", start_s, end_s, {}) for start_s, end_s in fires)
    sightings = [seen(window, probability) for window, probability in enumerate(probabilities)]
    return Watched(Truth("site.mp4", 0, "site", 100.0, occurrences), {"fire": sightings})


@pytest.mark.parametrize("length_s", [3.0, 24.0, 61.5])
def test_the_events_are_those_of_the_pipeline(length_s: float) -> None:
    # A gap at 10 s and a short last window are part of it.
    times = [step / 2 + (20 if step > 20 else 0) for step in range(round(length_s * 2))]
    truth = {
        FIRE.question: [Span(3.0, 9.0), Span(33.0, 44.0)],
        FALL.question: [Span(5.0, 6.0), Span(48.0, 99.0)],
        LEFT.question: [Span(0.0, 2.0), Span(40.0, 50.0)],
    }
    rules, source = [FIRE, FALL, LEFT], ScriptedSource(times)
    with EventStore("sqlite:///:memory:") as store:
        Pipeline(sources=[source], model=ScriptedModel(truth), rules=rules, store=store, name=PIPELINE).run()
        stored = [event for event in store.events() if event.rule != GAP]
    sightings = watch_sightings(ScriptedModel(truth), source, rules)
    events = [event for rule in rules for event in events_from(rule, sightings[rule.name])]
    assert sorted(events, key=lambda event: event.id) == sorted(stored, key=lambda event: event.id)


def test_thresholds_are_chosen_where_their_neighbours_are_as_good() -> None:
    # The second fire starts low and flickers; a light at 0.45 is no fire.
    clip = watched([0.1, 0.9, 0.85, 0.1, 0.45, 0.1, 0.7, 0.35, 0.7, 0.1], (5.0, 15.0), (30.0, 45.0))
    best = best_rule([clip], FIRE)
    assert total_counts([clip], best) == Counts(2, 2, 2)
    assert 0.5 <= best.threshold <= 0.7
    assert 0.1 < best.clears_below <= 0.3
    near = replace(best, threshold=best.threshold + 0.05, clear_below=best.clears_below + 0.04)
    assert total_counts([clip], near).f1 == 1


def test_an_off_delay_is_chosen_where_one_helps() -> None:
    # 1 s of nothing in the middle of each fire, whatever the thresholds.
    second = [0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    fires = ((1.0, 7.0), (13.0, 19.0))
    sightings = [replace_span(seen(0, p), number) for number, p in enumerate(second * 2)]
    clip = Watched(
        Truth("a.mp4", 0, "site", 24.0, tuple(Occurrence("fire", *each, {}) for each in fires)), {"fire": sightings}
    )
    best = best_rule([clip], FIRE)
    assert best.hold_s in HOLDS_S
    assert best.hold_s > 0
    assert total_counts([clip], best) == Counts(2, 2, 2)


def test_a_false_alarm_weighs_more_than_a_miss_where_every_second_is_asked_about() -> None:
    # Below 0.4 all three fires are found, and two false ones; F1 alone would choose that.
    faint = [0.0, 0.4]
    clip = watched([0.0, 0.95, *faint * 4, 0.0], (5.0, 10.0), (15.0, 20.0), (25.0, 30.0))
    assert total_counts([clip], best_rule([clip], FIRE)) == Counts(3, 1, 1)
    assert Counts(3, 5, 3).f1 > Counts(3, 1, 1).f1
    state = replace(FIRE, locates=False)
    assert total_counts([clip], best_rule([clip], state)) == Counts(3, 5, 3)


def test_limits_of_faint_states_are_chosen_as_finely_and_as_late_as_they_need() -> None:
    # Something rare is never given more than 0.2; what is not it gets 0.06, or 0.2 for two windows.
    true, false = [0.2] * 5, [0.06, 0.2, 0.2, 0.06, 0.06]
    clip = watched([0.0, *true, 0.0, *false, 0.0, *true, 0.0], (5.0, 30.0), (65.0, 90.0))
    best = best_rule([clip], replace(FIRE, locates=False))
    assert total_counts([clip], best) == Counts(2, 2, 2)
    assert 0.07 < best.clears_below <= best.threshold < 0.2
    assert best.delay_s > 10


def replace_span(one: Seen, number: int) -> Seen:
    """The same, said about one second."""
    span = Span(float(number), number + 1.0)
    moment = replace(one.moment, window=number, span=span, end=datetime.fromtimestamp(span.end_s, UTC))
    return Seen(moment, (span.start_s, span.end_s), {span: one.verdict})


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=8))
def test_sure_verdicts_are_decided_alike_by_all_thresholds(probabilities: list[float]) -> None:
    clip = watched(probabilities, (5.0, 15.0), (25.0, 32.0))
    rules = [replace(FIRE, threshold=threshold, clear_below=threshold) for threshold in GRID]
    assert len({total_counts([clip], rule) for rule in rules}) == 1
