from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.connectors.clips import START, every, read_all, read_some, same, times, write_sound, write_video
from videoxl_stream.connectors.file import FileSource
from videoxl_stream.connectors.outcomes import Fate
from videoxl_stream.errors import SourceOpenError, SourceReadError
from videoxl_stream.frames import Frame


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second at 10 frames a second."""
    return write_video(tmp_path_factory.mktemp("clips") / "clip.mp4", every(100, 10))


@pytest.fixture(scope="module")
def gate(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A camera's folder: three containers, and two files that are none."""
    folder = tmp_path_factory.mktemp("cameras") / "gate"
    folder.mkdir()
    shutil.copy(clip, folder / "1.mp4")
    write_video(folder / "2.mkv", [0, 50, 300, 310, 1700])
    (folder / "3.mp4").write_bytes(b"no video " * 100)
    write_video(folder / "4.ts", every(100, 10))
    write_sound(folder / "5.m4v")
    shutil.copy(clip, folder / "6.mp4")
    return folder


def fates(source: FileSource) -> dict[str, tuple[Fate, int]]:
    opened = source.open()
    read_all(opened)
    return {outcome.path.name: (outcome.fate, outcome.num_frames) for outcome in opened.outcomes}


def test_files_of_a_folder_are_one_stream(gate: Path) -> None:
    opened = FileSource(gate, sample_fps=None, start=START).open()
    frames = read_all(opened)
    assert {frame.stream_id for frame in frames} == {"gate"}
    assert [frame.index for frame in frames] == list(range(10 + 5 + 10 + 10))
    assert times(frames[10:15]) == [1.0, 1.05, 1.3, 1.31, 2.7]
    starts = [frames[number].time_s for number in (0, 10, 15, 25)]
    ends = [frames[number].time_s for number in (9, 14, 24)]
    assert all(0 < start - end < 0.2 for end, start in zip(ends, starts[1:], strict=True))
    assert [frame.utc - START for frame in frames] == [timedelta(seconds=frame.time_s) for frame in frames]


def test_each_file_is_accounted_for_with_its_reason(gate: Path) -> None:
    opened = FileSource(gate, sample_fps=None).open()
    assert not opened.outcomes
    read_all(opened)
    assert [(outcome.path.name, outcome.fate, outcome.num_frames) for outcome in opened.outcomes] == [
        ("1.mp4", Fate.READ, 10),
        ("2.mkv", Fate.READ, 5),
        ("3.mp4", Fate.DAMAGED, 0),
        ("4.ts", Fate.READ, 10),
        ("5.m4v", Fate.NO_VIDEO, 0),
        ("6.mp4", Fate.READ, 10),
    ]
    assert "cannot be opened as video" in opened.outcomes[2].reason
    assert "no video track" in opened.outcomes[4].reason


def test_ticks_run_on_over_the_files(clip: Path, tmp_path: Path) -> None:
    """Ten files of a second at one frame in four seconds: not one of each file."""
    for number in range(10):
        shutil.copy(clip, tmp_path / f"{number}.mp4")
    opened = FileSource(tmp_path, sample_fps=0.25).open()
    assert times(read_all(opened)) == [0, 4, 8]
    assert opened.sampled_away == 100 - 3


def test_files_come_in_natural_order_without_hidden_ones(clip: Path, tmp_path: Path) -> None:
    for name in ("clip10.mp4", "clip9.mp4", "Clip1.MP4", ".clip2.mp4", "notes.txt", "clip9.jpg"):
        shutil.copy(clip, tmp_path / name)
    assert list(fates(FileSource(tmp_path))) == ["Clip1.MP4", "clip9.mp4", "clip10.mp4"]


def test_a_pattern_takes_what_it_matches(clip: Path, tmp_path: Path) -> None:
    for name in ("b/2.dat", "a/1.dat", "a/3.mp4", "a/.4.dat", "other/[1].dat"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(clip, tmp_path / name)
    source = FileSource(tmp_path / "**" / "[0-9].dat")
    assert list(fates(source)) == ["1.dat", "2.dat"]
    assert source.stream_id == tmp_path.name
    assert list(fates(FileSource(f"{tmp_path}/a/*"))) == ["1.dat", "3.mp4"]
    assert list(fates(FileSource(tmp_path / "other" / "[1].dat"))) == ["[1].dat"]  # it is there: no pattern


@pytest.mark.parametrize("where", ["", "*.mp4"])
def test_no_files_at_all_are_named(tmp_path: Path, where: str) -> None:
    with pytest.raises(SourceOpenError, match=r"there is no video in .*a folder that holds some, or a pattern"):
        FileSource(tmp_path / where).open()


def test_what_is_no_footage_is_told_apart(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    (tmp_path / "b.mp4").touch()
    (tmp_path / "c.mp4").symlink_to(tmp_path / "gone")
    (tmp_path / "d.txt").write_text("a letter\n" * 50)
    (tmp_path / "e.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{clip}\n#EXT-X-ENDLIST\n")
    shutil.copy(clip, tmp_path / "f.mp4")
    assert fates(FileSource(tmp_path / "*")) == {
        "a.mp4": (Fate.UNREADABLE, 0),
        "b.mp4": (Fate.DAMAGED, 0),
        "c.mp4": (Fate.UNREADABLE, 0),
        "d.txt": (Fate.NO_VIDEO, 0),
        "e.m3u8": (Fate.NO_VIDEO, 0),
        "f.mp4": (Fate.READ, 1),
    }


def test_a_file_without_a_decoder_ends_neither_the_program_nor_the_stream(clip: Path, tmp_path: Path) -> None:
    """Decoding it would end the process with SIGSEGV in PyAV before 18.1 (its issue 2344)."""
    (tmp_path / "a.mp4").write_bytes(clip.read_bytes().replace(b"avc1", b"zzzz"))
    shutil.copy(clip, tmp_path / "b.mp4")
    opened = FileSource(tmp_path).open()
    assert len(read_all(opened)) == 1
    assert [outcome.fate for outcome in opened.outcomes] == [Fate.DAMAGED, Fate.READ]
    assert "does not tell how its pictures are encoded" in opened.outcomes[0].reason


def test_a_name_is_only_a_name(clip: Path, tmp_path: Path) -> None:
    names = ["100%d.mp4", "concat:a|b.mp4", "12:30.mp4", "it's -i.mp4", "two\nlines.mp4", os.fsdecode(b"\xe9t\xe9.mp4")]
    for name in names:
        shutil.copy(clip, tmp_path / name)
    opened = FileSource(tmp_path).open()
    assert len(read_all(opened)) == len(names)
    assert {(outcome.path.name, outcome.fate) for outcome in opened.outcomes} == {(name, Fate.READ) for name in names}
    assert len(read_all(FileSource(tmp_path).open(opened.position()))) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(clip: Path, tmp_path: Path) -> None:
    Path(shutil.copy(clip, tmp_path / "a.mp4")).chmod(0)
    with pytest.raises(SourceOpenError, match="may not be read"):
        FileSource(tmp_path / "a.mp4").open()


def test_if_no_file_gives_a_frame_that_is_a_fault(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).touch()
    opened = FileSource(tmp_path).open()
    for _ in range(2):
        with pytest.raises(SourceReadError, match=r"no file of .* gave a frame"):
            read_all(opened)


def test_a_file_overwritten_while_an_earlier_one_is_read(clip: Path, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        shutil.copy(clip, tmp_path / name)
    opened = FileSource(tmp_path, sample_fps=None).open()
    read_some(opened, 1)
    (tmp_path / "b.mp4").write_bytes(bytes(3000))
    assert len(read_all(opened)) == 19
    assert [outcome.fate for outcome in opened.outcomes] == [Fate.READ, Fate.DAMAGED, Fate.READ]


def recording(path: Path, creation_time: str | None) -> None:
    write_video(path, every(500, 4), creation_time=creation_time)  # 2 s by its packets


def at(second: float) -> datetime:
    return datetime(2026, 1, 1, 12, 0, tzinfo=UTC) + timedelta(seconds=second)


def first_frames(source: FileSource) -> list[tuple[float, datetime]]:
    """Where each file begins, on the stream's clock and in UTC."""
    frames = read_all(source.open())
    assert len(frames) == 16
    return [(round(frame.time_s, 3), frame.utc) for frame in frames[::4]]


def test_a_gap_between_recordings_is_a_gap(tmp_path: Path) -> None:
    for name, created in (("1", "12:00:00"), ("2", "12:00:30"), ("3", "12:00:31"), ("4", "12:00:00")):
        recording(tmp_path / f"{name}.mp4", f"2026-01-01T{created}Z")
    [first, second, third, fourth] = first_frames(FileSource(tmp_path, sample_fps=None))
    assert first == (0, at(0))
    assert second == (30, at(30))  # the gap is kept
    length = fourth[0] - third[0]
    assert third[0] - second[0] == pytest.approx(length, abs=0.002)  # half a second is rounding, and no gap
    assert third[1] - second[1] == pytest.approx(timedelta(seconds=length), abs=timedelta(seconds=0.002))
    assert fourth[1] == at(0)  # it overlaps: time runs on, but it was recorded when it was
    [first, second, *_] = first_frames(FileSource(tmp_path, sample_fps=None, start=START))
    assert (first, second) == ((0, START), (30, START + timedelta(seconds=30)))


def test_a_file_that_does_not_say_when_it_was_recorded_goes_on(tmp_path: Path) -> None:
    for name, created in (("1", "12:00:00"), ("2", None), ("3", "12:10:00"), ("4", None)):
        recording(tmp_path / f"{name}.mp4", created and f"2026-01-01T{created}Z")
    [first, second, third, fourth] = first_frames(FileSource(tmp_path, sample_fps=None))
    length = second[0]
    assert 1.5 <= length <= 2
    assert [begin for begin, _ in (first, second, third, fourth)] == pytest.approx(
        [0, length, 2 * length, 3 * length], abs=0.11
    )
    assert second[1] - first[1] == pytest.approx(timedelta(seconds=length), abs=timedelta(seconds=0.002))
    assert third[1] == at(600)
    assert fourth[1] - third[1] == pytest.approx(timedelta(seconds=length), abs=timedelta(seconds=0.002))


SAMPLINGS: tuple[Any, ...] = (None, 0.7, 3.0, "keyframes")


@pytest.fixture(scope="module")
def undisturbed(gate: Path) -> dict[Any, list[Frame]]:
    return {fps: read_all(FileSource(gate, sample_fps=fps).open()) for fps in SAMPLINGS}


@settings(max_examples=10)
@given(st.lists(st.integers(0, 15), min_size=1, max_size=3), st.sampled_from(SAMPLINGS))
def test_going_on_anywhere_equals_reading_through(
    gate: Path, undisturbed: dict[Any, list[Frame]], legs: list[int], sample_fps: Any
) -> None:
    source = FileSource(gate, sample_fps=sample_fps)
    frames: list[Frame] = []
    position = None
    for num in (*legs, 10**9):
        opened = source.open(position)
        frames += read_some(opened, num)
        position = opened.position()
        opened.close()
    assert same(frames, undisturbed[sample_fps])


def test_files_before_the_position_are_passed(gate: Path) -> None:
    source = FileSource(gate, sample_fps=None)
    opened = source.open()
    read_some(opened, 12)
    resumed = source.open(opened.position())
    read_all(resumed)
    assert [outcome.fate for outcome in resumed.outcomes[:2]] == [Fate.PASSED, Fate.READ]
    assert [outcome.num_frames for outcome in resumed.outcomes] == [0, 3, 0, 10, 0, 10]
    opened.close()


def test_goes_on_although_old_files_went_and_new_ones_came(gate: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(gate, tmp_path / "gate")
    source = FileSource(folder, sample_fps=None)
    opened = source.open()
    read_some(opened, 12)
    position = opened.position()
    rest = read_all(opened)
    (folder / "1.mp4").unlink()
    shutil.copy(folder / "6.mp4", folder / "7.mp4")
    resumed = read_all(source.open(position))
    assert same(resumed[: len(rest)], rest)
    assert [frame.index for frame in resumed[len(rest) :]] == list(range(35, 45))


def test_a_position_in_a_file_that_went_is_refused(gate: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(gate, tmp_path / "gate")
    opened = FileSource(folder, sample_fps=None).open()
    read_some(opened, 12)
    (folder / "2.mkv").unlink()
    with pytest.raises(SourceOpenError, match=r"2\.mkv, where 'gate' should go on, is no longer among its files"):
        FileSource(folder, sample_fps=None).open(opened.position())
    shutil.copy(folder / "1.mp4", folder / "2.mkv")
    with pytest.raises(SourceOpenError, match=r"2\.mkv does not hold the position"):
        FileSource(folder, sample_fps=None).open(opened.position())
    opened.close()
