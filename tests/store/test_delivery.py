"""Whatever fails and whenever, what was committed arrives: every revision, in order, and nothing else."""

from __future__ import annotations

import logging
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.postgres import PostgreSQL
from tests.store.samples import event
from videoxl_stream import delivery as delivering
from videoxl_stream.delivery import Delivery
from videoxl_stream.errors import ConfigError, SinkError, StoreError
from videoxl_stream.events import Event
from videoxl_stream.store import EventStore

LONG_S = 60.0
Revision = tuple[int, int]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "_FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(delivering, "_LONGEST_WAIT_S", 0.01)


def revision(event: Event) -> Revision:
    return event.window, event.revision


@dataclass
class Receiver:
    """A sink across a network: what is flushed has arrived, and a failing flush may have come half-way."""

    faults: list[str] = field(default_factory=list)
    poison: frozenset[Revision] = frozenset()
    refuses_late: bool = False
    arrived: list[Revision] = field(default_factory=list)
    closed: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)
    _written: list[Revision] = field(default_factory=list)

    def write(self, event: Event) -> None:
        self._fail_at("write")
        if revision(event) in self.poison and not self.refuses_late:
            self._written = []
            msg = "too large"
            raise SinkError(msg, for_good=True)
        self._written.append(revision(event))

    def flush(self) -> None:
        written, self._written = self._written, []
        self._fail_at("before")
        if bad := self.poison & set(written):
            self._arrive([each for each in written if each not in bad])
            msg = f"too large: {sorted(bad)}"
            raise SinkError(msg, for_good=True)
        self._arrive(written)
        self._fail_at("after")

    def close(self) -> None:
        self.closed += 1

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, LONG_S)

    def _arrive(self, written: list[Revision]) -> None:
        with self.changed:
            self.arrived += written
            self.changed.notify_all()

    def _fail_at(self, place: str) -> None:
        if not self.faults or not self.faults[0].startswith(place):
            return
        fault, self._written = self.faults.pop(0), []  # as of a producer that is made anew
        if fault.endswith("!"):
            msg = "a fault of the sink's own"
            raise RuntimeError(msg)
        msg = "the network is down"
        raise SinkError(msg)


def in_order(arrived: list[Revision]) -> list[Revision]:
    """First arrivals; where each repeat goes back to a place before, nothing was ever skipped."""
    return list(dict.fromkeys(arrived))


@contextmanager
def delivered(store: EventStore, receiver: Receiver, batch: int = 100, patience: int = 5) -> Iterator[Delivery]:
    delivery = Delivery(store, {"pager": receiver}, batch=batch, patience=patience, poll_s=LONG_S)
    delivery.start()
    try:
        yield delivery
    finally:
        assert delivery.close(LONG_S)


def test_what_is_committed_arrives_at_once_and_in_order(url: str) -> None:
    receiver = Receiver()
    with EventStore(url) as store, delivered(store, receiver) as delivery:
        for window in range(5):
            store.commit("site", "gate", events=[event(window), event(window, 1)], outbox=delivery.names)
            delivery.wake()
            receiver.wait_for(lambda: len(receiver.arrived) >= 2 * window + 2)  # noqa: B023
        assert delivery.status["pager"].failing_since is None
    assert receiver.arrived == [(window, number) for window in range(5) for number in range(2)]
    assert receiver.closed == 1


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("fault"), st.sampled_from(["write", "before", "after", "write!", "after!"]), st.just(0)),
        st.tuples(st.just("restart"), st.booleans(), st.just(0)),
        st.tuples(st.just("settle"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


def play(where: str, steps: list[tuple[str, object, int]], batch: int) -> tuple[list[Revision], list[Revision]]:
    """Returns what was committed anew and what arrived."""
    receiver, committed = Receiver(), list[Revision]()

    def all_there() -> bool:
        return set(receiver.arrived) >= set(committed)

    store = EventStore(where)
    delivery = Delivery(store, {"pager": receiver}, batch=batch, poll_s=0.01)
    delivery.start()
    try:
        for what, first, second in steps:
            if what == "commit":
                events = [event(int(str(first)), number) for number in range(second + 1)]
                committed += map(revision, store.commit("site", "gate", events=events, outbox=["pager"]))
                delivery.wake()
            elif what == "fault":
                receiver.faults.append(str(first))
            elif what == "settle":
                receiver.wait_for(all_there)
            else:
                assert delivery.close(LONG_S if first else 0.0) or not first
                delivery.close(LONG_S)
                store.close()
                store = EventStore(where)
                delivery = Delivery(store, {"pager": receiver}, batch=batch, poll_s=0.01)
                delivery.start()
        wait_until(lambda: not store.outbox.backlog())
    finally:
        assert delivery.close(LONG_S)
        store.close()
    return committed, receiver.arrived


@settings(max_examples=30)
@given(STEPS, st.integers(1, 4))
def test_any_interleaving_delivers_every_revision_in_order(steps: list[tuple[str, object, int]], batch: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        committed, arrived = play(f"sqlite:///{Path(folder)}/events.db", steps, batch)
    assert in_order(arrived) == committed


def test_the_same_on_either_database(url: str) -> None:
    steps: list[tuple[str, object, int]] = []
    for number in range(8):
        steps += [("commit", number % 4, number % 3), ("fault", ["write", "before", "after", "after!"][number % 4], 0)]
        steps += [("restart", number % 2 == 0, 0)] if number % 3 == 0 else [("settle", 0, 0)]
    committed, arrived = play(url, steps, 3)
    assert in_order(arrived) == committed
    assert len(committed) == 10


@pytest.mark.parametrize("refuses_late", [True, False])
def test_what_is_refused_for_good_is_set_aside_and_the_rest_arrives(sqlite_url: str, refuses_late: bool) -> None:
    receiver = Receiver(poison=frozenset({(1, 0), (3, 0)}), refuses_late=refuses_late)
    with EventStore(sqlite_url) as store, delivered(store, receiver, patience=3) as delivery:
        store.commit("site", "gate", events=[event(window) for window in range(6)], outbox=["pager"])
        delivery.wake()
        wait_until(lambda: delivery.status["pager"].refused == 2)
        assert delivery.close(LONG_S)
        assert in_order(receiver.arrived) == [(0, 0), (2, 0), (4, 0), (5, 0)]
        status = delivery.status["pager"]
        assert (status.refused, status.backlog, status.failing_since) == (2, 0, None)
        refused = store.outbox.letters(refused=True)
        assert [letter.event.window for letter in refused] == [1, 3]
        assert all("too large" in str(letter.error) and letter.attempts >= 3 for letter in refused)


def test_a_person_may_have_it_tried_again(sqlite_url: str) -> None:
    receiver = Receiver(poison=frozenset({(0, 0)}))
    with EventStore(sqlite_url) as store, delivered(store, receiver, patience=1) as delivery:
        store.commit("site", "gate", events=[event(0), event(1)], outbox=["pager"])
        delivery.wake()
        receiver.wait_for(lambda: receiver.arrived == [(1, 0)])
        receiver.poison = frozenset()
        assert store.outbox.retry("pager") == 1
        delivery.wake()
        receiver.wait_for(lambda: receiver.arrived == [(1, 0), (0, 0)])


def test_one_sink_that_is_down_holds_up_no_other(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    down, up = Receiver(faults=["write", "before"] * 100_000), Receiver()
    caplog.set_level(logging.INFO)
    with EventStore(sqlite_url) as store:
        delivery = Delivery(store, {"down": down, "up": up}, poll_s=LONG_S)
        delivery.start()
        store.commit("site", "gate", events=[event(0)], outbox=delivery.names)
        delivery.wake()
        up.wait_for(lambda: up.arrived == [(0, 0)])
        wait_until(lambda: delivery.status["down"].failing_since is not None)
        status = delivery.status["down"]
        assert (status.backlog, status.error, status.oldest is None) == (1, "the network is down", False)
        assert delivery.close(LONG_S)
        assert store.outbox.backlog()["down"].waiting == 1
    assert [record.message for record in caplog.records].count(
        "sink down is not served, and will be tried again: the network is down"
    ) == 1


@pytest.mark.service
def test_a_server_that_stops_in_traffic_loses_nothing(own_server: PostgreSQL) -> None:
    receiver, committed = Receiver(), list[Revision]()
    with EventStore(own_server.url("events")) as store, delivered(store, receiver, batch=2) as delivery:
        for window in range(6):
            events = [event(window), event(window, 1)]
            if window % 3 == 1:
                own_server.stop()
                with pytest.raises(StoreError):
                    store.commit("site", "gate", events=events, outbox=delivery.names)
                delivery.wake()
                wait_until(lambda: delivery.status["pager"].failing_since is not None)
                own_server.start()
            committed += map(revision, store.commit("site", "gate", events=events, outbox=delivery.names))
            delivery.wake()
        receiver.wait_for(lambda: set(receiver.arrived) == set(committed))
        wait_until(lambda: not store.outbox.backlog())
        assert delivery.status["pager"].failing_since is None
    assert in_order(receiver.arrived) == committed
    assert len(committed) == 12


def test_a_sink_that_hangs_is_left_behind_in_time(sqlite_url: str) -> None:
    entered, released = threading.Event(), threading.Event()

    class Hanging(Receiver):
        def flush(self) -> None:
            entered.set()
            assert released.wait(LONG_S)
            super().flush()

    hanging, other = Hanging(), Receiver()
    with EventStore(sqlite_url) as store:
        delivery = Delivery(store, {"hanging": hanging, "other": other}, poll_s=LONG_S)
        delivery.start()
        store.commit("site", "gate", events=[event(0), event(1)], outbox=delivery.names)
        delivery.wake()
        assert entered.wait(LONG_S)
        begun = monotonic()
        assert not delivery.close(2.0)
        assert monotonic() - begun < LONG_S / 2
        assert (other.arrived, other.closed) == ([(0, 0), (1, 0)], 1)
        released.set()
        assert delivery.close(LONG_S)
        assert hanging.closed == 1
        assert store.outbox.backlog()["hanging"].waiting == 2  # it comes again: nobody knew that it had arrived


def test_what_was_committed_before_close_is_still_delivered(sqlite_url: str) -> None:
    receiver = Receiver()
    with EventStore(sqlite_url) as store, delivered(store, receiver, batch=3):
        store.commit("site", "gate", events=[event(window) for window in range(10)], outbox=["pager"])
    assert receiver.arrived == [(window, 0) for window in range(10)]


def test_closing_what_never_began_closes_the_sinks(sqlite_url: str) -> None:
    receiver = Receiver()
    with EventStore(sqlite_url) as store:
        store.commit("site", "gate", events=[event(0)], outbox=["pager"])
        assert Delivery(store, {"pager": receiver}).close(LONG_S)
    assert (receiver.closed, receiver.arrived) == (1, [])


def test_a_fault_of_the_sinks_own_shows_no_words(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver(faults=["write!"])
    with EventStore(sqlite_url) as store, delivered(store, receiver) as delivery:
        store.commit("site", "gate", events=[event(0)], outbox=["pager"])
        delivery.wake()
        receiver.wait_for(lambda: receiver.arrived == [(0, 0)])
    assert "RuntimeError in _fail_at" in caplog.text
    assert "a fault of the sink's own" not in caplog.text


def test_what_another_version_wrote_is_set_aside(sqlite_url: str, tmp_path: Path) -> None:
    receiver = Receiver()
    with EventStore(sqlite_url) as store:
        store.commit("site", "gate", events=[event(0), event(1)], outbox=["pager"])
        other = sqlite3.connect(tmp_path / "events.db")
        other.execute("UPDATE outbox SET payload = '{}' WHERE seq = 1")
        other.commit()
        other.close()
        with delivered(store, receiver, patience=2):
            receiver.wait_for(lambda: receiver.arrived == [(1, 0)])
        [refused] = store.outbox.letters(refused=True)
        assert "another version" in str(refused.error)


def test_a_sink_says_for_how_long_it_wants_to_be_left_alone(sqlite_url: str) -> None:
    class Busy(Receiver):
        def write(self, event: Event) -> None:
            msg = "too many requests"
            raise SinkError(msg, wait_s=LONG_S)

    with EventStore(sqlite_url) as store:
        delivery = Delivery(store, {"pager": Busy()})
        delivery.start()
        store.commit("site", "gate", events=[event(0)], outbox=["pager"])
        delivery.wake()
        wait_until(lambda: delivery.status["pager"].failing_since is not None)
        for _ in range(100):
            delivery.wake()  # cuts nothing short
        [letter] = store.outbox.waiting("pager")
        assert letter.attempts == 1
        assert delivery.close(LONG_S)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"batch": 0}, "positive"),
        ({"patience": 0}, "positive"),
        ({"poll_s": 0}, "positive"),
        ({"sinks": {" ": Receiver()}}, "names"),
    ],
)
def test_what_cannot_work_is_refused(sqlite_url: str, options: dict[str, object], complaint: str) -> None:
    with EventStore(sqlite_url) as store, pytest.raises(ConfigError, match=complaint):
        Delivery(store, **({"sinks": {}} | options))  # type: ignore[arg-type]


def test_a_store_in_memory_is_refused() -> None:
    with EventStore("sqlite://") as store, pytest.raises(ConfigError, match="in memory"):
        Delivery(store, {})


def wait_until(condition: Callable[[], bool]) -> None:
    """Look again and again; for what nobody can be told of."""
    deadline = monotonic() + LONG_S
    while not condition():
        assert monotonic() < deadline
        threading.Event().wait(0.01)
