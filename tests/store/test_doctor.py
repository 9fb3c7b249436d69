"""Rows and files are compared both ways, and what is wrong can be mended."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.samples import START, event, exhibit
from tests.store.test_retention import files, write
from videoxl_stream.errors import StoreError
from videoxl_stream.events import ExhibitKind
from videoxl_stream.store import REMEDIES, EventStore, Fault, Retention, doctor
from videoxl_stream.store.reading import Page
from videoxl_stream.store.tables import ExhibitRow

NO_TIME = timedelta(0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "evidence").mkdir()
    return tmp_path / "evidence"


def filled(url: str, folder: Path, num: int = 4) -> EventStore:
    store = EventStore(url)
    exhibits = [exhibit(window, kind) for window in range(num) for kind in ExhibitKind]
    write(folder, exhibits)
    store.commit("site", "gate", events=[event(window) for window in range(num)], exhibits=exhibits)
    return store


def faults(store: EventStore, folder: Path) -> dict[str, Fault]:
    return {finding.path: finding.fault for finding in store.doctor(folder, settled=NO_TIME).examine()}


def mend(store: EventStore, folder: Path) -> None:
    looking = store.doctor(folder, settled=NO_TIME)
    for finding in looking.examine():
        looking.mend(finding)


def test_nothing_is_found_where_all_is_right(url: str, folder: Path) -> None:
    with filled(url, folder) as store:
        assert faults(store, folder) == {}


def test_every_fault_is_found_and_mended(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with filled(url, folder) as store:
        (folder / exhibit(0).path).unlink()
        (folder / exhibit(1).path).write_bytes(b"longer than it was" * 10)
        (folder / "gate/clip/stray.mp4").write_bytes(b"x")
        (folder / "gate/new.mp4.partial").write_bytes(b"x")
        store.commit("site", "gate", exhibits=[exhibit(7)])
        write(folder, [exhibit(7)])
        with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
            store.apply(Retention(pictures=timedelta(seconds=80)), folder, START + timedelta(seconds=99))
        assert faults(store, folder) == {
            exhibit(0).path: Fault.MISSING,
            exhibit(1).path: Fault.SIZE,
            exhibit(7).path: Fault.EVENTLESS,
            exhibit(0, ExhibitKind.PICTURE).path: Fault.UNFINISHED,
            "gate/clip/stray.mp4": Fault.STRAY,
            "gate/new.mp4.partial": Fault.PARTIAL,
        }
        assert REMEDIES.keys() == set(Fault)
        mend(store, folder)
        assert faults(store, folder) == {}
        assert files(folder) == {each.path for each in store.exhibits()}
        assert len(store.exhibits()) == 10
        assert store.exhibits(event_id=event(1).id)[0].num_bytes == 180


def test_what_is_being_written_is_left_alone(url: str, folder: Path) -> None:
    with filled(url, folder) as store:
        (folder / "gate/clip/new.mp4").write_bytes(b"x")
        (folder / exhibit(1).path).write_bytes(b"growing")
        assert list(store.doctor(folder).examine()) == []
        for path in ("gate/clip/new.mp4", exhibit(1).path):
            os.utime(folder / path, (0, 0))
        assert len(list(store.doctor(folder).examine())) == 2


def test_a_file_that_comes_back_keeps_its_row(url: str, folder: Path) -> None:
    with filled(url, folder) as store:
        (folder / exhibit(0).path).unlink()
        looking = store.doctor(folder, settled=NO_TIME)
        found = list(looking.examine())
        write(folder, [exhibit(0)])
        for finding in found:
            looking.mend(finding)
        assert exhibit(0) in store.exhibits()


@settings(max_examples=15, deadline=None)
@given(
    rows=st.sets(st.integers(0, 1200), max_size=30),
    present=st.sets(st.integers(0, 1200), max_size=30),
)
def test_both_sides_are_compared_whole(
    tmp_path_factory: pytest.TempPathFactory, rows: set[int], present: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("evidence")
    write(folder, [exhibit(number, ExhibitKind.THUMBNAIL) for number in present])
    with EventStore("sqlite://") as store:
        store.commit("site", "gate", exhibits=[exhibit(number, ExhibitKind.THUMBNAIL) for number in rows])
        found = faults(store, folder)
        assert found == {
            exhibit(number, ExhibitKind.THUMBNAIL).path: Fault.MISSING if number in rows else Fault.STRAY
            for number in rows ^ present
        }
        mend(store, folder)
        assert {each.path for each in store.exhibits()} == files(folder)


def test_more_than_a_page_of_each_is_compared(sqlite_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PAGE_ROWS", 7)
    monkeypatch.setattr(doctor, "EXHIBITS_BY_PATH", Page(ExhibitRow.path, ExhibitRow.path, num_rows=7))
    shown = [exhibit(number, ExhibitKind.THUMBNAIL) for number in range(50)]
    write(folder, shown[10:])
    with EventStore(sqlite_url) as store:
        store.commit("site", "gate", exhibits=shown[:40])
        found = faults(store, folder)
        assert [list(found.values()).count(fault) for fault in (Fault.MISSING, Fault.STRAY)] == [10, 10]
        mend(store, folder)
        assert faults(store, folder) == {}


def test_a_folder_that_is_not_mounted_costs_no_row(url: str, folder: Path) -> None:
    with filled(url, folder) as store, pytest.raises(StoreError, match="mount its disk"):
        store.doctor(folder / "elsewhere")
