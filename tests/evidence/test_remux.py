from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from tests.evidence.footage import FPS, QUIET, decoded, film, packets_of
from videoxl_stream.evidence.remux import can_remux, remux, suffix_of
from videoxl_stream.frames import Codec, Packet

FORMATS = {
    # name: encoder, container, options, suffix
    "h264 in mp4": ("h264", "libx264", "mp4", None, ".mp4"),
    "h264 with its headers in the packets": ("h264", "libx264", "mpegts", None, ".mp4"),
    "hevc in mp4": ("hevc", "libx265", "mp4", QUIET, ".mp4"),
    "hevc with its headers in the packets": ("hevc", "libx265", "mpegts", QUIET, ".mp4"),
    "mpeg4": ("mpeg4", "mpeg4", "mp4", {"g": "10", "bf": "2"}, ".mp4"),
    "mpeg2": ("mpeg2video", "mpeg2video", "mpegts", {"g": "10", "bf": "0"}, ".mp4"),
    "mjpeg": ("mjpeg", "mjpeg", "avi", {}, ".mp4"),
    "vp8": ("vp8", "libvpx", "matroska", {"g": "10", "deadline": "realtime", "cpu-used": "8"}, ".mkv"),
    "vp9": ("vp9", "libvpx-vp9", "matroska", {"g": "10", "deadline": "realtime", "cpu-used": "8"}, ".mp4"),
    "av1": ("av1", "libsvtav1", "mp4", {"g": "10", "preset": "12"}, ".mp4"),
    "av1 by its decoder's name": ("libdav1d", "libsvtav1", "mp4", {"g": "10", "preset": "12"}, ".mp4"),
}


def footage(name: str, *, num: int = 30) -> tuple[bytes, list[Packet]]:
    codec, encoder, container, options, _ = FORMATS[name]
    if encoder not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {encoder}")
    # MPEG-2 knows the usual frame rates only.
    made = film(encoder, container, num=num, fps=25 if codec == "mpeg2video" else FPS, options=options)
    return made, packets_of(made, codec)


def remuxed(packets: list[Packet], folder: Path) -> bytes:
    path = folder / "clip"
    remux(packets, path)
    return path.read_bytes()


@pytest.mark.parametrize("name", FORMATS)
def test_every_picture_comes_out_as_it_went_in(name: str, tmp_path: Path) -> None:
    made, packets = footage(name)
    before, after = decoded(made), decoded(remuxed(packets, tmp_path))
    assert len(after) == len(before) == 30
    assert after[0][0] == 0
    assert np.allclose([at for at, _ in after], [at - before[0][0] for at, _ in before], atol=0.002)
    assert all(np.array_equal(one[1], other[1]) for one, other in zip(before, after, strict=True))
    assert suffix_of(packets[0].codec) == FORMATS[name][-1]


def test_the_bytes_of_packets_are_not_touched(tmp_path: Path) -> None:
    _, packets = footage("h264 in mp4")
    again = packets_of(remuxed(packets, tmp_path))
    assert [packet.data for packet in again] == [packet.data for packet in packets]
    assert [packet.keyframe for packet in again] == [packet.keyframe for packet in packets]
    assert [packet.duration_s for packet in again] == pytest.approx([1 / FPS] * 30)


def test_a_container_knows_how_long_it_is(tmp_path: Path) -> None:
    _, packets = footage("h264 in mp4")
    with av.open(io.BytesIO(remuxed(packets, tmp_path)), "r") as container:
        track = container.streams.video[0]
        assert (track.frames, track.start_time) == (30, 0)
        assert track.duration is not None
        assert track.time_base is not None
        assert track.duration * track.time_base == 3
        assert (track.width, track.height) == (96, 64)
        assert track.average_rate == FPS


def test_a_browser_can_play_it_before_it_has_it_all(tmp_path: Path) -> None:
    _, packets = footage("h264 in mp4")
    clip = remuxed(packets, tmp_path)
    assert clip.index(b"moov") < clip.index(b"mdat")


def test_apple_plays_hevc_under_this_tag_only(tmp_path: Path) -> None:
    _, packets = footage("hevc in mp4")
    assert b"hvc1" in remuxed(packets, tmp_path)


@pytest.mark.parametrize(("quarter_turns", "degrees"), [(0, 0), (1, 90), (2, 180), (3, -90)])
@pytest.mark.parametrize("name", ["h264 in mp4", "vp8"])
def test_a_turned_picture_stays_turned(name: str, quarter_turns: int, degrees: int, tmp_path: Path) -> None:
    made, _ = footage(name)
    packets = packets_of(made, FORMATS[name][0], quarter_turns=quarter_turns)
    with av.open(io.BytesIO(remuxed(packets, tmp_path)), "r") as container:
        frame = next(container.decode(video=0))
        assert frame.rotation % 360 == degrees % 360


def test_pictures_keep_their_uneven_times(tmp_path: Path) -> None:
    _, packets = footage("mjpeg")
    times = [0.0, 0.04, 0.5, 2.0, 2.01, 7.25]
    uneven = [
        replace(packet, time_s=100 + at, decode_s=100 + at, duration_s=0.0)
        for packet, at in zip(packets, times, strict=False)
    ]
    clip = remuxed(uneven, tmp_path)
    assert [at for at, _ in decoded(clip)] == pytest.approx(times, abs=1e-4)


def test_the_length_of_the_last_picture_is_guessed_where_nobody_knows_it(tmp_path: Path) -> None:
    _, packets = footage("h264 in mp4")
    clip = remuxed([replace(packet, duration_s=0.0) for packet in packets], tmp_path)
    with av.open(io.BytesIO(clip), "r") as container:
        track = container.streams.video[0]
        assert float((track.duration or 0) * (track.time_base or Fraction(0))) == pytest.approx(3.0, abs=1e-3)


def test_decoding_times_that_stand_still_are_spread(tmp_path: Path) -> None:
    _, packets = footage("mjpeg")
    still = [replace(packet, decode_s=packets[0].decode_s) for packet in packets]
    clip = remuxed(still, tmp_path)
    assert len(decoded(clip)) == 30
    assert all(before.decode_s < after.decode_s for before, after in pairwise(packets_of(clip, "mjpeg")))


def test_a_lone_keyframe_is_a_clip(tmp_path: Path) -> None:
    _, packets = footage("h264 in mp4")
    assert len(decoded(remuxed(packets[:1], tmp_path))) == 1


def test_what_no_container_takes_is_known_before() -> None:
    assert not can_remux(Codec("wmv3", b"", 8, 8))
    assert can_remux(Codec("h264", b"", 8, 8))


def test_a_keyframe_that_cannot_be_understood_is_an_error(tmp_path: Path) -> None:
    with pytest.raises((av.FFmpegError, ValueError)):
        remux([Packet(0.0, 0.0, 0.1, True, b"\x00" * 100, Codec("h264", b"", 96, 64))], tmp_path / "clip")
