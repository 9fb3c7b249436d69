from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.evidence.footage import FPS, decoded, film, frame, packets_of, picture
from videoxl_stream.evidence.album import Album, to_jpeg
from videoxl_stream.evidence.encode import TimedPicture, decode, encode, unpack
from videoxl_stream.frames import Codec


def encoded(pictures: list[TimedPicture], folder: Path) -> bytes:
    path = folder / "clip.mp4"
    encode(pictures, path)
    return path.read_bytes()


def length_s(clip: bytes) -> float:
    with av.open(io.BytesIO(clip), "r") as container:
        track = container.streams.video[0]
        assert track.duration is not None
        assert track.time_base is not None
        return float(track.duration * track.time_base)


def test_pictures_are_shown_at_their_true_times(tmp_path: Path) -> None:
    times = [50.0, 50.25, 51.0, 51.04, 60.0]
    clip = encoded([(at, picture(number)) for number, at in enumerate(times)], tmp_path)
    shown = decoded(clip)
    assert [at for at, _ in shown] == pytest.approx([at - 50 for at in times], abs=1e-4)
    for number, (_, image) in enumerate(shown):
        assert np.abs(image.astype(int) - picture(number)).mean() < 6
    assert length_s(clip) == pytest.approx(10 + 8.96, abs=0.01)  # the last as long as the one before


def test_the_same_pictures_give_the_same_bytes(tmp_path: Path) -> None:
    pictures = [(number / FPS, picture(number, height=90, width=120)) for number in range(60)]
    assert encoded(pictures, tmp_path) == encoded(pictures, tmp_path)


@pytest.mark.parametrize("size", [(65, 97), (1, 1), (2, 2), (33, 64)])
def test_odd_sizes_grow_by_a_pixel(size: tuple[int, int], tmp_path: Path) -> None:
    height, width = size
    clip = encoded([(at, np.full((height, width, 3), 200, np.uint8)) for at in (0.0, 1.0)], tmp_path)
    (_, image), _ = decoded(clip)
    assert image.shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(image.astype(int) - 200).max() < 8


def test_a_clip_ends_where_pictures_change_size(tmp_path: Path) -> None:
    clip = encoded([(0.0, picture(0)), (1.0, picture(1)), (2.0, picture(2, height=32, width=48))], tmp_path)
    assert [image.shape for _, image in decoded(clip)] == [(64, 96, 3)] * 2


def test_a_lone_picture_is_shown_for_a_second(tmp_path: Path) -> None:
    assert length_s(encoded([(7.0, picture(0))], tmp_path)) == pytest.approx(1.0, abs=0.01)


def test_pictures_at_the_same_time_are_shown_once(tmp_path: Path) -> None:
    assert len(decoded(encoded([(0.0, picture(0)), (0.0, picture(1)), (1.0, picture(2))], tmp_path))) == 2


def test_no_picture_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no picture"):
        encode([], tmp_path / "clip.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("encoder", "name", "container"), [("libx264", "h264", "mp4"), ("libx264", "h264", "mpegts")])
def test_packets_decode_to_what_they_show(encoder: str, name: str, container: str) -> None:
    made = film(encoder, container, num=30)
    shown = list(decode(packets_of(made, name, start_s=20.0)))
    assert [at for at, _ in shown] == pytest.approx([20 + number / FPS for number in range(30)], abs=1e-4)
    assert all(np.array_equal(one, other) for (_, one), (_, other) in zip(shown, decoded(made), strict=True))


def test_turned_packets_decode_upright() -> None:
    made = film(num=3)
    shown = list(decode(packets_of(made, quarter_turns=1)))
    assert np.array_equal(shown[0][1], np.rot90(decoded(made)[0][1]))


@pytest.mark.parametrize("name", ["av1", "libdav1d"])
def test_av1_finds_a_decoder(name: str) -> None:
    if "libsvtav1" not in av.codecs_available:
        pytest.skip("this FFmpeg has no libsvtav1")
    made = film("libsvtav1", num=10, options={"preset": "12"})
    assert len(list(decode(packets_of(made, name)))) == 10


def test_packets_that_do_not_decode_are_passed_over() -> None:
    packets = packets_of(film(num=40))
    packets[15] = replace(packets[15], data=b"\x00\x00\x00\x04none")
    assert 30 <= len(list(decode(packets))) <= 40


def test_a_size_far_beyond_what_was_announced_is_damage() -> None:
    packets = packets_of(film(num=2, height=2048, width=2304))
    small = replace(packets[0].codec, width=96, height=64)
    assert list(decode([replace(packet, codec=small) for packet in packets])) == []
    half = replace(packets[0].codec, width=1152, height=1024)
    assert len(list(decode([replace(packet, codec=half) for packet in packets]))) == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.data())
def test_damage_of_any_kind_is_an_error_or_a_shorter_clip(tmp_path: Path, data: st.DataObject) -> None:
    packets = packets_of(film(num=12))
    for place in data.draw(st.sets(st.integers(0, 11), min_size=1)):
        packets[place] = replace(packets[place], data=data.draw(st.binary(min_size=1, max_size=60)))
    try:
        assert len(decoded(encoded(list(decode(packets)), tmp_path))) <= 12
    except ValueError as e:
        assert "no picture" in str(e)


@pytest.mark.parametrize("name", ["pcm_s16le", "no-such-codec"])
def test_what_is_no_video_is_an_error(name: str) -> None:
    [packet] = packets_of(film(num=1))
    with pytest.raises(ValueError, match=name):
        list(decode([replace(packet, codec=Codec(name, b"", 8, 8))]))


def album(**limits: float) -> Album:
    return Album(quality=85, **{"keep_s": 10, "max_s": 100, "max_bytes": 10**9, **limits})  # type: ignore[arg-type]


def test_an_album_holds_seconds_in_kilobytes() -> None:
    kept = album()
    for at in range(100):
        kept.add(frame(float(at), picture(at, height=360, width=640)), float("inf"))
    assert [each.time_s for each in kept.cut(0, 1000)] == list(range(89, 100))
    assert len(kept) == 11
    assert kept.num_bytes == sum(len(each.jpeg) for each in kept.cut(0, 1000)) < 200_000
    assert kept.lost_pictures == 0


def test_an_album_keeps_what_a_clip_needs_until_a_bound_wins() -> None:
    kept = album(max_s=30)
    for at in range(60):
        kept.add(frame(float(at)), 20.0)
    assert [each.time_s for each in kept.cut(0, 1000)] == list(range(29, 60))
    assert kept.lost_pictures == 9
    small = album(max_bytes=1)
    small.add(frame(0.0), 0.0)
    assert (len(small), small.num_bytes, small.lost_pictures) == (0, 0, 1)


def test_an_album_finds_the_nearest_picture() -> None:
    kept = album()
    assert kept.nearest(0.0) is None
    for at in range(5):
        kept.add(frame(float(at)), 0.0)
    nearest = kept.nearest(2.6)
    assert nearest is not None
    assert nearest.time_s == 3
    assert [at for at, _ in unpack(kept.cut(1.0, 3.0))] == [1, 2]
    kept.clear()
    assert (len(kept), kept.num_bytes) == (0, 0)


def test_a_small_jpeg_keeps_its_shape() -> None:
    small = to_jpeg(picture(0, height=360, width=640), 70, width=160)
    [(_, image)] = decoded_jpeg(small)
    assert image.shape == (90, 160, 3)
    [(_, image)] = decoded_jpeg(to_jpeg(picture(0, height=6, width=9), 70, width=160))
    assert image.shape == (6, 9, 3)


def decoded_jpeg(data: bytes) -> list[TimedPicture]:
    kept = Album(quality=85, keep_s=1, max_s=1, max_bytes=10**6)
    kept.add(frame(0.0), 0.0)
    return list(unpack([replace(kept.cut(0, 1)[0], jpeg=data)]))
