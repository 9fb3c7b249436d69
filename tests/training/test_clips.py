"""Clips: real H.264 with the right frames, times and truth."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from videoxl_stream.errors import ConfigError
from videoxl_stream.training.footage.clips import ClipFormat, Truth, pictures, truth_path, write_clip
from videoxl_stream.training.footage.conditions import LOW_BIT_RATE, has_low_bit_rate
from videoxl_stream.training.footage.scenes import Rates, Scenario

RATES = Rates({"ad": 2.0}, quiet=0.0, spread=(1.0,))
SMALL = ClipFormat(fps=5, width=192, height=108)


def test_a_clip_decodes_to_its_frames_and_times_and_has_its_truth(tmp_path: Path) -> None:
    path, told = tmp_path / "a.mp4", list[float]()
    truth = write_clip(path, 3, "channel", 60.0, rates=RATES, encoding=SMALL, on_progress=told.append)
    scenario = Scenario.of(3, "channel", 60.0, RATES)
    assert truth.occurrences == scenario.occurrences
    assert truth.conditions == scenario.conditions
    assert truth.occurrences
    assert told[-1] == 1.0
    assert len(told) == 300
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        frames = list(container.decode(stream))
    keys = [frame.time for frame in frames if frame.key_frame]
    assert keys[0] == 0
    assert max(later - earlier for earlier, later in pairwise(keys)) <= 4.001, keys
    assert [frame.time for frame in frames] == pytest.approx([i / 5 for i in range(300)])
    drawn = list(pictures(scenario, 300, SMALL))
    error = [np.abs(f.to_ndarray(format="rgb24").astype(int) - d).mean() for f, d in zip(frames, drawn, strict=True)]
    assert max(error) < 12
    assert b"moov" in path.read_bytes()[:64]


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_clip(tmp_path / name, 5, "site", 4.0, encoding=SMALL)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_one_clip_in_five_has_a_low_bit_rate(tmp_path: Path) -> None:
    low = [seed for seed in range(200) if has_low_bit_rate(seed, "site")]
    assert 25 <= len(low) <= 55
    assert low != [seed for seed in range(200) if has_low_bit_rate(seed, "channel")]
    usual = next(seed for seed in range(200) if seed not in low)
    for seed, crf in ((low[0], SMALL.crf + 10), (usual, SMALL.crf)):
        path = tmp_path / f"{seed}.mp4"
        truth = write_clip(path, seed, "site", 2.0, encoding=SMALL)
        assert (LOW_BIT_RATE in truth.conditions) == (seed == low[0])
        assert _x264_crf(path) == crf


def _x264_crf(path: Path) -> float:
    """Read the quality that x264 notes in its stream."""
    (note,) = re.findall(rb"crf=([0-9.]+)", path.read_bytes())
    return float(note)


def test_truth_survives_its_file_and_refuses_another_version(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    truth = write_clip(path, 3, "channel", 90.0, rates=RATES, encoding=ClipFormat(fps=1, width=64, height=36))
    assert truth.occurrences
    assert Truth.load(truth_path(path)) == truth
    truth_path(path).write_text(json.dumps({"version": 0}))
    with pytest.raises(ConfigError, match="version 0"):
        Truth.load(truth_path(path))


def test_sensor_noise_is_seeded() -> None:
    scenario = Scenario.of(1, "site", 2.0)
    one, same = (next(iter(pictures(scenario, 1, SMALL))) for _ in range(2))
    assert (one == same).all()
    assert torch.from_numpy(one).float().std() > 0
