"""Rules asked by a pipeline, and questions of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videoxl_stream.asking import on_the_side, take_in
from videoxl_stream.buffer import Window
from videoxl_stream.decisions import Moment, RuleState, Sighting, close, decide
from videoxl_stream.errors import ConfigError, NotInMemoryError
from videoxl_stream.events import Event, Status, event_id
from videoxl_stream.frames import Frame
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.queries import Query, Span
from videoxl_stream.rules import Rule
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ListSink, ScriptedMemory, ScriptedModel, ScriptedSource

START = datetime(2026, 1, 1, tzinfo=UTC)
FIRE = Rule(name="fire", question="Is there a fire?")
FALL = Rule(name="fall", question="Has anyone fallen?")
LEFT = Rule(name="left", question="Was a bag left behind?", look_back_s=12.0, min_footage_s=12.0, locates=False)
COUNT = Rule(
    name="people", question="How many?", answers=("1", "0"), alarm=None, look_back_s=1.0, schedule=timedelta(seconds=8)
)
SUMMARY = Rule(name="day", question="Did it rain?", answers=(), alarm=None, schedule=timedelta(seconds=20))


def watched(
    model: ScriptedModel,
    *rules: Rule,
    num_frames: int = 40,
    store: EventStore | None = None,
    budget: int | None = None,
) -> Pipeline:
    """Frames a second apart, four to a window."""
    source = ScriptedSource([float(second) for second in range(num_frames)], stream_id="gate")
    store = store or EventStore("sqlite://")
    return Pipeline(
        sources=[source], model=model, rules=rules, store=store, sinks=[ListSink()], name="site", budget=budget
    )


def spans(events: list[Event]) -> list[tuple[str, float, float]]:
    return [(event.rule, event.start_s, event.end_s) for event in events]


def stepped(pipeline: Pipeline, num_frames: int) -> Pipeline:
    for _ in range(num_frames):
        pipeline.step()
    return pipeline


def scripted(pipeline: Pipeline) -> ScriptedMemory:
    memory = pipeline.memory("gate")
    assert isinstance(memory, ScriptedMemory)
    return memory


def test_all_rules_are_searched_in_the_same_few_calls() -> None:
    model = ScriptedModel({FIRE.question: [Span(5, 6)], FALL.question: [Span(6, 8)]})
    watched(model, FIRE, FALL, num_frames=12).run()
    both = (FIRE.question, FALL.question)
    each = (FIRE.question,) * 2 + (FALL.question,) * 2
    # Nothing in the first window; both in the second, halved twice; the fall may go on into the third.
    assert model.calls == [both, both, each, each, both, (FALL.question,) * 2]


def test_a_rule_that_is_asked_seldom_finds_all_that_was_in_between_and_finds_it_once() -> None:
    fires = [Span(3, 6), Span(13, 14), Span(17, 18), Span(18.5, 19.5), Span(20, 23), Span(30, 33)]
    model = ScriptedModel({FIRE.question: fires})
    seldom = replace(FIRE, schedule=timedelta(seconds=16), look_back_s=30.0)
    found = [event for event in watched(model, seldom).iterate() if event.status == Status.CLOSED]
    # Asked at 4, 16 and 32 s. Of the two that begin in [16, 20) only the first has the name of that window.
    assert spans(found) == [("fire", 3, 6), ("fire", 13, 14), ("fire", 17, 18), ("fire", 20, 23), ("fire", 30, 32)]
    assert [event.window for event in found] == [0, 3, 4, 5, 7]
    assert [event.id for event in found] == [event_id("site", "gate", "fire", event.window) for event in found]
    assert len(model.calls) == 1 + 2 + 1 + 4 + 1 + 4


@pytest.fixture(scope="module")
def store() -> Iterator[EventStore]:
    """One for all examples of a property: what a run finds does not depend on what others have stored."""
    with EventStore("sqlite://") as store:
        yield store


def latest(events: list[Event]) -> list[Event]:
    return list({event.id: event for event in events}.values())


spans_of_truth = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 9)).map(lambda pair: Span(pair[0], sum(pair))), max_size=5
)


@settings(max_examples=40)
@given(spans_of_truth, st.sampled_from([0.0, 1.0, 3.0]), st.sampled_from([0.0, 6.0]), st.integers(1, 10))
def test_the_events_are_those_of_asking_about_every_frame(
    store: EventStore, fires: list[Span], hold_s: float, cooldown_s: float, num_windows: int
) -> None:
    rule, model = replace(FIRE, hold_s=hold_s, cooldown_s=cooldown_s), ScriptedModel({FIRE.question: fires})
    num_frames = 4 * num_windows - 1  # the last window is short
    found = watched(model, rule, num_frames=num_frames, store=store).run()
    state, expected = RuleState(), dict[str, Event]()
    for number, start_s in enumerate(range(0, num_frames, 4)):
        window = Span(start_s, min(start_s + 4, num_frames))
        end = START + timedelta(seconds=window.end_s)
        at = Moment(pipeline="site", stream_id="gate", window=number, span=window, end=end)
        for second in range(start_s, int(window.end_s)):
            burns = any(fire.start_s <= second < fire.end_s for fire in fires)
            piece = Sighting(moment=at, span=Span(second, second + 1), probability=0.9 if burns else 0.1)
            state, events = decide(rule, state, [piece])
            expected |= {event.id: event for event in events}
    expected |= {event.id: event for event in close(rule, state)[1]}
    assert [(event.id, event.start, event.end) for event in found] == [
        (event.id, event.start, event.end) for event in expected.values()
    ]
    assert len(model.calls) <= num_windows * 3


def test_the_state_of_things_is_judged_by_the_past_but_is_now() -> None:
    model = ScriptedModel({LEFT.question: [Span(0, 2), Span(21, 22)]})
    # Not asked before twelve seconds are there; then [0, 12) holds the bag, and so do the look-backs up to [20, 32).
    assert spans(watched(model, LEFT).run()) == [("left", 8, 12), ("left", 20, 32)]
    impatient = replace(LEFT, min_footage_s=0.0)
    assert spans(watched(model, impatient).run()) == [("left", 0, 12), ("left", 20, 32)]


def test_events_carry_the_calibrated_probability() -> None:
    model = ScriptedModel({FIRE.question: [Span(5, 6)]}, sure=0.9)
    [event] = watched(model, replace(FIRE, calibration=(0.5, 0.0))).run()
    assert event.probability == pytest.approx(0.75)  # the logit of 0.9 is log 9; half of it is log 3
    assert watched(model, replace(FIRE, calibration=(0.5, 0.0), threshold=0.8)).run() == []


def test_counts_and_summaries_are_events_whenever_they_are_due() -> None:
    model = ScriptedModel({COUNT.question: [Span(8, 20)], SUMMARY.question: [Span(2, 3)]})
    found = watched(model, COUNT, SUMMARY, num_frames=24).run()
    counts = [
        (event.start_s, event.end_s, event.answer, event.probability) for event in found if event.rule == "people"
    ]
    assert counts == [(0, 4, "0", 0.9), (4, 8, "0", 0.9), (12, 16, "1", 0.9), (20, 24, "0", 0.9)]
    words = [(event.start_s, event.end_s, event.content) for event in found if event.rule == "day"]
    assert words == [(0, 4, "yes (90%)"), (0, 20, "yes (90%)")]
    assert {(event.status, event.revision) for event in found} == {(Status.CLOSED, 0)}
    assert all(len(call) == 1 for call in model.calls)


def test_what_an_event_is_about_is_asked_stored_and_told() -> None:
    model = ScriptedModel({FIRE.question: [Span(5, 13)], "Is it a large fire?": [Span(11, 13)]})
    pipeline = watched(model, replace(FIRE, content="Is it a large fire?"))
    told = list(pipeline.iterate())
    contents = [(event.status, event.content) for event in told]
    # At first the fire is small; while it goes on nobody asks; at the end all of it is looked at.
    assert contents == [(Status.OPENED, "no (10%)"), (Status.UPDATED, "no (10%)"), (Status.CLOSED, "yes (90%)")]
    assert pipeline.store.events() == [told[-1]]
    [sink] = pipeline.sinks
    assert isinstance(sink, ListSink)
    assert sink.events == told


def test_what_has_left_the_memory_when_an_event_closes_is_not_asked_again() -> None:
    model = ScriptedModel({FIRE.question: [Span(5, 8)]})
    pipeline = watched(model, replace(FIRE, content="Is it large?"), budget=4)
    told = [(event.status, event.content) for event in pipeline.iterate()]
    assert told == [(Status.OPENED, "no (10%)"), (Status.CLOSED, "no (10%)")]
    assert [call for call in model.calls if "Is it large?" in call] == [("Is it large?",)] * 2  # the second in vain


def test_questions_of_ones_own_may_look_at_what_still_waits() -> None:
    model = ScriptedModel({FIRE.question: [Span(5, 6)]})
    pipeline = stepped(watched(model, FALL), 6)
    query = Query(FIRE.question)
    assert [verdict.answer for verdict in pipeline.verdicts("gate", [query])] == ["no"]
    assert [verdict.answer for verdict in pipeline.verdicts("gate", [query], fresh=True)] == ["yes"]
    assert pipeline.answer("gate", FIRE.question) == "no (10%)"
    assert pipeline.answer("gate", FIRE.question, fresh=True) == "yes (90%)"
    assert pipeline.answer("gate", FIRE.question, span=Span(0, 5), fresh=True) == "no (10%)"
    assert scripted(pipeline).times == [0, 1, 2, 3]
    assert pipeline.counts["gate"].held == 2
    with pytest.raises(NotInMemoryError):
        pipeline.answer("gate", FIRE.question, span=Span(4, 6))
    with pytest.raises(ConfigError, match="not open"):
        pipeline.answer("yard", FIRE.question)


def test_a_rule_can_be_made_due_at_the_next_close() -> None:
    model = ScriptedModel({COUNT.question: [Span(8, 20)]})
    pipeline = stepped(watched(model, replace(COUNT, schedule=timedelta(days=1))), 6)
    assert pipeline.fire("people", "gate") == []
    stepped(pipeline, 6)
    assert [event.window for event in pipeline.store.events()] == [0, 1]
    with pytest.raises(ConfigError, match="'people'"):
        pipeline.fire("fires", "gate")
    with pytest.raises(ConfigError, match="'people'"):
        pipeline.fire("fires", "gate", fresh=True)


def test_a_rule_asked_at_once_decides_as_at_any_other_time() -> None:
    model = ScriptedModel({FIRE.question: [Span(5, 10)]})
    pipeline = watched(model, FIRE)
    with pytest.raises(ConfigError, match="not open"):
        pipeline.fire("fire", "gate", fresh=True)
    pipeline.open()
    with pytest.raises(NotInMemoryError, match="no footage yet"):
        pipeline.fire("fire", "gate", fresh=True)
    stepped(pipeline, 6)
    [opened] = pipeline.fire("fire", "gate", fresh=True)
    assert (opened.id, opened.status) == (event_id("site", "gate", "fire", 1), Status.OPENED)
    assert spans([opened]) == [("fire", 5, 6)]
    assert pipeline.fire("fire", "gate", fresh=True) == []  # nothing new has come
    later = [event for _ in range(20) for event in pipeline.step()]
    assert [(event.id, event.revision, event.end_s) for event in later] == [
        (opened.id, 1, 8),
        (opened.id, 2, 10),
        (opened.id, 3, 10),
    ][: len(later)]
    assert later[-1].status == Status.CLOSED


times = st.lists(st.integers(1, 40), max_size=6)


@settings(max_examples=30)
@given(times)
def test_asking_amid_windows_changes_nothing_that_comes_later(store: EventStore, asked: list[int]) -> None:
    truth = {FIRE.question: [Span(5, 10), Span(19, 22)], LEFT.question: [Span(3, 4)]}
    undisturbed, disturbed = (watched(ScriptedModel(truth), FIRE, LEFT, store=store) for _ in range(2))
    expected, found = undisturbed.run(), []
    for step in range(42):
        found += disturbed.step()
        for _ in range(asked.count(step)):
            disturbed.answer("gate", FIRE.question, fresh=True)
            disturbed.verdicts("gate", [Query(FALL.question)], fresh=True)
    assert scripted(disturbed) == scripted(undisturbed)
    assert latest(found) == expected


@settings(max_examples=30)
@given(times)
def test_rules_asked_at_once_change_no_event_but_may_tell_it_sooner(store: EventStore, asked: list[int]) -> None:
    model = ScriptedModel({FIRE.question: [Span(5, 10), Span(19, 22), Span(33, 37)]})
    undisturbed, disturbed = watched(model, FIRE, store=store), watched(model, FIRE, store=store)
    expected, found = undisturbed.run(), []
    for step in range(42):
        found += disturbed.step()
        for _ in range(asked.count(step)):
            found += disturbed.fire("fire", "gate", fresh=True)
    assert [(event.id, event.start_s, event.end_s, event.status) for event in latest(found)] == [
        (event.id, event.start_s, event.end_s, event.status) for event in expected
    ]


def test_the_real_memory_stays_as_it_is_too() -> None:
    from videoxl_stream.model.video_xl import VideoXL

    model, rng = VideoXL.from_pretrained(), np.random.default_rng(1)
    pictures = rng.integers(0, 256, (25, 48, 64, 3), dtype=np.uint8)
    frames = [Frame("gate", i, i / 2, START + timedelta(seconds=i / 2), picture) for i, picture in enumerate(pictures)]
    windows = [Window(tuple(frames[i : i + 10]), short=i == 20) for i in (0, 10, 20)]
    undisturbed, disturbed = model.open_memory(budget=60), model.open_memory(budget=60)
    query = Query(FIRE.question)
    for number, window in enumerate(windows):
        fork = on_the_side(model, disturbed, windows[number:])
        [last] = model.verdicts(fork, [query])
        for memory in (undisturbed, disturbed):
            take_in(model, memory, window)
    for one, other in zip(undisturbed.beacon_states(), disturbed.beacon_states(), strict=True):
        assert (one == other).all()
    [verdict] = model.verdicts(undisturbed, [query])
    assert last.probabilities == pytest.approx(verdict.probabilities, abs=1e-6)
    assert on_the_side(model, undisturbed, []) is undisturbed
    assert undisturbed.starts(Span(10.0, 12.0)) == [10.0, 10.5, 11.0, 11.5]
