"""A broadcast channel as its viewers see it, at any time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from videoxl_stream.training.footage.actors import Car, Clothes, Pose, person, skin, vehicle
from videoxl_stream.training.footage.advert import advert, brand_colour
from videoxl_stream.training.footage.atlas import TEXTURES
from videoxl_stream.training.footage.channel_plan import CARTOON, KITCHEN, NATURE, SHOW, SPORT, STREET, STUDIO, TITLE
from videoxl_stream.training.footage.drawing import SCENE_SHAPES, Drawing, backdrop
from videoxl_stream.training.footage.episodes import Episodes, Moment, Traits
from videoxl_stream.training.footage.programmes import programme
from videoxl_stream.training.footage.shapes import ASPECT, bar, fit, move, paint, rgb, shape, symbol

# Horizon, then hue, saturation and value above and below it: studio, nature, sport, street, title card, kitchen,
# cartoon, show, picture, aquarium, abstract, balloons, regatta.
_STAGE = (
    (0.74, 0.6, 0.45, 0.32, 0.08, 0.35, 0.3),
    (0.55, 0.56, 0.4, 0.9, 0.28, 0.5, 0.5),
    (0.34, 0.6, 0.12, 0.4, 0.32, 0.6, 0.5),
    (0.5, 0.57, 0.2, 0.8, 0.1, 0.05, 0.42),
    (1.2, 0.6, 0.3, 0.5, 0.6, 0.3, 0.5),
    (0.7, 0.1, 0.2, 0.75, 0.08, 0.4, 0.5),
    (0.68, 0.0, 0.45, 0.9, 0.35, 0.6, 0.65),
    (0.74, 0.6, 0.6, 0.2, 0.65, 0.4, 0.28),
    (1.2, 0.0, 0.0, 0.5, 0.0, 0.0, 0.5),
    (0.86, 0.54, 0.65, 0.55, 0.12, 0.35, 0.6),
    (0.6, 0.0, 0.45, 0.6, 0.3, 0.45, 0.5),
    (0.76, 0.56, 0.35, 0.9, 0.25, 0.45, 0.5),
    (0.42, 0.55, 0.3, 0.85, 0.56, 0.55, 0.55),
)


@dataclass(frozen=True)
class Channel:
    """Many channels, one per stream."""

    plan: Traits  # (batch, 1, names)
    shots: Episodes
    ads: Episodes

    def draw(self, times: Tensor) -> Drawing:
        """Draw all streams at ``times`` (batch, frames), seconds."""
        shot = self.shots.at(times)
        scene = [
            *_nature(shot),
            *_towers(shot),
            *_pitch(shot),
            *_sign(shot),
            *_car(shot),
            *_cast(shot),
            *_presenter(shot),
            *_title(shot),
            *programme(shot),
        ]
        world, (zoom, shift) = fit(scene, len(scene)), _camera(shot)
        world = move(world, (ASPECT / 2, 0.5), zoom, shift)
        overlay = fit(
            [*_strap(self.plan, shot), *_logo(self.plan), *advert(self.ads.at(times))], SCENE_SHAPES - world.shape[2]
        )
        everything = torch.cat([world, overlay.expand(*times.shape, -1, -1)], dim=2)
        return Drawing(_backdrop(shot, zoom, shift), everything, _gain(self.plan, times))


def _is(shot: Moment, *kinds: int) -> Tensor:
    """Return 1.0 where the shot is of one of the kinds, else 0.0, (batch, frames)."""
    kind = shot.traits["kind"]
    return torch.stack([kind == k for k in kinds]).any(dim=0).float()


def _camera(shot: Moment) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return the zoom and the shift of the camera, (batch, frames)."""
    traits, since = shot.traits, shot.since_s
    sway = 0.004 * torch.sin(since * 1.7 + traits["a"] * 6)
    return 1 + traits["zoom"] * since, (traits["pan_x"] * since + sway, traits["pan_y"] * since)


def _gain(plan: Traits, times: Tensor) -> Tensor:
    """Return the drift of brightness and warmth, in the light of a studio (batch, frames, GAIN_COLUMNS)."""
    level = 1 + plan["drift"] * torch.sin(times * plan["drift_rate"])
    warmth, even = plan["warmth"].expand_as(level), torch.zeros_like(level)
    return torch.stack([level * (1 + warmth), level, level * (1 - warmth), even, even, even], dim=-1)


def _backdrop(shot: Moment, zoom: Tensor, shift: tuple[Tensor, Tensor]) -> Tensor:
    """Return the backdrop of each shot, moving with the camera."""
    traits = shot.traits
    stage = torch.tensor(_STAGE, dtype=zoom.dtype, device=zoom.device)[traits["kind"].long()]  # (batch, frames, 7)
    free = traits["hue"] * _is(shot, STUDIO, KITCHEN, CARTOON, SHOW) + traits["tint"]
    above = rgb(stage[..., 1] + traits["shade"] * 0.5 + free, stage[..., 2], stage[..., 3] + traits["shade"])
    below = rgb(stage[..., 4] + traits["shade"] * 0.5 + free, stage[..., 5], stage[..., 6] + traits["shade"])
    # A picture of the atlas has its own colours, which multiply the middle grey.
    washed = (traits["above_strength"] * (traits["above"] >= len(TEXTURES))).unsqueeze(-1)
    above = above + (0.5 - above) * washed
    horizon = (stage[..., 0] + traits["horizon"] - 0.5) * zoom + 0.5 + shift[1]
    kx, ky, amount = traits["texture_x"], traits["texture_y"], traits["texture"]
    phase = -(shift[0] * kx + shift[1] * ky)
    camera = [ASPECT / 2 + shift[0], 0.5 + shift[1], 1 / zoom]
    columns = ("", "_strength", "_x", "_y", "_offset_x", "_offset_y")
    textures = [traits[side + column] for side in ("above", "below") for column in columns]
    waves = [amount, kx, ky, phase, amount, -ky, kx, phase]
    return backdrop(horizon, above, below, waves, camera, [*textures, traits["depth"]])


def _nature(shot: Moment) -> list[Tensor]:
    """Return a sun or balloon, two hills and a cloud."""
    traits, on = shot.traits, _is(shot, NATURE)
    x = 0.2 + 1.3 * traits["a"] + 0.01 * shot.since_s
    size = 0.05 + 0.05 * traits["b"]
    hill = rgb(0.25 + 0.1 * traits["c"], 0.4, 0.35 + 0.2 * traits["d"])
    y = 0.58 + traits["horizon"]
    return [
        shape((x, 0.2 + 0.1 * traits["c"]), (size, size), brand_colour(traits["colour"]), corner=1.0, alpha=on),
        shape((1.3 * traits["b"], 0.12), (0.2, 0.05), paint(x, (0.95, 0.95, 0.97)), corner=1.0, soft=0.7, alpha=on),
        shape((0.3 + traits["c"], y), (0.6, 0.12 + 0.1 * traits["a"]), hill * 0.8, corner=1.0, alpha=on),
        shape((1.5 - traits["d"], y + 0.08), (0.7, 0.15), hill, corner=1.0, alpha=on),
    ]


def _towers(shot: Moment) -> list[Tensor]:
    """Return four houses of a street, or the lit panels of a studio."""
    traits, street = shot.traits, _is(shot, STREET)
    on, shapes = _is(shot, STREET, STUDIO), []
    for i in range(4):
        tall = 0.16 + 0.16 * (traits["a"] * (i + 1.7)).remainder(1.0)
        x = 0.2 + 0.46 * i + 0.1 * traits["b"]
        house = rgb(traits["hue"] + 0.21 * i, 0.22, 0.35 + 0.4 * (traits["c"] * (i + 2.3)).remainder(1.0))
        panel = rgb(traits["hue"] + 0.08 * i, 0.4, 0.45)
        colour = house * street.unsqueeze(-1) + panel * (1 - street).unsqueeze(-1)
        y = 0.52 + traits["horizon"] - tall * street - 0.14 * (1 - street)
        shapes.append(shape((x, y), (0.19, tall), colour, corner=0.02, alpha=on))
    return shapes


def _pitch(shot: Moment) -> list[Tensor]:
    """Return the lines of a pitch and the ball."""
    traits, on = shot.traits, _is(shot, SPORT)
    white = paint(on, (0.9, 0.92, 0.9))
    bounce = torch.sin(shot.since_s * 3.1 + traits["c"] * 6).abs()
    x = ASPECT / 2 + 0.55 * torch.sin(shot.since_s * traits["speed"] * 2.5 + traits["d"] * 6)
    size = 0.032 + 0.03 * traits["b"]
    return [
        shape((ASPECT * traits["a"], 0.68), (0.008, 0.34), white, angle=0.3 * (traits["a"] - 0.5), alpha=on * 0.8),
        shape((ASPECT / 2, 0.44), (ASPECT, 0.006), white, alpha=on * 0.8),
        shape((x, 0.9 - 0.16 * bounce), (size, size), brand_colour(traits["colour"]), corner=1.0, alpha=on),
    ]


def _sign(shot: Moment) -> list[Tensor]:
    """Return a sign that stands in the scene: it belongs to the programme."""
    traits = shot.traits
    on = _is(shot, STREET, SPORT, NATURE) * traits["has_sign"]
    x, y = 0.25 + 1.3 * traits["d"], 0.4 + 0.1 * traits["c"]
    size = 0.034 + 0.014 * traits["a"]
    post = bar((x, y), (x, y + 0.24), 0.014, paint(x, (0.3, 0.3, 0.3)), alpha=on)
    board = shape((x, y), (size * 1.35, size * 1.35), paint(x, (0.85, 0.85, 0.82)), alpha=on)
    return [post, board, *symbol(traits["symbol"], (x, y), size, brand_colour(traits["colour"]), on)]


def _car(shot: Moment) -> list[Tensor]:
    """Return a car that drives down the street."""
    traits, on = shot.traits, _is(shot, STREET)
    way = traits["heading"]
    x = ASPECT / 2 + way * ((traits["b"] - 0.7) * 1.2 + traits["speed"] * shot.since_s)
    length = 0.45 + 0.2 * traits["c"]
    car = Car(x, torch.full_like(x, 0.72), length, way, 0.8 + traits["d"], 0.0 * x, on)
    return vehicle(car, rgb(traits["hue"] + 0.4, 0.6, 0.3 + 0.6 * traits["a"]))


def _cast(shot: Moment) -> list[Tensor]:
    """Return two people who play or walk."""
    traits, on = shot.traits, _is(shot, SPORT, STREET)
    shapes = []
    for i, (hue, way) in enumerate(((traits["hue"], traits["heading"]), (traits["hue"] + 0.5, -traits["heading"]))):
        x = ASPECT / 2 + way * (0.9 * traits["b" if i else "a"] - 0.5 + traits["speed"] * 0.6 * shot.since_s)
        height = 0.28 + 0.2 * traits["d" if i else "c"]
        phase = shot.since_s * (10.0 + i)
        none = torch.zeros_like(x)
        pose = Pose(x, 0.66 + 0.7 * (height - 0.2), height, way, none + 0.9, phase, none, none, on)
        tone = skin(traits["skin"] if i else 1 - traits["skin"])
        shapes += person(pose, Clothes(rgb(hue, 0.7, 0.8), rgb(hue + 0.3, 0.3, 0.35), tone))
    return shapes


def _presenter(shot: Moment) -> list[Tensor]:
    """Return somebody at a desk: shoulders, head, hair, desk."""
    traits, on = shot.traits, _is(shot, STUDIO)
    x = 0.45 + 0.9 * traits["b"] + 0.012 * torch.sin(shot.since_s * 1.3)
    y = 0.42 + 0.01 * torch.sin(shot.since_s * 2.1)
    jacket = rgb(traits["hue"] + 0.5, 0.4, 0.2 + 0.5 * traits["c"])
    hair = rgb(0.07 + 0.0 * x, 0.5, 0.1 + 0.5 * traits["a"])
    return [
        shape((x, y + 0.36), (0.2, 0.24), jacket, taper=0.25, corner=0.6, alpha=on),
        shape((x, y - 0.04), (0.095, 0.115), hair, corner=1.0, alpha=on),
        shape((x, y), (0.08, 0.1), skin(traits["skin"]), corner=1.0, alpha=on),
        shape((ASPECT / 2, 0.92), (ASPECT, 0.13), rgb(traits["hue"] + 0.1, 0.35, 0.25), alpha=on),
    ]


def _title(shot: Moment) -> list[Tensor]:
    """Return a card with the programme's title: it fills the picture as an ad may, but shows no brand."""
    traits, on = shot.traits, _is(shot, TITLE)
    panel = rgb(traits["hue"], 0.3 * traits["d"], 0.15 + 0.75 * traits["a"])
    ink = torch.where((traits["a"] > 0.45).unsqueeze(-1), paint(on, (0.2, 0.2, 0.22)), paint(on, (0.85, 0.85, 0.87)))
    middle = 0.35 + 0.3 * traits["b"]
    x = ASPECT * (0.4 + 0.2 * traits["c"])
    return [
        shape((ASPECT / 2, 0.5), (ASPECT * 0.6, 0.6), panel, alpha=on),
        shape((x, middle), (0.35 + 0.2 * traits["d"], 0.06), ink, alpha=on),
        shape((x, middle + 0.14), (0.25 + 0.2 * traits["b"], 0.025), ink, alpha=on),
        shape((x, middle + 0.22), (0.2 + 0.2 * traits["c"], 0.02), ink, alpha=on * (traits["b"] > 0.5)),
    ]


def _strap(plan: Traits, shot: Moment) -> list[Tensor]:
    """Return the programme's own name strap: text without a brand."""
    ticker = plan["ticker"] > 0  # from side to side at the very bottom, as news have it
    on = torch.where(ticker, 1.0, shot.traits["has_strap"] * (shot.since_s > 0.5))
    band, text = rgb(plan["strap_hue"], 0.6, 0.45), paint(on, (0.92, 0.92, 0.92))
    x, y, half = (torch.where(ticker, *pair) for pair in ((ASPECT / 2, 0.55), (0.95, 0.86), (ASPECT / 2, 0.42)))
    return [
        shape((x, y), (half, 0.065), band, alpha=on * 0.9),
        shape((x - 0.05, y - 0.02), (half * 0.8, 0.014), text, alpha=on),
        shape((x - 0.13, y + 0.025), (half * 0.62, 0.01), text, alpha=on * 0.8),
    ]


def _logo(plan: Traits) -> list[Tensor]:
    """Return the channel's logo in its corner."""
    x = ASPECT / 2 + plan["logo_x"] * (ASPECT / 2 - 0.1)
    y = 0.5 + plan["logo_y"] * 0.41
    size = plan["logo_size"]
    text = shape((x, y + size * 1.5), (size * 1.4, size * 0.25), paint(x, (0.9, 0.9, 0.9)), alpha=plan["has_logo"])
    colour = brand_colour(plan["logo_colour"])
    return [text, *symbol(plan["logo_symbol"], (x, y), size, colour, plan["has_logo"])]
