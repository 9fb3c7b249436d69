"""Textures: a small atlas, whose plates move with the camera."""

from __future__ import annotations

import pytest
import torch

from videoxl_stream.training.footage.atlas import ATLAS, LEVELS, PICTURES, PLATES, SIDE, load_atlas
from videoxl_stream.training.footage.drawing import CAMERA
from videoxl_stream.training.footage.renderer import Grid, paint_backdrop
from videoxl_stream.training.footage.scenes import Rates, sample_batch

CPU = torch.device("cpu")


def test_the_atlas_is_small_and_its_sources_are_named() -> None:
    assert ATLAS.stat().st_size < 400_000
    assert load_atlas(CPU).shape == (3, LEVELS * len(PLATES) * SIDE * SIDE)
    sources = (ATLAS.parent / "README.md").read_text()
    assert all(name in sources for name in PLATES)


def test_textures_are_grey_around_their_mean_and_blurred_more_at_each_level() -> None:
    levels = load_atlas(CPU).view(3, LEVELS, len(PLATES), SIDE, SIDE)
    textures = levels[:, :, : len(PLATES) - len(PICTURES)]
    assert torch.equal(textures[0], textures[2])
    assert textures.mean(dim=(-1, -2)).abs().max() < 0.05
    spread = textures[0].std(dim=(-1, -2))  # (levels, textures)
    assert (spread[1:] < spread[:-1]).all()


@pytest.mark.parametrize(("across", "down"), [(5, 0), (0, 4), (-3, 2)])
def test_textures_move_with_the_camera(across: int, down: int) -> None:
    grid = Grid.of(64, 64, CPU)
    still = sample_batch(2, 8, 20.0, Rates({}, channel=0.0)).draw(torch.full((8, 1), 3.0)).backdrop[:, 0]
    still[:, 7], still[:, 11] = 0.0, 0.0  # the waves have phases of their own
    moved = still.clone()
    moved[:, 0] += down * grid.step_y
    moved[:, CAMERA] += across * grid.step_x
    moved[:, CAMERA + 1] += down * grid.step_y
    x, y = grid.x.view(1, 1, -1), grid.y.view(1, -1, 1)
    one, other = (
        torch.stack(paint_backdrop(b, load_atlas(CPU), x, y, grid.step_x, grid.step_y)) for b in (still, moved)
    )
    rolled = one.roll((down, across), dims=(-2, -1))[..., 8:-8, 8:-8]
    # The light from above stays with the picture: a tenth of the brightness from top to bottom.
    assert (other[..., 8:-8, 8:-8] - rolled).abs().max() < 0.02
    assert (one - other).abs().max() > 0.05
