"""Sources that do not wait: read by threads, dropped from by policy, down and up again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cameras import START, Camera
from tests.flaky_store import FlakyStore
from videoxl_stream.buffer import BufferLimits
from videoxl_stream.errors import ConfigError, StoreError
from videoxl_stream.events import Event, Severity, Status
from videoxl_stream.frames import Frame
from videoxl_stream.gaps import MEMORY
from videoxl_stream.interfaces import Connection
from videoxl_stream.journal import Durability
from videoxl_stream.outages import DOWN
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.queries import Span
from videoxl_stream.rules import Rule
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ListSink, ManualClock, ScriptedModel, ScriptedSource

FIRE = Rule(name="fire", question="Is there a fire?")
FALL = Rule(name="fall", question="Has anyone fallen?")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def watching(clock: ManualClock) -> Iterator[Callable[..., Pipeline]]:
    opened: list[Pipeline] = []

    def watch(*cameras: Camera | ScriptedSource, fires: Sequence[Span] = (), **how: object) -> Pipeline:
        how = {"store": EventStore("sqlite://"), "rules": [FIRE], "sinks": [ListSink()]} | how
        model = ScriptedModel({FIRE.question: fires})
        pipeline = Pipeline(sources=cameras, model=model, name="site", clock=clock, **how)  # type: ignore[arg-type]
        opened.append(pipeline)
        pipeline.open(resume=True)
        return pipeline

    yield watch
    for pipeline in opened:
        pipeline.close()


def work(pipeline: Pipeline) -> list[Event]:
    """Step until nothing is left to do, and nothing waits but a window in the making."""
    events: list[Event] = []
    idle = 0
    while idle <= len(pipeline.counts):
        before = pipeline.counts
        events += pipeline.step()
        idle = idle + 1 if pipeline.counts == before else 0
    return events


def test_frames_that_come_while_nobody_asks_are_kept(watching: Callable[..., Pipeline]) -> None:
    camera = Camera()
    pipeline = watching(camera, fires=[Span(5, 7)])
    camera.give(*range(10))
    assert pipeline.counts["gate"].held == 10
    events = work(pipeline)
    assert [(event.start_s, event.status) for event in events if event.status == Status.OPENED] == [(5, Status.OPENED)]
    assert pipeline.counts["gate"].ingested == 8
    assert camera.acknowledged[-1] == {"read": 8}


def test_a_slow_model_costs_the_oldest_frames_and_they_are_counted(watching: Callable[..., Pipeline]) -> None:
    camera = Camera()
    pipeline = watching(camera, limits=BufferLimits(max_s=10))
    camera.give(*range(100))
    counts = pipeline.counts["gate"]
    assert (counts.read, counts.dropped + counts.held) == (100, 100)
    assert counts.held <= 11
    events = work(pipeline)
    assert not [event for event in events if event.rule == "stream.gap"]  # nothing came before it
    camera.give(*range(100, 200))
    events = work(pipeline)
    assert [event.answer for event in events if event.rule == "stream.gap"] == ["gap"]
    counts = pipeline.counts["gate"]
    assert counts.read == 200 == counts.ingested + counts.dropped + counts.held


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), max_size=5), st.sampled_from([None, "drop_newest"]))
def test_the_counts_add_up_at_every_moment(bursts: list[tuple[int, int]], policy: str | None) -> None:
    camera = Camera()
    limits = BufferLimits(max_s=6, policy=policy)
    model = ScriptedModel()
    pipeline = Pipeline(sources=[camera], model=model, rules=[FIRE], store=EventStore("sqlite://"), limits=limits)
    pipeline.open()
    given_frames = 0
    for num, steps in bursts:
        camera.give(*range(given_frames, given_frames + num))
        given_frames += num
        for _ in range(steps):
            pipeline.step()
            counts = pipeline.counts["gate"]
            assert counts.read == given_frames == counts.ingested + counts.dropped + counts.held
    pipeline.close()


def test_one_camera_that_gives_nothing_holds_up_no_other(watching: Callable[..., Pipeline]) -> None:
    cameras = [Camera(f"camera-{number}") for number in range(4)]
    pipeline = watching(*cameras)
    cameras[2].give(*range(8))
    work(pipeline)
    assert pipeline.counts["camera-2"].ingested == 8


def test_a_live_source_and_a_file_share_the_turns(watching: Callable[..., Pipeline]) -> None:
    camera = Camera()
    pipeline = watching(camera, ScriptedSource([float(second) for second in range(40)], stream_id="file"))
    camera.give(*range(8))
    while not (pipeline.counts["file"].ingested == 40 and pipeline.counts["gate"].ingested == 8):
        pipeline.step()
    camera.end()
    while not pipeline.ended:
        pipeline.step()
    assert camera.closed


def test_what_the_thread_breaks_on_is_told_to_whoever_steps(watching: Callable[..., Pipeline]) -> None:
    camera = Camera()
    pipeline = watching(camera, limits=BufferLimits(max_bytes=100))
    camera.frames.put(Frame("gate", 0, 0.0, START, np.zeros((8, 8, 3), np.uint8)))
    with pytest.raises(ConfigError, match="max_bytes"):
        for _ in range(100):
            pipeline.step()


# ---- down and up


def test_a_camera_that_goes_down_and_comes_up_is_one_event(
    watching: Callable[..., Pipeline], clock: ManualClock
) -> None:
    camera = Camera()
    pipeline = watching(camera)
    camera.give(*range(6))
    work(pipeline)
    clock.advance(20)
    camera.connection = Connection(up=False, reason="nobody answers", losses=1)
    [opened] = work(pipeline)
    assert (opened.rule, opened.status, opened.content) == (DOWN, Status.OPENED, "nobody answers")
    assert (opened.start_s, opened.start, opened.severity) == (5, START + timedelta(seconds=5), Severity.WARNING)
    clock.advance(30)
    camera.connection = Connection(losses=1)
    [closed] = work(pipeline)
    assert (closed.id, closed.revision, closed.status) == (opened.id, 1, Status.CLOSED)
    assert closed.end == START + timedelta(seconds=50)
    assert work(pipeline) == []


def test_a_camera_that_never_came_up_is_given_time_to_connect(
    watching: Callable[..., Pipeline], clock: ManualClock
) -> None:
    camera = Camera()
    camera.connection = Connection(up=False, reason="connecting")
    pipeline = watching(camera)
    assert work(pipeline) == []
    clock.advance(9)
    assert work(pipeline) == []
    clock.advance(2)
    [opened] = work(pipeline)
    assert (opened.content, opened.start_s, opened.start) == ("connecting", 0, clock.now())


def test_a_loss_that_nobody_saw_is_told_all_the_same(watching: Callable[..., Pipeline]) -> None:
    camera = Camera()
    pipeline = watching(camera)
    camera.connection = Connection(losses=1)
    assert [event.status for event in work(pipeline)] == [Status.OPENED, Status.CLOSED]


def test_many_losses_within_one_window_are_one_event(watching: Callable[..., Pipeline], clock: ManualClock) -> None:
    camera = Camera()
    pipeline = watching(camera)
    for losses in range(1, 6):
        clock.advance(1)
        camera.connection = Connection(up=False, reason="no", losses=losses)
        work(pipeline)
        camera.connection = Connection(losses=losses)
        work(pipeline)
    [event] = pipeline.store.events()
    assert (event.status, event.revision) == (Status.CLOSED, 9)


def test_outages_of_a_camera_whose_clock_is_late_do_not_overlap(
    watching: Callable[..., Pipeline], clock: ManualClock
) -> None:
    camera = Camera()
    pipeline = watching(camera)
    camera.give(*range(6))
    work(pipeline)
    clock.advance(20)
    camera.connection = Connection(up=False, reason="no", losses=1)
    work(pipeline)
    camera.connection = Connection(losses=1)
    [first] = work(pipeline)
    camera.give(*range(6, 10))
    work(pipeline)
    clock.advance(5)
    camera.connection = Connection(up=False, reason="no", losses=2)
    [second] = work(pipeline)
    assert second.id != first.id
    assert (second.start, second.start_s) == (first.end, 20)


def test_an_outage_over_a_restart_is_closed_once(watching: Callable[..., Pipeline], clock: ManualClock) -> None:
    store, camera = EventStore("sqlite://"), Camera()
    pipeline = watching(camera, store=store)
    camera.give(*range(6))
    work(pipeline)
    camera.connection = Connection(up=False, reason="no", losses=1)
    work(pipeline)
    pipeline.close()
    again = Camera()
    pipeline = watching(again, store=store)
    clock.advance(60)
    work(pipeline)
    assert again.opened_at == {"read": 4}
    [event] = [event for event in store.events() if event.rule == DOWN]
    assert (event.status, event.end) == (Status.CLOSED, clock.now())


# ---- the store is away


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), max_size=60))
def test_whatever_the_store_misses_it_gets_later(away: list[bool]) -> None:
    fires = [Span(5, 7), Span(13, 15), Span(30, 40)]

    def made(store: EventStore) -> Pipeline:
        source = ScriptedSource([float(second) for second in range(42)], stream_id="gate")
        model = ScriptedModel({FIRE.question: fires})
        return Pipeline(sources=[source], model=model, rules=[FIRE], store=store, sinks=[ListSink()], name="site")

    undisturbed = made(EventStore("sqlite://"))
    undisturbed.run()
    store = FlakyStore()
    pipeline, told, moments = made(store), list[Event](), deque(away)
    while not pipeline.ended or store.away or moments:
        store.away = moments.popleft() if moments else False
        try:
            told += pipeline.step()
        except StoreError:
            assert store.away
        if pipeline.ended and not moments and not store.away:
            told += pipeline.step()
    assert store.events() == undisturbed.store.events()
    assert pipeline.sinks[0].events == undisturbed.sinks[0].events == told  # type: ignore[attr-defined]
    assert store.restore("site", "gate") == undisturbed.store.restore("site", "gate")


def test_nothing_is_acknowledged_before_it_is_stored(watching: Callable[..., Pipeline]) -> None:
    store, camera = FlakyStore(), Camera()
    pipeline = watching(camera, store=store)
    store.away = True
    camera.give(*range(8))
    with pytest.raises(StoreError):
        work(pipeline)
    assert camera.acknowledged == []
    store.away = False
    work(pipeline)
    assert camera.acknowledged == [{"read": 4}, {"read": 8}]


# ---- coming and going


def test_a_camera_can_be_added_and_removed_while_it_runs(watching: Callable[..., Pipeline]) -> None:
    first, second = Camera("first"), Camera("second")
    pipeline = watching(first, fires=[Span(6, 100)])
    first.give(*range(8))
    work(pipeline)
    pipeline.add(second)
    second.give(*range(8))
    work(pipeline)
    assert {event.stream_id: event.status for event in pipeline.store.events()} == {
        "first": Status.OPENED,
        "second": Status.OPENED,
    }
    [closed] = pipeline.remove("first")
    assert (closed.stream_id, closed.status, first.closed) == ("first", Status.CLOSED, 1)
    assert list(pipeline.counts) == ["second"]
    pipeline.add(Camera("first"))
    with pytest.raises(ConfigError, match="already"):
        pipeline.add(Camera("first"))


def test_rules_can_change_while_it_runs(watching: Callable[..., Pipeline]) -> None:
    camera = Camera()
    pipeline = watching(camera, fires=[Span(2, 100)])
    camera.give(*range(8))
    [opened, *_] = work(pipeline)
    louder = Rule(name="fire", question=FIRE.question, severity=Severity.CRITICAL)
    assert pipeline.change_rules([louder, FALL]) == []
    camera.give(*range(8, 12))
    assert {event.id for event in work(pipeline)} == {opened.id}
    [closed] = pipeline.change_rules([FALL])
    assert (closed.id, closed.status) == (opened.id, Status.CLOSED)
    camera.give(*range(12, 16))
    assert work(pipeline) == []
    with pytest.raises(ConfigError):
        pipeline.change_rules([])
    assert [rule.name for rule in pipeline.rules] == ["fall"]


def test_what_a_source_gave_up_unread_is_counted(watching: Callable[..., Pipeline]) -> None:
    camera = Camera()
    pipeline = watching(camera)
    camera.give(*range(4))
    camera.connection = Connection(dropped=7)
    work(pipeline)
    counts = pipeline.counts["gate"]
    assert (counts.read, counts.ingested, counts.dropped, counts.held) == (11, 4, 7, 0)


def test_memory_that_cannot_be_restored_is_told_of(watching: Callable[..., Pipeline], tmp_path: Path) -> None:
    store, durability = EventStore("sqlite://"), Durability(tmp_path)
    camera = Camera()
    pipeline = watching(camera, store=store, durability=durability)
    camera.give(*range(8))
    work(pipeline)
    pipeline.close()
    [first, _] = sorted(durability.path("site", "gate").glob("*.added"))
    first.write_bytes(b"\0" * first.stat().st_size)
    pipeline = watching(Camera(), store=store, durability=durability)
    [lost] = work(pipeline)
    assert (lost.rule, lost.status, lost.window, lost.start_s) == (MEMORY, Status.CLOSED, 2, 7)
    assert "1 damaged files" in (lost.content or "")
    assert work(pipeline) == []
