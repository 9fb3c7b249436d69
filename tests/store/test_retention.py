"""Old things go, the oldest first; what is kept stays; and a crash in between is finished or found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.samples import START, event, exhibit
from videoxl_stream.errors import ConfigError, StoreError
from videoxl_stream.events import Exhibit, ExhibitKind, Severity
from videoxl_stream.store import EventStore, Removal, Retention

CLIP, PICTURE, THUMBNAIL = ExhibitKind
NOW = START + timedelta(seconds=100)


def seconds(num: float) -> timedelta:
    return timedelta(seconds=num)


def write(folder: Path, exhibits: Iterable[Exhibit]) -> None:
    for each in exhibits:
        (folder / each.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / each.path).write_bytes(b"x" * each.num_bytes)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "evidence").mkdir()
    return tmp_path / "evidence"


def filled(url: str, folder: Path, windows: Iterable[int] = range(9)) -> EventStore:
    """An event with clip and picture for each window, by turns of three severities, and a thumbnail."""
    store = EventStore(url)
    for window in windows:
        exhibits = [exhibit(window, kind) for kind in ExhibitKind]
        write(folder, exhibits)
        severity = list(Severity)[window % 3]
        rule = "gap" if window == 3 else "fire"
        store.commit("site", "gate", events=[event(window, severity=severity, rule=rule)], exhibits=exhibits)
    return store


def test_each_class_has_an_age_of_its_own(url: str, folder: Path) -> None:
    retention = Retention(
        events=seconds(60),  # of the warnings, windows 1, 4 and 7, the first
        severities={Severity.CRITICAL: seconds(1000), Severity.INFO: seconds(35)},  # of 0, 3 and 6, the first
        rules={"gap": seconds(500)},  # which is window 3
        clips=seconds(15),
        thumbnails=seconds(65),
    )
    with filled(url, folder) as store:
        planned = store.apply(retention, None, NOW, dry_run=True)
        assert len(store.events()) == 9
        gone = store.apply(retention, folder, NOW)
        assert [each.window for each in store.events()] == [2, 3, 4, 5, 6, 7, 8]
        left = {kind: [each.start_s / 10 for each in store.exhibits(kind=kind)] for kind in ExhibitKind}
        assert left == {CLIP: [8], PICTURE: [2, 3, 4, 5, 6, 7, 8], THUMBNAIL: [3, 4, 5, 6, 7, 8]}
        assert files(folder) == {each.path for each in store.exhibits()}
        assert gone == planned == Removal(2, {CLIP: 8, PICTURE: 2, THUMBNAIL: 3}, 1300)
        assert store.apply(retention, folder, NOW) == Removal()


def test_the_budget_takes_the_oldest_of_any_kind(url: str, folder: Path) -> None:
    with filled(url, folder) as store:
        assert store.keep(event(0).id)
        gone = store.apply(Retention(budget_bytes=2250), folder, NOW)
        assert sum(gone.exhibits.values()) == 5
        assert {each.path for each in store.exhibits()} == files(folder)
        assert [each.start_s for each in store.exhibits()][:4] == [0, 0, 20, 20]
        assert len(store.events()) == 9
        gone = store.apply(Retention(budget_bytes=0), folder, NOW)
        assert [each.event_id for each in store.exhibits()] == [event(0).id] * 2
        assert gone.over_bytes == 200


@settings(max_examples=15, deadline=None)
@given(
    ends=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.booleans()), max_size=25),
    budget=st.integers(0, 600),
    age=st.integers(0, 60),
)
def test_nothing_kept_goes_and_nothing_older_stays(
    tmp_path_factory: pytest.TempPathFactory, ends: list[tuple[int, int, bool]], budget: int, age: int
) -> None:
    folder = tmp_path_factory.mktemp("evidence")
    shown = [
        exhibit(number, THUMBNAIL, end=START + seconds(end), start=START, num_bytes=size, event_id=event(kept).id)
        for number, (end, size, kept) in enumerate(ends)
    ]
    with EventStore("sqlite://") as store:
        store.commit("site", "gate", events=[event(0), event(1)], exhibits=shown)
        store.keep(event(1).id)
        write(folder, shown)
        gone = store.apply(Retention(thumbnails=seconds(age), budget_bytes=budget), folder, START + seconds(60))
        left = store.exhibits()
    assert files(folder) == {each.path for each in left}
    kept = [each for each in shown if each.event_id == event(1).id]
    assert {each.path for each in kept} <= files(folder)
    loose = [each for each in left if each not in kept]
    went = [each for each in shown if each not in left]
    assert all(each.end >= START + seconds(60 - age) for each in loose)
    assert max((each.end for each in went), default=START) <= min((each.end for each in loose), default=NOW)
    assert gone.over_bytes == max(0, sum(each.num_bytes for each in left) - budget)
    assert not (loose and gone.over_bytes)


def test_a_crash_between_files_and_rows_is_finished_next_time(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink
    done: list[Path] = []

    def cut_off(path: Path, missing_ok: bool = False) -> None:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(path)
        unlink(path, missing_ok)

    with filled(url, folder) as store:
        monkeypatch.setattr(Path, "unlink", cut_off)
        with pytest.raises(KeyboardInterrupt):
            store.apply(Retention(events=seconds(0)), folder, NOW)
        monkeypatch.undo()
        assert store.events() == []
        assert {each.kind for each in store.exhibits()} == {THUMBNAIL}
        assert len(files(folder)) == 25
        gone = store.apply(Retention(), folder, NOW)
        assert (gone.missing, gone.exhibits) == (2, {CLIP: 9, PICTURE: 9})
        assert files(folder) == {each.path for each in store.exhibits()}


def test_a_file_that_cannot_be_deleted_waits(url: str, folder: Path) -> None:
    with filled(url, folder, range(2)) as store:
        stuck = folder / exhibit(0).path
        stuck.unlink()
        stuck.mkdir()
        gone = store.apply(Retention(clips=seconds(0)), folder, NOW)
        assert gone.exhibits == {CLIP: 1}
        assert [each.partition(":")[0] for each in gone.stuck] == [exhibit(0).path]
        stuck.rmdir()
        assert store.apply(Retention(), folder, NOW).exhibits == {CLIP: 1}


def test_without_its_folder_nothing_is_given_up_unnoticed(url: str, folder: Path) -> None:
    with filled(url, folder, range(1)) as store:
        with pytest.raises(StoreError, match="there is no evidence folder"):
            store.apply(Retention(events=seconds(0)), folder / "unmounted", NOW)
        assert len(store.events()) == 1
        with pytest.raises(StoreError, match="2 files of evidence have been given up"):
            store.apply(Retention(events=seconds(0)), None, NOW)
        assert store.apply(Retention(), folder, NOW).exhibits == {CLIP: 1, PICTURE: 1}


def test_a_store_without_evidence_needs_no_folder(url: str) -> None:
    with EventStore(url) as store:
        store.commit("site", "gate", events=[event(0), event(1)])
        assert store.apply(Retention(events=seconds(85)), None, NOW).events == 1


@pytest.mark.parametrize("wrong", [{"events": seconds(-1)}, {"rules": {"fire": seconds(-1)}}, {"budget_bytes": -1}])
def test_what_would_delete_the_future_is_refused(wrong: dict[str, timedelta]) -> None:
    with pytest.raises(ConfigError, match="negative"):
        Retention(**wrong)  # type: ignore[arg-type]
