"""What a camera and a codec do to pictures, cheap enough for every training batch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from videoxl_stream.errors import ConfigError

_TO_YCC = ((0.299, 0.587, 0.114), (-0.1687, -0.3313, 0.5), (0.5, -0.4187, -0.0813))
_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.3441, -0.7141), (1.0, 1.772, 0.0))
_BLOCK = 8


@dataclass(frozen=True)
class Degrade:
    """Degrades pictures as a cheap camera and a lossy codec would, one strength per stream.

    In this order: soft lens, tone curve and cast of colour, contrast and brightness, sensor noise, half-size colour,
    coarse steps of the 8x8 cosine transform, and single blocks that fail for one frame. A share of ``clean`` streams
    passes through untouched.

    Args:
        clean: share of streams left as they are.
        blur: share of streams seen through a soft lens.
        gamma: largest relative change of the exponent of the tone curve.
        cast: largest relative change of red, of green and of blue.
        fade: largest relative change of how colourful a picture is.
        contrast: largest relative change of contrast; brightness changes by half as much of full scale.
        noise: largest standard deviation of sensor noise, of 255.
        step: largest quantiser step of the lowest frequency, of 255; higher ones are up to four times coarser.
        lost: share of blocks that lose their detail for one frame.
    """

    clean: float = 0.15
    blur: float = 0.4
    gamma: float = 0.25
    cast: float = 0.07
    fade: float = 0.4
    contrast: float = 0.25
    noise: float = 6.0
    step: float = 18.0
    lost: float = 0.003

    def __call__(self, pictures: Tensor, generator: Generator) -> Tensor:
        """Degrade uint8 pictures (batch, frames, height, width, 3); height and width multiples of 8.

        ``generator`` lives on the pictures' device.

        Raises:
            ConfigError: height or width is not a multiple of 8.
        """
        batch, _, height, width, _ = pictures.shape
        if height % _BLOCK or width % _BLOCK:
            msg = f"pictures of {width}x{height} cannot be cut into 8x8 blocks: render a multiple of 8."
            raise ConfigError(msg)
        untouched = self._random((batch,), generator) < self.clean
        planes = pictures.permute(0, 1, 4, 2, 3).float()  # (batch, frames, 3, height, width)
        planes = self._lens(planes, generator)
        planes = self._colour(planes, generator)
        planes = self._sensor(planes, generator)
        planes = self._codec(planes, generator)
        seen = (planes + 0.5).clamp(0.0, 255.0).to(torch.uint8).permute(0, 1, 3, 4, 2)
        return torch.where(untouched.view(-1, 1, 1, 1, 1), pictures, seen)

    def _random(self, shape: tuple[int, ...], generator: Generator) -> Tensor:
        """Draw from [0, 1)."""
        return torch.rand(shape, generator=generator, device=generator.device)

    def _lens(self, planes: Tensor, generator: Generator) -> Tensor:
        """Mix with a blurred copy."""
        shape = (planes.shape[0], 1, 1, 1, 1)
        amount = self._random(shape, generator) * (self._random(shape, generator) < self.blur)
        flat = functional.pad(planes.flatten(0, 1), (1, 1, 1, 1), mode="replicate")
        soft = functional.avg_pool2d(flat, 3, stride=1).view_as(planes)
        return planes + (soft - planes) * amount

    def _colour(self, planes: Tensor, generator: Generator) -> Tensor:
        """Bend the tone curve, shift colours and fade them or make them stronger."""
        shape = (planes.shape[0], 1, 1, 1, 1)
        bend = 1 + self.gamma * (2 * self._random(shape, generator) - 1)
        cast = 1 + self.cast * (2 * self._random((planes.shape[0], 1, 3, 1, 1), generator) - 1)
        full = 1 + self.fade * (2 * self._random(shape, generator) - 1)
        toned = 255.0 * (planes / 255.0).clamp(min=1e-4) ** bend * cast
        grey = toned.mean(dim=2, keepdim=True)
        return grey + (toned - grey) * full

    def _sensor(self, planes: Tensor, generator: Generator) -> Tensor:
        """Change contrast and brightness, and add noise that is the same in no two frames."""
        shape = (planes.shape[0], 1, 1, 1, 1)
        contrast = 1 + self.contrast * (2 * self._random(shape, generator) - 1)
        brightness = 127.5 * self.contrast * (self._random(shape, generator) - 0.5)
        sigma = self.noise * self._random(shape, generator) ** 2
        grain = torch.randn(planes.shape, generator=generator, device=planes.device)
        return (planes - 127.5) * contrast + 127.5 + brightness + sigma * grain

    def _codec(self, planes: Tensor, generator: Generator) -> Tensor:
        """Quantise brightness in 8x8 blocks, colour in 8x8 blocks of half size."""
        batch, frames = planes.shape[:2]
        to_ycc = torch.tensor(_TO_YCC, device=planes.device)
        ycc = torch.einsum("ij,bfjhw->bfihw", to_ycc, planes)
        step = 0.5 + self.step * self._random((batch, 1), generator) ** 2 * torch.ones(1, frames, device=planes.device)
        luma = self._quantise(ycc[:, :, 0], step, generator)
        small = functional.avg_pool2d(ycc[:, :, 1:].flatten(0, 1), 2)  # (batch * frames, 2, height / 2, width / 2)
        small = self._quantise(
            small.unflatten(0, (batch, frames)).flatten(1, 2), step.repeat_interleave(2, 1), generator
        )
        chroma = small.view(batch, frames, 2, *small.shape[-2:]).repeat_interleave(2, -1).repeat_interleave(2, -2)
        return torch.einsum(
            "ij,bfjhw->bfihw", to_ycc.new_tensor(_TO_RGB), torch.cat([luma.unsqueeze(2), chroma], dim=2)
        )

    def _quantise(self, plane: Tensor, step: Tensor, generator: Generator) -> Tensor:
        """Round the cosine transform of planes (batch, n, height, width) to multiples of steps (batch, n)."""
        batch, count, height, width = plane.shape
        pad = (0, -width % _BLOCK, 0, -height % _BLOCK)
        whole = functional.pad(plane, pad, mode="replicate") if any(pad) else plane
        rows, columns = whole.shape[-2] // _BLOCK, whole.shape[-1] // _BLOCK
        blocks = whole.view(batch, count, rows, _BLOCK, columns, _BLOCK).transpose(3, 4)
        basis, coarser = _cosines(plane.device)
        waves = basis @ blocks @ basis.T  # (batch, count, rows, columns, 8, 8)
        grid = step.view(batch, count, 1, 1, 1, 1) * coarser
        lost = self._random((batch, count, rows, columns, 1, 1), generator) < self.lost
        waves = torch.round(waves / grid) * grid * torch.where(lost, _mean_only(plane.device), 1.0)
        blocks = basis.T @ waves @ basis
        return blocks.transpose(3, 4).reshape(whole.shape)[..., :height, :width]


def _cosines(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the orthonormal cosine basis (8, 8) and how much coarser each frequency is rounded (8, 8)."""
    place = torch.arange(_BLOCK, device=device, dtype=torch.float32)
    basis = torch.cos(math.pi / _BLOCK * (place.view(1, -1) + 0.5) * place.view(-1, 1)) * math.sqrt(2 / _BLOCK)
    basis[0] /= math.sqrt(2)
    return basis, 1 + 3 * (place.view(1, -1) + place.view(-1, 1)) / (2 * (_BLOCK - 1))


def _mean_only(device: torch.device) -> Tensor:
    """Return a mask (8, 8) that keeps a block's mean and drops its detail."""
    mask = torch.zeros(_BLOCK, _BLOCK, device=device)
    mask[0, 0] = 1.0
    return mask
