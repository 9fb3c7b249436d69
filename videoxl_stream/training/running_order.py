"""The running order: what was shown before each ad, and how often so far, read off the beacons of its frames.

Memory that carries it can be asked for order and number: each ad then knows its place, and points to the one before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videoxl_stream.training.footage.quizzes import MOST_NUMBERED
from videoxl_stream.training.footage.vocabulary import BRANDS
from videoxl_stream.training.mean_loss import mean_loss


@dataclass(frozen=True, slots=True)
class RunningOrder:
    """Of each frame with an ad; what it says of other frames is of no meaning. Each is (streams, frames) int64.

    Args:
        previous: brand of the ad before this one, 0 for none.
        number: how many ads there were so far, this one included; all from MOST_NUMBERED on are one.
        times: how many of this brand.
    """

    previous: Tensor
    number: Tensor
    times: Tensor

    @classmethod
    def of(cls, brands: Tensor) -> Self:
        """Read it off the brand of each frame, 0 for none, (streams, frames); a run of one brand is one ad."""
        before = F.pad(brands, (1, 0))[:, :-1]
        begins = (brands > 0) & (brands != before)
        place = torch.arange(brands.shape[1], device=brands.device).expand_as(brands)
        begin = torch.where(begins, place, -1).cummax(dim=1).values  # of the latest ad
        earlier = F.pad(begin, (1, 0), value=-1).gather(1, begin.clamp(min=0))  # of the one before that
        previous = torch.where(earlier < 0, 0, brands.gather(1, earlier.clamp(min=0)))
        each = F.one_hot(brands * begins, len(BRANDS) + 1).cumsum(dim=1)  # (streams, frames, brands)
        times = each.gather(2, brands.unsqueeze(2)).squeeze(2)
        return cls(previous, begins.cumsum(dim=1).clamp(max=MOST_NUMBERED), times.clamp(max=MOST_NUMBERED))


class OrderHead(nn.Module):
    """Reads the running order off one vector a frame."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.previous = nn.Linear(width, len(BRANDS) + 1)
        self.number = nn.Linear(width, MOST_NUMBERED + 1)
        self.times = nn.Linear(width, MOST_NUMBERED + 1)

    def loss(self, vectors: Tensor, brands: Tensor) -> Tensor:
        """Mean loss over the frames with ads, from (streams, frames, width) and the brands (streams, frames)."""
        order, shown = RunningOrder.of(brands), brands > 0
        x = self.norm(vectors[shown].float())
        pairs = ((self.previous, order.previous), (self.number, order.number), (self.times, order.times))
        return torch.stack([mean_loss(head(x), target[shown]) for head, target in pairs]).sum()
