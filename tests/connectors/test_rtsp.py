"""A camera that works: frames, times, packets, resuming, several at once; over a real RTSP server."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import av
import pytest

from tests.connectors.cameras import some, until_down, watch
from tests.connectors.clips import every, write_video
from tests.rtsp_servers import RECORDINGS_REMEDY, Server, program, recordings, running, wait_for
from videoxl_stream.connectors import open_source
from videoxl_stream.connectors.rtsp import RTSPSource
from videoxl_stream.errors import ConfigError, SourceOpenError, SourceReadError
from videoxl_stream.evidence.remux import remux
from videoxl_stream.frames import Frame, Packet
from videoxl_stream.interfaces import Position

pytestmark = pytest.mark.service
NUM_FRAMES = 500
STEP_S = 0.04


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recordings")
    write_video(
        path / "gate.mp4", every(40, NUM_FRAMES), b_frames=0
    )  # this server sends those that others lean on with wrong times
    return path


@pytest.fixture
def server(folder: Path, require_service: Callable[[bool, str], None]) -> Iterator[Server]:
    require_service(program() is not None, RECORDINGS_REMEDY)
    with running(recordings(folder)) as server:
        yield server


def gate(server: Server, **options: object) -> RTSPSource:
    url = f"rtsp://127.0.0.1:{server.port}/gate.mp4?play_count=0"
    return RTSPSource(url, **{"stream_id": "gate", **options})  # type: ignore[arg-type]


def level(frame: Frame) -> float:
    return float(frame.image.mean())


def agree(frames: list[Frame]) -> bool:
    """Whether UTC and time tell the same."""
    epochs = [frame.utc - timedelta(seconds=frame.time_s) for frame in frames]
    return all(abs(epoch - epochs[0]) < timedelta(milliseconds=1) for epoch in epochs)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_frames_come_with_the_spacing_of_the_camera_and_the_time_of_day(server: Server) -> None:
    begun = datetime.now(UTC)
    opened = gate(server, sample_fps=None).open()
    assert not opened.connection.up
    frames = some(opened, 60)
    assert opened.connection.up
    assert [frame.index for frame in frames] == list(range(60))
    assert frames[0].time_s == 0
    for earlier, later in pairwise(frames):
        assert later.time_s - earlier.time_s == pytest.approx(STEP_S, abs=STEP_S * 0.011)
    for frame in frames:  # each is the picture that is shown at its time
        assert level(frame) - level(frames[0]) == pytest.approx(frame.time_s / STEP_S, abs=2)
    assert agree(frames)
    assert all(begun - timedelta(seconds=5) < frame.utc < datetime.now(UTC) for frame in frames)
    assert opened.sampled_away == 0
    assert opened.expected_frames is None
    opened.close()


def test_times_never_run_back_whatever_the_camera_says(folder: Path, server: Server) -> None:
    write_video(folder / "jumbled.mp4", every(40, 100))
    url = f"rtsp://127.0.0.1:{server.port}/jumbled.mp4?play_count=0"
    opened = RTSPSource(url, sample_fps=None).open()
    frames = some(opened, 40)
    assert all(later.time_s > earlier.time_s for earlier, later in pairwise(frames))
    assert agree(frames)
    opened.close()


def test_sampling_takes_one_picture_of_each_stretch(server: Server) -> None:
    opened = gate(server, sample_fps=5).open()
    frames = some(opened, 8)
    assert [int(frame.time_s * 5 + 0.02) for frame in frames] == list(range(8))
    assert opened.sampled_away == pytest.approx(7 * 4, abs=1)
    opened.close()


@pytest.mark.parametrize("options", [{"decode": "keyframes", "sample_fps": None}, {"sample_fps": "keyframes"}])
def test_keyframes_come_at_once_and_nothing_else_is_decoded(server: Server, options: dict[str, object]) -> None:
    opened = gate(server, **options).open()
    frames = some(opened, 4)
    steps = [later.time_s - earlier.time_s for earlier, later in pairwise(frames)]
    assert all(step == pytest.approx(12 * STEP_S, abs=0.02) for step in steps)
    # The first of them does not wait for the second: what came since the last is less than what lies between two.
    assert opened.sampled_away < 4 * 11 + 11
    assert opened.sampled_away >= 3 * 11
    opened.close()


def test_hardware_that_is_missing_is_no_obstacle(server: Server) -> None:
    opened = gate(server, decode="hardware", sample_fps=5).open()
    assert len(some(opened, 2)) == 2
    opened.close()


def test_packets_have_the_times_of_their_frames_and_make_a_clip(server: Server, tmp_path: Path) -> None:
    opened = gate(server, sample_fps=None).open(packets=True)
    packets: list[Packet] = []
    frames: list[Frame] = []
    while len(frames) < 50:
        frames += some(opened, 1)
        packets += opened.packets()
    opened.close()
    assert packets[0].keyframe
    assert all(later.decode_s >= earlier.decode_s for earlier, later in pairwise(packets))
    assert {frame.time_s for frame in frames} <= {packet.time_s for packet in packets}
    path = tmp_path / "clip.mp4"
    remux(packets, path)
    with av.open(path) as container:
        assert sum(1 for _ in container.decode(video=0)) >= len(packets) - 2


def test_a_restart_goes_on_by_the_clock(server: Server) -> None:
    source = gate(server, sample_fps=5)
    opened = source.open()
    before = some(opened, 5)
    position = opened.position()
    opened.close()
    opened = source.open(position)
    assert opened.position() == position
    after = some(opened, 5)
    assert [frame.index for frame in after] == list(range(5, 10))
    assert after[0].time_s > before[-1].time_s
    assert agree(before + after)
    opened.close()
    assert source.open({"index": 0}).position() == {"index": 0}
    positions: list[Position] = [{"index": 3}, {"index": 3, "epoch": "long ago", "time_s": 1.0}]
    for nonsense in positions:
        with pytest.raises(SourceOpenError, match="no position in a live stream"):
            source.open(nonsense)


def test_a_server_that_comes_back_is_found_again(server: Server) -> None:
    opened = gate(server, sample_fps=5).open(packets=True)
    before = some(opened, 5)
    packets = list(opened.packets())
    server.kill()
    before += until_down(opened, "ended the stream")
    assert opened.connection.losses == 1
    until_down(opened, "refused")
    server.start()
    after = some(opened, 5)
    packets += opened.packets()
    assert opened.connection.up
    assert opened.connection.losses == 1
    assert after[0].index == before[-1].index + 1
    assert after[0].time_s > before[-1].time_s + 0.5
    assert agree(before + after)
    assert all(later.decode_s >= earlier.decode_s for earlier, later in pairwise(packets))
    opened.close()


def test_a_killed_decoder_costs_its_own_camera_a_reconnection(server: Server) -> None:
    one, other = gate(server, sample_fps=5).open(), gate(server, sample_fps=5, stream_id="other").open()
    some(one, 2)
    some(other, 2)
    pids = one.decoder_pid, other.decoder_pid
    assert pids[0] is not None
    os.kill(pids[0], signal.SIGKILL)
    until_down(one, "crash", "SIGKILL")
    assert len(some(one, 2)) == 2
    assert one.connection.losses == 1
    assert one.decoder_pid != pids[0]
    some(other, 2)
    assert (other.decoder_pid, other.connection.losses) == (pids[1], 0)
    one.close()
    other.close()


def test_a_decoder_that_hangs_is_replaced(server: Server) -> None:
    opened = gate(server, stall_timeout_s=2).open()
    watch(opened, lambda _: opened.connection.up)
    assert opened.decoder_pid is not None
    os.kill(opened.decoder_pid, signal.SIGSTOP)
    until_down(opened, "hang")
    watch(opened, lambda _: opened.connection.up)
    opened.close()


def test_nothing_is_left_behind(server: Server) -> None:
    gc.collect()
    before = set(os.listdir("/proc/self/fd"))
    opened = gate(server).open()
    some(opened, 1)
    pid = opened.decoder_pid
    assert pid is not None
    opened.close()
    opened.close()
    assert is_gone(pid)
    assert set(os.listdir("/proc/self/fd")) == before
    with pytest.raises(SourceReadError, match="closed"):
        opened.read(0)
    forgotten = gate(server).open()
    some(forgotten, 1)
    pid = forgotten.decoder_pid
    assert pid is not None
    del forgotten
    wait_for(lambda: is_gone(pid), "the end of a process that nobody wants")
    assert set(os.listdir("/proc/self/fd")) == before


def test_urls_lead_to_it() -> None:
    for url in (
        "rtsp://gate/cam",
        "rtsps://gate/cam",
        "rtmp://gate/cam",
        "https://gate/a.m3u8",
        "webcam:///dev/video0",
    ):
        source = open_source(url, sample_fps=2.0)
        assert isinstance(source, RTSPSource)
        assert source.live
    assert open_source("rtsp://jo:pw@gate:554/cam?x=1").stream_id == "gate:554/cam"


@pytest.mark.parametrize(
    ("url", "options", "complaint"),
    [
        ("ftp://gate/cam", {}, "no camera"),
        ("rtsp:///cam", {}, "names no host"),
        ("webcam://gate/dev/video0", {}, "no device"),
        ("rtsp://gate/cam", {"transport": "pigeon"}, "transport is 'pigeon'"),
        ("http://gate/cam", {"transport": "udp"}, "no transport to choose"),
        ("rtsp://gate/cam", {"ca_file": "x.pem"}, "knows no certificates"),
        ("rtsps://gate/cam", {"ca_file": "x.pem"}, "x.pem is missing"),
        ("rtsp://gate/cam", {"password": "pw"}, "give username"),
        ("rtsp://jo:pw@gate/cam", {"username": "jo"}, "leave one of them out"),
        ("rtsp://gate/cam", {"stall_timeout_s": 0}, "stall_timeout_s is 0"),
        ("rtsp://gate/cam", {"open_timeout_s": float("nan")}, "open_timeout_s is nan"),
        ("rtsp://gate/cam", {"decode": "some"}, "decode is 'some'"),
        ("rtsp://gate/cam", {"threads": 0}, "threads 0"),
        ("rtsp://gate/cam", {"sample_fps": 0}, "sample_fps is 0"),
    ],
)
def test_what_can_never_work_is_refused_before_it_begins(url: str, options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        RTSPSource(url, **options)  # type: ignore[arg-type]
