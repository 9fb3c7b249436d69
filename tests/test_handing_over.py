"""Streams that go from one process to another, which is sometimes slower to let go than the next is to take them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.feeds import ScriptedFeed
from tests.flaky_store import FlakyStore
from videoxl_stream.errors import ConfigError, SourceReadError, StoreError
from videoxl_stream.interfaces import Source
from videoxl_stream.journal import Durability
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.queries import Span
from videoxl_stream.rules import Rule
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ListSink, ScriptedModel, ScriptedSource

FIRE = Rule(name="fire", question="Is there a fire?")
FIRES = [Span(5, 7), Span(30, 33)]
DEADLINE_S = 30.0


def footage(stream_id: str = "gate", seconds: int = 40) -> ScriptedSource:
    return ScriptedSource([float(second) for second in range(seconds)], stream_id=stream_id)


@pytest.fixture
def watching() -> Iterator[Callable[..., Pipeline]]:
    opened: list[Pipeline] = []

    def watch(*sources: Source, store: EventStore, **how: object) -> Pipeline:
        model = ScriptedModel({FIRE.question: FIRES})
        given: dict[str, object] = {"rules": [FIRE], "sinks": [ListSink()], "name": "site"} | how
        pipeline = Pipeline(sources=sources, model=model, store=store, **given)  # type: ignore[arg-type]
        opened.append(pipeline)
        pipeline.open(resume=True)
        return pipeline

    yield watch
    for pipeline in opened:
        pipeline.close()


def until(pipeline: Pipeline, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, pipeline.counts
        pipeline.step()


def done(pipeline: Pipeline, windows: int, stream_id: str = "gate") -> Callable[[], bool]:
    return lambda: stream_id in pipeline.counts and pipeline.counts[stream_id].windows >= windows


def undisturbed(stream_id: str = "gate") -> EventStore:
    store = EventStore("sqlite://")
    model = ScriptedModel({FIRE.question: FIRES})
    Pipeline(sources=[footage(stream_id)], model=model, store=store, rules=[FIRE], name="site").run()
    return store


def test_a_stream_that_comes_while_the_store_is_away_is_opened_once_it_is_back(
    watching: Callable[..., Pipeline],
) -> None:
    store = FlakyStore()
    feed = ScriptedFeed(footage("gate"), footage("yard"))
    pipeline = watching(feeds=[feed], store=store)
    store.away = True
    for _ in range(3):
        with pytest.raises(StoreError):
            pipeline.step()
    store.away = False
    until(pipeline, lambda: done(pipeline, 10, "gate")() and done(pipeline, 10, "yard")())


def test_a_stream_whose_memory_another_process_still_holds_is_waited_for(
    watching: Callable[..., Pipeline], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    durability, store = Durability(tmp_path), EventStore("sqlite://")
    held = durability.open(ScriptedModel(), "site", "gate")
    pipeline = watching(feeds=[ScriptedFeed(footage("gate"), footage("yard"))], store=store, durability=durability)
    until(pipeline, done(pipeline, 10, "yard"))
    assert "gate" not in pipeline.counts
    held.close()
    until(pipeline, done(pipeline, 10))
    assert caplog.text.count("waits to be opened") == 1
    assert "in use" in caplog.text


def test_a_stream_that_leaves_before_it_could_be_opened_is_forgotten(
    watching: Callable[..., Pipeline], tmp_path: Path
) -> None:
    durability, store = Durability(tmp_path), EventStore("sqlite://")
    feed = ScriptedFeed(footage("gate"), footage("yard"))
    held = durability.open(ScriptedModel(), "site", "gate")
    pipeline = watching(feeds=[feed], store=store, durability=durability)
    until(pipeline, done(pipeline, 2, "yard"))
    feed.leaving = ["gate"]
    pipeline.step()
    held.close()
    until(pipeline, done(pipeline, 10, "yard"))
    assert list(pipeline.counts) == ["yard"]


def test_a_source_of_ones_own_whose_memory_is_in_use_is_refused(
    watching: Callable[..., Pipeline], tmp_path: Path
) -> None:
    durability, store = Durability(tmp_path), EventStore("sqlite://")
    held = durability.open(ScriptedModel(), "site", "gate")
    with pytest.raises(ConfigError, match="in use"):
        watching(footage(), store=store, durability=durability)
    held.close()


def test_a_process_that_was_overtaken_lets_go_and_spoils_nothing(
    watching: Callable[..., Pipeline], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    with EventStore(url) as old, EventStore(url) as new:
        feed = ScriptedFeed(footage("gate"), footage("yard"))
        first = watching(feeds=[feed], store=old)
        until(first, done(first, 2))
        second = watching(feeds=[ScriptedFeed(footage("gate"))], store=new)
        until(second, done(second, 5))
        stands = new.restore("site", "gate")
        until(first, done(first, 10, "yard"))
        assert list(first.counts) == ["yard"]
        assert new.restore("site", "gate") == stands
        [reason] = feed.renewals
        assert "gate" in reason
        until(second, done(second, 8))
        assert [each for each in new.events(stream_id="gate")] == undisturbed().events()
        again = footage("gate")
        feed.coming = [again]  # nobody else has it, after all
        until(first, lambda: "gate" in first.counts)


def test_a_source_of_ones_own_that_another_process_watches_too_is_broken(
    watching: Callable[..., Pipeline], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    with EventStore(url) as old, EventStore(url) as new:
        first = watching(footage("gate"), footage("yard"), store=old)
        until(first, done(first, 2))
        second = watching(footage("gate"), store=new)
        until(second, lambda: second.ended)
        until(first, lambda: first.ended)
        assert isinstance(first.faults["gate"], SourceReadError)
        assert "another process" in str(first.faults["gate"])
        assert list(first.faults) == ["gate"]
        assert new.events(stream_id="gate") == undisturbed().events()
        assert new.events(stream_id="yard") == undisturbed("yard").events()
