"""The renderer: two paths, any size, one picture."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from videoxl_stream.training.footage.atlas import load_atlas
from videoxl_stream.training.footage.drawing import BACKDROP_COLUMNS, GAIN_COLUMNS, SHAPES, Drawing
from videoxl_stream.training.footage.painter import Painter
from videoxl_stream.training.footage.renderer import (
    GROUP,
    Grid,
    Renderer,
    coefficients,
    develop,
    paint_backdrop,
    paint_group,
)
from videoxl_stream.training.footage.scenes import sample_batch
from videoxl_stream.training.footage.shapes import fit, paint, shape

_EVEN = (torch.arange(GAIN_COLUMNS) < 3).float().view(1, 1, -1)


def _drawing(seed: int, frames: int = 6) -> Drawing:
    return sample_batch(seed, 4, 30.0).draw((torch.arange(frames) * 5.1).expand(4, -1))


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize(("height", "width"), [(128, 128), (108, 192)])
def test_both_paths_paint_the_same_picture(seed: int, height: int, width: int) -> None:
    drawing = _drawing(seed)
    fast, full = (paint(drawing, height, width).int() for paint in (Painter(), Renderer()))
    assert fast.shape == (4, 6, height, width, 3)
    assert (fast - full).abs().max() <= 2


def test_the_painter_repaints_what_stands_still_when_it_changes() -> None:
    drawing = sample_batch(0, 3, 30.0).draw((torch.arange(12) / 12).expand(3, -1))
    together = Painter()(drawing, 64, 96)
    for stream in range(3):
        assert torch.equal(together[stream], Painter()(drawing[stream : stream + 1], 64, 96)[0])


def test_launches_do_not_change_the_picture() -> None:
    drawing = _drawing(5)
    assert torch.equal(Renderer(launch=7)(drawing, 32, 32), Renderer()(drawing, 32, 32))


def test_what_cannot_be_seen_can_be_left_out() -> None:
    drawing = _drawing(6)
    compact = drawing.compact()
    assert compact.shapes.shape[2] < SHAPES
    assert torch.equal(Renderer()(compact, 48, 64), Renderer()(drawing, 48, 64))


@pytest.mark.parametrize("seed", [0, 1])
def test_a_squashed_picture_is_the_wide_picture_squashed(seed: int) -> None:
    drawing = _drawing(seed, 2)
    wide = Painter()(drawing, 512, 896).flatten(0, 1).permute(0, 3, 1, 2).float()
    squashed = functional.adaptive_avg_pool2d(wide, (128, 128))
    direct = Painter()(drawing, 128, 128).flatten(0, 1).permute(0, 3, 1, 2).float()
    difference = (direct - squashed).abs()
    assert difference.mean() < 1.5  # textures are blurred by powers of two, not by just as much as a pixel is wide
    assert difference.quantile(0.999) < 40


def test_a_disc_covers_its_area_at_any_size() -> None:
    one = torch.ones(1, 1)
    disc = shape((one * 0.8, one * 0.5), (0.2, 0.2), paint(one, (1, 1, 1)), corner=1.0)
    drawing = Drawing(torch.zeros(1, 1, BACKDROP_COLUMNS), fit([disc], SHAPES), _EVEN)
    for height, width in ((32, 32), (90, 160), (200, 100)):
        share = Renderer()(drawing, height, width).float().mean() / 255
        assert share == pytest.approx(torch.pi * 0.04 / (16 / 9), rel=0.03)


def test_compiling_finds_no_break() -> None:
    drawing, grid = _drawing(6, 2).flat(), Grid.of(16, 16, torch.device("cpu"))
    x, y, atlas = grid.x.view(1, 1, -1), grid.y.view(1, -1, 1), load_atlas(torch.device("cpu"))
    planes = paint_backdrop(drawing.backdrop, atlas, x, y, grid.step_x, grid.step_y)
    group = coefficients(drawing.shapes, grid)[:, :GROUP]
    for kernel, arguments in (
        (paint_backdrop, (drawing.backdrop, atlas, x, y, grid.step_x, grid.step_y)),
        (paint_group, (planes, group, x, y)),
        (develop, (planes, drawing.gain, x, y)),
    ):
        compiled = torch.compile(kernel, backend="eager", fullgraph=True)
        torch.testing.assert_close(compiled(*arguments), kernel(*arguments), rtol=0, atol=0)
