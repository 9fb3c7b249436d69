"""Degradation: seeded, bounded, picture-like."""

from __future__ import annotations

import pytest
import torch

from videoxl_stream.errors import ConfigError
from videoxl_stream.training.footage.degrade import Degrade
from videoxl_stream.training.footage.renderer import Renderer
from videoxl_stream.training.footage.scenes import sample_batch


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    """Eight streams of two frames."""
    return Renderer()(sample_batch(1, 8, 10.0).draw(torch.tensor([[1.0, 6.0]]).expand(8, -1)), 128, 128)


def test_the_same_generator_gives_the_same_pictures(pictures: torch.Tensor) -> None:
    one, same, other = (Degrade()(pictures, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert one.dtype == torch.uint8
    assert one.shape == pictures.shape
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_share_of_streams_stays_clean(pictures: torch.Tensor) -> None:
    assert torch.equal(Degrade(clean=1.0)(pictures, torch.Generator().manual_seed(0)), pictures)
    seen = Degrade(clean=0.5)(pictures, torch.Generator().manual_seed(0))
    same = (seen == pictures).flatten(1).all(dim=1)
    assert 1 <= same.sum() <= 7


def test_with_everything_off_only_colour_is_halved(pictures: torch.Tensor) -> None:
    gentle = Degrade(clean=0, blur=0, gamma=0, cast=0, fade=0, contrast=0, noise=0, step=0, lost=0)
    seen = gentle(pictures, torch.Generator().manual_seed(0))
    assert (seen.float() - pictures.float()).abs().mean() < 1.5
    grey = pictures[..., :1].expand(-1, -1, -1, -1, 3)
    assert (gentle(grey, torch.Generator().manual_seed(0)).int() - grey.int()).abs().max() <= 2


def test_pictures_stay_recognisable(pictures: torch.Tensor) -> None:
    seen = Degrade(clean=0.0)(pictures, torch.Generator().manual_seed(3)).float().flatten(1)
    true = pictures.float().flatten(1)
    assert torch.stack([torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(seen, true, strict=True)]).min() > 0.8


def test_odd_sizes_are_refused() -> None:
    with pytest.raises(ConfigError, match="multiple of 8"):
        Degrade()(torch.zeros(1, 1, 12, 16, 3, dtype=torch.uint8), torch.Generator())
