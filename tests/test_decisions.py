from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.decisions import Moment, RuleState, Sighting, close, decide, describe, stand
from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event, Severity, Status, event_id
from videoxl_stream.queries import Query, Span, Verdict
from videoxl_stream.rules import Rule

START = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW_S = 10.0
FIRE = Rule(name="fire", question="Is there a fire?", threshold=0.7, clear_below=0.4, severity=Severity.CRITICAL)
OPENED, UPDATED, CLOSED = Status.OPENED, Status.UPDATED, Status.CLOSED


def moment(window: int) -> Moment:
    end_s = (window + 1) * WINDOW_S
    return Moment(
        pipeline="site",
        stream_id="cam",
        window=window,
        span=Span(end_s - WINDOW_S, end_s),
        end=START + timedelta(seconds=end_s),
    )


def sightings(window: int, probabilities: Sequence[float]) -> list[Sighting]:
    """A window in equal pieces."""
    at, step_s = moment(window), WINDOW_S / len(probabilities)
    starts = [at.span.start_s + i * step_s for i in range(len(probabilities))]
    return [
        Sighting(moment=at, span=Span(start_s, start_s + step_s), probability=probability)
        for start_s, probability in zip(starts, probabilities, strict=True)
    ]


def play(
    rule: Rule, windows: Sequence[float | Sequence[float]], *, stored: bool = False, end: bool = True
) -> list[list[Event]]:
    """The events that a rule emits at each window, told as a whole or in pieces, and at the end."""
    state, told = RuleState(), []
    for window, given_ in enumerate(windows):
        pieces = [given_] if isinstance(given_, float) else given_
        state, events = decide(rule, state, sightings(window, pieces))
        state = RuleState.from_json(state.to_json()) if stored else state
        told.append(events)
    return [*told, close(rule, state)[1]] if end else told


def flat(told: list[list[Event]]) -> list[Event]:
    return [event for events in told for event in events]


def short(events: list[Event]) -> list[tuple[Status, float, float]]:
    return [(event.status, event.start_s, event.end_s) for event in events]


def test_an_event_opens_goes_on_and_closes() -> None:
    events = flat(play(FIRE, [0.1, 0.8, 0.9, 0.5, 0.2, 0.1]))
    assert [(event.status, event.revision) for event in events] == [
        (OPENED, 0),
        (UPDATED, 1),
        (UPDATED, 2),
        (CLOSED, 3),
    ]
    closed = events[-1]
    assert closed.id == event_id("site", "cam", "fire", 1)
    assert (closed.start_s, closed.end_s, closed.probability, closed.severity) == (10, 40, 0.9, "critical")
    assert (closed.start, closed.end) == (START + timedelta(seconds=10), START + timedelta(seconds=40))


def test_an_event_is_as_long_as_its_pieces() -> None:
    [first, second, _] = play(FIRE, [[0.1, 0.8, 0.5, 0.9, 0.8], [0.9, 0.1, 0.1, 0.1, 0.1]])
    assert short(first) == [(OPENED, 2, 10)]
    assert short(second) == [(CLOSED, 2, 12)]
    assert second[0].revision == 1


def test_an_event_may_open_and_close_within_a_window() -> None:
    [events, at_the_end] = play(FIRE, [[0.1, 0.8, 0.9, 0.1, 0.1]])
    assert [(event.status, event.revision, event.end_s) for event in events] == [(OPENED, 0, 6), (CLOSED, 1, 6)]
    assert at_the_end == []


def test_one_may_close_and_another_open_within_a_window() -> None:
    [_, events, _] = play(FIRE, [0.9, [0.9, 0.1, 0.9, 0.9, 0.9]])
    assert short(events) == [(CLOSED, 0, 12), (OPENED, 14, 20)]
    assert len({event.id for event in events}) == 2


def test_what_happens_twice_in_a_window_is_told_the_second_time_if_it_goes_on() -> None:
    told = play(FIRE, [[0.9, 0.1, 0.9, 0.1, 0.9], [0.9, 0.1, 0.1, 0.1, 0.1]])
    assert [short(events) for events in told] == [
        [(OPENED, 0, 2), (CLOSED, 0, 2)],
        [(OPENED, 10, 12), (CLOSED, 10, 12)],
        [],
    ]
    assert flat(play(FIRE, [[0.9, 0.1, 0.9, 0.1, 0.9], 0.1]))[-1].end_s == 2


def test_the_event_ends_with_the_last_piece_that_was_not_clear() -> None:
    assert flat(play(FIRE, [0.9, 0.9, 0.0, 0.0]))[-1].end == START + timedelta(seconds=20)


def test_a_wavering_answer_rings_once() -> None:
    assert [event.status for event in flat(play(FIRE, [0.8, 0.5, 0.8, 0.41, 0.9]))].count(OPENED) == 1


def test_without_hysteresis_the_threshold_closes_too() -> None:
    events = flat(play(replace(FIRE, clear_below=None), [0.8, 0.69, 0.8]))
    assert [event.status for event in events] == [OPENED, CLOSED, OPENED, CLOSED]


def test_an_event_outlives_what_is_shorter_than_its_hold() -> None:
    held = replace(FIRE, hold_s=4.0)
    [first, second, _] = play(held, [[0.1, 0.1, 0.9, 0.1, 0.1], [0.9, 0.1, 0.1, 0.1, 0.1]])
    assert short(first) == [(OPENED, 4, 6)]
    assert short(second) == [(CLOSED, 4, 12)]
    assert short(flat(play(held, [[0.9, 0.1], 0.9]))) == [
        (OPENED, 0, 5),
        (CLOSED, 0, 5),
        (OPENED, 10, 20),
        (CLOSED, 10, 20),
    ]


def test_cooldown_keeps_the_rule_quiet_after_an_event() -> None:
    events = flat(play(replace(FIRE, cooldown_s=25.0), [0.9, 0.0, 0.9, 0.0, 0.9]))
    # The event ends at 10 s, so the rule rests until 35 s: the alarm at 30 s is held back, that at 50 s is not.
    assert [event.end_s for event in events if event.status == OPENED] == [10, 50]


def test_an_alarm_held_back_does_not_prolong_the_cooldown() -> None:
    events = flat(play(replace(FIRE, cooldown_s=25.0), [0.9, 0.0, 0.9, 0.9, 0.9]))
    assert [event.end_s for event in events if event.status == OPENED] == [10, 40]


def test_nothing_opens_in_quiet_hours_but_what_is_going_on_goes_on() -> None:
    quiet = replace(FIRE, quiet=((time(0, 0, 15), time(0, 0, 35)),))
    assert flat(play(quiet, [0.1, 0.9, 0.9, 0.1])) == []
    assert short(flat(play(quiet, [0.1, 0.9, 0.9, 0.9]))) == [(OPENED, 30, 40), (CLOSED, 30, 40)]
    assert short(flat(play(quiet, [0.9, 0.9, 0.1, 0.9]))) == [
        (OPENED, 0, 10),
        (UPDATED, 0, 20),
        (CLOSED, 0, 20),
        (OPENED, 30, 40),
        (CLOSED, 30, 40),
    ]


def test_an_event_opens_once_it_has_lasted_and_begins_where_it_began() -> None:
    slow = replace(FIRE, delay_s=20.0)
    assert short(flat(play(slow, [0.9, 0.1, 0.9, 0.5, 0.9]))) == [
        (OPENED, 20, 40),
        (UPDATED, 20, 50),
        (CLOSED, 20, 50),
    ]
    assert flat(play(slow, [0.9, 0.1, 0.9], stored=True)) == []
    [[], [], [opened], *_] = play(replace(slow, hold_s=10.0), [0.9, 0.1, 0.9], stored=True)
    assert (opened.window, opened.revision, opened.start_s, opened.end_s) == (0, 0, 0, 30)


def test_what_has_begun_neither_opens_in_quiet_hours_nor_begins_in_them() -> None:
    state, _ = decide(replace(FIRE, delay_s=20.0), RuleState(), sightings(0, [0.9]))
    assert state.begun is not None
    hushed = replace(FIRE, delay_s=20.0, quiet=((time(0), time(0, 0, 25)),))
    assert flat(play(hushed, [0.9] * 3)) == []
    assert short(flat(play(hushed, [0.9] * 4)))[0] == (OPENED, 20, 40)
    assert state.forget(Span(5, 6)).begun is None
    assert state.forget(Span(11, 20)) == state


def test_a_clock_that_jumps_back_makes_no_event_run_backwards() -> None:
    state, _ = decide(FIRE, RuleState(), sightings(50, [0.9]))
    back = replace(moment(3), window=51)
    state, [event] = decide(FIRE, state, [Sighting(moment=back, span=back.span, probability=0.9)])
    assert (event.start_s, event.end_s) == (500, 510)
    clear = Sighting(moment=replace(back, window=52), span=back.span, probability=0.0)
    _, [closed] = decide(replace(FIRE, hold_s=60.0), state, [clear])
    assert closed.status == CLOSED


def test_what_a_window_has_decided_is_not_decided_again() -> None:
    pieces = sightings(0, [0.1, 0.9, 0.9, 0.1, 0.9])
    state, first = decide(FIRE, RuleState(), pieces[:3])  # asked amid the window
    again, second = decide(FIRE, state, pieces)
    assert short(first + second) == [(OPENED, 2, 6), (CLOSED, 2, 6)]
    assert (again.opened, again.until_s) == (0, 10)


def test_a_still_window_lets_things_be() -> None:
    state, _ = decide(FIRE, RuleState(), sightings(0, [0.9]))
    state, [event] = stand(FIRE, state, moment(1))
    assert (event.status, event.end_s, event.probability) == (UPDATED, 20, 0.9)
    # A verdict that is held back does not open because nothing moves.
    resting = RuleState(probability=0.9)
    assert stand(FIRE, resting, moment(1)) == (resting, [])
    seldom = replace(FIRE, schedule=timedelta(hours=1))
    assert stand(seldom, state, moment(2)) == (state, [])
    held, _ = decide(replace(FIRE, hold_s=15.0), state, sightings(2, [0.0]))
    _, [closed] = stand(replace(FIRE, hold_s=15.0), held, moment(3))
    assert (closed.status, closed.end_s) == (CLOSED, 20)


def test_the_end_of_a_stream_closes_nothing_twice() -> None:
    assert close(FIRE, RuleState()) == (RuleState(), [])


COUNT = Rule(name="people", question="How many?", answers=("0", "1", "2"), alarm=None, threshold=0.9)


def test_every_answer_of_a_rule_without_an_alarm_is_an_event() -> None:
    state = RuleState()
    for window, answer in enumerate(("2", "2", "0")):
        verdict = Verdict(Query(COUNT.question, COUNT.answers), tuple(0.2 + 0.4 * (answer == a) for a in COUNT.answers))
        seen = Sighting(moment=moment(window), span=moment(window).span, probability=0.6, verdict=verdict)
        state, [event] = decide(COUNT, state, [seen])
        assert (event.status, event.revision, event.answer, event.probability) == (CLOSED, 0, answer, 0.6)
        assert event.id == event_id("site", "cam", "people", window)
        assert state.open is None


AD = replace(FIRE, name="ad", content="What is the ad for?")


def test_content_is_asked_when_an_event_opens_and_about_all_of_it_when_it_closes() -> None:
    state, asked, told = RuleState(), list[tuple[str, Span]](), []
    answers = iter(["something", "an ad for tea"])

    def say(question: str, span: Span) -> str | None:
        asked.append((question, span))
        return next(answers)

    for window, probability in enumerate((0.9, 0.9, 0.0)):
        state, events = describe(AD, *decide(AD, state, sightings(window, [probability])), say)
        told += events
    assert asked == [(AD.content, Span(0, 10)), (AD.content, Span(0, 20))]
    assert [event.content for event in told] == ["something", "something", "an ad for tea"]


def test_content_that_left_the_memory_stays_as_it_was() -> None:
    state, events = describe(AD, *decide(AD, RuleState(), sightings(0, [0.9])), lambda *_: "an ad for tea")
    assert state.open == events[0]
    _, [closed] = describe(AD, *decide(AD, state, sightings(1, [0.0])), lambda *_: None)
    assert closed.content == "an ad for tea"
    _, [_, closed] = describe(AD, *decide(AD, RuleState(), sightings(0, [0.9, 0.0])), lambda *_: None)
    assert closed.content is None


def test_nothing_is_asked_that_nobody_wants_to_know() -> None:
    decided = decide(FIRE, RuleState(), sightings(0, [0.9]))

    def say(question: str, span: Span) -> str | None:
        raise AssertionError(question, span)

    assert describe(FIRE, *decided, say) == decided
    going_on = decide(AD, describe(AD, *decided, lambda *_: "tea")[0], sightings(1, [0.9]))
    assert describe(AD, *going_on, say)[1][0].content == "tea"


def test_a_summary_is_its_own_content() -> None:
    summary = Rule(name="day", question="What happened?", answers=(), alarm=None)
    decided = decide(summary, RuleState(), sightings(0, [1.0]))
    _, [event] = describe(summary, *decided, lambda question, span: f"{question} {span.duration_s:.0f}")
    assert (event.answer, event.content, event.probability) == ("", "What happened? 10", 1.0)


def test_a_span_that_is_forgotten_takes_what_is_going_on_with_it() -> None:
    state, _ = decide(FIRE, RuleState(), sightings(1, [0.9]))
    assert state.forget(Span(0, 10)) == state
    assert state.forget(Span(15, 16)).open is None
    assert state.forget(Span(20, 30)).open is None  # its end would tell that it was there
    assert RuleState().forget(Span(0, 10)) == RuleState()


@pytest.mark.parametrize("text", ['{"open": 3}', '{"quiet_until": null}', ""])
def test_a_state_of_another_version_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="without resuming"):
        RuleState.from_json(text)


pieces = st.one_of(st.floats(0, 1), st.lists(st.floats(0, 1), min_size=1, max_size=5))
windows = st.lists(pieces, max_size=30)
rules = st.builds(
    lambda threshold, share, cooldown_s, hold_s, delay_s: replace(
        FIRE,
        threshold=threshold,
        clear_below=threshold * share,
        cooldown_s=cooldown_s,
        hold_s=hold_s,
        delay_s=delay_s,
    ),
    st.floats(0.05, 1),
    st.floats(0, 1),
    st.sampled_from([0.0, 5.0, 35.0, 200.0]),
    st.sampled_from([0.0, 2.0, 15.0]),
    st.sampled_from([0.0, 4.0, 10.0, 25.0]),
)


@given(rules, windows)
def test_every_event_lives_one_whole_life(rule: Rule, windows: list[float | list[float]]) -> None:
    lives: dict[str, list[Event]] = {}
    for event in flat(play(rule, windows)):
        lives.setdefault(event.id, []).append(event)
    for life in lives.values():
        assert [event.revision for event in life] == list(range(len(life)))
        assert [event.status for event in life] == [OPENED, *[UPDATED] * (len(life) - 2), CLOSED]
        assert all(later.end_s >= earlier.end_s for earlier, later in pairwise(life))
        assert {event.start_s for event in life} == {life[0].start_s}
        assert life[0].probability >= rule.threshold
        assert life[0].id == event_id("site", "cam", "fire", life[0].window)


@given(rules, windows)
def test_events_come_one_after_another(rule: Rule, windows: list[float | list[float]]) -> None:
    """Never two at once, never two that begin in one window, and of each event at most two revisions at a time."""
    begun = [event.window for event in flat(play(rule, windows)) if event.status == OPENED]
    assert begun == sorted(set(begun))
    going_on = None
    for events in play(rule, windows):
        assert max((sum(event.id == other.id for other in events) for event in events), default=0) <= 2
        for event in events:
            assert going_on == (None if event.status == OPENED else event.id)
            going_on = None if event.status == CLOSED else event.id
    assert going_on is None


@given(rules, windows)
def test_events_never_open_within_the_cooldown(rule: Rule, windows: list[float | list[float]]) -> None:
    ended = None
    for event in flat(play(rule, windows)):
        if event.status == OPENED and ended is not None:
            assert event.end >= ended + timedelta(seconds=rule.cooldown_s)
            assert event.start >= ended
        if event.status == CLOSED:
            ended = event.end


@given(rules, windows)
def test_without_an_event_there_is_no_cooldown(rule: Rule, windows: list[float | list[float]]) -> None:
    """Until the first event is emitted, a rule with a cooldown decides as one without."""
    calm = replace(rule, cooldown_s=0.0)
    first = next((event for event in flat(play(rule, windows)) if event.status == CLOSED), None)
    assert first == next((event for event in flat(play(calm, windows)) if event.status == CLOSED), None)


@given(rules, windows)
def test_a_stored_state_decides_alike(rule: Rule, windows: list[float | list[float]]) -> None:
    assert play(rule, windows, stored=True) == play(rule, windows)


@given(rules, st.lists(st.floats(0, 1), min_size=1, max_size=24), st.integers(1, 5))
def test_where_the_windows_lie_changes_no_event_that_has_its_window_to_itself(
    rule: Rule, probabilities: list[float], per_window: int
) -> None:
    """Told piece by piece, or several at once: the same stretches of time, unless two begin in one window."""

    def stretches(size: int) -> list[tuple[float, float, int]]:
        state, closed = RuleState(), []
        for start in range(0, len(probabilities), size):
            stop = min(start + size, len(probabilities))
            span = Span(start, stop)
            at = replace(moment(0), window=start // size, span=span, end=START + timedelta(seconds=stop))
            seen = [Sighting(moment=at, span=Span(i, i + 1), probability=probabilities[i]) for i in range(start, stop)]
            state, events = decide(rule, state, seen)
            closed += events
        closed += close(rule, state)[1]
        return [
            (event.start_s, event.end_s, int(event.start_s) // per_window) for event in closed if event.status == CLOSED
        ]

    fine = stretches(1)
    if len({window for *_, window in fine}) == len(fine):
        assert stretches(per_window) == fine
