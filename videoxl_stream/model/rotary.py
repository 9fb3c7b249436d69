"""Rotary positions with angles in float64, so that streams may run for ever (RoFormer, arXiv 2104.09864)."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers.models.qwen2.modeling_qwen2 import rotate_half

Rotation = tuple[Tensor, Tensor]


class Rotary:
    """Makes and applies rotations for one head size and base.

    A float32 angle is off by a whole radian at position 10^8; angles here are formed and reduced in float64 and
    only their cosine and sine are rounded.
    """

    def __init__(self, head_dim: int, theta: float, dtype: torch.dtype) -> None:
        self._inv_freq = theta ** -(torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
        self._dtype = dtype

    def at(self, positions: Tensor) -> Rotation:
        """Cosine and sine for positions of any shape (...): each (..., head_dim)."""
        angles = positions.to(torch.float64).unsqueeze(-1) * self._inv_freq.to(positions.device)
        angles = torch.cat((angles, angles), dim=-1)
        return angles.cos().to(self._dtype), angles.sin().to(self._dtype)


def rotate(x: Tensor, rotation: Rotation) -> Tensor:
    """Rotate keys or queries (..., tokens, head_dim) by a broadcastable rotation; keeps their dtype."""
    cos, sin = rotation
    out: Tensor = x * cos + rotate_half(x) * sin
    return out.to(x.dtype)


def unrotate(x: Tensor, rotation: Rotation) -> Tensor:
    """Undo ``rotate``."""
    cos, sin = rotation
    out: Tensor = x * cos - rotate_half(x) * sin
    return out.to(x.dtype)
