"""HLS and MJPEG over HTTP, live; and what a playlist may not do."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.connectors.cameras import some, until_down, watch
from tests.connectors.clips import every, write_video
from tests.http_cameras import HTTPCamera, serving, write_segments
from videoxl_stream.connectors.rtsp import RTSPSource


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("footage")
    write_segments(write_video(path / "gate.mp4", every(40, 1000), b_frames=0), path)
    return path


def test_hls_goes_on_as_segments_come(folder: Path) -> None:
    with serving(HTTPCamera(folder, len(list(folder.glob("*.ts"))))) as url:
        begun = datetime.now(UTC)
        opened = RTSPSource(f"{url}/live.m3u8", sample_fps=None).open(packets=True)
        frames = watch(opened, lambda frames: len(frames) > 0 and frames[-1].time_s > 6)
        assert all(
            later.time_s - earlier.time_s == pytest.approx(0.04, abs=0.002) for earlier, later in pairwise(frames)
        )
        assert all(begun - timedelta(seconds=10) < frame.utc < datetime.now(UTC) for frame in frames)
        assert opened.packets()
        opened.close()


def test_a_playlist_that_comes_again_repeats_nothing(folder: Path) -> None:
    camera = HTTPCamera(folder, len(list(folder.glob("*.ts"))))
    with serving(camera) as url:
        source = RTSPSource(f"{url}/live.m3u8", sample_fps=None)
        opened = source.open()
        before = some(opened, 60)
        position = opened.position()
        opened.close()
        opened = source.open(position)
        after = some(opened, 10)
        assert after[0].time_s > before[-1].time_s
        assert after[0].index == before[-1].index + 1
        opened.close()


def test_mjpeg_with_a_login(folder: Path) -> None:
    wanted = "Basic " + base64.b64encode(b"jo:pl@nted").decode()
    with serving(HTTPCamera(folder, wanted=wanted)) as url:
        opened = RTSPSource(f"{url}/mjpeg", sample_fps=None, username="jo", password="pl@nted").open(packets=True)
        frames = some(opened, 30)
        assert all(later.time_s > earlier.time_s for earlier, later in pairwise(frames))
        assert 0.5 < frames[-1].time_s < 30
        assert opened.packets()[0].codec.name == "mjpeg"
        opened.close()
        stranger = RTSPSource(f"{url}/mjpeg", username="jo", password="wrong").open()
        until_down(stranger, "401")
        stranger.close()


def test_a_file_over_http_is_shown_at_its_own_pace_and_over_again(folder: Path) -> None:
    write_video(folder / "short.mp4", every(40, 50), b_frames=0)
    with serving(HTTPCamera(folder)) as url:
        begun = datetime.now(UTC)
        opened = RTSPSource(f"{url}/short.mp4", sample_fps=None).open()
        frames = some(opened, 50)
        assert frames[-1].time_s == pytest.approx(49 * 0.04, abs=0.1)
        assert frames[-1].utc < datetime.now(UTC) + timedelta(seconds=1)
        assert frames[0].utc > begun
        until_down(opened, "ended")
        frames += some(opened, 10)
        assert all(later.time_s > earlier.time_s for earlier, later in pairwise(frames))
        opened.close()


def test_what_http_lacks(folder: Path) -> None:
    with serving(HTTPCamera(folder)) as url:
        opened = RTSPSource(f"{url}/nothing.m3u8").open()
        until_down(opened, "404")
        opened.close()


@pytest.mark.parametrize("target", ["file://{video}", "{video}", "concat:{video}", "pipe:0"])
def test_a_playlist_cannot_make_us_read_files_of_this_machine(tmp_path: Path, target: str) -> None:
    video = write_video(tmp_path / "private.ts", every(40, 50), b_frames=0)
    served = tmp_path / "served"
    served.mkdir()
    segment = target.format(video=video)
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n{segment}\n#EXT-X-ENDLIST\n"
    (served / "evil.m3u8").write_text(text)
    with serving(HTTPCamera(served)) as url:
        opened = RTSPSource(f"{url}/evil.m3u8", sample_fps=None, open_timeout_s=5).open()
        frames = watch(opened, lambda _: opened.connection.reason not in {"", "the camera is being connected to"})
        assert frames == []
        assert not opened.connection.up
        opened.close()


def test_a_playlist_on_disk_is_no_camera(folder: Path) -> None:
    with pytest.raises(ValueError, match="no camera"):
        RTSPSource(f"file://{folder}/whole.m3u8")
