from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videoxl_stream.buffer import BufferLimits
from videoxl_stream.errors import ConfigError, SourceOpenError, SourceReadError, StoreError
from videoxl_stream.events import Event, Status, event_id
from videoxl_stream.gaps import GAP
from videoxl_stream.pipeline import Pipeline, Progress
from videoxl_stream.queries import Span
from videoxl_stream.rules import Rule
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ListSink, ScriptedMemory, ScriptedModel, ScriptedSource

START = datetime(2026, 1, 1, tzinfo=UTC)
FIRE = Rule(name="fire", question="Is there a fire?")
FALL = Rule(name="fall", question="Has anyone fallen?")
TRUTH = {FIRE.question: [Span(9, 14), Span(30, 31)], FALL.question: [Span(20, 21)]}


def seconds(num: int) -> list[float | Exception | None]:
    return [float(second) for second in range(num)]


def watched(
    *sources: ScriptedSource,
    rules: Sequence[Rule] = (FIRE, FALL),
    model: ScriptedModel | None = None,
    store: EventStore | None = None,
    sink: ListSink | None = None,
    budget: int | None = None,
    limits: BufferLimits | None = None,
) -> Pipeline:
    return Pipeline(
        sources=sources or [ScriptedSource(seconds(42), stream_id="gate")],
        model=model or ScriptedModel(TRUTH),
        rules=rules,
        store=store or EventStore("sqlite://"),
        sinks=[sink] if sink else [],
        name="site",
        budget=budget,
        limits=limits,
    )


def spans(events: Sequence[Event]) -> set[tuple[str, str, float, float]]:
    return {(event.stream_id, event.rule, event.start_s, event.end_s) for event in events}


def scripted(pipeline: Pipeline, stream_id: str = "gate") -> ScriptedMemory:
    memory = pipeline.memory(stream_id)
    assert isinstance(memory, ScriptedMemory)
    return memory


def test_footage_becomes_events() -> None:
    sink = ListSink()
    pipeline = watched(sink=sink)
    found = pipeline.run()
    # Windows of four seconds, and frames a second apart, each of which can be asked about.
    assert spans(found) == {("gate", "fire", 9, 14), ("gate", "fall", 20, 21), ("gate", "fire", 30, 31)}
    assert {event.status for event in found} == {Status.CLOSED}
    assert pipeline.store.events() == sorted(found, key=lambda event: event.start)
    opened = [event for event in sink.events if event.status == Status.OPENED]
    assert [event.id for event in opened] == [
        event_id("site", "gate", rule, at) for rule, at in (("fire", 2), ("fall", 5), ("fire", 7))
    ]
    assert opened[0].start == START + timedelta(seconds=9)


def test_every_due_rule_is_asked_in_one_call() -> None:
    model = ScriptedModel(window_frames=4)
    watched(model=model, rules=[FIRE, replace(FALL, schedule=timedelta(seconds=12))]).run()
    both, one = (FIRE.question, FALL.question), (FIRE.question,)
    # The first window holds midnight, from which the stretches of twelve seconds are counted.
    assert model.calls == [both, one, both, one, one, both, one, one, both, one, one]


def test_windows_and_the_short_last_one_reach_memory() -> None:
    pipeline = watched(ScriptedSource([*seconds(6), 100.0, 101.0, 102.0], stream_id="gate"))
    pipeline.run()
    assert scripted(pipeline).windows == [[0, 1, 2, 3], [4, 5], [100, 101, 102]]
    assert scripted(pipeline).pending == []


def test_an_event_that_is_going_on_is_closed_at_the_end() -> None:
    [event] = watched(model=ScriptedModel({FIRE.question: [Span(36, 99)]}), rules=[FIRE]).run()
    assert (event.status, event.end_s) == (Status.CLOSED, 42)


def test_the_clock_may_jump_back() -> None:
    source = ScriptedSource([*(50 + second for second in range(8)), *range(8)], stream_id="gate")
    found = watched(source, rules=[FIRE], model=ScriptedModel({FIRE.question: [Span(4, 5)]}))
    fire, jump = sorted(found.run(), key=lambda event: event.rule)
    assert (fire.window, fire.start_s, fire.end_s) == (3, 4, 5)
    assert (jump.window, jump.rule, jump.answer) == (2, GAP, "clock jump")


def test_a_budget_is_passed_on() -> None:
    pipeline = watched(budget=8)
    pipeline.run()
    assert len(scripted(pipeline).times) <= 8


def test_streams_share_the_model_but_no_memory() -> None:
    yard = ScriptedSource([float(second) for second in range(100, 142)], stream_id="yard")
    pipeline = watched(ScriptedSource(seconds(42), stream_id="gate"), yard)
    found = pipeline.run()
    assert {event.stream_id for event in found} == {"gate"}
    assert scripted(pipeline, "yard").times == [float(second) for second in range(100, 142)]
    assert scripted(pipeline, "gate").times == seconds(42)
    assert pipeline.counts["yard"].events == 0


def test_a_replay_stores_and_tells_nothing_twice() -> None:
    sink = ListSink()
    pipeline = watched(sink=sink)
    first = pipeline.run()
    told = list(sink.events)
    assert pipeline.run() == first
    assert sink.events == told
    assert len(pipeline.store.events()) == len(first)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 60), max_size=4))
def test_stopping_anywhere_and_going_on_finds_the_same(stops: list[int]) -> None:
    rules = [FIRE, replace(FALL, schedule=timedelta(seconds=8), cooldown_s=9.0, clear_below=0.05)]
    undisturbed = watched(rules=rules)
    undisturbed.run()
    store = EventStore("sqlite://")
    for stop in stops:
        pipeline = watched(rules=rules, store=store)
        pipeline.open(resume=True)
        for _ in range(stop):
            if not pipeline.ended:
                pipeline.step()
        pipeline.close()
        if pipeline.ended:
            break
    else:
        watched(rules=rules, store=store).run(resume=True)
    assert store.events() == undisturbed.store.events()
    assert store.restore("site", "gate") == undisturbed.store.restore("site", "gate")


@given(st.lists(st.one_of(st.none(), st.floats(0, 100)), max_size=40), st.sampled_from(["wait", "drop_newest"]))
@settings(max_examples=40, deadline=None)
def test_every_frame_is_accounted_for(script: list[float | Exception | None], policy: str) -> None:
    pipeline = watched(ScriptedSource(script, stream_id="gate"), limits=BufferLimits(policy=policy, max_s=3))
    pipeline.open()
    while not pipeline.ended:
        pipeline.step()
        counts = pipeline.counts["gate"]
        assert counts.read == counts.ingested + counts.still + counts.dropped + counts.held
    assert counts.held == 0
    assert counts.read == sum(item is not None for item in script)


def test_progress_is_told_after_every_step() -> None:
    seen: list[Progress] = []
    found = watched().run(progress=seen.append)
    assert [report.counts.read for report in seen[:3]] == [1, 2, 3]
    assert {report.expected_frames for report in seen} == {42}
    assert {event.id for report in seen for event in report.events} == {event.id for event in found}
    last = seen[-1].counts
    assert (last.read, last.ingested, last.windows, last.events) == (42, 42, 11, 3)


def test_a_broken_stream_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    broken = ScriptedSource([*seconds(14), SourceReadError("cable cut"), 99.0], stream_id="gate")
    pipeline = watched(broken, ScriptedSource(seconds(42), stream_id="yard"))
    with caplog.at_level(logging.WARNING), pytest.raises(SourceReadError, match="cable cut"):
        pipeline.run()
    assert "gate" in caplog.text
    assert spans(pipeline.store.events(stream_id="gate")) == {("gate", "fire", 9, 14)}
    assert len(pipeline.store.events(stream_id="yard")) == 3
    assert list(pipeline.faults) == ["gate"]


def test_nothing_is_open_before_the_first_step(tmp_path: Path) -> None:
    pipeline = watched()
    assert not pipeline.ended
    with pytest.raises(ConfigError, match="not open"):
        pipeline.memory("gate")
    assert pipeline.step() == []
    assert pipeline.counts["gate"].read == 1


def test_an_ended_pipeline_steps_no_further() -> None:
    pipeline = watched()
    pipeline.run()
    assert pipeline.ended
    assert pipeline.step() == []


class _DeadSource(ScriptedSource):
    def open(self, resume: object = None, *, packets: bool = False) -> object:  # type: ignore[override]
        msg = "no such camera"
        raise SourceOpenError(msg)


def test_if_a_source_does_not_open_none_stays_open() -> None:
    pipeline = watched(ScriptedSource(seconds(5), stream_id="gate"), _DeadSource([], stream_id="yard"))
    with pytest.raises(SourceOpenError, match="no such camera"):
        pipeline.run()
    assert not pipeline.ended


class _DeadStore(EventStore):
    def commit(self, *names: Any, events: Sequence[Event] = (), **rest: Any) -> list[Event]:
        if events:
            msg = "disk full"
            raise StoreError(msg)
        return super().commit(*names, **rest)


def test_sinks_hear_of_nothing_that_is_not_stored() -> None:
    sink = ListSink()
    with pytest.raises(StoreError, match="disk full"):
        watched(store=_DeadStore("sqlite://"), sink=sink).run()
    assert sink.events == []


@pytest.mark.parametrize(
    ("sources", "rules", "complaint"),
    [
        (["a", "a"], [FIRE], "come twice.*'a'"),
        (["a"], [FIRE, FIRE], "come twice.*'fire'"),
        (["a"], [], "at least one of its rules"),
        (["a"], [replace(FIRE, schedule="sometimes")], "crontab"),
    ],
)
def test_a_pipeline_that_cannot_work_is_refused(sources: list[str], rules: list[Rule], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        watched(*(ScriptedSource([], stream_id=name) for name in sources), rules=rules)
