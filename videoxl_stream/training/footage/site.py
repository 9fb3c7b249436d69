"""A site as its fixed camera sees it, at any time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from videoxl_stream.training.footage.actors import Clothes, Flame, Pose, flame, person, skin
from videoxl_stream.training.footage.drawing import SCENE_SHAPES, Drawing, backdrop
from videoxl_stream.training.footage.episodes import Episodes, Moment, Traits
from videoxl_stream.training.footage.lens import cover, foreground, nearby, rain
from videoxl_stream.training.footage.people_plan import CROUCH, FALL, HANDLING_S, INTRUDE, SIT
from videoxl_stream.training.footage.scenery import scenery
from videoxl_stream.training.footage.shapes import ASPECT, Point, bar, fit, move, paint, rgb, shape, tint
from videoxl_stream.training.footage.traffic import parked, traffic

_AMBIENT = ((1.0, 1.0, 1.0), (0.76, 0.64, 0.6), (0.5, 0.53, 0.62))
# Where the members of a group stand around its middle: across and down.
_PLACES = ((-0.04, -0.012), (0.1, -0.01), (-0.19, -0.004), (0.23, 0.0), (0.03, 0.008), (-0.12, 0.012))
MEMBERS = len(_PLACES)
_CENTRE = (ASPECT / 2, 0.8)
"""What a camera's zoom leaves where it is."""


@dataclass(frozen=True)
class Site:
    """Many sites, one per stream."""

    plan: Traits  # (batch, 1, names)
    visitors: tuple[Episodes, ...]
    groups: Episodes
    bags: Episodes
    lanes: tuple[Episodes, Episodes]  # near and far
    absences: Episodes  # of the parked car
    fires: Episodes
    covers: Episodes
    nearby: Episodes
    dimmings: Episodes

    def draw(self, times: Tensor) -> Drawing:
        """Draw all streams at ``times`` (batch, frames), seconds."""
        plan = self.plan
        night = plan["light"].long()  # (batch, 1)
        ambient = torch.tensor(_AMBIENT, dtype=times.dtype, device=times.device)[night]  # (batch, 1, 3)
        lamp, moments = _lamp(plan), [visits.at(times) for visits in self.visitors]
        still = [*_zone(plan), *_cloud(plan, times), *parked(plan, self.absences.at(times)), lamp[0]]
        far, near = (traffic(plan, self.lanes[lane].at(times), night, lane) for lane in (1, 0))
        actors = [*far, *near, *_bag(self.bags.at(times)), *_group(plan, self.groups.at(times))]
        stands = scenery(plan).expand(*times.shape, -1, -1)
        lit = torch.cat([stands, _stack([*still, *actors], times), _by_depth(plan, moments, times)], dim=2)
        glowing = _stack([*lamp[1:], *_fire(self.fires.at(times))], times)
        front = _stack([*foreground(plan), *rain(plan, times), *nearby(self.nearby.at(times))], times)
        cloth = cover(self.covers.at(times))
        zoom, still_camera = plan["zoom"].expand_as(times), (torch.zeros_like(times), torch.zeros_like(times))
        world = move(torch.cat([tint(lit, ambient), glowing], dim=2), _CENTRE, zoom, still_camera)
        count = sum(part.shape[2] for part in (world, front, cloth))
        nothing = lit.new_zeros(*times.shape, SCENE_SHAPES - count, lit.shape[3])
        everything = torch.cat([world, tint(front, ambient), cloth, nothing], dim=2)
        shake = _shake(plan, times)
        moved = move(everything, (0, 0), torch.ones_like(times), shake)
        return Drawing(_ground(plan, ambient, shake), moved, _gain(plan, times, self.dimmings.at(times)))

    def people(self, times: Tensor) -> Tensor:
        """Count who can be seen at ``times``, (batch, frames) int64; half a person at the rim counts as one."""
        found = torch.zeros_like(times, dtype=torch.int64)
        for visits in self.visitors:
            moment = visits.at(times)
            found += moment.seen & self._is_in_picture(_where(moment))
        group = self.groups.at(times)
        for member in range(MEMBERS):
            x, _ = _member(group, member)
            found += group.seen & self._is_in_picture(x) & (member < group.traits["size"])
        return found

    def _is_in_picture(self, x: Tensor) -> Tensor:
        """Say who of those standing at x (batch, frames) can be seen."""
        return ((x - ASPECT / 2) * self.plan["zoom"]).abs() < ASPECT / 2 + 0.02


def _stack(shapes: list[Tensor], times: Tensor) -> Tensor:
    """Stack shapes for every picture, (batch, frames, shapes, columns)."""
    return fit(shapes, len(shapes)).expand(*times.shape, -1, -1)


def _by_depth(plan: Traits, moments: list[Moment], times: Tensor) -> Tensor:
    """Return the visitors, those farther off first, (batch, frames, shapes, columns)."""
    people = torch.stack([_stack(_visitor(plan, moment), times) for moment in moments], dim=2)
    depth = torch.stack([moment.traits["y"].nan_to_num(posinf=0.0) for moment in moments], dim=2)
    order = depth.argsort(dim=2).view(*depth.shape, 1, 1).expand_as(people)
    return people.gather(2, order).flatten(2, 3)


def _shake(plan: Traits, times: Tensor) -> tuple[Tensor, Tensor]:
    """Return how far the camera has moved, each (batch, frames)."""
    turn = times * plan["shake_rate"]
    across = torch.sin(turn) + torch.sin(turn * 2.3 + 1.0)
    down = torch.sin(turn * 1.4 + 2.0) + torch.sin(turn * 3.1)
    return plan["shake"] * across, plan["shake"] * down


def _gain(plan: Traits, times: Tensor, dimming: Moment) -> Tensor:
    """Return the drift of brightness and warmth, dimmings, and the light's slope (batch, frames, GAIN_COLUMNS)."""
    level = 1 + plan["drift"] * torch.sin(times * plan["drift_rate"])
    dark = (dimming.since_s / 0.6).clamp(0, 1) * (dimming.left_s / 0.6).clamp(0, 1) * dimming.seen
    level = level * (1 - dark * dimming.traits["depth"])
    warmth, magenta = plan["warmth"], plan["magenta"]
    light = [plan[name].expand_as(level) for name in ("light_across", "light_down", "light_rim")]
    return torch.stack([level * (1 + warmth), level * (1 - magenta), level * (1 - warmth), *light], dim=-1)


def _ground(plan: Traits, ambient: Tensor, shake: tuple[Tensor, Tensor]) -> Tensor:
    """Return the backdrop: wall or sky above the horizon, ground below, both with their textures."""
    above = rgb(plan["wall_hue"], plan["wall_saturation"], plan["wall_value"]) * ambient
    below = rgb(plan["ground_hue"], plan["ground_saturation"], plan["ground_value"]) * ambient
    kx, ky, amount = plan["texture_x"], plan["texture_y"], plan["texture"]
    # The waves move with the camera like everything else.
    phases = [-(shake[0] * a + shake[1] * b) for a, b in ((kx, ky), (-0.6 * ky, 0.8 * kx))]
    waves = [amount, kx, ky, phases[0], amount, -0.6 * ky, 0.8 * kx, phases[1]]
    down = _CENTRE[1] + shake[1]
    camera = [ASPECT / 2 + shake[0], down + (0.5 - _CENTRE[1]) * plan["zoom"], 1 / plan["zoom"]]
    far, near, offset = plan["above_scale"], plan["below_scale"], [plan["offset_x"], plan["offset_y"]]
    walls = [plan["above"], plan["above_strength"], far, far, *offset]
    ground = [plan["below"], plan["below_strength"], near, near * plan["below_tilt"], *offset, plan["depth"]]
    horizon = down + (plan["horizon"] - _CENTRE[1]) * plan["zoom"]
    return backdrop(horizon, above, below, waves, camera, walls + ground)


def _zone(plan: Traits) -> list[Tensor]:
    """Return the marked zone: a filled trapezoid, its outline, three hatching bars."""
    white = plan["zone_white"].unsqueeze(-1)
    colour = rgb(plan["zone_hue"], 0.85 * (1 - plan["zone_white"]), 0.95) * (1 - white) + white * 0.92
    seen, x, y = plan["has_zone"], plan["zone_x"], plan["zone_y"]
    hatching = 0.8 * seen * plan["zone_hatched"]
    half_x, half_y, taper = plan["zone_half_x"], plan["zone_half_y"], plan["zone_taper"]

    def at(across: float, down: float) -> Point:
        """Turn zone coordinates (-1..1) into world coordinates."""
        return x + across * half_x * (1 + taper * down), y + down * half_y

    corners = [at(-1, -1), at(1, -1), at(1, 1), at(-1, 1)]
    sides = zip(corners, [*corners[1:], corners[0]], strict=True)
    return [
        shape((x, y), (half_x, half_y), colour, taper=taper, corner=0.02, alpha=plan["zone_fill"] * seen),
        *(bar(*side, plan["zone_line"], colour, alpha=0.95 * seen) for side in sides),
        *(bar(at(k, 1), at(k + 0.5, -1), 0.012, colour, alpha=hatching) for k in (-0.85, -0.25, 0.35)),
    ]


def _cloud(plan: Traits, times: Tensor) -> list[Tensor]:
    """Return the shadow of a cloud that drifts over the ground."""
    x = (plan["cloud_phase"] + times * plan["cloud_speed"]).remainder(1.6) * ASPECT - 0.3 * ASPECT
    dark = paint(times, (0, 0, 0))
    return [shape((x, plan["horizon"] + 0.35), (0.5, 0.22), dark, corner=1.0, soft=0.8, alpha=plan["cloud"])]


def _lamp(plan: Traits) -> list[Tensor]:
    """Return a post, its steady orange lamp, and the lamp's glow."""
    x, foot = plan["lamp_x"], plan["horizon"] + 0.03
    top, lit = foot - plan["lamp_height"], plan["has_lamp"] * plan["lamp_on"]
    orange = rgb(plan["lamp_hue"], 0.8, 1.0)
    return [
        bar((x, foot), (x, top), 0.014, paint(x, (0.2, 0.2, 0.22)), alpha=plan["has_lamp"]),
        shape((x, top), (0.035, 0.025), orange, corner=0.8, alpha=lit),
        shape((x, top), (0.15, 0.15), orange * 0.5, corner=1.0, soft=1.7, alpha=lit, light=True),
    ]


def _ease(share: Tensor) -> Tensor:
    """Start and stop softly."""
    share = share.clamp(0, 1)
    return share * share * (3 - 2 * share)


def _where(moment: Moment) -> Tensor:
    """Where the person of one place in the cast stands, (batch, frames)."""
    traits, since, left = moment.traits, moment.since_s, moment.left_s
    arrive, depart = (since / 1.5).clamp(0, 1), (left / 1.5).clamp(0, 1)
    middle = traits["x_middle"] + traits["wander"] * torch.sin(0.8 * since + traits["phase"])
    x = (
        traits["x_begin"] * (1 - arrive) + traits["x_finish"] * (1 - depart) + middle * (arrive + depart - 1)
        + (traits["x_in"] - traits["x_begin"]) * moment.to_come + (traits["x_out"] - traits["x_finish"]) * moment.gone
    )  # fmt: skip
    return x.nan_to_num()


def _height(plan: Traits, y: Tensor) -> Tensor:
    """How tall people look whose feet are at y."""
    return (0.16 + 0.42 * (y - plan["horizon"])).clamp(0.25, 0.45) * plan["person_scale"]


def _visitor(plan: Traits, moment: Moment) -> list[Tensor]:
    """Return the person of one place in the cast, and what he carries."""
    traits, since, left = moment.traits, moment.since_s, moment.left_s
    x = _where(moment)
    posture = traits["posture"]
    down_s, up_s = torch.where(posture == FALL, 0.7, 0.4), torch.where(posture == FALL, 1.2, 0.4)
    down = _ease(since / down_s) * _ease(left / up_s)
    crouch = down * ((posture == CROUCH) * 0.95 + (posture == SIT) * 0.6)
    stays = (since > 0) & (left > 0)
    stride = torch.where(stays, (posture == INTRUDE) * 0.6, 1.0)
    leaving = torch.sign(traits["x_out"] - ASPECT / 2)
    coming = torch.sign(ASPECT / 2 - traits["x_in"])
    heading = torch.where(left > 0, coming, leaving)
    turns = stays & (posture == INTRUDE)
    heading = torch.where(turns, torch.sign(torch.cos(0.8 * since + traits["phase"]) + 1e-3), heading)
    y = traits["y"].nan_to_num(posinf=0.0)
    height = _height(plan, y) * traits["scale"]
    pose = Pose(
        x, y, height.clamp(0.24, 0.45), heading, stride, since * 10.5 + traits["phase"],
        down * traits["tilt"] * traits["side_fall"] * (posture == FALL), crouch, moment.seen.float(),
        traits["build"],
    )  # fmt: skip
    holding = torch.where(since < HANDLING_S, traits["bag_in"], traits["bag_out"]) * moment.seen
    size = traits["bag_size"]
    hand = (x + 0.02 + 0.2 * height * heading * stride, y - size * 0.85 - 0.1 * height * stride)
    colour = rgb(traits["bag_hue"], traits["bag_saturation"], traits["bag_value"])
    luggage = shape(hand, (size * 0.9, size * 0.85), colour, corner=0.4, alpha=holding)
    return [*person(pose, _clothes(traits)), luggage]


def _bag(moment: Moment) -> list[Tensor]:
    """Return the bag that lies there, if any: shadow, handle, body."""
    traits = moment.traits
    x, y, size, seen = traits["x"] + 0.0, traits["y"].nan_to_num(posinf=0.0), traits["size"], moment.seen.float()
    colour = rgb(traits["hue"], traits["saturation"], traits["value"])
    return [
        shape((x, y), (size * 1.1, size * 0.25), colour * 0, corner=1.0, soft=0.7, alpha=0.4 * seen),
        shape((x, y - size * 1.75), (size * 0.4, size * 0.2), colour * 0.7, corner=0.8, alpha=seen),
        shape((x, y - size * 0.85), (size * 0.9, size * 0.85), colour, corner=0.4, alpha=seen),
    ]


def _member(moment: Moment, number: int) -> tuple[Tensor, Tensor]:
    """Where one of a group stands, x and y, each (batch, frames)."""
    traits = moment.traits
    across, down = _PLACES[number]
    way = traits["side"] * (1 if number % 2 else -1)
    out = torch.where(way > 0, ASPECT - traits["x"], traits["x"]) + 0.45
    sway = 0.008 * torch.sin(moment.since_s * (1.1 + 0.2 * number) + traits["phase"])
    x = traits["x"] + across * traits["spread"] + sway + way * out * torch.maximum(moment.to_come, moment.gone)
    return x, traits["y"].nan_to_num(posinf=0.0) + down


def _group(plan: Traits, moment: Moment) -> list[Tensor]:
    """Return three shapes, legs, body and head, for each of a group."""
    traits, shapes = moment.traits, []
    for number in range(MEMBERS):
        x, y = _member(moment, number)
        height = _height(plan, y)
        there = moment.seen * (number < traits["size"])
        top = rgb(traits["hue"] + 0.29 * number, 0.6, traits["value"])
        face = skin((traits["skin"] + 0.37 * number).remainder(1.0))
        legs = (0.085 * height, 0.24 * height)
        shapes += [
            shape((x, y - 0.24 * height), legs, top * 0.35, taper=0.2, corner=0.2, alpha=there),
            shape((x, y - 0.64 * height), (0.12 * height, 0.2 * height), top, taper=-0.15, corner=0.6, alpha=there),
            shape((x, y - 0.91 * height), (0.078 * height, 0.092 * height), face, corner=1.0, alpha=there),
        ]
    return shapes


def _clothes(traits: Traits) -> Clothes:
    """Dress the visitors of a moment."""
    top = rgb(traits["hue"], traits["saturation"], traits["value"])
    trousers = rgb(traits["trousers_hue"], 0.35, traits["trousers"])
    return Clothes(top, trousers, skin(traits["skin"]))


def _fire(moment: Moment) -> list[Tensor]:
    """Return what burns or steams."""
    traits = moment.traits
    strength = (moment.since_s + 0.5).clamp(0.4, 1) * (moment.left_s + 0.5).clamp(0.4, 1) * moment.seen
    grey = 0.72 - 0.5 * traits["dark"]
    smoke = torch.stack([grey, grey, grey + 0.02], dim=-1)
    time_s = moment.since_s + traits["phase"]
    return flame(Flame(traits["x"], traits["y"], traits["size"], time_s, strength * traits["burns"], strength, smoke))
