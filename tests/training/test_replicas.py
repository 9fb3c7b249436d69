"""Replicas end with the same weights, and each has seen footage of its own."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import multiprocessing

from tests.training.test_embedded_recipe import TINY
from videoxl_stream.training.batches import StreamBatches
from videoxl_stream.training.embedded import Training
from videoxl_stream.training.footage.tokenizer import build_tokenizer
from videoxl_stream.training.replicas import Replicas


def replica(rank: int, port: int, folder: Path) -> None:
    """What each process does: train, then leave its weights and a mean of two gradients of which one is missing."""
    torch.set_num_threads(1)
    os.environ.update(
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2"
    )
    replicas = Replicas.join()
    seen, missing = torch.zeros(2, requires_grad=True), torch.zeros(3, requires_grad=True)
    seen.grad = torch.tensor([1.0, 2.0 + rank])
    if rank:
        missing.grad = torch.full((3,), 4.0)
    replicas.average([seen, missing])
    assert seen.grad.tolist() == [1.0, 2.5]
    assert missing.grad is not None
    assert missing.grad.tolist() == [2.0] * 3
    assert replicas.any(rank == 1)
    assert not replicas.any(False)
    training = Training(TINY, folder / "run", replicas, max_seconds=600)
    assert training.run()
    assert training.state.steps == {"vision": 1, "streams": 2}
    save_file(
        {name: p.detach().clone() for name, p in training.objective.named_parameters()}, folder / f"{rank}.safetensors"
    )
    replicas.leave()


@pytest.mark.slow
def test_replicas_end_with_the_same_weights(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(replica, (port, tmp_path), nprocs=2)  # type: ignore[attr-defined]
    one, other = (load_file(tmp_path / f"{rank}.safetensors") for rank in (0, 1))
    assert all(torch.equal(one[name], other[name]) for name in one)
    alone = Training(TINY, tmp_path / "alone", Replicas(), max_seconds=600)
    alone.run()
    assert any(not torch.equal(one[name], p) for name, p in alone.objective.named_parameters())
    assert (tmp_path / "run" / "state.json").is_file()


def test_replicas_see_other_streams_of_the_same_shape() -> None:
    tokenizer = build_tokenizer()
    both = [StreamBatches(TINY, 4, tokenizer, Replicas(rank, 2)) for rank in (0, 1)]
    for step in range(4):
        one, other = (batches[step] for batches in both)
        assert one.windows == other.windows
        assert one.footage.labels.brands.shape == other.footage.labels.brands.shape
        assert not torch.equal(one.footage.drawing.shapes, other.footage.drawing.shapes)
    assert sorted(Replicas(rank, 3).number(step) for rank in range(3) for step in range(4)) == list(range(12))
