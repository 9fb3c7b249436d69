"""What a stream does with footage besides asking about it: gaps, stillness, regions, evidence, forgetting."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videoxl_stream.buffer import BufferLimits
from videoxl_stream.errors import ConfigError, NotInMemoryError
from videoxl_stream.events import Event, ExhibitKind, Status, event_id
from videoxl_stream.evidence import Evidence
from videoxl_stream.frames import Image
from videoxl_stream.gaps import GAP
from videoxl_stream.motion import MotionGate
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.queries import Span
from videoxl_stream.regions import Regions, Zone
from videoxl_stream.rules import Rule
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ListSink, ScriptedMemory, ScriptedModel, ScriptedSource

FIRE = Rule(name="fire", question="Is there a fire?")
CORNER = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5))


def seconds(*stretches: tuple[float, float]) -> list[float | Exception | None]:
    return [float(second) for start, stop in stretches for second in np.arange(start, stop)]


def watched(
    script: list[float | Exception | None], *fires: Span, rules: tuple[Rule, ...] = (FIRE,), **how: Any
) -> Pipeline:
    """Four frames to a window."""
    source = ScriptedSource(script, stream_id="gate", picture=how.pop("picture", None))
    model = how.pop("model", None) or ScriptedModel({FIRE.question: fires})
    store = how.pop("store", None) or EventStore("sqlite://")
    return Pipeline(sources=[source], model=model, rules=rules, store=store, sinks=[ListSink()], name="site", **how)


def told(pipeline: Pipeline) -> list[Event]:
    [sink] = pipeline.sinks
    assert isinstance(sink, ListSink)
    return sink.events


def times(pipeline: Pipeline) -> list[float]:
    memory = pipeline.memory("gate")
    assert isinstance(memory, ScriptedMemory)
    return memory.times


def picture(time_s: float) -> Image:
    """Something moves from 8 s to 16 s and at 32 s; before and after nothing does."""
    place = int(time_s if 8 <= time_s < 16 else 24 * (time_s >= 32))
    image = np.zeros((32, 32, 3), np.uint8)
    image[place : place + 4, place : place + 4] = 200
    return image


# ---- gaps


def test_missing_footage_is_an_event_that_is_stored_and_told() -> None:
    pipeline = watched(seconds((0, 6), (60, 64), (20, 24)))
    found = pipeline.run()
    assert [(event.rule, event.answer, event.start_s, event.end_s, event.window) for event in found] == [
        (GAP, "gap", 5, 60, 2),
        (GAP, "clock jump", 20, 20, 3),
    ]
    assert told(pipeline) == found
    assert pipeline.counts["gate"].events == 2


def test_a_gap_over_a_restart_is_seen() -> None:
    store = EventStore("sqlite://")
    script = seconds((0, 8), (100, 108))
    for steps in (8, 9):
        pipeline = watched(script, store=store)
        pipeline.open(resume=True)
        for _ in range(steps):
            pipeline.step()
        pipeline.close()
    assert [(event.start_s, event.end_s) for event in store.events(rule=GAP)] == [(7, 100)]


# ---- the motion gate


def test_still_windows_cost_nothing_and_the_last_verdict_stands() -> None:
    pipeline = watched(seconds((0, 40)), Span(13, 18), Span(33, 34), gate=MotionGate(), picture=picture)
    found = pipeline.run()
    # The first window is always seen, then what moves, and the first that has come to rest: the model knows no more.
    assert times(pipeline) == [*range(4), *range(8, 20), *range(32, 36)]
    assert [(event.start_s, event.end_s) for event in found] == [(13, 18), (33, 34)]
    counts = pipeline.counts["gate"]
    assert (counts.read, counts.ingested, counts.still, counts.windows) == (40, 20, 20, 10)


def test_what_goes_on_when_all_is_still_goes_on() -> None:
    pipeline = watched(seconds((0, 40)), Span(13, 20), gate=MotionGate(), picture=picture)
    [event] = pipeline.run()
    # Seen until 20 s; then nothing moves until 32 s, where it is seen that the fire is out.
    assert (event.start_s, event.end_s, event.status) == (13, 32, Status.CLOSED)
    statuses = [one.status for one in told(pipeline)]
    assert statuses == [Status.OPENED, *[Status.UPDATED] * 4, Status.CLOSED]


def test_what_was_due_in_a_still_window_is_asked_later() -> None:
    counted = Rule(
        name="n", question="How many?", answers=("0", "1"), alarm=None, schedule="* * * * *", look_back_s=1.0
    )
    pipeline = watched(seconds((0, 120)), rules=(counted,), gate=MotionGate(), picture=lambda at: picture(at - 60))
    assert [(event.start_s, event.end_s) for event in pipeline.run()] == [(0, 4), (68, 72)]


# ---- regions


class _SeeingModel(ScriptedModel):
    """Keeps the pictures that it is shown."""

    def append(self, memory: ScriptedMemory, frames: Any, timestamps: Any) -> None:
        self.seen = [*getattr(self, "seen", []), *frames]
        super().append(memory, frames, timestamps)


def test_regions_are_drawn_before_the_model_sees_anything() -> None:
    model = _SeeingModel()
    regions = {"gate": Regions(zones=[Zone("yard", CORNER)], masks=[((0.5, 0.5), (1, 0.5), (1, 1), (0.5, 1))])}
    watched(seconds((0, 4)), model=model, regions=regions, picture=lambda _: np.zeros((32, 32, 3), np.uint8)).run()
    [first, *_] = model.seen
    assert first[:16, :16].any()  # the zone
    assert (first[16:, 16:] == 128).all()  # the mask
    assert not first[:15, 17:].any()


def test_regions_of_an_unknown_stream_are_refused() -> None:
    with pytest.raises(ConfigError, match="'yard'"):
        watched([], regions={"yard": Regions()})


# ---- evidence


def exhibits(pipeline: Pipeline, event: Event | None) -> dict[ExhibitKind, int]:
    found = pipeline.store.exhibits(event_id=event.id) if event is not None else pipeline.store.exhibits()
    kinds = [exhibit.kind for exhibit in found if event is not None or exhibit.event_id is None]
    return {kind: kinds.count(kind) for kind in kinds}


def test_every_event_has_a_clip_and_a_picture_and_every_window_a_thumbnail(tmp_path: Path) -> None:
    day = Rule(name="day", question="What happened?", answers=(), alarm=None, schedule="* * * * *")
    script = seconds((0, 70), (100, 120))
    pipeline = watched(script, Span(5, 9), Span(110, 130), rules=(FIRE, day), evidence=Evidence(tmp_path, reach_s=30.0))
    found = pipeline.run()
    fires = [event for event in found if event.rule == "fire"]
    assert len(fires) == 2
    assert [exhibits(pipeline, event) for event in fires] == [{ExhibitKind.CLIP: 1, ExhibitKind.PICTURE: 1}] * 2
    assert exhibits(pipeline, None) == {ExhibitKind.THUMBNAIL: 18 + 5}
    # A gap has nothing to show, and a minute is more than evidence is kept of.
    assert [exhibits(pipeline, event) for event in found if event.rule == GAP] == [{}]
    assert [event.end_s - event.start_s for event in found if event.rule == "day" and exhibits(pipeline, event)] == [4]
    for exhibit in pipeline.store.exhibits():
        assert (tmp_path / exhibit.path).stat().st_size == exhibit.num_bytes


def test_an_event_that_was_asked_for_at_once_is_shown_when_its_window_has_been_seen(tmp_path: Path) -> None:
    pipeline = watched(seconds((0, 12)), Span(5, 6), evidence=Evidence(tmp_path))
    pipeline.open()
    for _ in range(7):
        pipeline.step()
    [opened, closed] = pipeline.fire("fire", "gate", fresh=True)
    assert exhibits(pipeline, opened) == {}
    while not pipeline.ended:
        pipeline.step()
    assert exhibits(pipeline, closed) == {ExhibitKind.CLIP: 1, ExhibitKind.PICTURE: 1}


def test_a_run_that_is_stopped_leaves_its_evidence_behind(tmp_path: Path) -> None:
    pipeline = watched(seconds((0, 40)), Span(5, 6), evidence=Evidence(tmp_path))
    pipeline.open()
    for _ in range(8):
        pipeline.step()
    [event] = pipeline.store.events()
    assert exhibits(pipeline, event) == {ExhibitKind.PICTURE: 1}
    pipeline.close()
    assert exhibits(pipeline, event) == {ExhibitKind.CLIP: 1, ExhibitKind.PICTURE: 1}


# ---- forgetting


def test_a_span_is_forgotten_everywhere(tmp_path: Path) -> None:
    fires = (Span(1, 2), Span(9, 11), Span(17, 30))
    pipeline = watched(seconds((0, 40)), *fires, evidence=Evidence(tmp_path, post_roll_s=0.0, pre_roll_s=0.0))
    pipeline.open()
    with pytest.raises(NotInMemoryError, match="no footage yet"):
        pipeline.forget("gate", Span(9, 19))
    for _ in range(22):
        pipeline.step()
    removal = pipeline.forget("gate", Span(9, 19))
    assert removal.events == 2
    assert times(pipeline) == [*range(8)]  # whatever came later has seen it
    assert [event.start_s for event in pipeline.store.events()] == [1]
    assert not [exhibit for exhibit in pipeline.store.exhibits() if exhibit.end_s >= 9 and exhibit.start_s < 19]
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*") if path.is_file()} == {
        exhibit.path for exhibit in pipeline.store.exhibits()
    }
    while not pipeline.ended:
        pipeline.step()
    # The fire that goes on is a new one, and none of its revisions tells when the old one began.
    assert [(event.start_s, event.end_s) for event in pipeline.store.events()] == [(1, 2), (20, 30)]


def test_frames_that_wait_are_forgotten_and_counted_as_dropped() -> None:
    pipeline = watched(seconds((0, 20)))
    pipeline.open()
    for _ in range(7):
        pipeline.step()
    pipeline.forget("gate", Span(5, 6))
    counts = pipeline.counts["gate"]
    assert (counts.read, counts.ingested, counts.held, counts.dropped) == (7, 4, 2, 1)
    while not pipeline.ended:
        pipeline.step()
    assert 5 not in times(pipeline)


# ---- a reader that runs ahead of the model


def ahead(pipeline: Pipeline, num_reads: int) -> Pipeline:
    pipeline.open()
    for _ in range(num_reads):
        pipeline._lineup["gate"].reader.read(0)
    return pipeline


def test_what_waits_is_taken_in_before_a_rule_is_asked_at_once() -> None:
    pipeline = ahead(watched(seconds((0, 20)), Span(2, 3), Span(6, 7), Span(9, 10)), 11)
    found = pipeline.fire("fire", "gate", fresh=True)
    assert [(event.window, event.start_s) for event in found if event.status == Status.OPENED] == [
        (0, 2),
        (1, 6),
        (2, 9),
    ]
    assert times(pipeline) == [*range(8)]


def test_a_frame_that_the_buffer_refused_is_forgotten_too() -> None:
    pipeline = ahead(watched(seconds((0, 20)), limits=BufferLimits(max_s=5)), 9)
    pipeline.step()
    pipeline.forget("gate", Span(6, 7))
    counts = pipeline.counts["gate"]
    assert (counts.read, counts.ingested, counts.held, counts.dropped) == (7, 4, 2, 1)
    with pipeline:
        while not pipeline.ended:
            pipeline.step()
    assert 6 not in times(pipeline)


# ---- counts


@settings(max_examples=30)
@given(
    st.lists(st.one_of(st.none(), st.floats(0, 100)), max_size=40),
    st.sampled_from(["wait", "drop_newest", "drop_oldest"]),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 90)), max_size=2),
)
def test_every_frame_is_accounted_for(script: list[float | Exception | None], policy: str, forgets: Any) -> None:
    limits = BufferLimits(policy=policy, max_s=3)
    pipeline = watched(script, limits=limits, gate=MotionGate(), picture=picture)
    pipeline.open()
    step = 0
    while not pipeline.ended:
        pipeline.step()
        for at, start_s in forgets:
            if at == step and pipeline.counts["gate"].windows:
                pipeline.forget("gate", Span(start_s, start_s + 10))
        counts = pipeline.counts["gate"]
        assert counts.read == counts.ingested + counts.still + counts.dropped + counts.held
        step += 1
    assert counts.held == 0
    assert counts.read == sum(item is not None for item in script)


def test_counts_are_stored_with_the_state() -> None:
    pipeline = watched(seconds((0, 10)), Span(5, 6))
    pipeline.run()
    [summary] = pipeline.store.streams()
    assert summary.counts == asdict(pipeline.counts["gate"])
    assert summary.counts["ingested"] == 10


def test_a_rule_that_is_not_asked_any_more_leaves_no_trace() -> None:
    store = EventStore("sqlite://")
    for rules, steps in (((FIRE,), 8), ((replace(FIRE, name="other"),), 12)):
        pipeline = watched(seconds((0, 20)), Span(5, 99), rules=rules, store=store)
        pipeline.open(resume=True)
        for _ in range(steps):
            pipeline.step()
        pipeline.close()
    assert {event.id for event in store.events()} == {
        event_id("site", "gate", "fire", 1),
        event_id("site", "gate", "other", 2),
    }
