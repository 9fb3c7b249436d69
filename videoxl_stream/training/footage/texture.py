"""Where each pixel of a backdrop lies on its plate of the atlas, and how bright the plate is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from videoxl_stream.training.footage.atlas import LEVELS, PLATES, SIDE
from videoxl_stream.training.footage.drawing import ABOVE, BELOW, CAMERA, DEPTH

Planes = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Weave:
    """Where pixels lie on plates: a row of pixels has one plate, one level of blur and one height on the plate."""

    sheet: Tensor  # (frames, height, 1) int64: level times plates plus plate
    strength: Tensor  # (frames, height, 1)
    across: Tensor  # (frames, height, width) in plates; odd ones are mirrored
    down: Tensor  # (frames, height, 1)


def weave(b: Sequence[Tensor], x: Tensor, y: Tensor, step_x: float, step_y: float) -> Weave:
    """Look backdrops up: ``b`` are their columns, each (frames, 1, 1); x and y broadcast to (frames, height, width)."""
    ground = y >= b[0]
    plate, strength, scale_x, scale_y, shift_x, shift_y = (
        torch.where(ground, b[BELOW + i], b[ABOVE + i]) for i in range(6)
    )
    left, up = (x - b[CAMERA]) * b[CAMERA + 2], 0.5 - (y - b[CAMERA + 1]) * b[CAMERA + 2]
    far = torch.where(ground, 1.0 / (1.0 - b[DEPTH] * up).clamp(min=0.08), 1.0)
    # Texels per pixel: across they grow with the distance, down with its square.
    wide, tall = far * scale_x * b[CAMERA + 2] * (step_x * SIDE), far * far * scale_y * b[CAMERA + 2] * (step_y * SIDE)
    level = (torch.log2(torch.maximum(wide, tall).clamp(min=1.0)) + 0.5).floor().clamp(max=LEVELS - 1)
    sheet = (level * len(PLATES) + plate).long()
    return Weave(sheet, strength, left * far * scale_x + shift_x, shift_y - up * far * scale_y)


def fold(place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Turn places in plates into the two nearest texels and the share of the second; odd plates are mirrored."""
    # How far from the nearest even number, 0 to 1: much faster than a remainder on a CPU.
    share = (place - 2.0 * (place * 0.5 + 0.5).floor()).abs()
    texel = (share * SIDE - 0.5).clamp(0.0, SIDE - 1.0)
    first = texel.long()
    return first, (first + 1).clamp(max=SIDE - 1), texel - first


def shine(cloth: Weave, atlas: Tensor) -> Planes:
    """Return by how much the texture brightens each pixel, three planes of 1 + strength * (-1..1): all gathers fuse."""
    left, right, ratio = fold(cloth.across)
    top, bottom, part = fold(cloth.down)
    rows = (cloth.sheet * SIDE + top) * SIDE, (cloth.sheet * SIDE + bottom) * SIDE
    planes = []
    for colour in atlas.unbind(0):
        upper, lower = (colour[row + left] + (colour[row + right] - colour[row + left]) * ratio for row in rows)
        planes.append(1.0 + cloth.strength * (upper + (lower - upper) * part))
    red, green, blue = planes
    return red, green, blue


def shine_by_rows(cloth: Weave, atlas: Tensor) -> Tensor:
    """Return what ``shine`` does for one frame, (3, height, width): a row of pixels meets one row of texels."""
    top, bottom, part = (t[0, :, 0] for t in fold(cloth.down))
    sheets, sheet = atlas.view(3, -1, SIDE), cloth.sheet[0, :, 0] * SIDE
    upper, lower = (sheets.index_select(1, sheet + row) for row in (top, bottom))
    rows = upper.lerp_(lower, part[:, None])  # (3, height, SIDE)
    left, right, ratio = fold(cloth.across)
    first, second = (rows.gather(2, place.expand(3, -1, -1)) for place in (left, right))
    return first.lerp_(second, ratio).mul_(cloth.strength).add_(1.0)
