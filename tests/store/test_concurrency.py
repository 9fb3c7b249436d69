"""Several programs at one store: nothing is lost, written twice, or told twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier
from threading import Event as Flag

from tests.store.samples import event, exhibit
from videoxl_stream.events import Event, ExhibitKind
from videoxl_stream.store import EventStore, StreamState

NUM_WINDOWS = 12


def replay(url: str, barrier: Barrier, stream_id: str = "gate") -> list[Event]:
    """Watch the same footage as everybody else: each window opens an event and updates the one before."""
    new = []
    with EventStore(url) as store:
        barrier.wait()
        for window in range(NUM_WINDOWS):
            events = [event(window, stream_id=stream_id), event(max(window - 1, 0), 1, stream_id=stream_id)]
            exhibits = [
                exhibit(window, ExhibitKind.THUMBNAIL, stream_id=stream_id),
                exhibit(window, stream_id=stream_id),
            ]
            state = StreamState(window + 1, rules={"fire": "{}", "fall": "{}"})
            new += store.commit(
                "site", stream_id, events=events, exhibits=exhibits, state=state, counts={"read": window}
            )
    return new


def test_writers_who_replay_one_stream_write_it_once(url: str) -> None:
    with ThreadPoolExecutor() as pool, EventStore(url) as store:
        barrier = Barrier(3)
        told = [each for new in pool.map(replay, [url] * 3, [barrier] * 3) for each in new]
        assert len({(each.id, each.revision) for each in told}) == len(told)
        assert [each.window for each in store.events()] == list(range(NUM_WINDOWS))
        assert [each.revision for each in store.events()] == [1] * (NUM_WINDOWS - 1) + [0]
        assert len(store.exhibits()) == 2 * NUM_WINDOWS
        [stream] = store.streams()
        assert stream.counts == {"read": NUM_WINDOWS - 1}


def test_whoever_follows_misses_no_change_and_hears_none_twice(url: str) -> None:
    streams = ["gate", "yard", "hall"]
    barrier, ended = Barrier(len(streams)), Flag()

    def follow() -> list[tuple[int, Event]]:
        heard, seen = [], 0
        with EventStore(url) as store:
            last = False
            while not last:
                last = ended.is_set()  # and so one look after the end
                found, seen = store.changes(seen, limit=5)
                heard += [(seen, each) for each in found]
                last = last and not found
        return heard

    with ThreadPoolExecutor() as pool:
        follower = pool.submit(follow)
        try:
            list(pool.map(replay, [url] * 3, [barrier] * 3, streams))
        finally:
            ended.set()
        heard = follower.result()
    revisions = [(each.id, each.revision) for _, each in heard]
    assert len(set(revisions)) == len(revisions)
    assert all(a <= b for (a, _), (b, _) in pairwise(heard))
    latest = {each.id: each.revision for _, each in heard}
    with EventStore(url) as store:
        assert latest == {each.id: each.revision for each in store.events()}
    assert len(latest) == 3 * NUM_WINDOWS
