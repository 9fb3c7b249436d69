"""The renderer's twin for a CPU: it paints each shape only where it is."""

from __future__ import annotations

import torch
from torch import Tensor

from videoxl_stream.training.footage.atlas import load_atlas
from videoxl_stream.training.footage.drawing import ABOVE, BELOW, Drawing
from videoxl_stream.training.footage.renderer import Grid, coefficients, coverage, lighting, paint_plain
from videoxl_stream.training.footage.shapes import CX, CY, OPACITY, RED
from videoxl_stream.training.footage.texture import shine_by_rows, weave

Box = tuple[int, int, int, int]


class Painter:
    """Paints the same pictures as Renderer, to within 2 of 255, and skips what cannot be seen.

    Whatever stays the same from frame to frame, from the backdrop on, is painted once.
    """

    def __call__(self, drawing: Drawing, height: int, width: int) -> Tensor:
        """Paint drawings (batch, frames) as uint8 pictures (batch, frames, height, width, 3), RGB."""
        batch, frames = drawing.gain.shape[:2]
        flat = drawing.flat()
        grid = Grid.of(height, width, flat.gain.device)
        rows = coefficients(flat.shapes, grid)  # (batch * frames, SHAPES, 14)
        areas = bounds(flat.shapes, rows, grid)
        alike, boxes = _alike(flat.backdrop, rows, areas), areas.tolist()
        inks = rows[..., 10:13].unsqueeze(-1).unsqueeze(-1)  # (batch * frames, SHAPES, 3, 1, 1)
        numbers = rows.tolist()
        pictures = torch.empty((batch * frames, height, width, 3), dtype=torch.uint8)
        base, shared = torch.empty(0), -1
        for i in range(batch * frames):
            if shared < 0 or alike[i] < shared:
                shared = max(alike[i + 1], 0) if i + 1 < batch * frames else 0
                base = _backdrop(flat.backdrop[i], grid)
                _cover(base, range(shared), numbers[i], boxes[i], inks[i], grid)
            canvas = base.clone()  # (3, height, width)
            _cover(canvas, range(shared, len(boxes[i])), numbers[i], boxes[i], inks[i], grid)
            pictures[i] = _develop(canvas, flat.gain[i], grid)
        return pictures.view(batch, frames, height, width, 3)


def bounds(shapes: Tensor, rows: Tensor, grid: Grid) -> Tensor:
    """Return the pixels each shape may touch (..., 4) int64: left, top, right, bottom; empty where invisible."""
    c = rows.unbind(-1)
    half_u, half_v = 1 / torch.hypot(c[0], c[1]), 1 / torch.hypot(c[3], c[4])
    narrow = 1 / (1 - c[6].abs()).clamp(min=0.5)
    rim = 0.5 * torch.hypot(c[8] * narrow, c[9])
    reach_v = half_v * (1 + rim)
    reach_u = half_u * (1 + rim) * (1 + c[6].abs() * (1 + rim))
    reach_x = (c[0] * half_u).abs() * reach_u + (c[1] * half_u).abs() * reach_v
    reach_y = (c[1] * half_u).abs() * reach_u + (c[0] * half_u).abs() * reach_v
    x, y = shapes[..., CX], shapes[..., CY]
    width, height = len(grid.x), len(grid.y)
    left, right = ((x - reach_x) / grid.step_x - 1).clamp(0, width), ((x + reach_x) / grid.step_x + 1).clamp(0, width)
    top, bottom = ((y - reach_y) / grid.step_y - 1).clamp(0, height), ((y + reach_y) / grid.step_y + 1).clamp(0, height)
    box = torch.stack([left.floor(), top.floor(), right.ceil(), bottom.ceil()], dim=-1).long()
    visible = (shapes[..., RED : OPACITY + 1].abs() > 1e-3).any(dim=-1)
    return box * visible.unsqueeze(-1)


def _alike(backdrop: Tensor, rows: Tensor, areas: Tensor) -> list[int]:
    """Count each frame's leading shapes that look as in the frame before; -1 where the backdrop differs."""
    seen = (areas[..., 0] < areas[..., 2]) & (areas[..., 1] < areas[..., 3])
    rows = rows * seen.unsqueeze(-1)
    same = (rows[1:] == rows[:-1]).all(dim=-1).long().cumprod(dim=-1).sum(dim=-1)
    same = torch.where((backdrop[1:] == backdrop[:-1]).all(dim=-1), same, -1)
    return [-1, *same.tolist()]


def _cover(canvas: Tensor, which: range, rows: list[list[float]], boxes: list[Box], inks: Tensor, grid: Grid) -> None:
    """Paint shapes over a canvas (3, height, width) in place."""
    for number in which:
        left, top, right, bottom = boxes[number]
        if left >= right or top >= bottom:
            continue
        area = canvas[:, top:bottom, left:right]
        cover = coverage(rows[number], *_place(rows[number], grid.x[left:right], grid.y[top:bottom, None]))
        area.mul_(1.0 - cover * rows[number][13]).addcmul_(cover, inks[number])


def _place(c: list[float], x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return u and v of pixels; those of an upright shape are a row and a column, which costs far less."""
    if c[1] == 0.0 and c[3] == 0.0:
        return c[0] * x + c[2], c[4] * y + c[5]
    return c[0] * x + (c[1] * y + c[2]), c[3] * x + (c[4] * y + c[5])


def _backdrop(backdrop: Tensor, grid: Grid) -> Tensor:
    """Paint one backdrop (BACKDROP_COLUMNS,) as ``paint_backdrop`` does, (3, height, width)."""
    b, x, y = backdrop.view(-1, 1, 1, 1).unbind(0), grid.x.view(1, 1, -1), grid.y.view(1, -1, 1)
    plain = torch.stack(paint_plain(b, x, y, grid.step_y))[:, 0]
    if not (backdrop[ABOVE + 1] or backdrop[BELOW + 1]):
        return plain
    return plain.mul_(shine_by_rows(weave(b, x, y, grid.step_x, grid.step_y), load_atlas(x.device)))


def _develop(canvas: Tensor, gain: Tensor, grid: Grid) -> Tensor:
    """Turn a canvas (3, height, width) into a picture (height, width, 3), as ``develop`` does; the canvas is spent."""
    light = lighting(gain[None], grid.x.view(1, 1, -1), grid.y.view(1, -1, 1)).mul_(255.0)
    canvas.mul_(gain[:3].view(3, 1, 1)).mul_(light).add_(0.5).clamp_(0.0, 255.0)
    return canvas.to(torch.uint8).permute(1, 2, 0)
