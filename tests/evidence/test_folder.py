from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from videoxl_stream.evidence.folder import StreamFolder
from videoxl_stream.file_names import file_name

NAME = st.text(max_size=150)


@given(NAME, NAME)
@example("a/b", "a=2Fb")
@example("", "==")
@example("..", "=2E.")
@example("x" * 99 + "/", "x" * 99 + "=2F")
@example("\ud800", "?")
def test_different_names_never_share_a_file(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)


@given(NAME)
@example("..")
@example("../../etc")
@example("a\x00b")
@example("é" * 200)
def test_no_name_leads_out_of_its_folder(name: str) -> None:
    safe = file_name(name)
    assert 0 < len(safe.encode()) <= 100
    assert not set(safe) & set("/\\\x00%?#&: ")
    assert not safe.startswith(".")


@pytest.mark.parametrize("name", ["cam-1", "Gate_2", "yard.north"])
def test_plain_names_stay_readable(name: str) -> None:
    assert file_name(name) == name


def test_days_are_days_of_utc(tmp_path: Path) -> None:
    folder = StreamFolder(tmp_path, "site", "cam/1")
    midnight = datetime(2026, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert folder.relative(folder.place(midnight, "a.jpg")) == "site/cam=2F1/2026-02-28/a.jpg"


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = StreamFolder(tmp_path, "site", "cam")
    path = folder.place(datetime(2026, 3, 1, tzinfo=UTC), "a.jpg")

    def fail(partial: Path) -> None:
        partial.write_bytes(b"half")
        assert not path.exists()
        msg = "no space left"
        raise OSError(msg)

    with pytest.raises(OSError, match="no space"):
        folder.write(path, fail)
    assert list(path.parent.iterdir()) == []
    assert folder.write(path, lambda partial: len_of(partial.write_bytes(b"whole"))) == 5
    assert [each.name for each in path.parent.iterdir()] == ["a.jpg"]
    assert path.read_bytes() == b"whole"


def len_of(written: int) -> None:
    assert written == 5
