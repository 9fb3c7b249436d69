"""Of two that go on with one stream only the later may write."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.store.samples import event, exhibit
from videoxl_stream.errors import StreamTaken
from videoxl_stream.store import EventStore, StreamState

STATE = StreamState(3, {"read": 12}, {"fire": "{}"})


def test_a_claim_says_where_the_stream_stands(url: str) -> None:
    with EventStore(url) as store:
        first = store.claim("site", "gate")
        assert first.state is None
        assert store.restore("site", "gate") is None
        store.commit("site", "gate", state=STATE, claim=first.number)
        assert store.claim("site", "gate").state == STATE
        assert store.claim("site", "yard").state is None


def test_who_was_overtaken_writes_nothing_any_more(url: str) -> None:
    with EventStore(url) as old, EventStore(url) as new:
        before, yard = old.claim("site", "gate"), old.claim("site", "yard")
        old.commit("site", "gate", events=[event(0)], state=StreamState(1), claim=before.number)
        after = new.claim("site", "gate")
        new.commit("site", "gate", events=[event(1)], state=STATE, claim=after.number)
        with pytest.raises(StreamTaken, match=r"gate.*another process") as raised:
            old.commit(
                "site",
                "gate",
                events=[event(7), event(0, 1)],
                exhibits=[exhibit(0)],
                state=StreamState(2, rules={"fall": "{}"}),
                counts={"read": 9},
                outbox=["all"],
                claim=before.number,
            )
        assert raised.value.stream_id == "gate"
        assert [(each.window, each.revision) for each in new.events()] == [(0, 0), (1, 0)]
        assert new.restore("site", "gate") == STATE
        assert not (new.exhibits() or new.outbox.letters())
        assert old.commit("site", "yard", events=[event(2, stream_id="yard")], claim=yard.number)


def test_without_a_claim_anybody_writes(url: str) -> None:
    with EventStore(url) as store:
        store.claim("site", "gate")
        store.commit("site", "gate", state=STATE)
        assert store.restore("site", "gate") == STATE


def test_no_two_claims_are_the_same(url: str) -> None:
    def claim(_: int) -> int:
        with EventStore(url) as store:
            return store.claim("site", "gate").number

    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(claim, range(12)))
    assert len(set(numbers)) == 12
