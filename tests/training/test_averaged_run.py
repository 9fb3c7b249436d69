"""The mean of runs: a run itself, of the same network only."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from videoxl_stream.errors import CheckpointError
from videoxl_stream.training.averaged_run import average, main
from videoxl_stream.training.saved_run import RunState, SavedRun


def _run(folder: Path, seed: int, width: int = 3) -> torch.nn.Linear:
    torch.manual_seed(seed)
    module = torch.nn.Linear(width, 2)
    SavedRun(folder).save(module, RunState({"streams": seed}))
    return module


def test_the_mean_is_a_run_with_the_first_ones_state(tmp_path: Path) -> None:
    first, second = _run(tmp_path / "a", 5), _run(tmp_path / "b", 7)
    main([str(tmp_path / "a"), str(tmp_path / "b"), "--into", str(tmp_path / "mean")])
    mean = torch.nn.Linear(3, 2)
    assert SavedRun(tmp_path / "mean").load(mean).steps == {"streams": 5}
    torch.testing.assert_close(mean.weight, (first.weight + second.weight) / 2)
    torch.testing.assert_close(mean.bias, (first.bias + second.bias) / 2)


def test_other_networks_missing_runs_and_full_folders_are_refused(tmp_path: Path) -> None:
    _run(tmp_path / "a", 1)
    _run(tmp_path / "wide", 1, width=4)
    with pytest.raises(CheckpointError, match="different networks"):
        average([tmp_path / "a", tmp_path / "wide"], tmp_path / "mean")
    with pytest.raises(CheckpointError, match="holds no training run"):
        average([tmp_path / "a", tmp_path / "nothing"], tmp_path / "mean")
    with pytest.raises(CheckpointError, match="another folder"):
        average([tmp_path / "a", tmp_path / "a"], tmp_path / "wide")
    assert not (tmp_path / "mean").exists()
