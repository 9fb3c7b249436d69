from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.evidence.footage import FPS, HEIGHT, WIDTH, event, film, frame, packets_of
from tests.evidence.watching import clip_of, half_a_minute, jpeg, life, run, shown
from videoxl_stream.events import ExhibitKind, Status
from videoxl_stream.evidence import Evidence, masking
from videoxl_stream.evidence.recorder import OpenEvidence
from videoxl_stream.frames import Image, Packet
from videoxl_stream.regions import Point, Regions

TOP: list[Point] = [(0, 0), (1, 0), (1, 0.5), (0, 0.5)]  # all that the square ever touches


@pytest.fixture
def packets() -> list[Packet]:
    """Packets with a keyframe every second."""
    return half_a_minute()


def assert_masked(images: Sequence[Image], region: tuple[slice, slice] = (slice(0, HEIGHT // 2), slice(None))) -> None:
    assert images
    for image in images:
        under = image[region].astype(int)
        # Codecs ring by a few shades right at the border; the square itself is 127 shades away.
        assert np.abs(under[:-3] - 128).max() < 12
        assert np.abs(under - 128).mean() < 2


@pytest.mark.parametrize("with_packets", [True, False])
def test_nothing_under_a_mask_is_ever_written(with_packets: bool, tmp_path: Path, packets: list[Packet]) -> None:
    """Not even if the frames come unmasked. The square moves under the mask all the time."""
    evidence = Evidence(tmp_path, pre_roll_s=3, post_roll_s=2).open("site", "cam", Regions(masks=[TOP]))
    exhibits = run(evidence, life(10, 14), packets if with_packets else ())
    clip = clip_of(exhibits)
    after = shown(tmp_path, clip)
    assert clip.start_s == pytest.approx(7, abs=0.05)  # what is encoded anyway need not begin at a keyframe
    assert len(after) == pytest.approx((clip.end_s - clip.start_s) * (FPS if with_packets else 2), abs=1)
    assert_masked([image for _, image in after])
    stills = [exhibit for exhibit in exhibits if exhibit.kind != ExhibitKind.CLIP]
    assert len(stills) == 31
    assert_masked([jpeg(tmp_path, exhibit) for exhibit in stills])
    assert len(list(tmp_path.rglob("*.*"))) == len(exhibits)


def test_what_is_not_under_a_mask_stays_to_be_seen(tmp_path: Path, packets: list[Packet]) -> None:
    right: list[Point] = [(0.5, 0), (1, 0), (1, 1), (0.5, 1)]
    evidence = Evidence(tmp_path).open("site", "cam", Regions(masks=[right]))
    after = shown(tmp_path, clip_of(run(evidence, life(10, 14), packets)))
    assert max(image[: HEIGHT // 2, : WIDTH // 2 - 4].max() for _, image in after) > 240
    assert_masked([image for _, image in after], (slice(None), slice(WIDTH // 2 + 3, None)))


def test_masks_lie_on_the_upright_picture(tmp_path: Path) -> None:
    """The camera hangs on its side: what was above is left once the picture is upright."""
    turned = packets_of(film(num=200), quarter_turns=1)
    left: list[Point] = [(0, 0), (0.5, 0), (0.5, 1), (0, 1)]
    evidence = Evidence(tmp_path).open("site", "cam", Regions(masks=[left]))
    evidence.add(turned)
    evidence.see([frame(10.0)])
    evidence.note(event(8, 9, status=Status.CLOSED))
    after = shown(tmp_path, clip_of(evidence.advance(19) + evidence.finish()))
    assert after[0][1].shape == (WIDTH, HEIGHT, 3)
    assert_masked([image for _, image in after], (slice(None), slice(0, HEIGHT // 2 - 3)))


def planned(folder: Path, packets: list[Packet]) -> OpenEvidence:
    """Evidence that is about to make one clip with a mask."""
    evidence = Evidence(folder).open("site", "cam", Regions(masks=[TOP]))
    evidence.add(packets)
    evidence.see([frame(10.0)])
    evidence.note(event(8, 9, status=Status.CLOSED))
    return evidence


def test_a_clip_with_a_mask_holds_nobody_up_and_comes_when_it_is_done(tmp_path: Path, packets: list[Packet]) -> None:
    evidence = planned(tmp_path, packets)
    exhibits = evidence.advance(19)
    assert exhibits == []  # no process starts, decodes and encodes that fast
    while not exhibits:
        exhibits = evidence.advance(20)
    assert_masked([image for _, image in shown(tmp_path, clip_of(exhibits))])


def test_an_encoder_that_fails_costs_the_clip_and_nothing_else(
    tmp_path: Path, packets: list[Packet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masking, "_MODULE", "videoxl_stream.evidence.nowhere")
    evidence = planned(tmp_path, packets)
    assert evidence.advance(19) + evidence.finish() == []
    assert evidence.counts.failed == 1
    assert "ended with status 1" in evidence.failing
    assert list(tmp_path.rglob("*.partial*")) == []


def test_an_encoder_that_takes_too_long_is_given_up(
    tmp_path: Path, packets: list[Packet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masking, "_MODULE", "http.server")  # serves for ever
    evidence = planned(tmp_path, packets)
    assert evidence.advance(19) + evidence.finish(wait_s=0.01) == []
    assert evidence.counts.failed == 1
