"""Cameras with login, over UDP and TLS, that tell their clock; secrets stay where they belong."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.connectors.cameras import some, until_down, watch
from tests.rtsp_servers import GSTREAMER_REMEDY, Server, camera, has_gstreamer, running, write_certificate
from videoxl_stream.connectors.rtsp import RTSPSource
from videoxl_stream.errors import SourceReadError

pytestmark = pytest.mark.service
USER, PASSWORD, WRONG = "jo@home", "pl@nted/s3cret:1", "wr0ng-s3cret"
ENCODED = "jo%40home:pl%40nted%2Fs3cret%3A1"


@pytest.fixture(autouse=True)
def _gstreamer(require_service: Callable[[bool, str], None]) -> None:
    require_service(has_gstreamer(), GSTREAMER_REMEDY)


@pytest.fixture(params=["basic", "digest"])
def guarded(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(camera(login=request.param, username=USER, password=PASSWORD)) as server:
        yield server


def test_login_in_the_url_and_beside_it(guarded: Server) -> None:
    for source in (
        RTSPSource(f"rtsp://{ENCODED}@127.0.0.1:{guarded.port}/cam"),
        RTSPSource(f"rtsp://127.0.0.1:{guarded.port}/cam", username=USER, password=PASSWORD),
    ):
        opened = source.open()
        some(opened, 1)
        opened.close()


def test_planted_secrets_are_seen_nowhere(guarded: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"rtsp://127.0.0.1:{guarded.port}/cam?token=qu3ry-s3cret"
    source = RTSPSource(url, username=USER, password=WRONG)
    opened = source.open()
    until_down(opened, "refuses the user name or password")
    assert opened.decoder_pid is not None
    process = Path(f"/proc/{opened.decoder_pid}")
    seen = [repr(source), repr(opened), source.stream_id, repr(opened.connection), json.dumps(opened.position())]
    seen += [(process / what).read_bytes().decode(errors="replace") for what in ("cmdline", "environ")]
    opened.close()
    with pytest.raises(SourceReadError) as caught:
        opened.read(0)
    seen += traceback.format_exception(caught.value)
    good = RTSPSource(url, username=USER, password=PASSWORD).open(packets=True)
    frames = some(good, 2)
    seen += [frames[0].stream_id, json.dumps(good.position()), *(packet.codec.name for packet in good.packets())]
    good.close()
    seen += [record.getMessage() for record in caplog.records]
    shown = "\n".join(seen)
    assert f"127.0.0.1:{guarded.port}/cam" in shown
    for secret in (USER, PASSWORD, WRONG, "jo%40home", "pl%40nted", "qu3ry-s3cret", "s3cret"):
        assert secret not in shown


def test_variables_of_the_environment_that_may_be_secret_are_not_handed_on(
    guarded: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMERA_PASSWORD", PASSWORD)
    opened = RTSPSource(f"rtsp://127.0.0.1:{guarded.port}/cam", username=USER, password=PASSWORD).open()
    some(opened, 1)
    assert PASSWORD.encode() not in Path(f"/proc/{opened.decoder_pid}/environ").read_bytes()
    opened.close()


def test_over_udp() -> None:
    with running(camera(udp=True)) as server:
        opened = RTSPSource(f"rtsp://127.0.0.1:{server.port}/cam", transport="udp", sample_fps=None).open()
        frames = some(opened, 30)
        assert all(
            later.time_s - earlier.time_s == pytest.approx(0.05, abs=0.02) for earlier, later in pairwise(frames)
        )
        opened.close()
        refused = RTSPSource(f"rtsp://127.0.0.1:{server.port}/cam", transport="tcp").open()
        until_down(refused, "does not offer this transport")
        refused.close()


def test_tls_with_a_certificate_that_is_trusted_and_with_others(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    with running(camera(certificate=str(certificate), key=str(key))) as server:
        url = f"rtsps://127.0.0.1:{server.port}/cam"
        for trusting in (RTSPSource(url, ca_file=certificate), RTSPSource(url, verify_tls=False)):
            opened = trusting.open()
            some(opened, 1)
            opened.close()
        opened = RTSPSource(url).open()
        until_down(opened, "certificate that is not trusted", "ca_file")
        opened.close()


def test_the_cameras_clock_is_believed() -> None:
    with running(camera()) as server:
        opened = RTSPSource(f"rtsp://127.0.0.1:{server.port}/cam", sample_fps=None).open()
        frames = watch(opened, lambda frames: len(frames) > 0 and frames[-1].time_s > 3)
        assert all(later.time_s > earlier.time_s for earlier, later in pairwise(frames))
        assert abs(datetime.now(UTC) - frames[-1].utc) < timedelta(seconds=2)
        opened.close()


def test_times_that_jump_are_tied_to_the_day_anew(tmp_path: Path) -> None:
    from tests.connectors.clips import every, write_video

    path = write_video(tmp_path / "loop.ts", every(40, 50), b_frames=0)
    launch = f"( multifilesrc location={path} loop=true ! tsdemux ! h264parse ! rtph264pay name=pay0 pt=96 )"
    with running(camera(launch=launch)) as server:
        begun = datetime.now(UTC)
        opened = RTSPSource(f"rtsp://127.0.0.1:{server.port}/cam", sample_fps=None).open()
        frames = watch(opened, lambda frames: len(frames) > 0 and frames[-1].time_s > 5)
        assert all(later.time_s > earlier.time_s for earlier, later in pairwise(frames))
        assert all(begun - timedelta(seconds=10) < frame.utc for frame in frames)
        assert frames[-1].utc < datetime.now(UTC) + timedelta(seconds=2)
        opened.close()
