"""Pictures to what the tower takes: fitting, normalising, any-resolution crops, as the original preprocesses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import torch
from PIL import Image as PILImage
from torch import Tensor

from videoxl_stream.errors import ConfigError
from videoxl_stream.frames import Image

Fit = Literal["crop", "pad", "squash"]
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def check_picture(image: np.ndarray, name: str) -> None:
    """Refuse what is no picture.

    Raises:
        ConfigError: it is not uint8 (height, width, 3).
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        msg = f"{name} is {image.dtype} {image.shape}; give uint8 (height, width, 3) RGB"
        raise ConfigError(msg)


def fit(image: PILImage.Image, size: int, how: Fit) -> PILImage.Image:
    """Make a picture square.

    Args:
        image: RGB.
        size: edge of the result, in pixels.
        how: "crop" resizes the shorter edge and cuts the longer one in the middle, as the original does: of a 16:9
            picture 44 % of the width is never seen. "pad" keeps everything and fills with black; "squash" keeps
            everything and gives up the aspect ratio.
    """
    if how == "squash":
        return image.resize((size, size), PILImage.Resampling.BICUBIC)
    if how == "crop":
        return _cropped(image, size)
    return _padded(image, (size, size))


def _cropped(image: PILImage.Image, size: int) -> PILImage.Image:
    short, long = sorted(image.size)
    other = int(size * long / short)
    width, height = (size, other) if image.width <= image.height else (other, size)
    left, top = (width - size) // 2, (height - size) // 2
    resized = image.resize((width, height), PILImage.Resampling.BICUBIC)
    return resized.crop((left, top, left + size, top + size))


def _padded(image: PILImage.Image, size: tuple[int, int]) -> PILImage.Image:
    """Scale into (width, height), keeping the aspect ratio, centred on black."""
    scale_w, scale_h = size[0] / image.width, size[1] / image.height
    if scale_w < scale_h:
        inner = size[0], min(math.ceil(image.height * scale_w), size[1])
    else:
        inner = min(math.ceil(image.width * scale_h), size[0]), size[1]
    canvas = PILImage.new("RGB", size)
    canvas.paste(image.resize(inner), ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    return canvas


def best_resolution(size: tuple[int, int], pinpoints: Sequence[Sequence[int]]) -> tuple[int, int]:
    """The canvas (width, height) on which a picture keeps most detail, then wastes least; the first wins a tie.

    Raises:
        ConfigError: there are no canvases.
    """
    if not pinpoints:
        msg = "any-resolution images need image_grid_pinpoints in the config"
        raise ConfigError(msg)
    width, height = size

    def worth(canvas: Sequence[int]) -> tuple[int, int]:
        scale = min(canvas[0] / width, canvas[1] / height)
        effective = min(int(width * scale) * int(height * scale), width * height)
        return effective, effective - canvas[0] * canvas[1]

    best = max(pinpoints, key=worth)
    return best[0], best[1]


def anyres_crops(image: PILImage.Image, size: int, pinpoints: Sequence[Sequence[int]]) -> list[PILImage.Image]:
    """The whole image squashed, then the crops of its best canvas row by row."""
    canvas = _padded(image, best_resolution(image.size, pinpoints))
    boxes = [
        (left, top, left + size, top + size)
        for top in range(0, canvas.height, size)
        for left in range(0, canvas.width, size)
    ]
    return [image.resize((size, size)), *(canvas.crop(box) for box in boxes)]


def _three(values: Sequence[float]) -> tuple[float, ...]:
    if len(values) != 3 or not all(isinstance(value, float | int) for value in values):
        msg = f"mean and std are three numbers each, for red, green and blue; got {values!r}"
        raise ConfigError(msg)
    return tuple(values)


def normalised(pictures: Tensor, mean: Sequence[float] = CLIP_MEAN, std: Sequence[float] = CLIP_STD) -> Tensor:
    """Square pictures uint8 (pictures, size, size, 3) to the tower's pixels (pictures, 3, size, size) float32."""
    centre, spread = (torch.tensor(tuple(of), device=pictures.device).view(3, 1, 1) for of in (mean, std))
    return (pictures.permute(0, 3, 1, 2).to(torch.float32) / 255 - centre) / spread


class PictureProcessor:
    """Fits and normalises pictures for one tower.

    Args:
        size: edge of the square that the tower takes, in pixels.
        how: how frames are made square.
        mean: per channel, of pictures in 0..1.
        std: per channel.

    Raises:
        ConfigError: another way, or mean and std are not three numbers each.
    """

    def __init__(
        self, size: int, how: Fit = "crop", mean: Sequence[float] = CLIP_MEAN, std: Sequence[float] = CLIP_STD
    ) -> None:
        if how not in get_args(Fit):
            msg = f"fit={how!r} is unknown; use 'crop', 'pad' or 'squash'"
            raise ConfigError(msg)
        self.size, self.how = size, how
        self.mean, self.std = _three(mean), _three(std)
        if 0 in self.std:
            msg = f"a std of {list(std)} cannot be divided by; give three positive numbers"
            raise ConfigError(msg)

    def frames(self, images: Sequence[Image]) -> Tensor:
        """Video frames, uint8 (height, width, 3) each: (frames, 3, size, size) float32."""
        return self.normalise([fit(PILImage.fromarray(image), self.size, self.how) for image in images])

    def image(self, image: Image, pinpoints: Sequence[Sequence[int]] | None = None) -> Tensor:
        """One image: (crops, 3, size, size); without canvases it is one crop, fitted like a frame."""
        if pinpoints is None:
            return self.frames([image])
        return self.normalise(anyres_crops(PILImage.fromarray(image), self.size, pinpoints))

    def normalise(self, pictures: Sequence[PILImage.Image]) -> Tensor:
        """Square pictures to (pictures, 3, size, size) float32."""
        if not pictures:
            return torch.zeros(0, 3, self.size, self.size)
        stack = torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures]))
        return normalised(stack, self.mean, self.std)
