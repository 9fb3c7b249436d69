"""Curves of a training run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from videoxl_stream.errors import ConfigError
from videoxl_stream.training.curves import held_out, losses, main, smoothed

LOG = [
    {"phase": "streams", "step": 20 * at, "answer": 1.0, "beacon": 0.5, "frame": 0.2 + at, "mark": (at + 1) % 2 / 2}
    for at in range(12)
] + [
    {"phase": "held out", "frames": frames, "ratio": 8, "ad": right}
    for frames, right in ((40, 0.5), (160, 0.7), (40, 0.9))
]


def test_one_step_of_another_kind_does_not_show() -> None:
    values = np.ones(20)
    values[7] = 100.0
    assert smoothed(values).tolist() == [1.0] * 20


def test_losses_and_what_was_held_out_last() -> None:
    curves = losses(LOG, "streams")
    assert curves["answer"][0].tolist() == list(range(0, 240, 20))
    assert set(curves) == {"answer", "beacon", "frame", "mark"}
    assert curves["mark"][0].tolist() == list(range(0, 240, 40)), "steps without options say 0"
    assert held_out(LOG[12:], "ad", 8) == {40: 0.9, 160: 0.7}
    with pytest.raises(ConfigError, match="no phase 'tower'"):
        losses(LOG, "tower")


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "state.json").write_text(json.dumps({"log": LOG}))
    main([str(tmp_path / "state.json"), str(tmp_path / "curves.png")])
    assert (tmp_path / "curves.png").stat().st_size > 5000
