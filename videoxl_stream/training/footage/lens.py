"""What is between a site and its camera: rain, pillars, branches, whoever passes close by, and covers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from videoxl_stream.training.footage.actors import skin
from videoxl_stream.training.footage.episodes import Moment, Traits
from videoxl_stream.training.footage.families import COVERS
from videoxl_stream.training.footage.shapes import ASPECT, bar, fit, paint, rgb, shape

_DROPS, PIECES = 7, 6


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


def cover(moment: Moment) -> Tensor:
    """Return what is over the lens, (batch, frames, PIECES, COLUMNS), by its look, one of COVERS."""
    come, left = (moment.since_s / 0.8).clamp(0, 1), (moment.left_s / 0.8).clamp(0, 1)
    done, look = come * left * moment.seen, moment.traits["look"]
    found = fit(_cloth(moment, done), PIECES)
    for name, draw in _DRAWN.items():
        here = look == COVERS.index(name)
        if here.any():
            found = torch.where(here[..., None, None], fit(draw(moment, done), PIECES), found)
    return found


def _cloth(moment: Moment, done: Tensor) -> list[Tensor]:
    """Return a cloth or a film that comes from a side, or a blot that grows."""
    traits, look = moment.traits, moment.traits["look"]
    spray, film = (look == COVERS.index(name) for name in ("spray", "film"))
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
    x_fold, turn = x - half_x * traits["fold_x"], traits["fold_turn"] * ~spray
    return [
        shape((x, y), (half_x, half_y), colour, corner=corner, soft=soft, alpha=alpha),
        shape((x_fold, y), fold, crease, angle=turn, corner=corner, soft=0.5, alpha=alpha * 0.8),
    ]


def _tape(moment: Moment, done: Tensor) -> list[Tensor]:
    """Return three broad strips of tape, put on one after the other, that leave little of the picture."""
    traits, shapes = moment.traits, []
    colour, slope = rgb(traits["hue"], 0.3 * traits["saturation"], 0.35 + traits["value"]), 0.5 * traits["across"]
    for i in range(3):
        x = ASPECT / 2 + 2.2 * (1 - (3 * done - i).clamp(0, 1)) * (1 if i % 2 else -1)
        half = (torch.full_like(x, 1.2), 0.155 * traits["extent"])
        strip = colour * (1 - 0.1 * (i % 2))
        shapes.append(shape((x, 0.17 + 0.33 * i), half, strip, angle=slope, corner=0.02, alpha=moment.seen.float()))
    return shapes


def _slabs(moment: Moment, done: Tensor) -> list[Tensor]:
    """Return pieces of any form and colour, side by side at any angle, that come at once or one after the other."""
    traits, shapes = moment.traits, list[Tensor]()
    turn = traits["turn"]
    step = (ASPECT * torch.cos(turn).abs() + torch.sin(turn).abs()) / PIECES
    several, motley = traits["fold"] > 0.3, (traits["fold_shade"] > 1.1) * 1.0
    for i in range(PIECES):
        a, b, c, d = (
            (traits[name] * (17.3 + 3.1 * i) + 0.29 * i).remainder(1.0)
            for name in ("fold_turn", "fold_x", "across", "down")
        )
        come = torch.where(several, (PIECES * done - i).clamp(0, 1), done)
        along, aside = (i - (PIECES - 1) / 2 + 0.3 * (a - 0.5)) * step, 2.4 * (1 - come) * (1 - 2 * (i % 2)) + c - 0.5
        x = ASPECT / 2 + along * torch.cos(turn) - aside * torch.sin(turn)
        y = 0.5 + along * torch.sin(turn) + aside * torch.cos(turn)
        colour = rgb(
            traits["hue"] + 0.6 * motley * d,
            (3 * traits["saturation"]).remainder(1.0),
            (0.15 + 2 * traits["value"]).remainder(1.0) * (1 - 0.3 * d),
        )
        half = (step * (0.45 + 0.45 * b) * traits["extent"], (0.75 + 0.6 * b) * traits["extent"])
        rim = (traits["down"].abs() * 6.7).remainder(1.0)
        shapes.append(shape((x, y), half, colour, angle=turn + 0.3 * (c - 0.5), corner=rim, soft=0.3 * rim * a,
                            alpha=moment.seen * (0.9 + 0.1 * d)))  # fmt: skip
    return shapes


def _hand(moment: Moment, done: Tensor) -> list[Tensor]:
    """Return a palm, four fingers and a thumb that come from below."""
    traits, extent = moment.traits, moment.traits["extent"]
    x, y = ASPECT / 2 + 0.4 * traits["across"], 0.68 + 0.5 * traits["down"] + 1.6 * (1 - done)
    tone, seen = skin(traits["hue"]) * (0.55 + 0.5 * traits["value"]).unsqueeze(-1), moment.seen.float()
    shapes = []
    for i in range(4):
        lean = 0.22 * (i - 1.5) + 0.2 * traits["across"]
        root, tip = (x + 0.29 * (i - 1.5) * extent, y - 0.2), (x + 0.36 * (i - 1.5) * extent + lean, y - 0.85 * extent)
        shapes.append(bar(root, tip, 0.27 * extent, tone * (1 - 0.06 * (i % 2)), alpha=seen))
    way = torch.where(traits["fold_x"] > 0, 1.0, -1.0)
    thumb = bar((x + way * 0.4, y + 0.2), (x + way * 0.95 * extent, y - 0.3), 0.26 * extent, tone * 0.92, alpha=seen)
    return [*shapes, thumb, shape((x, y), (0.66 * extent, 0.52 * extent), tone * 0.97, corner=0.6, alpha=seen)]


def _foam(moment: Moment, done: Tensor) -> list[Tensor]:
    """Return blobs of foam that swell beside each other until they meet."""
    traits, shapes = moment.traits, list[Tensor]()
    for i in range(PIECES):
        a, b = ((traits[name] * (11.9 + 4.3 * i) + 0.41 * i).remainder(1.0) for name in ("fold_turn", "fold_x"))
        x = ASPECT * (0.17 + 0.33 * (i % 3)) + 0.3 * (a - 0.5)
        y = 0.26 + 0.48 * (i // 3) + 0.2 * (b - 0.5)
        size = 0.42 * traits["extent"] * (0.85 + 0.3 * b) * (1.6 * done - 0.1 * i).clamp(0, 1)
        white = rgb(traits["hue"], 0.3 * traits["saturation"], 0.68 + 0.4 * traits["value"])
        colour = white * (0.9 + 0.1 * a).unsqueeze(-1)
        shapes.append(shape((x, y), (size, size * 0.85), colour, corner=1.0, soft=0.12, alpha=moment.seen * 0.97))
    return shapes


_DRAWN: dict[str, Callable[[Moment, Tensor], list[Tensor]]] = {
    "tape": _tape,
    "slabs": _slabs,
    "hand": _hand,
    "foam": _foam,
}
