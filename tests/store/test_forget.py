"""What is forgotten is gone: rows, files, and the bytes of the database."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.store.samples import START, event, exhibit
from tests.store.test_retention import files, write
from videoxl_stream.errors import ConfigError, StoreError
from videoxl_stream.events import Event, ExhibitKind
from videoxl_stream.queries import Span
from videoxl_stream.store import EventStore, StreamState

SECRET = "a man in a red coat"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "evidence").mkdir()
    return tmp_path / "evidence"


def told(window: int, **changes: object) -> Event:
    words: dict[str, Any] = {"answer": f"{SECRET} {window}", "content": SECRET * 500}
    return event(window, **(words | changes))


def filled(url: str, folder: Path) -> EventStore:
    """Nine events with everything that shows them on each of two streams; rules in the middle of an event."""
    store = EventStore(url)
    for stream_id in ("gate", "yard"):
        for window in range(9):
            found = told(window, stream_id=stream_id)
            exhibits = [exhibit(window, kind, stream_id=stream_id) for kind in ExhibitKind]
            write(folder, exhibits)
            rules = {"fire": f'{{"open": {found.model_dump_json()}}}'}
            store.commit(
                "site", stream_id, events=[found], exhibits=exhibits, state=StreamState(window + 1, rules=rules)
            )
    return store


def test_all_that_touches_the_span_goes_kept_or_not(url: str, folder: Path) -> None:
    since, until = START + timedelta(seconds=35), START + timedelta(seconds=60)
    with filled(url, folder) as store:
        store.keep(event(4).id)
        planned = store.forget("gate", since, until, None, dry_run=True)
        assert len(store.events()) == 18
        gone = store.forget("gate", since, until, folder)
        assert (gone.events, gone.exhibits) == (planned.events, planned.exhibits) == (3, dict.fromkeys(ExhibitKind, 3))
        assert gone.scrubbed == url.startswith("sqlite")
        assert [each.window for each in store.events(stream_id="gate")] == [0, 1, 2, 6, 7, 8]
        assert len(store.events(stream_id="yard")) == 9
        assert files(folder) == {each.path for each in store.exhibits()}
        assert len(store.exhibits(stream_id="yard")) == 27


def test_a_clip_with_pre_roll_goes_though_its_event_stays(url: str, folder: Path) -> None:
    early = exhibit(6, start=START + timedelta(seconds=45), start_s=45)
    with filled(url, folder) as store:
        store.commit("site", "gate", exhibits=[early])
        store.forget("gate", START + timedelta(seconds=50.5), START + timedelta(seconds=51), folder)
        assert store.event(event(6).id) is not None
        assert [each.kind for each in store.exhibits(event_id=event(6).id)] == [ExhibitKind.PICTURE]


def test_a_rule_that_remembers_a_forgotten_event_begins_anew(url: str, folder: Path) -> None:
    with filled(url, folder) as store:
        store.forget("gate", START, START + timedelta(seconds=1), folder)
        assert SECRET in str(store.restore("site", "gate"))
        store.forget("gate", START + timedelta(seconds=85), START + timedelta(seconds=86), folder)
        state = store.restore("site", "gate")
        assert state is not None
        assert (state.windows, state.rules) == (9, {})
        assert SECRET in str(store.restore("site", "yard"))


def test_another_pipeline_may_be_spared(url: str, folder: Path) -> None:
    with EventStore(url) as store:
        store.commit("site", "gate", events=[event(0)])
        store.commit("home", "gate", events=[event(1, pipeline="home", start=START)])
        assert store.forget("gate", START, START + timedelta(seconds=1), folder, pipeline="home").events == 1
        assert store.events() == [event(0)]


def stored(folder: Path) -> bytes:
    """Every byte of the database's files."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("events.db*")))


def test_the_words_are_gone_from_the_files_of_the_database(sqlite_url: str, folder: Path, tmp_path: Path) -> None:
    with filled(sqlite_url, folder) as store:
        store.commit("site", "gate", events=[told(9, revision=1), told(9, revision=2, answer="a dog")])
        assert SECRET.encode() in stored(tmp_path)
        for stream_id in ("gate", "yard"):
            store.forget(stream_id, START, START + timedelta(days=1), folder)
        assert SECRET.encode() not in stored(tmp_path)


def test_what_was_deleted_carelessly_before_is_gone_as_well(sqlite_url: str, folder: Path, tmp_path: Path) -> None:
    with filled(sqlite_url, folder):
        careless = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
        careless.execute("PRAGMA secure_delete=OFF")
        careless.execute("DELETE FROM events")
        careless.execute("UPDATE rules SET state = NULL")
        careless.close()
    assert SECRET.encode() in stored(tmp_path)
    with EventStore(sqlite_url) as store:
        store.forget("gate", START, START + timedelta(days=1), folder)
        assert SECRET.encode() not in stored(tmp_path)


def test_a_reader_that_holds_the_old_pages_is_told_of(
    sqlite_url: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videoxl_stream.store.database._BUSY_TIMEOUT_MS", 50)
    with filled(sqlite_url, folder) as store:
        reader = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM events").fetchone()
        with pytest.raises(StoreError, match=r"may still be read.*do this again"):
            store.forget("gate", START, START + timedelta(days=1), folder)
        reader.close()
        assert store.forget("gate", START, START + timedelta(days=1), folder).scrubbed


def test_an_empty_span_is_refused(url: str, folder: Path) -> None:
    with EventStore(url) as store, pytest.raises(ConfigError, match="no span"):
        store.forget("gate", START, START, folder)


def test_a_span_is_found_on_the_clock_of_the_stream(url: str) -> None:
    def at(seconds: float) -> datetime:
        return START + timedelta(seconds=seconds)

    with EventStore(url) as store:
        assert store.stream_span("gate", at(0), at(5)) is None
        store.commit("site", "gate", events=[event(3)])
        store.commit("site", "yard", events=[event(0, stream_id="yard", start_s=500, end_s=501)])
        for since, until in ((2, 5), (33, 36), (100, 200)):
            assert store.stream_span("gate", at(since), at(until)) == Span(since, until)
        store.commit("site", "gate", exhibits=[exhibit(9, start_s=1090, end_s=1100)])
        assert store.stream_span("gate", at(35), at(95), pipeline="site") == Span(35, 1095)
        assert store.stream_span("gate", at(35), at(95), pipeline="home") is None
