"""Actors: people, vehicles, flames and ads turned into shapes, back to front."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from videoxl_stream.training.footage.shapes import Number, Point, bar, paint, shape


@dataclass(frozen=True)
class Pose:
    """How people stand, each (batch, frames)."""

    x: Tensor  # feet
    y: Tensor
    height: Tensor
    heading: Tensor  # -1 left, 1 right
    stride: Tensor  # 0 standing .. 1 walking
    phase: Tensor  # radians of the walking cycle
    tilt: Tensor  # radians from upright
    crouch: Tensor  # 0 upright .. 1 squatting
    seen: Tensor  # 0 or 1
    build: Number = 1.0  # width of the body, 1 usual


@dataclass(frozen=True)
class Clothes:
    """Colours of people, each (batch, frames or 1, 3)."""

    top: Tensor
    trousers: Tensor
    skin: Tensor


def skin(tone: Tensor) -> Tensor:
    """Return skin colours from pale (0) to deep (1), shape ``tone.shape + (3,)``."""
    pale, deep = paint(tone, (0.93, 0.74, 0.62)), paint(tone, (0.4, 0.26, 0.18))
    return pale + (deep - pale) * tone.unsqueeze(-1)


def person(pose: Pose, clothes: Clothes) -> list[Tensor]:
    """Return the seven shapes of one person per stream: shadow, legs, arms around the body, head."""
    height, side = pose.height, pose.heading
    sine, cosine = torch.sin(pose.tilt), torch.cos(pose.tilt)

    def at(across: Number, up: Number) -> Point:
        """Turn body coordinates (heights, up from the feet) into world coordinates."""
        return pose.x + height * (across * cosine + up * sine), pose.y - height * (up * cosine - across * sine)

    swing = pose.stride * torch.sin(pose.phase)
    hip = 0.48 - 0.27 * pose.crouch
    shoulder = hip + 0.33
    lean = side * (0.03 * pose.stride + 0.13 * pose.crouch)
    spread = 0.05 + 0.04 * pose.crouch + 0.06 * sine.abs()
    legs = [
        bar(at(0.0, hip), at(way * (spread + 0.13 * swing) + side * 0.1 * pose.crouch, 0.04), 0.1 * height,
            clothes.trousers, alpha=pose.seen)
        for way in (-1.0, 1.0)
    ]  # fmt: skip
    reach = 0.1 * pose.build + 0.1 * swing.abs()
    arms = [
        bar(at(lean, shoulder - 0.04), at(lean + way * reach, hip + 0.02), 0.075 * height,
            clothes.top * 0.8, alpha=pose.seen)
        for way in (-1.0, 1.0)
    ]  # fmt: skip
    middle = at(lean * 0.5, (hip + shoulder) / 2)
    body = shape(middle, (0.115 * height * pose.build, 0.2 * height), clothes.top, angle=pose.tilt, taper=-0.15,
                 corner=0.6, alpha=pose.seen)  # fmt: skip
    head = shape(at(lean * 1.3, shoulder + 0.1), (0.078 * height, 0.092 * height), clothes.skin, angle=pose.tilt,
                 corner=1.0, alpha=pose.seen)  # fmt: skip
    ground = (pose.x + 0.45 * height * sine, pose.y)
    black = paint(pose.x, (0, 0, 0))
    shade = shape(ground, (height * (0.2 + 0.35 * sine.abs()), height * 0.06), black, corner=1.0, soft=0.7,
                  alpha=0.4 * pose.seen)  # fmt: skip
    return [shade, *legs, arms[0], body, arms[1], head]


@dataclass(frozen=True)
class Car:
    """How vehicles stand; the wheels touch y. Each (batch, frames or 1)."""

    x: Tensor
    y: Tensor
    length: Tensor
    heading: Tensor  # -1 left, 1 right
    van: Tensor  # height of the cabin, 1 a car
    lamps: Tensor  # 0 off .. 1 lit
    seen: Tensor


def vehicle(car: Car, colour: Tensor) -> list[Tensor]:
    """Return the eight shapes of one vehicle per stream."""
    x, y, size, way, seen = car.x, car.y, car.length, car.heading, car.seen
    dark = paint(x, (0.06, 0.06, 0.07))
    cabin_y = y - size * (0.25 + 0.045 * car.van)
    roof = (size * 0.28, size * 0.07 * car.van)
    cabin_x = x - way * size * 0.05
    beam = paint(x, (0.95, 0.85, 0.55))
    return [
        shape((x, y), (size * 0.52, size * 0.045), dark * 0, corner=1.0, soft=0.6, alpha=0.5 * seen),
        shape((cabin_x, cabin_y), roof, colour * 0.9, taper=0.3, corner=0.3, alpha=seen),
        shape((cabin_x, cabin_y), (roof[0] * 0.85, roof[1] * 0.7), paint(x, (0.22, 0.27, 0.32)), taper=0.3, alpha=seen),
        shape((x, y - size * 0.135), (size * 0.5, size * 0.085), colour, corner=0.35, alpha=seen),
        *(shape((x + k * size, y - size * 0.055), (size * 0.065, size * 0.065), dark, corner=1.0, alpha=seen)
          for k in (-0.29, 0.29)),
        shape((x - way * size * 0.48, y - size * 0.15), (size * 0.03, size * 0.025), paint(x, (0.8, 0.05, 0.05)),
              alpha=seen),
        shape((x + way * size * 0.56, y - size * 0.12), (size * 0.16, size * 0.08), beam, corner=1.0, soft=1.2,
              alpha=seen * car.lamps, light=True),
    ]  # fmt: skip


@dataclass(frozen=True)
class Flame:
    """How something burns or steams; the base is at (x, y). Each (batch, frames)."""

    x: Tensor
    y: Tensor
    size: Tensor  # height of the flame
    time_s: Tensor
    burning: Tensor  # 0 .. 1, 0 for steam
    smoking: Tensor  # 0 .. 1
    smoke: Tensor  # (batch, frames, 3)


def flame(fire: Flame) -> list[Tensor]:
    """Return the nine shapes of one fire per stream: smoke, glow, five tongues."""
    x, y, size, t = fire.x, fire.y, fire.size, fire.time_s
    height = size * fire.burning
    shapes = []
    for i in range(3):
        rise = (t * 0.32 + i / 3).remainder(1.0)
        drift = size * (0.25 * torch.sin(t * 0.9 + 2.1 * i) + 0.5 * rise)
        radius = size * (0.26 + 0.5 * rise)
        alpha = fire.smoking * 0.75 * torch.sin(torch.pi * (0.1 + 0.9 * rise))
        centre = (x + drift, y - size * (0.6 * fire.burning + 0.15 + 1.5 * rise))
        shapes.append(shape(centre, (radius, radius * 0.85), fire.smoke, corner=1.0, soft=0.9, alpha=alpha))
    flicker = 0.8 + 0.2 * torch.sin(t * 23.0)
    glow = (x, y - size * 0.35)
    shapes.append(
        shape(glow, (size * 1.1, size * 0.95), paint(x, (0.55, 0.22, 0.04)), corner=1.0, soft=1.6,
              alpha=fire.burning * flicker, light=True)
    )  # fmt: skip
    tongues = ((-0.26, 0.6, 0.17, (0.9, 0.2, 0.03)), (0.25, 0.65, 0.17, (0.92, 0.24, 0.03)),
               (0.0, 0.95, 0.26, (0.98, 0.36, 0.04)), (-0.04, 0.66, 0.19, (1.0, 0.66, 0.1)),
               (0.05, 0.42, 0.13, (1.0, 0.93, 0.5)))  # fmt: skip
    for i, (across, tall, wide, colour) in enumerate(tongues):
        wave = torch.sin(t * (11.3 + 2.7 * i) + 1.7 * i) + torch.sin(t * (17.9 - 1.9 * i) + 0.6 * i)
        tip = height * tall * (1.0 + 0.22 * wave)
        sway = 0.16 * torch.sin(t * (7.1 + 1.3 * i) + i)
        centre = (x + height * across + tip * 0.5 * torch.sin(sway), y - tip * 0.48)
        half = (size * wide * fire.burning.sqrt() * 0.75, tip * 0.5)
        shapes.append(
            shape(centre, half, paint(x, colour), angle=sway, taper=0.62, corner=0.95, soft=0.12,
                  alpha=fire.burning.clamp(0, 0.2) * 5)
        )  # fmt: skip
    return shapes
