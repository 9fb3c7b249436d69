"""``videoxl-stream frames produce`` against a real broker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import kafka_broker
from tests.cli.calling import call
from tests.cli.interrupt import interrupted, running
from tests.connectors.clips import every, write_video
from tests.connectors.kafka.footage import Reader, Site, source
from tests.kafka_broker import KafkaBroker

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaBroker | None]:
    if kafka_broker.program() is None:
        yield None
        return
    with kafka_broker.served() as served:
        yield served


@pytest.fixture
def served(broker: KafkaBroker | None, require_service: Callable[[bool, str], None]) -> KafkaBroker:
    require_service(broker is not None, kafka_broker.REMEDY)
    assert broker is not None
    return broker


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "gate.mp4", every(250, 16))


def produced(broker: KafkaBroker, topic: str, num: int) -> Site:
    site = Site()
    with Reader(source(broker, topic), site) as reader:
        reader.until(lambda: site.num_frames == num)
    return site


@pytest.mark.parametrize("message_format", ["jpeg", "webp", "mpegts"])
def test_a_film_becomes_streams(served: KafkaBroker, video: Path, message_format: str) -> None:
    topic = f"film-{message_format}"
    to = f"kafka://{served.servers}/{topic}"
    told = call("frames", "produce", video, "--to", to, "--fast", "--repeat", 3, "--format", message_format)
    assert told.exit_code == 0, told.output
    assert "24 frames of 3 streams" in told.output
    site = produced(served, topic, 24)
    assert {name: [one.time_s for one in frames] for name, frames in site.frames.items()} == {
        f"gate-{number}": pytest.approx([index / 2 for index in range(8)]) for number in (1, 2, 3)
    }


def test_at_its_own_pace_it_is_as_of_now(served: KafkaBroker, video: Path) -> None:
    before = datetime.now(UTC)
    to = f"kafka://{served.servers}/now"
    assert call("frames", "produce", video, "--to", to, "--stream-id", "yard", "--fps", 4).exit_code == 0
    frames = produced(served, "now", 16).frames["yard"]
    assert before <= frames[0].utc <= frames[-1].utc - timedelta(seconds=3.7) <= datetime.now(UTC)


def test_a_loop_goes_on_until_ctrl_c(served: KafkaBroker, video: Path) -> None:
    to = f"kafka://{served.servers}/loop"
    with running("frames", "produce", str(video), "--to", to, "--fast", "--loop", "--fps", "4") as process:
        deadline = time.monotonic() + 30
        site = Site()
        with Reader(source(served, "loop"), site) as reader:
            reader.until(lambda: site.num_frames > 40)
        assert time.monotonic() < deadline
        status, output, errors = interrupted(process)
    assert status == 130, errors
    assert "frames of 1 streams sent to" in output
    times = [round(one.time_s, 3) for one in site.frames["gate"][:40]]
    assert times == [index / 4 for index in range(40)]


def test_nobody_there_is_one_line(tmp_path: Path, video: Path) -> None:
    told = call("frames", "produce", video, "--to", "kafka://127.0.0.1:1/frames")
    assert told.exit_code == 2
    assert "no broker answers: start it" in told.output
