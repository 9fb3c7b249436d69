"""What the renderer paints: a backdrop, shapes and a gain per frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SCENE_SHAPES, INSERT_SHAPES = 120, 16
SHAPES = SCENE_SHAPES + INSERT_SHAPES
"""Per picture: what the scene has, and what is inserted over it."""
BACKDROP_COLUMNS = 15


@dataclass(frozen=True)
class Drawing:
    """Frames as numbers, independent of any resolution.

    ``backdrop`` holds the horizon's height, the colour above (3) and below (3) it, and two plane waves of texture
    (amplitude, x and y radians per world unit, phase; 4 each).
    """

    backdrop: Tensor  # (batch, frames, BACKDROP_COLUMNS)
    shapes: Tensor  # (batch, frames, SHAPES, shapes.COLUMNS)
    gain: Tensor  # (batch, frames, 3)

    @classmethod
    def choose(cls, pick: Tensor, yes: Drawing, no: Drawing) -> Drawing:
        """Take each stream's frames from ``yes`` where ``pick`` (batch,) is true, else from ``no``."""
        pick = pick.view(-1, 1, 1)
        return cls(
            torch.where(pick, yes.backdrop, no.backdrop),
            torch.where(pick.unsqueeze(-1), yes.shapes, no.shapes),
            torch.where(pick, yes.gain, no.gain),
        )

    def __getitem__(self, streams: slice) -> Drawing:
        """Return some of the streams; drawing many at once and painting them in turn costs fewer launches."""
        return Drawing(self.backdrop[streams], self.shapes[streams], self.gain[streams])

    def flat(self) -> Drawing:
        """Return the frames of all streams in one row: shapes as above with batch and frames merged."""
        return Drawing(self.backdrop.flatten(0, 1), self.shapes.flatten(0, 1), self.gain.flatten(0, 1))


def backdrop(horizon: Tensor, above: Tensor, below: Tensor, waves: list[Tensor]) -> Tensor:
    """Pack a backdrop (batch, frames, BACKDROP_COLUMNS) from broadcastable parts, all (batch, frames) or with RGB."""
    columns = torch.broadcast_tensors(horizon, *above.unbind(-1), *below.unbind(-1), *waves)
    return torch.stack(columns, dim=-1)
