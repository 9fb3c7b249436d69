"""Replicas: processes that train one run together, each on a GPU and on footage of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, distributed


@dataclass(frozen=True, slots=True)
class Replicas:
    """This process among those that train together: alone, unless torchrun has started it.

    All begin with the same weights and take the same steps, so that only gradients have to be exchanged.

    Args:
        rank: 0..count - 1; 0 alone saves, reports and measures.
        count: of processes.
        device: where this one trains.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @classmethod
    def join(cls) -> Replicas:
        """Meet the others that torchrun has started (its variables say where), over NCCL or, without GPUs, Gloo."""
        on_gpu = torch.cuda.is_available()
        if "WORLD_SIZE" not in os.environ:
            return cls(device=torch.device("cuda" if on_gpu else "cpu"))
        device = torch.device(f"cuda:{os.environ['LOCAL_RANK']}" if on_gpu else "cpu")
        if on_gpu:
            torch.cuda.set_device(device)
        distributed.init_process_group("nccl" if on_gpu else "gloo")
        return cls(distributed.get_rank(), distributed.get_world_size(), device)

    def leave(self) -> None:
        """Part from the others."""
        if self.count > 1:
            distributed.destroy_process_group()

    def number(self, step: int) -> int:
        """Of this one's batch among the batches of all, so that none is seen twice."""
        return step * self.count + self.rank

    def average(self, parameters: Iterable[Tensor]) -> None:
        """Give every parameter the mean of its gradients; one without a gradient counts as 0 where others have one."""
        if self.count == 1:
            return
        parameters = list(parameters)
        flat = torch.cat([torch.zeros_like(p).view(-1) if p.grad is None else p.grad.view(-1) for p in parameters])
        distributed.all_reduce(flat)
        for parameter, mean in zip(
            parameters, flat.div_(self.count).split([p.numel() for p in parameters]), strict=True
        ):
            parameter.grad = mean.view_as(parameter)

    def any(self, said: bool) -> bool:
        """Whether one of them says so; all hear the same."""
        if self.count == 1:
            return said
        heard = torch.tensor(float(said), device=self.device)
        distributed.all_reduce(heard)
        return bool(heard > 0)
