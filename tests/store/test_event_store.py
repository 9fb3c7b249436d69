from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.postgres import PostgreSQL
from tests.store.samples import START, event, exhibit
from videoxl_stream.errors import StoreError
from videoxl_stream.events import Status
from videoxl_stream.store import Database, EventStore, StreamState, tables

STATE = StreamState(
    windows=7, position={"index": 70, "pts": 9.5}, rules={"fire": "{}"}, asked={"fire": START, "daily": START}
)


def test_events_come_back_as_they_were(url: str) -> None:
    with EventStore(url) as store:
        assert store.commit("site", "gate", events=[event(0), event(1)]) == [event(0), event(1)]
    with EventStore(url) as store:
        assert store.events() == [event(0), event(1)]
        assert store.event(event(1).id) == event(1)
        assert store.event("0" * 32) is None


def test_a_replay_writes_nothing_twice(url: str) -> None:
    with EventStore(url) as store:
        first = [event(0), event(0, 1), event(0, 2)]
        assert store.commit("site", "gate", events=first) == first
        assert store.commit("site", "gate", events=first) == []
        assert store.commit("site", "gate", events=[event(0, 1), event(0, 3)]) == [event(0, 3)]
        assert store.events() == [event(0, 3)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=20))
def test_in_any_order_the_latest_revision_stands(arrivals: list[tuple[int, int]]) -> None:
    with EventStore("sqlite://") as store:
        for window, revision in arrivals:
            store.commit("site", "gate", events=[event(window, revision)])
        latest = {window: max(r for w, r in arrivals if w == window) for window, _ in arrivals}
        assert store.events() == [event(window, latest[window]) for window in sorted(latest)]


def test_queries_narrow_by_every_field(url: str) -> None:
    other = event(3, stream_id="yard", rule="fall", status=Status.CLOSED, pipeline="other")
    with EventStore(url) as store:
        store.commit("site", "gate", events=[event(0), event(1), event(2), other])
        assert store.events(stream_id="yard") == store.events(rule="fall") == store.events(pipeline="other") == [other]
        assert store.events(status=Status.CLOSED) == [other]
        assert store.events(since=START + timedelta(seconds=25)) == [event(2), other]
        assert store.events(until=START + timedelta(seconds=10)) == [event(0)]
        assert store.events(limit=2) == [event(2), other]


def test_times_in_any_zone_come_back_in_utc(url: str) -> None:
    zone = datetime.fromisoformat("2026-01-01T02:00:00+02:00")
    with EventStore(url) as store:
        store.commit("site", "gate", events=[event(start=zone)])
        [found] = store.events()
        assert (found.start, found.start.tzinfo) == (START, UTC)


def test_the_state_of_a_stream_comes_back(url: str) -> None:
    with EventStore(url) as store:
        assert store.restore("site", "gate") is None
        store.commit("site", "gate", state=STATE)
        later = replace(STATE, windows=8, rules={"fire": '{"open":null}'})
        store.commit("site", "yard", state=later)
        assert store.restore("site", "gate") == STATE
        store.commit("site", "gate", state=later)
        assert store.restore("site", "gate") == later
        assert store.restore("other", "gate") is None


def test_a_commit_is_all_or_nothing(url: str) -> None:
    with EventStore(url) as store:
        store.commit("site", "gate", state=STATE)
        broken = replace(STATE, windows=8, rules={"fire": object()})  # type: ignore[dict-item]
        with pytest.raises(StoreError):
            store.commit("site", "gate", events=[event(5)], state=broken)
        assert store.events() == []
        assert store.restore("site", "gate") == STATE


def test_a_reader_does_not_wait_for_the_writer(sqlite_url: str, tmp_path: Path) -> None:
    with EventStore(sqlite_url) as store, EventStore(sqlite_url) as reader:
        store.commit("site", "gate", events=[event(0)])
        writer = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM events")
        assert reader.events() == [event(0)]
        writer.execute("ROLLBACK")
        writer.close()


def test_processes_may_open_a_new_store_at_once(empty_url: str) -> None:
    code = f"from videoxl_stream.store import EventStore; EventStore({empty_url!r}).close()"
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]


def test_the_migrations_make_the_tables_of_this_version(empty_url: str) -> None:
    EventStore(empty_url).close()
    assert differences(empty_url) == []


def test_migrations_can_be_taken_back(empty_url: str) -> None:
    with EventStore(empty_url) as store:
        store.commit("site", "gate", events=[event()], state=STATE, exhibits=[exhibit()])
    database = Database(empty_url)
    config = Config()
    config.set_main_option("script_location", str(Path(tables.__file__).parent / "migrations"))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    assert database.pending() == [
        "0002  What an event's rule asked for beyond the alarm, such as what an ad is for.",
        "0003  Evidence, what became of each stream's frames, and the order in which events changed.",
        "0004  The outbox: revisions of events that are still to be delivered.",
        "0005  Who goes on with a stream: the newest of those who claimed it.",
        "0006  Where streams keep their memories on disk, so that nothing is forgotten without them.",
    ]
    database.close()
    with EventStore(empty_url) as store:
        assert store.events() == [event()]
        assert store.restore("site", "gate") == STATE
    assert differences(empty_url) == []


def differences(url: str) -> list[object]:
    """What the tables lack of those of this version."""
    database = Database(url)
    with database.reading() as connection:
        found: list[object] = compare_metadata(MigrationContext.configure(connection), tables.Tables.metadata)
    database.close()
    return found


def test_a_store_of_a_newer_version_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    EventStore(sqlite_url).close()
    connection = sqlite3.connect(tmp_path / "events.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="newer version"):
        EventStore(sqlite_url)


def test_a_store_that_is_not_there_is_made_only_if_wanted(sqlite_url: str) -> None:
    with pytest.raises(StoreError, match=r"no event store sqlite:.*events\.db"):
        EventStore(sqlite_url, create=False)
    EventStore(sqlite_url).close()
    EventStore(sqlite_url, create=False).close()


def test_a_file_of_another_kind_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "events.db").write_text("no database " * 1000)
    with pytest.raises(StoreError, match="not a database"):
        EventStore(sqlite_url)


def test_a_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(StoreError, match=r"nowhere/events\.db.*folder"):
        EventStore("sqlite:////nowhere/events.db")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+nodriver://ann:s3cret@db/events",
        "nonsense ann:s3cret",
        "postgresql://ann:x@y:s3cret@db:port/e",
        "postgresql+psycopg2://ann:s3cret@localhost:1/events?options=s3cret",
    ],
)
def test_no_error_shows_credentials(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        EventStore(url)
    assert "s3cret" not in str(caught.value)


def test_no_error_of_a_server_shows_credentials(postgres: PostgreSQL) -> None:
    with pytest.raises(StoreError, match="nowhere") as caught:
        EventStore(postgres.url("nowhere"))
    assert not any(secret in str(caught.value) for secret in ("s3cret", "tester"))


def test_the_name_shows_no_credentials(url: str) -> None:
    with EventStore(f"{url}{'&connect_' if '?' in url else '?'}timeout=3") as store:
        assert store.name in {url, re.sub("://.*@", "+psycopg://", url).partition("?")[0]}


def test_other_databases_are_refused() -> None:
    with pytest.raises(StoreError, match="SQLite or PostgreSQL"):
        EventStore("mysql+pymysql://ann:s3cret@db/events")
