"""What is to be delivered is written with the event, once, and goes with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.postgres import PostgreSQL
from tests.store.conftest import EMPTY, USED_AGAIN
from tests.store.samples import START, event
from videoxl_stream.errors import ConfigError, StoreError
from videoxl_stream.store import Backlog, EventStore, Retention, StreamState

SINKS = ("kafka", "pager")


def revisions(store: EventStore, sink: str) -> list[tuple[int, int]]:
    return [(letter.event.window, letter.revision) for letter in store.outbox.waiting(sink)]


def test_every_new_revision_is_written_for_every_sink_in_order(url: str) -> None:
    with EventStore(url) as store:
        store.commit("site", "gate", events=[event(0), event(1), event(0, 1)], outbox=SINKS)
        store.commit("site", "gate", events=[event(0, 1), event(0, 2)], outbox=["kafka"])
        store.commit("site", "gate", events=[event(2)])
        assert revisions(store, "kafka") == [(0, 0), (1, 0), (0, 1), (0, 2)]
        assert revisions(store, "pager") == [(0, 0), (1, 0), (0, 1)]
        assert [letter.event for letter in store.outbox.waiting("pager")] == [event(0), event(1), event(0, 1)]
        assert revisions(store, "nobody") == []


def test_what_was_delivered_leaves_and_comes_no_more(url: str) -> None:
    with EventStore(url) as store:
        events = [event(window) for window in range(4)]
        store.commit("site", "gate", events=events, outbox=SINKS)
        first, second, *_ = store.outbox.waiting("kafka", 2)
        for _ in range(2):  # the second time it changes nothing
            store.outbox.delivered("kafka", [first.seq, second.seq])
        store.commit("site", "gate", events=events, outbox=SINKS)
        assert revisions(store, "kafka") == [(2, 0), (3, 0)]
        backlog = store.outbox.backlog()
        assert {sink: each.waiting for sink, each in backlog.items()} == {"kafka": 2, "pager": 4}
        assert backlog["pager"].oldest == first.at


def test_event_and_letter_are_written_both_or_neither(url: str) -> None:
    broken = StreamState(windows=8, rules={"fire": object()})  # type: ignore[dict-item]
    with EventStore(url) as store:
        with pytest.raises(StoreError):
            store.commit("site", "gate", events=[event()], state=broken, outbox=SINKS)
        assert (store.events(), store.outbox.backlog()) == ([], {})


def test_what_is_refused_is_kept_counted_and_may_be_tried_again(url: str) -> None:
    with EventStore(url) as store:
        store.commit("site", "gate", events=[event(0), event(1)], outbox=SINKS)
        bad = store.outbox.waiting("kafka")[0]
        store.outbox.failed("kafka", bad.seq, "busy")
        assert revisions(store, "kafka") == [(0, 0), (1, 0)]
        store.outbox.failed("kafka", bad.seq, "too large\x00 " * 1000, refused=True)
        assert revisions(store, "kafka") == [(1, 0)]
        assert store.outbox.backlog()["kafka"] == Backlog(1, bad.at, 1)
        [refused] = store.outbox.letters(refused=True)
        assert (refused.seq, refused.attempts, refused.error[:9]) == (bad.seq, 2, "too large")  # type: ignore[index]
        assert len(refused.error or "") <= 500
        assert store.outbox.retry("pager") == 0
        assert store.outbox.retry("kafka", event_id=bad.event_id) == 1
        assert revisions(store, "kafka") == [(0, 0), (1, 0)]
        assert len(store.outbox.letters()) == 4


def test_only_what_is_refused_is_dropped_unless_more_is_said(url: str) -> None:
    with EventStore(url) as store:
        store.commit("site", "gate", events=[event(0), event(1)], outbox=SINKS)
        store.outbox.failed("kafka", store.outbox.waiting("kafka")[0].seq, "no", refused=True)
        with pytest.raises(ConfigError, match="Name it"):
            store.outbox.drop(refused=None)
        assert store.outbox.drop() == 1
        assert store.outbox.drop("pager", event_id=event(1).id, refused=False) == 1
        assert (revisions(store, "kafka"), revisions(store, "pager")) == ([(1, 0)], [(0, 0)])
        assert store.outbox.drop("pager", refused=None) == 1


@pytest.mark.parametrize("dry_run", [True, False])
def test_forgotten_and_aged_events_leave_the_outbox(url: str, dry_run: bool) -> None:
    with EventStore(url) as store:
        store.commit("site", "gate", events=[event(0), event(5), event(9)], outbox=SINKS)
        removal = store.forget("gate", START, START + timedelta(seconds=5), None, dry_run=dry_run)
        assert (removal.events, removal.undelivered) == (1, 2)
        retention = Retention(events=timedelta(seconds=15))
        removal = store.apply(retention, None, START + timedelta(seconds=100), dry_run=dry_run)
        assert (removal.events, removal.undelivered) == ((2, 4) if dry_run else (1, 2))
        left = [0, 5, 9] if dry_run else [9]
        assert [letter.event.window for letter in store.outbox.waiting("kafka")] == left


def test_a_forgotten_event_is_in_no_file(sqlite_url: str, tmp_path: Path) -> None:
    with EventStore(sqlite_url) as store:
        store.commit("site", "gate", events=[event(0, answer="the man in the red coat")], outbox=SINKS)
        store.forget("gate", START, START + timedelta(seconds=5), None)
        assert not any(b"red coat" in path.read_bytes() for path in tmp_path.iterdir())


@pytest.fixture
def connections() -> Iterator[list[Any]]:
    """Every connection to a database that is opened from here on."""
    found: list[Any] = []

    def note(connection: object, _record: object) -> None:
        found.append(connection)

    sa.event.listen(sa.Engine, "connect", note)
    yield found
    sa.event.remove(sa.Engine, "connect", note)


def test_a_full_disk_is_named_and_heals(sqlite_url: str, connections: list[Any]) -> None:
    with EventStore(sqlite_url) as store:
        [connection] = connections
        [num_pages] = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {num_pages + 1}")
        events = [event(0), event(1, question="q" * 100_000)]
        with pytest.raises(StoreError, match=r"full\. Free room"):
            store.commit("site", "gate", events=events, outbox=SINKS)
        assert (store.events(), store.outbox.backlog()) == ([], {})
        connection.execute(f"PRAGMA max_page_count = {num_pages + 1000}")
        assert store.commit("site", "gate", events=events, outbox=SINKS) == events
        assert revisions(store, "kafka") == [(0, 0), (1, 0)]


@pytest.mark.service
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_was_stopped_is_used_again_without_opening_anew(own_server: PostgreSQL, mode: str) -> None:
    with EventStore(own_server.url("events")) as store:
        for round_ in range(2):
            first, second = event(2 * round_), event(2 * round_ + 1)
            assert store.commit("site", "gate", events=[first], outbox=["kafka"]) == [first]
            own_server.stop(mode)
            for call in (store.events, store.outbox.backlog, lambda: store.commit("site", "gate", events=[second])):  # noqa: B023
                with pytest.raises(StoreError) as caught:
                    call()
                assert not any(secret in str(caught.value) for secret in ("s3cret", "tester"))
            own_server.start()
            assert store.commit("site", "gate", events=[first, second], outbox=["kafka"]) == [second]
        assert revisions(store, "kafka") == [(0, 0), (1, 0), (2, 0), (3, 0)]


@pytest.mark.service
def test_a_server_that_is_locked_holds_nobody_up_for_long(postgres: PostgreSQL) -> None:
    url = f"{postgres.url(USED_AGAIN)}&options=-c%20lock_timeout%3D100"
    postgres.execute(EMPTY, USED_AGAIN)
    with EventStore(url) as store, postgres.connected(USED_AGAIN) as other:
        other.execute("BEGIN; UPDATE counters SET value = value")
        with pytest.raises(StoreError, match="Another program holds it"):
            store.commit("site", "gate", events=[event()])
        other.execute("ROLLBACK")
        assert store.commit("site", "gate", events=[event()]) == [event()]


@pytest.mark.service
def test_limits_are_there_unless_the_url_gives_others(postgres: PostgreSQL, connections: list[Any]) -> None:
    with EventStore(f"{postgres.url(USED_AGAIN)}&connect_timeout=9&options=-c%20lock_timeout%3D100"):
        given = connections[0].info.get_parameters()
    assert given["connect_timeout"] == "9"
    assert int(given["tcp_user_timeout"]) <= 30_000
    assert given["options"].endswith("-c lock_timeout=100")
    assert "statement_timeout" in given["options"]
