"""Make the atlas: ``python -m videoxl_stream.training.footage.mosaic SKIMAGE_DATA URSINA_TEXTURES``.

The folders are ``skimage/data`` and ``ursina/textures`` of the installed packages, which nothing else here needs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from videoxl_stream.training.footage.atlas import ATLAS, PLATES, PLATES_A_ROW, SIDE, TEXTURES
from videoxl_stream.training.footage.dice import Array, Dice

_FOUND = {
    "brick": "brick.png",
    "grass": "grass.png",
    "gravel": "gravel.png",
    "astronaut": "astronaut.png",
    "coffee": "coffee.png",
    "cat": "chelsea.png",
    "rocket": "rocket.jpg",
    "galaxies": "hubble_deep_field.jpg",
    "cameraman": "camera.png",
    "shore": "shore.jpg",
    "sky": "sky_default.jpg",
    "sunset": "sky_sunset.jpg",
}
_CROPS = {
    "brick": (100, 112, 500, 512),
    "grass": (0, 0, 320, 320),
    "gravel": (0, 0, 320, 320),
    "sky": (0, 0, 1400, 1024),
    "sunset": (1000, 0, 2400, 1024),
}
_SPREAD = 42.0
"""Standard deviation of a texture's brightness, of 255."""


def texture(grey: Array) -> Array:
    """Take broad gradients out of a grey picture and give it a fixed mean and spread, (SIDE, SIDE) of 0..255."""
    image = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    broad = np.asarray(image.filter(ImageFilter.GaussianBlur(SIDE / 4)), dtype=np.float64)
    flat = np.asarray(image, dtype=np.float64) - broad
    return np.asarray(np.clip(128 + (flat - flat.mean()) * (_SPREAD / flat.std()), 1, 255))


def clouds(name: str, finest: int, coarsest: int) -> Array:
    """Add noise of several widths, (SIDE, SIDE), as concrete and snow have it."""
    total, width = np.zeros((SIDE, SIDE)), finest
    while width <= coarsest:
        cells = Dice(0).rng(f"{name}/{width}").normal(128, 60, (SIDE // width + 1, SIDE // width + 1))
        image = Image.fromarray(np.clip(cells, 0, 255).astype(np.uint8))
        total += np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.float64) * width**0.5
        width *= 2
    return np.asarray((total - total.min()) / (total.max() - total.min()) * 255)


def squares(count: int) -> Array:
    """Lay square tiles, each of its own brightness, with dark joints, (SIDE, SIDE)."""
    bright = 150 + 22 * Dice(0).rng("tiles").normal(size=(count, count))
    place = np.arange(SIDE) % (SIDE // count)
    joint = (place < 2)[:, None] | (place < 2)[None, :]
    return np.where(joint, 40, np.kron(bright, np.ones((SIDE // count, SIDE // count))))


def boards(count: int) -> Array:
    """Lay boards from left to right, with grain along them and dark gaps, (SIDE, SIDE)."""
    grain = Dice(0).rng("grain").normal(0, 9, (SIDE, 5))
    along = np.asarray(Image.fromarray(grain).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    board = np.arange(SIDE) * count // SIDE
    bright = (150 + 25 * Dice(0).rng("boards").normal(size=count))[board]
    return np.where((np.diff(board, prepend=-1) > 0)[:, None], 40, bright[:, None] + along)


def _grey(values: Array) -> Array:
    """Turn brightness (SIDE, SIDE) into a picture."""
    return np.repeat(values[..., None], 3, axis=2).astype(np.uint8)


def plate(name: str, folders: list[Path]) -> Array:
    """Make one plate, (SIDE, SIDE, 3) uint8; textures are grey."""
    own = {
        "tiles": squares(4),
        "boards": boards(6),
        "concrete": clouds("concrete", 1, 8),
        "snow": clouds("snow", 4, 32),
    }
    if name in own:
        return _grey(texture(own[name]))
    path = next(folder / _FOUND[name] for folder in folders if (folder / _FOUND[name]).is_file())
    image = Image.open(path).convert("RGB")
    image = image.crop(_CROPS.get(name, (0, 0, *image.size))).rotate(90 if name == "brick" else 0)
    if name in TEXTURES:
        return _grey(texture(np.asarray(image.convert("L"), dtype=np.float64)))
    small = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    return (small & 0xFC) + 2  # six bits each: a third less to ship, and not to be seen


def main() -> None:
    """Put all plates on one sheet and write it where the atlas is read from."""
    parser = argparse.ArgumentParser(prog="python -m videoxl_stream.training.footage.mosaic", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="where the packages keep their pictures")
    plates = [plate(name, parser.parse_args().folders) for name in PLATES]
    rows = [np.concatenate(plates[i : i + PLATES_A_ROW], axis=1) for i in range(0, len(plates), PLATES_A_ROW)]
    Image.fromarray(np.concatenate(rows)).save(ATLAS, optimize=True)


if __name__ == "__main__":
    main()
