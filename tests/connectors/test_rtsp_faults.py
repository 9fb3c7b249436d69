"""What people see of a camera that fails, each way in words of its own, and how it comes back; stopping at any time."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from tests.connectors.cameras import is_up, some, until_down, watch
from tests.connectors.clips import every, write_video
from tests.rtsp_servers import RECORDINGS_REMEDY, Server, free_port, program, recordings, running
from tests.tcp_proxy import Proxy, passing
from videoxl_stream.connectors.open_camera import OpenCamera
from videoxl_stream.connectors.rtsp import RTSPSource

pytestmark = pytest.mark.service
AT_ONCE_S = 2.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recordings")
    write_video(path / "gate.mp4", every(40, 500), b_frames=0, size=(120, 160))
    write_video(path / "short.mp4", every(40, 30), b_frames=0)
    return path


@pytest.fixture
def server(folder: Path, require_service: Callable[[bool, str], None]) -> Iterator[Server]:
    require_service(program() is not None, RECORDINGS_REMEDY)
    with running(recordings(folder)) as server:
        yield server


def source(port: int, path: str = "gate.mp4?play_count=0", **options: object) -> RTSPSource:
    return RTSPSource(f"rtsp://127.0.0.1:{port}/{path}", **{"sample_fps": 5, **options})  # type: ignore[arg-type]


@contextmanager
def silent() -> Iterator[int]:
    """The port of a server that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def close_at_once(opened: OpenCamera) -> None:
    """Close it, within the time that everybody is promised."""
    pid, begun = opened.decoder_pid, time.monotonic()
    opened.close()
    assert time.monotonic() - begun < AT_ONCE_S
    assert not opened.connection.up
    if pid is not None:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_closing_before_anything_was_read() -> None:
    with silent() as port:
        close_at_once(source(port).open())


def test_closing_while_the_first_connection_hangs() -> None:
    with silent() as port:
        opened = source(port, open_timeout_s=60).open()
        assert opened.read(1.5) is None
        assert opened.connection.reason == "the camera is being connected to"
        close_at_once(opened)


def test_closing_while_it_waits_to_try_again() -> None:
    opened = source(free_port()).open()
    until_down(opened, "refused")
    close_at_once(opened)


@pytest.mark.parametrize("state", [None, signal.SIGSTOP, signal.SIGKILL])
def test_closing_while_frames_come(server: Server, state: signal.Signals | None) -> None:
    opened = source(server.port).open()
    some(opened, 1)
    if state is not None:
        assert opened.decoder_pid is not None
        os.kill(opened.decoder_pid, state)
    close_at_once(opened)


def test_closing_while_the_camera_says_nothing_more(server: Server) -> None:
    opened = source(server.port).open()
    some(opened, 1)
    server.freeze()
    while opened.read(0.3) is not None:
        pass
    close_at_once(opened)


def test_a_server_that_never_answers() -> None:
    with silent() as port:
        opened = source(port, open_timeout_s=1).open()
        until_down(opened, "does not answer", "1 s")
        assert opened.connection.losses == 0  # there was nothing to lose
        opened.close()


def test_a_reader_is_never_kept_longer_than_it_allows() -> None:
    with silent() as port:
        opened = source(port, open_timeout_s=1).open()
        for _ in range(30):
            begun = time.monotonic()
            assert opened.read(0.1) is None
            assert time.monotonic() - begun < AT_ONCE_S
        opened.close()


def test_what_is_wrong_is_said_each_in_its_own_words(server: Server) -> None:
    cases = {
        "refused": source(free_port()),
        "no such path": source(server.port, "nothing.mp4"),
        "nobody knows the name": RTSPSource("rtsp://nobody.invalid/cam"),
        "no such device": RTSPSource("webcam:///dev/video9876"),
    }
    for words, camera in cases.items():
        opened = camera.open()
        until_down(opened, words)
        opened.close()


def test_a_stream_that_ends_is_a_camera_that_is_down_and_comes_back(server: Server) -> None:
    opened = source(server.port, "short.mp4?play_count=1", sample_fps=None).open()
    first = until_down(opened, "ended the stream")
    assert len(first) == 30
    again = some(opened, 10)
    assert opened.connection.losses == 1
    assert [frame.index for frame in first + again] == list(range(40))
    assert all(later.time_s > earlier.time_s for earlier, later in pairwise(first + again))
    opened.close()


def test_a_stream_shorter_than_the_time_to_know_it_is_given_all_the_same(folder: Path, server: Server) -> None:
    write_video(folder / "blink.mp4", every(40, 5), b_frames=0)
    opened = source(server.port, "blink.mp4?play_count=1", sample_fps=None).open()
    assert len(until_down(opened, "ended the stream")) == 5
    opened.close()


def test_a_stall_is_noticed_and_got_over(server: Server) -> None:
    opened = source(server.port, stall_timeout_s=1).open()
    before = some(opened, 3)
    server.freeze()
    before += until_down(opened, "stopped sending")
    assert opened.connection.losses == 1
    server.thaw()
    after = watch(opened, lambda frames: opened.connection.up and len(frames) > 2)
    assert after[0].time_s > before[-1].time_s
    opened.close()


def test_garbled_bytes_cost_pictures_and_connections_and_nothing_else(server: Server) -> None:
    with passing(Proxy(server.port, seed=7, honest_bytes=2000)) as proxy:
        opened = source(proxy.port, sample_fps=None, stall_timeout_s=1, open_timeout_s=2).open(packets=True)
        frames = some(opened, 5)
        proxy.flips_per_kib = 40.0
        frames += watch(opened, lambda _: opened.connection.losses >= 1 or opened.damaged_packets >= 20)
        proxy.flips_per_kib = 0.0
        frames += watch(opened, is_up(opened))
        frames += some(opened, 40)
        assert [frame.index for frame in frames] == list(range(len(frames)))
        assert all(later.time_s > earlier.time_s for earlier, later in pairwise(frames))
        packets = opened.packets()
        assert all(later.decode_s >= earlier.decode_s for earlier, later in pairwise(packets))
        opened.close()


def test_what_a_dying_process_says_is_quoted_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    broken = tmp_path / "python"
    broken.write_text('#!/bin/sh\nread -r request\necho "libavcodec is missing: $request" >&2\nexit 3\n')
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    opened = RTSPSource("rtsp://jo:pl%40nted@gate/cam?key=s3cret").open()
    until_down(opened, "does not start", "libavcodec is missing", "rtsp://gate/cam")
    opened.close()
    for secret in ("pl%40nted", "pl@nted", "s3cret"):
        assert secret not in opened.connection.reason + caplog.text
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    opened = source(free_port()).open()
    until_down(opened, "gives no process")
    opened.close()


def test_noise_from_the_first_byte_on_is_no_camera(server: Server) -> None:
    with passing(Proxy(server.port, seed=8)) as proxy:
        proxy.flips_per_kib = 200.0
        opened = source(proxy.port, open_timeout_s=2).open()
        watch(opened, lambda _: opened.connection.reason != "the camera is being connected to")
        assert not opened.connection.up
        proxy.flips_per_kib = 0.0
        some(opened, 2)
        opened.close()
