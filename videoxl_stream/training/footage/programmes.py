"""Scenes of the newer programmes: kitchen, cartoon, show, aquarium, balloons, boats, and what means nothing."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from videoxl_stream.training.footage.actors import skin
from videoxl_stream.training.footage.advert import brand_colour
from videoxl_stream.training.footage.channel_plan import ABSTRACT, AQUARIUM, BALLOONS, CARTOON, KITCHEN, REGATTA, SHOW
from videoxl_stream.training.footage.episodes import Moment
from videoxl_stream.training.footage.shapes import ASPECT, bar, paint, rgb, shape


def programme(shot: Moment) -> list[Tensor]:
    """Return the shapes of every kind that is on anywhere in the batch, invisible in other shots."""
    found, kinds = list[Tensor](), shot.traits["kind"]
    for kind, scene in _SCENES.items():
        on = kinds == kind
        if on.any():
            found += scene(shot, on.float())
    return found


def _kitchen(shot: Moment, on: Tensor) -> list[Tensor]:
    """Return a shelf with jars, a cook behind a counter, and a pot that steams."""
    traits, since = shot.traits, shot.since_s
    x, white = 0.4 + 0.9 * traits["b"] + 0.02 * torch.sin(since * 1.1), paint(on, (0.93, 0.93, 0.92))
    pot_x, y, puff = 0.3 + 1.2 * traits["c"], 0.76, (since * 0.5).remainder(1.0)
    shapes = [shape((ASPECT * traits["d"], 0.26), (0.4, 0.012), rgb(traits["hue"] + 0.5, 0.5, 0.4), alpha=on)]
    for i in range(3):
        jar = (ASPECT * traits["d"] + 0.22 * (i - 1), 0.19)
        shapes.append(shape(jar, (0.05, 0.06), rgb(traits["hue"] + 0.27 * i, 0.6, 0.75), corner=0.3, alpha=on))
    return [
        *shapes,
        shape((x, 0.62), (0.16, 0.2), white * (0.6 + 0.4 * traits["a"]).unsqueeze(-1), corner=0.5, alpha=on),
        shape((x, 0.36), (0.07, 0.085), skin(traits["skin"]), corner=1.0, alpha=on),
        shape((x, 0.25), (0.075, 0.06), white, taper=-0.2, corner=0.5, alpha=on * (traits["a"] > 0.3)),
        shape((ASPECT / 2, 0.9), (ASPECT, 0.14), rgb(traits["hue"] + 0.08, 0.45, 0.4 + 0.3 * traits["b"]), alpha=on),
        shape((pot_x + 0.05 * puff, 0.62 - 0.25 * puff), (0.07 + 0.07 * puff, 0.06 + 0.05 * puff), white,
              corner=1.0, soft=0.9, alpha=on * 0.6 * (1 - puff)),
        shape((pot_x, y), (0.14, 0.085), rgb(traits["hue"] + 0.6, 0.7 * traits["d"], 0.5), corner=0.3, alpha=on),
        shape((pot_x, y - 0.085), (0.15, 0.014), rgb(traits["hue"] + 0.6, 0.3, 0.75), corner=0.5, alpha=on),
    ]  # fmt: skip


def _cartoon(shot: Moment, on: Tensor) -> list[Tensor]:
    """Return hills, a round tree, a cloud and two creatures in the colours of brands."""
    traits, since = shot.traits, shot.since_s
    hill, tree = rgb(traits["hue"] + 0.4, 0.6, 0.55 + 0.2 * traits["d"]), ASPECT * traits["c"]
    white, black = paint(on, (1.0, 1.0, 1.0)), paint(on, (0.08, 0.08, 0.1))
    shapes = [
        shape((ASPECT * traits["a"], 0.72), (0.7, 0.2), hill * 0.85, corner=1.0, alpha=on),
        shape((ASPECT * traits["b"], 0.8), (0.9, 0.2), hill, corner=1.0, alpha=on),
        shape((ASPECT * traits["d"] + 0.02 * since, 0.16), (0.2, 0.06), white * 0.97, corner=0.9, alpha=on),
        bar((tree, 0.78 + 0.0 * tree), (tree, 0.5 + 0.0 * tree), 0.035, rgb(0.07 + 0.0 * tree, 0.6, 0.4), alpha=on),
        shape((tree, 0.44), (0.13, 0.13), rgb(traits["hue"] + 0.75, 0.65, 0.7), corner=1.0, alpha=on),
    ]
    for i in range(2):
        way = traits["heading"] * (1 - 2 * i)
        x = ASPECT * (0.3 + 0.4 * i) + way * traits["speed"] * 0.5 * (since - 2)
        y = 0.72 + 0.1 * traits["a" if i else "c"] - 0.08 * torch.sin(since * (4 + i) + 6 * traits["b"]).abs()
        size = 0.1 + 0.05 * traits["d" if i else "a"]
        colour = brand_colour((traits["colour"] + 2 * i).remainder(5))
        shapes.append(shape((x, y), (size, size * 1.15), colour, corner=0.9 if i else 0.35, alpha=on))
        shapes.append(shape((x + way * size * 0.3, y - size * 0.4), (size * 0.4, size * 0.36), white, corner=1.0,
                            alpha=on))  # fmt: skip
        shapes.append(shape((x + way * size * 0.4, y - size * 0.4), (size * 0.15, size * 0.2), black, corner=1.0,
                            alpha=on))  # fmt: skip
    return shapes


def _show(shot: Moment, on: Tensor) -> list[Tensor]:
    """Return beams of light, a board of coloured squares and two guests at a desk."""
    traits, since, shapes = shot.traits, shot.since_s, list[Tensor]()
    for i in range(3):
        swing = 0.35 * torch.sin(since * (0.7 + 0.3 * i) + 6 * traits["a"] + i)
        beam = rgb(traits["hue"] + 0.3 * i, 0.6, 0.35 + 0.0 * since)
        centre = (ASPECT * (0.2 + 0.3 * i) - 0.35 * torch.sin(swing), 0.35 + 0.0 * since)
        shapes.append(shape(centre, (0.14, 0.45), beam, angle=swing, taper=0.8, soft=0.5, alpha=on, light=True))
    x, y = ASPECT * (0.3 + 0.4 * traits["b"]), 0.34
    shapes.append(shape((x, y), (0.34, 0.2), rgb(traits["hue"], 0.3, 0.22 + 0.0 * x), corner=0.05, alpha=on))
    for i in range(4):
        tile = (x + 0.16 * (2 * (i % 2) - 1), y + 0.09 * (2 * (i // 2) - 1))
        bright = 0.35 + 0.5 * ((since * 0.8 + i * 0.25 + traits["c"]).remainder(1.0) < 0.5)
        shapes.append(shape(tile, (0.13, 0.07), rgb(traits["hue"] + 0.23 * i, 0.7, bright), corner=0.1, alpha=on))
    for i in range(2):
        place = ASPECT * (0.3 + 0.4 * i) + 0.015 * torch.sin(since * (1.3 + i))
        coat = rgb(traits["hue"] + 0.4 + 0.3 * i, 0.6, 0.4 + 0.4 * traits["d"])
        shapes.append(shape((place, 0.74), (0.12, 0.15), coat, corner=0.6, alpha=on))
        shapes.append(shape((place, 0.54), (0.065, 0.08), skin((traits["skin"] + 0.5 * i).remainder(1.0)), corner=1.0,
                            alpha=on))  # fmt: skip
    return [*shapes, shape((ASPECT / 2, 0.88), (0.62, 0.12), rgb(traits["hue"] + 0.5, 0.5, 0.45), alpha=on)]


def _aquarium(shot: Moment, on: Tensor) -> list[Tensor]:
    """Return rays of light, a rock, weeds that sway, three fish and bubbles."""
    traits, since, still = shot.traits, shot.since_s, 0.0 * shot.since_s
    ray = paint(on, (0.12, 0.16, 0.18))
    shapes = [
        shape((ASPECT * (0.25 + 0.5 * i), 0.4), (0.12, 0.6), ray, angle=0.3 * (traits["a"] - 0.5) + still, soft=0.9,
              alpha=on, light=True)
        for i in range(2)
    ]  # fmt: skip
    rock = rgb(traits["hue"], 0.15, 0.3 + 0.2 * traits["b"])
    shapes.append(shape((ASPECT * traits["c"], 0.9), (0.3, 0.16), rock, corner=1.0, alpha=on))
    for i in range(3):
        foot = ASPECT * (0.1 + 0.3 * i) + 0.3 * traits["d"]
        tip = foot + 0.06 * torch.sin(since * 1.2 + i)
        weed = rgb(0.3 + 0.1 * traits["b"], 0.7, 0.35 + 0.1 * i)
        shapes.append(bar((foot, 0.97 + still), (tip, 0.6 + 0.1 * i + still), 0.035, weed, alpha=on))
    for i in range(3):
        way = traits["heading"] * (1 if i % 2 else -1)
        x = ASPECT * (0.25 + 0.25 * i) + way * traits["speed"] * 0.5 * (since - 2)
        y, size = 0.25 + 0.2 * i + 0.03 * torch.sin(since * 2 + i), 0.09 + 0.05 * traits["a" if i else "b"]
        scales = rgb(traits["hue"] + 0.3 * i, 0.75, 0.85 + still)
        shapes.append(shape((x - way * size * 1.1, y), (size * 0.45, size * 0.4), scales * 0.8, angle=way * 1.57,
                            taper=0.8, alpha=on))  # fmt: skip
        shapes.append(shape((x, y), (size, size * 0.55), scales, corner=1.0, alpha=on))
    for i in range(2):
        rise = (since * 0.4 + 0.5 * i).remainder(1.0)
        bubble = paint(on, (0.85, 0.95, 1.0))
        shapes.append(shape((ASPECT * traits["b"], 0.9 - 0.9 * rise), (0.02, 0.02), bubble, corner=1.0, alpha=on * 0.7))
    return shapes


def _balloons(shot: Moment, on: Tensor) -> list[Tensor]:
    """Return two hills, a river and three hot-air balloons that rise and drift over them."""
    traits, since, still = shot.traits, shot.since_s, 0.0 * shot.since_s
    hill = rgb(0.22 + 0.14 * traits["a"], 0.45, 0.4 + 0.2 * traits["b"])
    shapes = [
        shape((ASPECT * traits["c"], 0.78), (0.7, 0.16), hill * 0.85, corner=1.0, alpha=on),
        shape((ASPECT * (1 - traits["a"]), 0.84), (0.8, 0.14), hill, corner=1.0, alpha=on),
        bar(
            (ASPECT * traits["d"], 1.0 + still),
            (ASPECT * traits["b"], 0.82 + still),
            0.06,
            rgb(0.57 + still, 0.5, 0.7),
            alpha=on,
        ),
    ]
    for i in range(3):
        size = 0.08 + 0.07 * (traits["a"] * (2.3 + i)).remainder(1.0)
        x = ASPECT * (0.2 + 0.3 * i) + 0.2 * (traits["d"] - 0.5) + traits["heading"] * 0.2 * traits["speed"] * since
        y = 0.24 + 0.1 * i * traits["c"] + 0.05 * traits["b"] - 0.012 * since
        silk = rgb(traits["hue"] + 0.27 * i, 0.75, 0.85 + still)
        shapes += [
            bar((x, y + size), (x, y + size * 1.7), size * 0.12, paint(on, (0.35, 0.3, 0.25)), alpha=on),
            shape((x, y + size * 1.75), (size * 0.24, size * 0.2), rgb(0.08 + still, 0.6, 0.4), alpha=on),
            shape((x, y + size * 0.75), (size * 0.7, size * 0.55), silk * 0.9, taper=-0.7, corner=0.2, alpha=on),
            shape((x, y), (size, size * 1.1), silk, corner=1.0, alpha=on),
            shape((x, y), (size * 0.35, size * 1.08), rgb(traits["hue"] + 0.5 + 0.2 * i, 0.5, 0.95), corner=1.0,
                  alpha=on),
        ]  # fmt: skip
    return shapes


def _regatta(shot: Moment, on: Tensor) -> list[Tensor]:
    """Return a far coast, three sailing boats that lean in the wind, and a buoy."""
    traits, since, still = shot.traits, shot.since_s, 0.0 * shot.since_s
    coast = rgb(0.3 + 0.2 * traits["a"], 0.25, 0.45 + 0.2 * traits["b"])
    shapes = [shape((ASPECT * traits["c"], 0.42), (0.6, 0.05), coast, corner=1.0, alpha=on)]
    for i in range(3):
        size = 0.12 + 0.03 * i + 0.08 * (traits["b"] * (3.1 + i)).remainder(1.0)
        x = ASPECT * (0.22 + 0.28 * i) + 0.2 * (traits["a"] - 0.5) + traits["heading"] * 0.3 * traits["speed"] * since
        y, lean = 0.5 + 0.13 * i + 0.01 * torch.sin(since * 1.9 + i), 0.12 * torch.sin(since * 0.9 + 2 * i)
        sail = rgb(traits["hue"] + 0.3 * i, 0.7 * (traits["d"] * (1 + i)).remainder(1.0), 0.9 + still)
        shapes += [
            shape((x, y), (size * 0.75, size * 0.14), rgb(traits["hue"] + 0.4 + 0.2 * i, 0.6, 0.5), taper=-0.4,
                  alpha=on),
            shape((x - size * 0.2, y - size * 0.9), (size * 0.42, size * 0.72), sail, angle=lean, taper=1.0,
                  corner=0.02, alpha=on),
            shape((x + size * 0.34, y - size * 0.66), (size * 0.26, size * 0.48), sail * 0.85, angle=lean, taper=1.0,
                  corner=0.02, alpha=on),
        ]  # fmt: skip
    red = paint(on, (0.85, 0.25, 0.15))
    return [*shapes, shape((ASPECT * traits["d"], 0.85), (0.04, 0.05), red, taper=0.5, corner=0.5, alpha=on)]


def _abstract(shot: Moment, on: Tensor) -> list[Tensor]:
    """Return eight shapes of any form and colour that drift and turn, two pairs of them joined.

    Half of them are as plain as the symbols of ads (discs, boxes, triangles), only larger: in real programmes these are
    sails, windows or wheels.
    """
    traits, since, shapes = shot.traits, shot.since_s, list[Tensor]()
    for i in range(6):
        a, b, c, d = ((traits[name] * (7.3 + 5.1 * i) + 0.37 * i).remainder(1.0) for name in "abcd")
        plain, pointed, round_ = (d * 7.7).remainder(1.0) < 0.5, b > 0.5, c > 0.5
        x = ASPECT * a + traits["heading"] * (1 - 2 * (i % 2)) * traits["speed"] * b * 0.6 * (since - 2)
        y = 0.1 + 0.8 * b + 0.06 * c * torch.sin(since * (1 + 2 * c) + 6 * d)
        size = 0.025 + 0.13 * c + 0.04 * plain
        tall = torch.where(plain, 0.7 + 0.6 * a, 0.3 + d)
        colour = rgb(traits["hue"] + d, 0.2 + 0.7 * a, 0.3 + 0.65 * c)
        turn = torch.where(plain, 0.3 * (d - 0.5), 6.28 * d + (a - 0.5) * since)
        taper = torch.where(plain, pointed.float(), b)
        corner = torch.where(plain, (round_ & ~pointed) * 1.0, a)
        shapes.append(shape((x, y), (size, size * tall), colour, angle=turn, taper=taper, corner=corner, alpha=on))
        if i % 3 == 0:
            joint = (x + size * (2 * d - 1), y + size * (2 * a - 1))
            shapes.append(shape(joint, (size * 0.5, size * (0.2 + 0.5 * b)), colour * 0.8, angle=turn + 6.28 * c,
                                taper=d, corner=b, alpha=on))  # fmt: skip
    return shapes


_SCENES: dict[int, Callable[[Moment, Tensor], list[Tensor]]] = {
    KITCHEN: _kitchen,
    CARTOON: _cartoon,
    SHOW: _show,
    AQUARIUM: _aquarium,
    ABSTRACT: _abstract,
    BALLOONS: _balloons,
    REGATTA: _regatta,
}
