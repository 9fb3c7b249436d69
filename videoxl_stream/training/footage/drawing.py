"""What the renderer paints: a backdrop, shapes and light per frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from videoxl_stream.training.footage.shapes import OPACITY, RED

SCENE_SHAPES, INSERT_SHAPES = 136, 16
SHAPES = SCENE_SHAPES + INSERT_SHAPES
"""Per picture: what the scene has, and what is inserted over it."""
WAVES, CAMERA, ABOVE, BELOW, DEPTH, BACKDROP_COLUMNS = 7, 15, 18, 24, 30, 31
"""Where the parts of a backdrop begin, see Drawing."""
GAIN_COLUMNS = 6
_FAINTEST = 1e-3


@dataclass(frozen=True)
class Drawing:
    """Frames as numbers, independent of any resolution.

    ``backdrop`` holds the horizon's height, the colour above (3) and below (3) it, two plane waves (amplitude, x and
    y radians per world unit, phase; 4 each), the camera (where the middle of the world is seen, and the inverse of
    its zoom), then one texture above and one below the horizon (plate of the atlas, strength, plates per world unit
    across and down, offset across and down; 6 each), and how fast the ground recedes, 0 not at all, 1 up to infinity
    at the top of the picture.

    ``gain`` multiplies red, green and blue; then follow by how much the light grows per world unit across and down,
    and by how much it falls towards the corners.
    """

    backdrop: Tensor  # (batch, frames, BACKDROP_COLUMNS)
    shapes: Tensor  # (batch, frames, SHAPES or fewer, shapes.COLUMNS)
    gain: Tensor  # (batch, frames, GAIN_COLUMNS)

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

    def compact(self) -> Drawing:
        """Leave out what cannot be seen: as many shapes remain for each frame as the fullest one has, in order."""
        seen = (self.shapes[..., RED : OPACITY + 1].abs() > _FAINTEST).any(dim=-1)  # (batch, frames, shapes)
        order = seen.logical_not().byte().argsort(dim=-1, stable=True)[..., : int(seen.sum(dim=-1).max())]
        kept = self.shapes.gather(2, order.unsqueeze(-1).expand(*order.shape, self.shapes.shape[-1]))
        return Drawing(self.backdrop, kept * seen.gather(2, order).unsqueeze(-1), self.gain)

    def flat(self) -> Drawing:
        """Return the frames of all streams in one row: shapes as above with batch and frames merged."""
        return Drawing(self.backdrop.flatten(0, 1), self.shapes.flatten(0, 1), self.gain.flatten(0, 1))


def backdrop(
    horizon: Tensor,
    above: Tensor,
    below: Tensor,
    waves: list[Tensor],
    camera: list[Tensor],
    textures: list[Tensor],
) -> Tensor:
    """Pack a backdrop (batch, frames, BACKDROP_COLUMNS) from broadcastable parts, all (batch, frames) or with RGB.

    Args:
        horizon: its height.
        above: the colour above it.
        below: the colour below it.
        waves: eight numbers.
        camera: three.
        textures: six above, six below, and how fast the ground recedes.
    """
    columns = torch.broadcast_tensors(horizon, *above.unbind(-1), *below.unbind(-1), *waves, *camera, *textures)
    return torch.stack(columns, dim=-1)
