from __future__ import annotations

import logging
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.evidence.footage import event, frame
from tests.evidence.watching import half_a_minute, life, of_kind, run
from videoxl_stream.events import ExhibitKind
from videoxl_stream.evidence import Evidence
from videoxl_stream.frames import Packet
from videoxl_stream.regions import Point, Regions

TOP: list[Point] = [(0, 0), (1, 0), (1, 0.5), (0, 0.5)]  # all that the square ever touches


@pytest.fixture
def packets() -> list[Packet]:
    """Packets with a keyframe every second."""
    return half_a_minute()


@contextmanager
def no_room_beyond(num_bytes: int) -> Iterator[None]:
    """Let no file grow larger, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("masks", [(), (TOP,)])
def test_damaged_packets_stop_nothing(masks: tuple[list[Point], ...], tmp_path: Path, packets: list[Packet]) -> None:
    noise = np.random.default_rng(1)
    codec = replace(packets[0].codec, extradata=b"")
    broken = [replace(packet, data=noise.bytes(len(packet.data)), codec=codec) for packet in packets]
    evidence = Evidence(tmp_path).open("site", "cam", Regions(masks=masks))
    exhibits = run(evidence, life(10, 14), broken)
    assert of_kind(exhibits, ExhibitKind.CLIP) == []
    assert (evidence.counts.failed, evidence.counts.written) == (1, 31)
    assert list(tmp_path.rglob("*.mp4*")) == []


@pytest.mark.parametrize("masks", [(), (TOP,)])
def test_a_full_disk_stops_nothing_and_leaves_no_half_files(
    masks: tuple[list[Point], ...], tmp_path: Path, packets: list[Packet], caplog: pytest.LogCaptureFixture
) -> None:
    evidence = Evidence(tmp_path).open("site", "cam", Regions(masks=masks))
    with no_room_beyond(400):
        exhibits = run(evidence, life(10, 14), packets)
    assert exhibits == []
    assert evidence.counts.failed == 32
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert caplog.text.count("cannot be written") == 1
    # Once there is room again, evidence goes on.
    assert len(evidence.see([frame(40.0)])) == 1


def test_a_folder_that_cannot_be_made_stops_nothing(tmp_path: Path, packets: list[Packet]) -> None:
    (tmp_path / "file").write_bytes(b"")
    evidence = Evidence(tmp_path / "file" / "evidence").open("site", "cam")
    assert run(evidence, life(10, 14), packets) == []
    assert evidence.counts.failed == 32


def test_memory_is_bounded_and_the_loss_is_told_once(
    tmp_path: Path, packets: list[Packet], caplog: pytest.LogCaptureFixture
) -> None:
    limit = sum(len(packet.data) for packet in packets) // 10
    evidence = Evidence(tmp_path, ring_bytes=limit, thumbnails=False).open("site", "cam")
    with caplog.at_level(logging.WARNING):
        for packet in packets:
            evidence.add([packet])
            assert evidence.num_bytes <= limit
            if packet is packets[50]:
                evidence.note(event(2, 3))
    assert evidence.counts.lost > 0
    assert caplog.text.count("ring_bytes") == 1


def test_an_event_whose_footage_has_gone_has_no_clip(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    evidence = Evidence(tmp_path).open("site", "cam")
    assert evidence.note(event(1, 2)) == []
    assert evidence.finish() == []
    assert evidence.counts.failed == 2
    assert "no picture of event" in caplog.text
