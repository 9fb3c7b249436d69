from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from tests.connectors.clips import HEIGHT, WIDTH, every, read_all, times, write_video
from videoxl_stream.connectors.file import FileSource
from videoxl_stream.connectors.open_files import OpenFiles
from videoxl_stream.errors import EndOfStream
from videoxl_stream.frames import Frame, Image, Packet

CODECS = {".mp4": "libx264", ".mkv": "libx264", ".ts": "libx264", ".webm": "libvpx", ".mov": "mpeg4"}


def read_with_packets(opened: OpenFiles) -> tuple[list[Frame], list[Packet]]:
    frames: list[Frame] = []
    packets: list[Packet] = []
    while True:
        try:
            frame = opened.read(60)
        except EndOfStream:
            return frames, packets + list(opened.packets())
        packets += opened.packets()
        frames += [] if frame is None else [frame]


def decode(packets: list[Packet]) -> list[Image]:
    """What a decoder makes of packets that knows no more than their codec."""
    codec = packets[0].codec
    context = av.CodecContext.create(codec.name, "r")
    assert isinstance(context, av.VideoCodecContext)
    context.extradata = codec.extradata or None
    pictures = [picture for packet in packets for picture in context.decode(av.Packet(packet.data))]
    return [picture.to_ndarray(format="rgb24").astype(np.uint8) for picture in [*pictures, *context.decode(None)]]


@pytest.mark.parametrize("suffix", list(CODECS))
def test_packets_are_the_frames_still_encoded(tmp_path: Path, suffix: str) -> None:
    path = write_video(tmp_path / f"clip{suffix}", every(40, 30), codec=CODECS[suffix], offset_ms=120)
    frames, packets = read_with_packets(FileSource(path, sample_fps=None).open(packets=True))
    assert sorted(packet.time_s for packet in packets) == [frame.time_s for frame in frames]
    assert all(later.decode_s >= earlier.decode_s for earlier, later in pairwise(packets))
    assert all(packet.decode_s <= packet.time_s for packet in packets)
    assert packets[0].keyframe
    assert {id(packet.codec) for packet in packets} == {id(packets[0].codec)}
    assert (packets[0].codec.width, packets[0].codec.height) == (WIDTH, HEIGHT)
    assert all(np.array_equal(ours, frame.image) for ours, frame in zip(decode(packets), frames, strict=True))


def test_packets_come_with_the_frames_and_not_only_at_the_end(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", every(40, 100))
    opened = FileSource(path, sample_fps=5).open(packets=True)
    while (frame := opened.read(60)) is None:
        pass
    packets = opened.packets()
    assert frame.time_s == packets[0].time_s == 0
    assert len(packets) < 100
    assert opened.packets() == ()
    opened.close()


def test_where_frames_are_rare_a_reader_can_fetch_packets_meanwhile(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", every(40, 100))
    opened = FileSource(path, sample_fps=0.01).open(packets=True)
    fetched: list[int] = []
    with pytest.raises(EndOfStream):
        while True:
            opened.read(0)
            fetched.append(len(opened.packets()))
    assert sum(fetched) == 100
    assert max(fetched) == 1


def test_without_being_asked_for_there_are_none(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", every(40, 10))
    frames, packets = read_with_packets(FileSource(path, sample_fps=None).open())
    assert (len(frames), packets) == (10, [])


@pytest.mark.parametrize(("rotation", "quarter_turns"), [(0, 0), (90, 1), (180, 2), (-90, 3)])
def test_the_codec_says_how_pictures_must_be_turned(tmp_path: Path, rotation: int, quarter_turns: int) -> None:
    path = write_video(tmp_path / "phone.mp4", every(40, 5), rotation=rotation)
    frames, packets = read_with_packets(FileSource(path, sample_fps=None).open(packets=True))
    assert packets[0].codec.quarter_turns == quarter_turns
    assert np.array_equal(np.rot90(decode(packets)[0], quarter_turns), frames[0].image)


def test_packets_of_many_files_run_on_and_share_a_codec(tmp_path: Path) -> None:
    for name in ("1.mp4", "2.mp4"):
        write_video(tmp_path / name, every(40, 30))
    write_video(tmp_path / "3.webm", every(40, 30), codec="libvpx")
    frames, packets = read_with_packets(FileSource(tmp_path, sample_fps=None).open(packets=True))
    assert sorted(packet.time_s for packet in packets) == [frame.time_s for frame in frames]
    assert all(later.decode_s >= earlier.decode_s for earlier, later in pairwise(packets))
    assert packets[0].codec is packets[59].codec
    assert packets[60].codec.name == "vp8"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_after_going_on_packets_begin_with_the_key_frame_before(tmp_path: Path, suffix: str) -> None:
    codec = "mpeg4" if suffix == ".avi" else "libx264"
    path = write_video(tmp_path / f"clip{suffix}", every(40, 60), codec=codec)
    source = FileSource(path, sample_fps=5)
    whole, every_packet = read_with_packets(source.open(packets=True))
    opened = source.open()
    while opened.position()["index"] != 9:
        opened.read(60)
    frames, packets = read_with_packets(source.open(opened.position(), packets=True))
    assert times(frames) == times(whole[9:])
    assert packets[0].keyframe
    assert packets[0].time_s <= whole[8].time_s
    assert not any(packet.keyframe and packet.time_s <= whole[8].time_s for packet in packets[1:])
    assert [packet.data for packet in packets] == [packet.data for packet in every_packet[-len(packets) :]]
    opened.close()


def test_packets_without_times_are_left_out(tmp_path: Path) -> None:
    path = write_video(tmp_path / "raw.h264", every(40, 20))
    frames, packets = read_with_packets(FileSource(path, sample_fps=None).open(packets=True))
    assert (len(frames), packets) == (20, [])


def test_where_times_jump_back_packets_wait_until_they_are_in_order(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.ts", every(40, 30))
    second = write_video(tmp_path / "b.ts", every(40, 60))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    _, packets = read_with_packets(FileSource(joined, sample_fps=None).open(packets=True))
    assert all(later.decode_s >= earlier.decode_s for earlier, later in pairwise(packets))
    assert 30 < len(packets) < 90
    assert packets[30].keyframe


def test_key_frames_bring_all_packets(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", every(40, 60))
    frames, packets = read_with_packets(FileSource(path, sample_fps="keyframes").open(packets=True))
    assert [frame.time_s for frame in frames] == [packet.time_s for packet in packets if packet.keyframe]
    assert len(packets) == 60
    assert read_all(FileSource(path, sample_fps="keyframes").open())[-1].time_s == frames[-1].time_s
