from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.connectors.clips import (
    HEIGHT,
    START,
    WIDTH,
    every,
    read_all,
    read_some,
    same,
    times,
    write_sound,
    write_video,
)
from videoxl_stream.connectors import open_source
from videoxl_stream.connectors.file import FileSource
from videoxl_stream.errors import ConfigError, SourceOpenError, SourceReadError
from videoxl_stream.frames import Frame

SAMPLINGS: tuple[Any, ...] = (None, 3.0, 10.0, 12.5, "keyframes")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds at 25 frames a second."""
    return write_video(tmp_path_factory.mktemp("clips") / "gate.mp4", every(40, 100))


def test_samples_by_presentation_time(clip: Path) -> None:
    opened = FileSource(clip, sample_fps=2, start=START).open()
    frames = read_all(opened)
    assert times(frames) == [0, 0.52, 1, 1.52, 2, 2.52, 3, 3.52]
    assert [frame.index for frame in frames] == list(range(8))
    assert [frame.utc - START for frame in frames] == [timedelta(seconds=frame.time_s) for frame in frames]
    assert {frame.stream_id for frame in frames} == {"gate"}
    assert opened.sampled_away == 100 - 8
    assert opened.expected_frames == 8
    assert opened.duration_s == pytest.approx(4, abs=0.05)


def test_pictures_are_those_of_their_moments(clip: Path) -> None:
    for frame in read_all(FileSource(clip, sample_fps=5).open()):
        assert frame.image.shape == (HEIGHT, WIDTH, 3)
        assert frame.image.mean() == pytest.approx(40 + frame.time_s * 25, abs=3)


def test_variable_frame_rate_gives_one_frame_per_stretch(tmp_path: Path) -> None:
    moments = [0, 20, 40, 900, 1100, 1150, 5200, 5250, 6001]
    frames = read_all(FileSource(write_video(tmp_path / "vfr.mkv", moments), sample_fps=1).open())
    assert times(frames) == [0, 1.1, 5.2, 6.001]


def test_the_native_rate_survives_a_container_that_rounds_times(tmp_path: Path) -> None:
    moments = [round(index * 1000 / 30) for index in range(60)]
    path = write_video(tmp_path / "v.mkv", moments)
    assert len(read_all(FileSource(path, sample_fps=30).open())) == 60
    assert len(read_all(FileSource(path, sample_fps=None).open())) == 60


def test_time_begins_with_the_first_picture(tmp_path: Path) -> None:
    path = write_video(tmp_path / "late.ts", every(100, 30), offset_ms=5000)
    assert times(read_all(FileSource(path).open())) == [0, 1, 2]


@pytest.mark.parametrize(("rotation", "red_side"), [(90, "left"), (-90, "right"), (180, "bottom")])
def test_rotation_is_respected(tmp_path: Path, rotation: int, red_side: str) -> None:
    [frame, *_] = read_all(FileSource(write_video(tmp_path / "phone.mp4", every(40, 5), rotation=rotation)).open())
    height, width, _ = frame.image.shape
    assert (height, width) == ((WIDTH, HEIGHT) if abs(rotation) == 90 else (HEIGHT, WIDTH))
    red = frame.image[..., 0].astype(int) - frame.image[..., 1] > 100
    sides = {"left": red[:, 2], "right": red[:, -3], "top": red[2], "bottom": red[-3]}
    assert [side for side, pixels in sides.items() if pixels.all()] == [red_side]


def test_start_is_the_argument_else_the_container_else_the_file(tmp_path: Path) -> None:
    path = write_video(tmp_path / "dated.mp4", every(40, 5), creation_time="2024-05-06T07:08:09Z")
    assert read_all(FileSource(path, start=START).open())[0].utc == START
    assert read_all(FileSource(path).open())[0].utc == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    undated = write_video(tmp_path / "undated.mp4", every(40, 5))
    os.utime(undated, (START.timestamp(), START.timestamp()))
    assert read_all(FileSource(undated).open())[0].utc == START


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
def test_goes_on_exactly_from_every_position(tmp_path: Path, suffix: str) -> None:
    source = FileSource(write_video(tmp_path / f"clip{suffix}", every(40, 60)), sample_fps=8, start=START)
    whole = read_all(source.open())
    opened = source.open()
    for read in (0, 1, 6, 7, len(whole) - 1, len(whole)):
        read_some(opened, read - int(opened.position()["index"]))
        assert same(read_all(source.open(opened.position())), whole[read:]), read


@pytest.fixture(scope="module")
def undisturbed(clip: Path) -> dict[Any, list[Frame]]:
    return {fps: read_all(FileSource(clip, sample_fps=fps).open()) for fps in SAMPLINGS}


@settings(max_examples=10)
@given(st.integers(0, 45), st.integers(0, 20), st.sampled_from(SAMPLINGS))
def test_going_on_twice_equals_reading_through(
    clip: Path, undisturbed: dict[Any, list[Frame]], first: int, second: int, sample_fps: Any
) -> None:
    source = FileSource(clip, sample_fps=sample_fps)
    frames: list[Frame] = []
    position = None
    for num in (first, second, 10**9):
        opened = source.open(position)
        frames += read_some(opened, num)
        position = opened.position()
        opened.close()
    assert same(frames, undisturbed[sample_fps])


def test_goes_on_where_times_jump_back(tmp_path: Path) -> None:
    """Two recordings in one transport stream: the second begins at the first one's time again."""
    first = write_video(tmp_path / "a.ts", every(40, 50))
    second = write_video(tmp_path / "b.ts", every(40, 50), offset_ms=200)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    source = FileSource(joined, sample_fps=4)
    whole = read_all(source.open())
    assert any(later.time_s < earlier.time_s for earlier, later in pairwise(whole))
    opened = source.open()
    for read in (0, 1, 7, 8, 9, len(whole) - 1):
        read_some(opened, read - int(opened.position()["index"]))
        assert same(read_all(source.open(opened.position())), whole[read:]), read


def test_a_truncated_file_gives_what_decodes_and_then_says_so(clip: Path, tmp_path: Path) -> None:
    whole = read_all(FileSource(clip, sample_fps=None).open())
    data = clip.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: int(len(data) * 0.7)])
    opened = FileSource(cut, sample_fps=None, stream_id="gate").open()
    frames: list[Frame] = []
    with pytest.raises(SourceReadError, match=r"cut\.mp4 ends after .* truncated"):
        while True:
            frames += read_some(opened, 1)
    assert 5 < len(frames) < len(whole)
    assert all(np.array_equal(ours.image, theirs.image) for ours, theirs in zip(frames[:-3], whole, strict=False))


def test_a_stream_container_may_end_anywhere(tmp_path: Path) -> None:
    path = write_video(tmp_path / "live.ts", every(40, 50))
    path.write_bytes(path.read_bytes()[:-700])
    assert len(read_all(FileSource(path, sample_fps=None).open())) > 30


def test_a_broken_packet_costs_its_pictures_only(clip: Path, tmp_path: Path) -> None:
    data = bytearray(clip.read_bytes())
    begin = data.index(b"mdat") + len(data) // 2
    data[begin : begin + 40] = bytes(40)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data)
    frames = read_all(FileSource(broken, sample_fps=None).open())
    assert len(frames) > 60
    assert frames[-1].time_s == pytest.approx(3.96)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceOpenError, match=r"no file .*nowhere\.mp4"):
        FileSource(tmp_path / "nowhere.mp4").open()


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("no video " * 1000)
    with pytest.raises(SourceOpenError, match=r"notes\.mp4 cannot be opened as video"):
        FileSource(path).open()


@settings(max_examples=20)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=40), st.floats(0.02, 1))
def test_whatever_is_in_a_file_it_is_read_or_refused(
    clip: Path, tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[float, int]], keep: float
) -> None:
    data = bytearray(clip.read_bytes())
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    path = tmp_path_factory.mktemp("damaged") / "damaged.mp4"
    path.write_bytes(data[: int(len(data) * keep)])
    try:
        opened = FileSource(path).open()
        assert len(read_all(opened)) <= 1000
        opened.close()
    except (SourceOpenError, SourceReadError) as e:
        assert "damaged.mp4" in str(e)


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(SourceOpenError, match=r"sound\.m4a holds no video track"):
        FileSource(write_sound(tmp_path / "sound.m4a")).open()


def test_key_frames_alone(clip: Path) -> None:
    with av.open(clip) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    wanted = [float((packet.pts or 0) * packet.time_base) for packet in packets if packet.is_keyframe]
    source = FileSource(clip, sample_fps="keyframes")
    opened = source.open()
    frames = read_all(opened)
    assert [frame.time_s for frame in frames] == sorted(wanted)
    assert len(frames) + opened.sampled_away == len(packets)
    assert opened.expected_frames is None
    every_picture = {frame.time_s: frame.image for frame in read_all(FileSource(clip, sample_fps=None).open())}
    assert all(np.array_equal(frame.image, every_picture[frame.time_s]) for frame in frames)


def test_a_reader_who_does_not_wait_gets_nothing_or_the_next_frame(clip: Path) -> None:
    opened = FileSource(clip, sample_fps=None).open()
    frames: list[Frame] = []
    while len(frames) < 100:
        frame = opened.read(0)
        frames += [] if frame is None else [frame]
    assert [frame.index for frame in frames] == list(range(100))


@pytest.mark.parametrize("position", [{"offset": 3}, {"index": 2}, {"index": "two"}])
def test_a_position_of_another_source_is_refused(clip: Path, position: dict[str, int | str]) -> None:
    with pytest.raises(SourceOpenError, match="no position"):
        FileSource(clip).open(position)


def test_a_position_behind_the_end_is_refused(clip: Path) -> None:
    opened = FileSource(clip).open()
    opened.read(60)
    position = {**opened.position(), "index": 9, "pts": 10**9, "decoded": 10**6}
    with pytest.raises(SourceOpenError, match="has changed"):
        FileSource(clip).open(position)


@pytest.mark.parametrize("sample_fps", [0, -1, 1e-9, float("nan"), float("inf"), "often"])
def test_a_rate_that_cannot_work_is_refused(sample_fps: Any) -> None:
    with pytest.raises(ConfigError, match="sample_fps"):
        FileSource("gate.mp4", sample_fps=sample_fps)


def test_a_start_needs_its_zone() -> None:
    with pytest.raises(ConfigError, match="time zone"):
        FileSource("gate.mp4", start=datetime(2026, 1, 1))  # noqa: DTZ001


def test_closing_twice_is_fine(clip: Path) -> None:
    opened = FileSource(clip).open()
    opened.close()
    opened.close()


def test_a_url_or_a_path_names_a_file(clip: Path) -> None:
    for where in (clip, str(clip), clip.as_uri()):
        source = open_source(where, sample_fps=2.0)
        assert isinstance(source, FileSource)
        assert (source.path, source.sample_fps, source.stream_id) == (clip, 2.0, "gate")


def test_an_unknown_scheme_is_told_what_is_known() -> None:
    with pytest.raises(ConfigError, match=r"gopher://.*file"):
        open_source("gopher://camera")
