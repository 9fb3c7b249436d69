from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event, Severity, Status, event_id
from videoxl_stream.queries import Query, Span, Verdict
from videoxl_stream.rules import Rule, RuleState, Sighting, close, decide

START = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW_S = 10.0
FIRE = Rule(name="fire", question="Is there a fire?", threshold=0.7, clear_below=0.4, severity=Severity.CRITICAL)


def sighting(window: int, probability: float, rule: Rule = FIRE) -> Sighting:
    end_s = (window + 1) * WINDOW_S
    return Sighting(
        pipeline="site",
        stream_id="cam",
        window=window,
        span=Span(max(0.0, end_s - (rule.look_back_s or end_s)), end_s),
        end=START + timedelta(seconds=end_s),
        verdict=Verdict(Query(rule.question, rule.answers), (probability, 1 - probability)),
    )


def play(rule: Rule, probabilities: list[float], *, stored: bool = False) -> list[Event]:
    """Every event a rule emits over one window per probability, and at the end."""
    state, events = RuleState(), []
    for window, probability in enumerate(probabilities):
        state, event = decide(rule, state, sighting(window, probability, rule))
        state = RuleState.from_json(state.to_json()) if stored else state
        events += [event] if event else []
    _, last = close(rule, state)
    return [*events, last] if last else events


def test_an_event_opens_goes_on_and_closes() -> None:
    events = play(FIRE, [0.1, 0.8, 0.9, 0.5, 0.2, 0.1])
    assert [(event.status, event.revision) for event in events] == [
        (Status.OPENED, 0),
        (Status.UPDATED, 1),
        (Status.UPDATED, 2),
        (Status.CLOSED, 3),
    ]
    assert len({event.id for event in events}) == 1
    closed = events[-1]
    assert closed.id == event_id("site", "cam", "fire", 1)
    assert (closed.end_s, closed.probability, closed.severity) == (40, 0.9, "critical")


def test_the_event_begins_where_the_look_back_began() -> None:
    [opened, _] = play(replace(FIRE, look_back_s=15.0), [0.0, 0.0, 0.9])
    assert (opened.start_s, opened.end_s) == (15, 30)
    assert opened.start == START + timedelta(seconds=15)
    [opened, _] = play(FIRE, [0.0, 0.0, 0.9])
    assert opened.start_s == 0


def test_the_event_ends_with_the_last_positive_window() -> None:
    assert play(FIRE, [0.9, 0.9, 0.0, 0.0])[-1].end == START + timedelta(seconds=20)


def test_a_wavering_answer_rings_once() -> None:
    events = play(FIRE, [0.8, 0.5, 0.8, 0.41, 0.9])
    assert [event.status for event in events].count(Status.OPENED) == 1


def test_without_hysteresis_the_threshold_closes_too() -> None:
    events = play(replace(FIRE, clear_below=None), [0.8, 0.69, 0.8])
    assert [event.status for event in events] == [Status.OPENED, Status.CLOSED, Status.OPENED, Status.CLOSED]


def test_cooldown_keeps_the_rule_quiet_after_an_event() -> None:
    events = play(replace(FIRE, cooldown_s=25.0), [0.9, 0.0, 0.9, 0.0, 0.9])
    # The event ends at 10 s, so the rule rests until 35 s: the alarm at 30 s is held back, that at 50 s is not.
    assert [event.end_s for event in events if event.status == Status.OPENED] == [10, 50]


def test_an_alarm_held_back_does_not_prolong_the_cooldown() -> None:
    events = play(replace(FIRE, cooldown_s=25.0), [0.9, 0.0, 0.9, 0.9, 0.9])
    assert [event.end_s for event in events if event.status == Status.OPENED] == [10, 40]


def test_the_end_of_a_stream_closes_nothing_twice() -> None:
    state, event = close(FIRE, RuleState())
    assert (state, event) == (RuleState(), None)


def test_the_alarm_may_be_any_answer() -> None:
    rule = Rule(name="hat", question="Does he wear a hat?", answers=("yes", "no"), alarm="no", threshold=0.6)
    assert [event.answer for event in play(rule, [0.9, 0.1])] == ["no", "no"]


def test_a_look_back_ends_with_the_window_and_holds_it() -> None:
    rule, window = replace(FIRE, look_back_s=60.0), Span(90, 100)
    assert rule.look_back(Span(0, 100), window) == Span(40, 100)
    assert rule.look_back(Span(80, 100), window) == Span(80, 100)
    assert replace(rule, look_back_s=3.0).look_back(Span(0, 100), window) == window
    assert FIRE.look_back(Span(20, 100), window) == Span(20, 100)


def test_a_look_back_survives_a_clock_that_jumped_back() -> None:
    for rule in (FIRE, replace(FIRE, look_back_s=60.0), replace(FIRE, look_back_s=5.0)):
        assert rule.look_back(Span(500, 600), Span(90, 100)) == Span(90, 100)


def test_a_query_over_everything_names_no_span() -> None:
    assert FIRE.query(Span(0, 10)).span is None
    assert replace(FIRE, look_back_s=10.0).query(Span(0, 10)).span == Span(0, 10)


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(ConfigError, match="without resuming"):
        RuleState.from_json('{"open": 3}')


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": " "}, "no name"),
        ({"question": ""}, "question"),
        ({"answers": ("yes",)}, "two or more"),
        ({"alarm": "maybe"}, "none of its answers"),
        ({"threshold": 0.0}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"clear_below": 0.9}, "clear_below"),
        ({"look_back_s": 0.0}, "look_back_s"),
        ({"cooldown_s": -1.0}, "cooldown_s"),
        ({"schedule": timedelta(0)}, "schedule"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        replace(FIRE, **change)


probabilities = st.lists(st.floats(0, 1), max_size=40)
rules = st.builds(
    lambda threshold, share, cooldown_s, look_back_s: replace(
        FIRE, threshold=threshold, clear_below=threshold * share, cooldown_s=cooldown_s, look_back_s=look_back_s
    ),
    st.floats(0.05, 1),
    st.floats(0, 1),
    st.sampled_from([0.0, 5.0, 35.0, 200.0]),
    st.sampled_from([None, 10.0, 45.0]),
)


@given(rules, probabilities)
def test_every_event_lives_one_whole_life(rule: Rule, probabilities: list[float]) -> None:
    lives: dict[str, list[Event]] = {}
    for event in play(rule, probabilities):
        lives.setdefault(event.id, []).append(event)
    for life in lives.values():
        assert [event.revision for event in life] == list(range(len(life)))
        statuses = [event.status for event in life]
        assert statuses == [Status.OPENED, *[Status.UPDATED] * (len(life) - 2), Status.CLOSED]
        assert all(later.end_s >= earlier.end_s for earlier, later in pairwise(life))
        assert life[-1].probability >= rule.threshold


@given(rules, probabilities)
def test_events_never_open_within_the_cooldown(rule: Rule, probabilities: list[float]) -> None:
    events = play(rule, probabilities)
    ended = None
    for event in events:
        if event.status == Status.OPENED and ended is not None:
            assert event.end >= ended + timedelta(seconds=rule.cooldown_s)
        if event.status == Status.CLOSED:
            ended = event.end


@given(rules, probabilities)
def test_a_stored_state_decides_alike(rule: Rule, probabilities: list[float]) -> None:
    assert play(rule, probabilities, stored=True) == play(rule, probabilities)
