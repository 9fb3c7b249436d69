"""What is between a site and its camera: rain, pillars, branches, whoever passes close by, and covers."""

from __future__ import annotations

import torch
from torch import Tensor

from videoxl_stream.training.footage.episodes import Moment, Traits
from videoxl_stream.training.footage.families import COVERS
from videoxl_stream.training.footage.shapes import ASPECT, bar, paint, rgb, shape

_DROPS = 7


def foreground(plan: Traits) -> list[Tensor]:
    """Return a pillar and a branch that hide part of the site."""
    grey = rgb(plan["wall_hue"], 0.1, plan["pillar_value"])
    leaves = paint(plan["horizon"], (0.12, 0.26, 0.1))
    return [
        shape((plan["pillar_x"], 0.5), (plan["pillar_half"], 0.6), grey, corner=0.02, alpha=plan["has_pillar"]),
        shape((plan["branch_x"], 0.02), (0.3, 0.2), leaves, corner=1.0, soft=0.25, alpha=plan["has_branch"]),
    ]


def rain(plan: Traits, times: Tensor) -> list[Tensor]:
    """Return streaks of rain, at other places in every picture."""
    light = paint(times, (0.75, 0.78, 0.82))
    tick = torch.floor(times * 24)
    shapes = []
    for i in range(_DROPS):
        x = torch.sin(tick * 12.9898 + i * 78.233).mul(43758.547).remainder(1.0) * ASPECT
        y = torch.sin(tick * 39.346 + i * 11.135).mul(24634.633).remainder(1.0)
        end = (x + 0.11 * plan["rain_slant"], y + 0.11)
        shapes.append(bar((x, y), end, 0.007, light, alpha=0.5 * plan["rain"]))
    return shapes


def nearby(moment: Moment) -> list[Tensor]:
    """Return what passes right in front of the lens."""
    traits = moment.traits
    x = ASPECT / 2 + traits["heading"] * (moment.share - 0.5) * (ASPECT + 1.2)
    colour = rgb(traits["hue"], 0.3, traits["value"])
    return [shape((x, 0.75), (traits["wide"], traits["tall"]), colour, corner=0.7, soft=0.1, alpha=moment.seen.float())]


def cover(moment: Moment) -> list[Tensor]:
    """Return what is over the lens: a cloth or a film that comes from a side, a blot that grows, or strips of tape."""
    traits, look = moment.traits, moment.traits["look"]
    come, left = (moment.since_s / 0.8).clamp(0, 1), (moment.left_s / 0.8).clamp(0, 1)
    done = come * left * moment.seen
    spray, film, tape = (look == COVERS.index(name) for name in ("spray", "film", "tape"))
    extent, away = traits["extent"], 2.3 * (1 - done)
    x = ASPECT / 2 + torch.where(spray, traits["across"], away * torch.cos(traits["turn"]))
    y = 0.5 + torch.where(spray, traits["down"], away * torch.sin(traits["turn"]))
    half_x = torch.where(spray, 1.25 * extent * done, 0.95 * extent)
    half_y = torch.where(spray, 0.85 * extent * done, 0.58 * extent)
    value = torch.where(film, 0.6 + 0.5 * traits["value"], traits["value"])
    colour = rgb(traits["hue"], traits["saturation"] * torch.where(film, 0.3, 1.0), value)
    corner, soft = torch.where(spray, 1.0, 0.1), torch.where(spray, 0.35, 0.03)
    alpha = moment.seen * torch.where(spray, 0.95, torch.where(film, 0.92, 1.0))
    fold = (half_x * torch.where(film, 0.06, traits["fold"]), half_y * 0.9)
    crease = colour * torch.where(film, 1.25, traits["fold_shade"]).unsqueeze(-1)
    cloth = [
        shape((x, y), (half_x, half_y), colour, corner=corner, soft=soft, alpha=alpha),
        shape(
            (x - half_x * traits["fold_x"], y),
            fold,
            crease,
            angle=traits["fold_turn"] * ~spray,
            corner=corner,
            soft=0.5,
            alpha=alpha * 0.8,
        ),
    ]
    strips = _strips(moment, done)
    whole, bit = (torch.where(tape.unsqueeze(-1), *pair) for pair in zip(strips[:2], cloth, strict=True))
    return [whole, bit, strips[2] * tape.unsqueeze(-1)]


def _strips(moment: Moment, done: Tensor) -> list[Tensor]:
    """Return three broad strips of tape, put on one after the other, that leave little of the picture."""
    traits, shapes = moment.traits, []
    colour, slope = rgb(traits["hue"], 0.3 * traits["saturation"], 0.35 + traits["value"]), 0.5 * traits["across"]
    for i in range(3):
        x = ASPECT / 2 + 2.2 * (1 - (3 * done - i).clamp(0, 1)) * (1 if i % 2 else -1)
        half = (torch.full_like(x, 1.2), 0.155 * traits["extent"])
        strip = colour * (1 - 0.1 * (i % 2))
        shapes.append(shape((x, 0.17 + 0.33 * i), half, strip, angle=slope, corner=0.02, alpha=moment.seen.float()))
    return shapes
