"""Streams of a feed that do not fit wait, lose nothing, disturb nobody, and are told of; see docs/reliability.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.feeds import ScriptedFeed
from tests.flaky_store import FlakyStore
from tests.test_handing_over import FIRE, FIRES, done, footage, until
from videoxl_stream.config import Site
from videoxl_stream.errors import ConfigError, StoreError
from videoxl_stream.events import Status
from videoxl_stream.interfaces import Source
from videoxl_stream.outages import DOWN
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ListSink, ScriptedModel, ScriptedSource
from videoxl_stream.waiting_room import Admit, WaitingRoom


def for_at_most(capacity: int) -> Admit:
    return lambda num: f"{num} streams do not fit, {capacity} do" if num > capacity else ""


def endless(stream_id: str) -> ScriptedSource:
    return ScriptedSource([None] * 10**6, stream_id=stream_id)


@pytest.fixture
def watching() -> Iterator[Callable[..., Pipeline]]:
    opened: list[Pipeline] = []

    def watch(*sources: Source, capacity: int, **how: Any) -> Pipeline:
        given: dict[str, Any] = {"store": EventStore("sqlite://"), "name": "site"} | how
        model = ScriptedModel({FIRE.question: FIRES})
        pipeline = Pipeline(sources=sources, model=model, rules=[FIRE], admit=for_at_most(capacity), **given)
        opened.append(pipeline)
        pipeline.open(resume=True)
        return pipeline

    yield watch
    for pipeline in opened:
        pipeline.close()


def test_a_stream_too_many_waits_while_the_others_are_watched(
    watching: Callable[..., Pipeline], caplog: pytest.LogCaptureFixture
) -> None:
    feed = ScriptedFeed(footage("gate"), footage("hall"), footage("yard"))
    pipeline = watching(feeds=[feed], capacity=2)
    until(pipeline, lambda: done(pipeline, 10, "gate")() and done(pipeline, 10, "hall")())
    assert list(pipeline.counts) == ["gate", "hall"]
    assert dict(pipeline.turned_away) == {"yard": "3 streams do not fit, 2 do"}
    assert list(feed.held) == ["yard"]
    assert caplog.text.count("stream yard is not watched, and waits for room: 3 streams do not fit, 2 do") == 1


def test_it_is_let_in_once_another_has_gone_and_misses_nothing(watching: Callable[..., Pipeline]) -> None:
    feed = ScriptedFeed(endless("gate"), endless("hall"), footage("yard"))
    pipeline = watching(feeds=[feed], capacity=2)
    until(pipeline, lambda: "yard" in pipeline.turned_away)
    feed.leaving = ["gate"]
    until(pipeline, done(pipeline, 10, "yard"))
    assert pipeline.turned_away == {}
    assert list(pipeline.counts) == ["hall", "yard"]
    assert [event.start_s for event in pipeline.store.events(rule="fire", stream_id="yard")] == [5, 30]


def test_a_name_that_is_taken_is_turned_away_and_harms_nobody(watching: Callable[..., Pipeline]) -> None:
    first, second = ScriptedFeed(footage("gate"), endless("hall")), ScriptedFeed(footage("hall"), footage("yard"))
    pipeline = watching(endless("gate"), feeds=[first, second], capacity=9)
    until(pipeline, done(pipeline, 10, "yard"))
    assert sorted(pipeline.counts) == ["gate", "hall", "yard"]
    assert (list(first.held), list(second.held)) == (["gate"], ["hall"])
    assert "another source has that name" in pipeline.turned_away["gate"]
    first.leaving, second.leaving = ["gate"], ["hall"]
    until(pipeline, lambda: not pipeline.turned_away)
    assert sorted(pipeline.counts) == ["gate", "hall", "yard"]
    assert not any(event.stream_id in {"gate", "hall"} for event in pipeline.store.events())


def test_sources_of_ones_own_take_room_and_give_it_back(watching: Callable[..., Pipeline]) -> None:
    pipeline = watching(endless("gate"), feeds=[ScriptedFeed(footage("yard"))], capacity=1)
    until(pipeline, lambda: "yard" in pipeline.turned_away)
    pipeline.remove("gate")
    until(pipeline, done(pipeline, 10, "yard"))


def test_who_waits_counts_as_down_until_somebody_watches(watching: Callable[..., Pipeline]) -> None:
    store, sink = EventStore("sqlite://"), ListSink()
    for _ in range(2):  # a restart says nothing anew
        feed = ScriptedFeed(endless("gate"), footage("yard"))
        pipeline = watching(feeds=[feed], capacity=1, store=store, sinks=[sink])
        until(pipeline, lambda: "yard" in pipeline.turned_away)  # noqa: B023 - used at once
        pipeline.close()
    [event] = store.events(stream_id="yard")
    assert (event.rule, event.status, event.content) == (DOWN, Status.OPENED, "2 streams do not fit, 1 do")
    pipeline = watching(feeds=[ScriptedFeed(footage("yard"))], capacity=1, store=store, sinks=[sink])
    until(pipeline, done(pipeline, 10, "yard"))
    [event] = store.events(stream_id="yard", rule=DOWN)
    assert event.status == Status.CLOSED
    assert [each.status for each in sink.events if each.rule == DOWN] == [Status.OPENED, Status.CLOSED]
    assert [each.start_s for each in store.events(stream_id="yard", rule="fire")] == [5, 30]


def test_what_was_watched_before_goes_on_where_it_stopped(watching: Callable[..., Pipeline]) -> None:
    store = EventStore("sqlite://")
    pipeline = watching(feeds=[ScriptedFeed(footage("yard"))], capacity=1, store=store)
    until(pipeline, done(pipeline, 3, "yard"))
    pipeline.close()
    stands = store.restore("site", "yard")
    feed = ScriptedFeed(endless("gate"), footage("yard"))
    pipeline = watching(feeds=[feed], capacity=1, store=store)
    until(pipeline, lambda: "yard" in pipeline.turned_away)
    waits = store.restore("site", "yard")
    assert stands is not None
    assert waits is not None
    assert (waits.windows, waits.position) == (stands.windows, stands.position)
    feed.leaving = ["gate"]
    until(pipeline, done(pipeline, 7, "yard"))
    assert [each.start_s for each in store.events(stream_id="yard", rule="fire")] == [5, 30]


def test_a_store_that_is_away_only_delays_it(watching: Callable[..., Pipeline]) -> None:
    store = FlakyStore()
    feed = ScriptedFeed(endless("gate"))
    pipeline = watching(feeds=[feed], capacity=1, store=store)
    until(pipeline, lambda: "gate" in pipeline.counts)
    store.away, feed.coming = True, [footage("yard")]
    with pytest.raises(StoreError):
        until(pipeline, lambda: "yard" in pipeline.turned_away)
    store.away = False
    until(pipeline, lambda: "yard" in pipeline.turned_away)
    assert [event.rule for event in store.events(stream_id="yard")] == [DOWN]


def test_who_leaves_while_it_waits_is_forgotten(watching: Callable[..., Pipeline]) -> None:
    feed = ScriptedFeed(endless("gate"), footage("yard"))
    pipeline = watching(feeds=[feed], capacity=1)
    until(pipeline, lambda: "yard" in pipeline.turned_away)
    feed.leaving = ["yard"]
    until(pipeline, lambda: not pipeline.turned_away)
    feed.leaving = ["gate"]
    until(pipeline, lambda: not pipeline.counts)
    assert feed.coming == []


NAMES = st.sampled_from("abcdef")
STEPS = st.lists(st.tuples(st.sampled_from(["come", "come", "leave", "room"]), NAMES, st.integers(0, 4)), max_size=25)


@settings(max_examples=25)
@given(STEPS)
def test_whatever_comes_and_goes_room_is_kept_and_used(steps: list[tuple[str, str, int]]) -> None:
    feed, capacity, there = ScriptedFeed(), [2], set[str]()
    with EventStore("sqlite://") as store:
        pipeline = Pipeline(
            sources=[],
            feeds=[feed],
            model=ScriptedModel({}),
            rules=[FIRE],
            store=store,
            admit=lambda num: "full" if num > capacity[0] else "",
        )
        pipeline.open(resume=True)
        for what, name, size in steps:
            before = set(pipeline.counts)
            if what == "come" and name not in there:
                there.add(name)
                feed.coming.append(endless(name))
            elif what == "leave" and name in there:
                there.remove(name)
                feed.leaving.append(name)
            elif what == "room":
                capacity[0] = size
            until(pipeline, lambda: there == set(pipeline.counts) | set(pipeline.turned_away))
            until(pipeline, lambda: not pipeline.turned_away or len(pipeline.counts) >= capacity[0])
            assert before & there <= set(pipeline.counts)  # nobody loses the place that it has
            assert len(pipeline.counts) <= max(capacity[0], len(before & there))
            assert set(feed.held) == set(pipeline.turned_away)
        pipeline.close()


def test_a_place_is_kept_for_who_was_called_but_not_for_ever() -> None:
    room = WaitingRoom(for_at_most(2))
    for name in "abc":
        assert room.refusal(name, 2)
        room.enter(name, "full")
    assert room.call(2, 0.0) == []
    assert room.call(1, 0.0) == ["a"]
    assert room.call(1, 1.0) == []  # it is on its way
    assert room.refusal("a", 1) == ""
    assert room.call(1, 1.0) == ["b"]  # a has another's place, as far as the room knows
    assert room.call(1, 100.0) == ["c"]  # b never came
    assert room.waiting == {}


def test_a_site_lets_streams_of_its_topics_in_by_what_they_take() -> None:
    each = 10 * 2**20  # what may wait; scripted memories take next to nothing
    plain = {
        "sources": ["kafka://127.0.0.1:1/frames?group=site"],
        "rules": ["fire"],
        "budget": 64,
        "limits": {"max_bytes": each},
    }
    with EventStore("sqlite://") as store:

        def site(**changes: Any) -> Pipeline:
            return Site.model_validate(plain | changes).pipeline(model=ScriptedModel({}), store=store)

        with pytest.raises(ConfigError, match=r"frames has no end.*give a budget"):
            site(budget=None)
        with pytest.raises(ConfigError, match="1 streams do not fit"):
            site(admission={"max_bytes": each // 2})
        pipeline = site(admission={"max_bytes": 2 * each + each // 2})
        pipeline.feeds = (ScriptedFeed(*map(endless, "abc")),)
        pipeline.open(resume=True)
        until(pipeline, lambda: "c" in pipeline.turned_away)
        assert pipeline.turned_away["c"].startswith("3 streams do not fit: 3 x (")
        pipeline.close()
        assert site(admission=None)._lineup._room.refusal("a", 10**6) == ""
