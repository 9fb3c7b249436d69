"""Paint drawings as pictures, batched on a GPU or shape by shape on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from videoxl_stream.training.footage.atlas import load_atlas
from videoxl_stream.training.footage.drawing import Drawing
from videoxl_stream.training.footage.shapes import (
    ANGLE,
    ASPECT,
    CORNER,
    CX,
    CY,
    HALF_X,
    HALF_Y,
    RED,
    SOFT,
    TAPER,
)
from videoxl_stream.training.footage.texture import Planes, shine, weave

GROUP = 8
_TINY = 1e-6


@dataclass(frozen=True)
class Grid:
    """The world coordinates of pixel centres."""

    x: Tensor  # (width,)
    y: Tensor  # (height,)
    step_x: float
    step_y: float

    @classmethod
    def of(cls, height: int, width: int, device: torch.device) -> Grid:
        """Spread a grid over the whole world, so that any size shows the same picture, squashed if need be."""
        step_x, step_y = ASPECT / width, 1.0 / height
        x = (torch.arange(width, device=device, dtype=torch.float32) + 0.5) * step_x
        y = (torch.arange(height, device=device, dtype=torch.float32) + 0.5) * step_y
        return cls(x, y, step_x, step_y)


def coefficients(shapes: Tensor, grid: Grid) -> Tensor:
    """Prepare shapes (..., COLUMNS) for one pixel size, (..., 14).

    Columns: u = c0 x + c1 y + c2 and v = c3 x + c4 y + c5 in half widths and heights, taper, corner, width of the rim
    along u and v, red, green, blue, opacity. Shapes thinner than a pixel are widened to one and made fainter.
    """
    cosine, sine = shapes[..., ANGLE].cos(), shapes[..., ANGLE].sin()
    pixel_u = cosine.abs() * grid.step_x + sine.abs() * grid.step_y
    pixel_v = sine.abs() * grid.step_x + cosine.abs() * grid.step_y
    half_u = torch.maximum(shapes[..., HALF_X], pixel_u * 0.5)
    half_v = torch.maximum(shapes[..., HALF_Y], pixel_v * 0.5)
    thin = (shapes[..., HALF_X] / half_u) * (shapes[..., HALF_Y] / half_v)
    rim_u = pixel_u / half_u + shapes[..., SOFT]
    rim_v = pixel_v / half_v + shapes[..., SOFT]
    # The rim's inner half must lie in the rounded part, where the distance has a slope.
    corner = torch.maximum(shapes[..., CORNER], 0.5 * torch.maximum(rim_u, rim_v)).clamp(max=1.0)
    x, y = shapes[..., CX], shapes[..., CY]
    across = (cosine / half_u, sine / half_u, -(cosine * x + sine * y) / half_u)
    down = (-sine / half_v, cosine / half_v, (sine * x - cosine * y) / half_v)
    ink = (shapes[..., RED:] * thin.unsqueeze(-1)).unbind(-1)
    return torch.stack([*across, *down, shapes[..., TAPER], corner, rim_u, rim_v, *ink], dim=-1)


def coverage(c: Sequence[Any], across: Tensor, down: Tensor) -> Tensor:
    """Return how much of each pixel a shape covers, 0..1.

    Args:
        c: the first ten coefficients, tensors or floats.
        across: u of each pixel, see ``coefficients``.
        down: v of each pixel; broadcast against ``across``.
    """
    narrow = 1.0 / (1.0 + c[6] * down).clamp(min=0.02)
    u = (across.abs() * narrow - (1.0 - c[7])).clamp(min=0.0)
    v = (down.abs() - (1.0 - c[7])).clamp(min=0.0)
    distance = (u * u + v * v + _TINY * _TINY).sqrt()
    # The rim is as wide as the pixel seen along the slope (u, v) / distance; at a tip it must not run out in front.
    rim = (u * c[8] * narrow.clamp(max=2.0) + v * c[9] + _TINY * _TINY) / distance
    cover: Tensor = (0.5 + (c[7] - distance) / rim).clamp(0.0, 1.0)
    return cover


def paint_plain(b: Sequence[Tensor], x: Tensor, y: Tensor, step_y: float) -> Planes:
    """Paint the colours and waves of backdrops, whose columns ``b`` are (frames, 1, 1), as three planes."""
    low = (0.5 + (y - b[0]) / step_y).clamp(0.0, 1.0)
    wave = b[7] * torch.sin(b[8] * x + b[9] * y + b[10]) + b[11] * torch.sin(b[12] * x + b[13] * y + b[14])
    shade = 1.0 + wave - 0.1 * (y - 0.5)
    red, green, blue = ((b[1 + i] + (b[4 + i] - b[1 + i]) * low) * shade for i in range(3))
    return red, green, blue


def paint_backdrop(backdrop: Tensor, atlas: Tensor, x: Tensor, y: Tensor, step_x: float, step_y: float) -> Planes:
    """Paint backdrops (frames, BACKDROP_COLUMNS) with their textures as three planes (frames, height, width)."""
    b = backdrop[..., None, None].unbind(1)  # each (frames, 1, 1)
    plain = paint_plain(b, x, y, step_y)
    red, green, blue = (p * t for p, t in zip(plain, shine(weave(b, x, y, step_x, step_y), atlas), strict=True))
    return red, green, blue


def paint_group(planes: Planes, group: Tensor, x: Tensor, y: Tensor) -> Planes:
    """Paint shapes (frames, GROUP, 14), in order, over planes (frames, height, width)."""
    red, green, blue = planes
    for number in range(GROUP):
        c = group[:, number, :, None, None].unbind(1)  # each (frames, 1, 1)
        cover = coverage(c[:10], c[0] * x + (c[1] * y + c[2]), c[3] * x + (c[4] * y + c[5]))
        keep = 1.0 - cover * c[13]
        red, green, blue = red * keep + cover * c[10], green * keep + cover * c[11], blue * keep + cover * c[12]
    return red, green, blue


def lighting(gain: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return how the light of frames with gains (frames, GAIN_COLUMNS) differs over the picture, around 1."""
    across, down, rim = gain[:, 3:, None, None].unbind(1)  # each (frames, 1, 1)
    right, low = x - ASPECT / 2, y - 0.5
    return (1.0 + right * (across - rim * right)) + low * (down - rim * low)


def develop(planes: Planes, gain: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Turn planes into uint8 pictures (frames, height, width, 3), with gains (frames, GAIN_COLUMNS)."""
    picture = torch.stack(planes, dim=-1) * (gain[:, None, None, :3] * lighting(gain, x, y).unsqueeze(-1))
    return (picture * 255.0 + 0.5).clamp(0.0, 255.0).to(torch.uint8)


class Renderer:
    """Paints every shape on every pixel, without control flow: made for a GPU and ``torch.compile``.

    All pictures go through launches of ``launch`` frames, so that a compiled renderer meets one size only.
    """

    def __init__(self, *, compiled: bool = False, launch: int = 640) -> None:
        """Prepare a renderer; ``compiled`` compiles its three kernels at their first use."""
        wrap: Callable[[Any], Any] = _compile if compiled else _as_it_is
        self._backdrop, self._group, self._develop = wrap(paint_backdrop), wrap(paint_group), wrap(develop)
        self._launch = launch

    def __call__(self, drawing: Drawing, height: int, width: int) -> Tensor:
        """Paint drawings (batch, frames) as uint8 pictures (batch, frames, height, width, 3), RGB."""
        batch, frames = drawing.gain.shape[:2]
        flat = drawing.flat()
        grid = Grid.of(height, width, flat.gain.device)
        pictures = [self._paint(part, grid) for part in _parts(flat, self._launch)]
        return torch.cat(pictures)[: batch * frames].view(batch, frames, height, width, 3)

    def _paint(self, flat: Drawing, grid: Grid) -> Tensor:
        """Paint frames (frames, ...) as (frames, height, width, 3)."""
        x, y = grid.x.view(1, 1, -1), grid.y.view(1, -1, 1)
        planes = self._backdrop(flat.backdrop, load_atlas(x.device), x, y, grid.step_x, grid.step_y)
        shapes = torch.nn.functional.pad(flat.shapes, (0, 0, 0, -flat.shapes.shape[1] % GROUP))
        for rows in coefficients(shapes, grid).split(GROUP, dim=1):  # (frames, GROUP, 14)
            planes = self._group(planes, rows.contiguous(), x, y)
        pictures: Tensor = self._develop(planes, flat.gain, x, y)
        return pictures


def _as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
    """Leave a function uncompiled."""
    return function


def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function for the sizes it meets."""
    return torch.compile(function, dynamic=False)


def _parts(flat: Drawing, launch: int) -> list[Drawing]:
    """Cut frames into launches of one size, the last one filled up with its last frame."""
    total = flat.gain.shape[0]
    if total <= launch:
        return [flat]
    index = torch.arange(-(-total // launch) * launch, device=flat.gain.device).clamp(max=total - 1)
    return [Drawing(flat.backdrop[i], flat.shapes[i], flat.gain[i]) for i in index.split(launch)]
