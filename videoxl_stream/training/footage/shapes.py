"""Shapes: the only thing the renderer paints, as rows of numbers.

World units: the picture is ASPECT wide and 1 high, y points down. A shape is a rounded, tapered box: ``corner`` 1
makes it an ellipse, ``taper`` 1 a triangle with its tip at the top. Colours are linear factors 0..1, already
multiplied by opacity, so that light (opacity 0, colour > 0) and shadow (opacity > 0, colour 0) are shapes as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from videoxl_stream.errors import ConfigError

ASPECT = 16 / 9
COLUMNS = 12
CX, CY, HALF_X, HALF_Y, ANGLE, TAPER, CORNER, SOFT, RED, GREEN, BLUE, OPACITY = range(COLUMNS)

Number = Tensor | float
Point = tuple[Number, Number]


def shape(
    centre: Point,
    half: Point,
    colour: Tensor,
    *,
    angle: Number = 0.0,
    taper: Number = 0.0,
    corner: Number = 0.1,
    soft: Number = 0.0,
    alpha: Number = 1.0,
    light: bool = False,
) -> Tensor:
    """Return one shape per frame (batch, frames, COLUMNS).

    ``colour`` (batch or 1, frames or 1, 3); ``half`` the half width and height; ``angle`` radians, turning right
    towards down; ``soft`` the width of the blurred rim as a share of ``half``; ``light`` adds instead of covers.
    """
    opacity = 0.0 if light else alpha
    numbers = (*centre, *half, angle, taper, corner, soft, *(colour[..., i] * alpha for i in range(3)), opacity)
    tensors = [n.to(colour.dtype) if isinstance(n, Tensor) else colour.new_full((), n) for n in numbers]
    return torch.stack(torch.broadcast_tensors(*tensors), dim=-1)


def bar(
    start: Point, end: Point, thickness: Number, colour: Tensor, *, corner: float = 0.7, alpha: Number = 1.0
) -> Tensor:
    """Return a bar between two points (batch, frames, COLUMNS), its tips half a thickness beyond them."""
    dx = torch.as_tensor(end[0] - start[0], dtype=colour.dtype, device=colour.device)
    dy = torch.as_tensor(end[1] - start[1], dtype=colour.dtype, device=colour.device)
    dx, dy = torch.broadcast_tensors(dx, dy)
    half = (thickness * 0.5, torch.hypot(dx, dy) * 0.5 + thickness * 0.5)
    centre = ((start[0] + end[0]) * 0.5, (start[1] + end[1]) * 0.5)
    return shape(centre, half, colour, angle=torch.atan2(-dx, dy), corner=corner, alpha=alpha)


def symbol(kind: Tensor, centre: Point, size: Number, colour: Tensor, alpha: Number) -> list[Tensor]:
    """Return the two shapes of a brand symbol; ``kind`` (batch, frames) 0 circle, 1 square, 2 triangle, 3 cross."""
    corner = torch.where(kind == 0, 1.0, 0.02)
    cross = kind == 3
    taper = torch.where(kind == 2, 1.0, 0.0)
    width = torch.where(cross, 0.34, torch.where(kind == 2, 0.55, torch.where(kind == 1, 0.88, 1.0))) * size
    height = torch.where(kind == 1, 0.88, 1.0) * size
    upright = shape(centre, (width, height), colour, taper=taper, corner=corner, alpha=alpha)
    across = shape(centre, (size, size * 0.34), colour, corner=0.02, alpha=cross * alpha)
    return [upright, across]


def rgb(hue: Tensor, saturation: Number, value: Number) -> Tensor:
    """Turn hue (0..1), saturation and value into colours, shape ``hue.shape + (3,)``."""
    turns = torch.stack([hue, hue + 2 / 3, hue + 1 / 3], dim=-1)
    pure = ((turns.remainder(1.0) * 6 - 3).abs() - 1).clamp(0, 1)
    saturation = torch.as_tensor(saturation, dtype=hue.dtype, device=hue.device).expand_as(hue).unsqueeze(-1)
    value = torch.as_tensor(value, dtype=hue.dtype, device=hue.device).expand_as(hue).unsqueeze(-1)
    return value * (1 - saturation * (1 - pure))


def paint(like: Tensor, colour: Sequence[float]) -> Tensor:
    """Return a fixed colour (1, 1, 3) on the device of ``like``."""
    return torch.tensor(colour, dtype=like.dtype, device=like.device).view(1, 1, 3)


def fit(shapes: list[Tensor], count: int) -> Tensor:
    """Stack shapes into (batch, frames, count, COLUMNS), filling up with invisible ones."""
    if len(shapes) > count:
        msg = f"{len(shapes)} shapes do not fit into {count} places: raise the number of shapes per picture."
        raise ConfigError(msg)
    batch, frames = torch.broadcast_shapes(*(s.shape[:2] for s in shapes))
    stacked = torch.stack([s.expand(batch, frames, COLUMNS) for s in shapes], dim=2)
    return torch.nn.functional.pad(stacked, (0, 0, 0, count - len(shapes)))


def move(shapes: Tensor, about: Point, zoom: Tensor, shift: tuple[Tensor, Tensor]) -> Tensor:
    """Zoom shapes (batch, frames, n, COLUMNS) about a point and shift them; zoom and shift are (batch, frames)."""
    zoom = zoom.unsqueeze(-1)
    moved = shapes.clone()
    moved[..., CX] = (shapes[..., CX] - about[0]) * zoom + about[0] + shift[0].unsqueeze(-1)
    moved[..., CY] = (shapes[..., CY] - about[1]) * zoom + about[1] + shift[1].unsqueeze(-1)
    moved[..., HALF_X] = shapes[..., HALF_X] * zoom
    moved[..., HALF_Y] = shapes[..., HALF_Y] * zoom
    return moved


def tint(shapes: Tensor, factor: Tensor) -> Tensor:
    """Multiply the colours of shapes (batch, frames, n, COLUMNS) by ambient light (batch, frames or 1, 3)."""
    tinted = shapes.clone()
    tinted[..., RED:OPACITY] = shapes[..., RED:OPACITY] * factor.unsqueeze(-2)
    return tinted
