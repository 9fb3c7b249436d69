"""The examples of Kafka, with a real broker."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import kafka_broker
from tests.cli.calling import call
from tests.connectors.clips import every, write_video
from videoxl_stream.pipelines.embedded_rules import QUESTIONS
from videoxl_stream.queries import Span
from videoxl_stream.testing import ScriptedModel

pytestmark = [pytest.mark.service, pytest.mark.slow]
ROOT = Path(__file__).parents[2]


def test_footage_goes_in_and_events_come_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, require_service: Callable[[bool, str], None]
) -> None:
    require_service(kafka_broker.program() is not None, kafka_broker.REMEDY)
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "gate.mp4", every(500, 60))
    watch_topic = runpy.run_path(str(ROOT / "examples" / "kafka_frames.py"))["watch_topic"]
    receive = runpy.run_path(str(ROOT / "examples" / "kafka_consumer.py"))["receive"]
    model: Any = ScriptedModel({QUESTIONS["fire"]: [Span(8, 16)]})
    with kafka_broker.served() as broker:
        broker.topic(1, "events")
        to = f"kafka://{broker.servers}/frames"
        told = call("frames", "produce", "gate.mp4", "--to", to, "--fast", "--repeat", 2, "--fps", 2)
        assert told.exit_code == 0, told.output
        assert "120 frames of 2 streams" in told.output
        assert watch_topic(broker.servers, "frames", "events", seconds=20, model=model) == 60  # one frame a second
        told_of = receive(broker.servers, "events", group="alarms", seconds=10)
    assert sum(line.startswith("ALARM") for line in told_of) == 2
    assert {line.split()[3] for line in told_of} == {"gate-1", "gate-2"}
