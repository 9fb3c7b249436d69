"""The atlas: small real textures for grounds and walls, and pictures for programmes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

TEXTURES = ("brick", "grass", "gravel", "tiles", "boards", "concrete", "snow")
PICTURES = ("astronaut", "coffee", "cat", "rocket", "galaxies", "cameraman", "shore", "sky", "sunset")
PLATES = (*TEXTURES, *PICTURES)
"""What each plate of the atlas shows, row by row."""
ATLAS = Path(__file__).parent / "textures" / "atlas.png"
SIDE, PLATES_A_ROW = 128, 4
LEVELS = 5


@lru_cache(maxsize=4)
def load_atlas(device: torch.device) -> Tensor:
    """Return all plates at all levels of blur, (3, LEVELS * plates * SIDE * SIDE) float32, -1 dark to 1 bright.

    Level n is blurred over 2**n texels, for pixels as wide as that; all levels have the same size, so that the place
    of a texel differs by its level only.
    """
    sheet = torch.from_numpy(np.asarray(Image.open(ATLAS).convert("RGB")).astype(np.float32))
    plates = sheet.view(-1, SIDE, PLATES_A_ROW, SIDE, 3).permute(4, 0, 2, 1, 3).reshape(3, -1, SIDE, SIDE)
    sharp = ((plates - 128.0) / 127.0).clamp(-1.0, 1.0)
    levels = [sharp, *(_blur(sharp, 2**level) for level in range(1, LEVELS))]
    return torch.stack(levels, dim=1).flatten(1).contiguous().to(device)


def _blur(plates: Tensor, width: int) -> Tensor:
    """Average over squares of about ``width`` texels, mirrored at the rims as the painting is."""
    padded = functional.pad(plates, (width // 2,) * 4, mode="reflect")
    return functional.avg_pool2d(padded, width + 1, stride=1)
