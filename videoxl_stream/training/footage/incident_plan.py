"""What else happens on a site: vehicles, breakdowns, fires, crowds, covered lenses."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from videoxl_stream.training.footage.dice import Array, Dice
from videoxl_stream.training.footage.episodes import Renewal, clear_of, interleave
from videoxl_stream.training.footage.families import draw_covers
from videoxl_stream.training.footage.people_plan import lanes
from videoxl_stream.training.footage.shapes import ASPECT

PASSING, HALTED, BROKEN_DOWN = range(3)


def sample_vehicles(
    dice: Dice, plan: Mapping[str, Array], per_minute: Array, duration_s: float, whole: bool
) -> tuple[dict[str, Array], tuple[dict[str, Array], dict[str, Array]]]:
    """Draw breakdowns, and all vehicles of the near and the far lane.

    A vehicle that breaks down stands on the road from start_s to end_s with flashing lights. Others cross the picture,
    or halt for less than 3 s without a light, which is none.
    """
    near, far = (_passing(dice, name, plan, duration_s) for name in ("vehicle", "far"))
    broken = Renewal(per_minute * plan["has_road"], (8.0, 30.0), (1.5, 3.0), 1.0)
    breakdowns = _drive(dice, "breakdown", plan, broken.sample(dice, "breakdown", duration_s, whole), BROKEN_DOWN)
    halting = Renewal(
        dice.uniform("halt/pace", 0.0, 1.2, plan["horizon"].shape) * plan["has_road"], (0.8, 2.5), (1.5, 3)
    )
    halts = _drive(dice, "halt", plan, halting.sample(dice, "halt", duration_s, whole=False), HALTED)
    return breakdowns, (interleave(breakdowns, interleave(halts, near)), far)


def _passing(dice: Dice, name: str, plan: Mapping[str, Array], duration_s: float) -> dict[str, Array]:
    """Draw vehicles that cross the picture from start_s to end_s."""
    pace = dice.uniform(f"{name}/pace", 0.0, 7.0, plan["horizon"].shape) * plan["has_road"]
    episodes = Renewal(pace, (2.0, 6.0), gap_s=0.5).sample(dice, name, duration_s, whole=False)
    return _drive(dice, name, plan, episodes, PASSING)


def _drive(
    dice: Dice, name: str, plan: Mapping[str, Array], episodes: dict[str, Array], manner: int
) -> dict[str, Array]:
    """Give each vehicle its looks, its direction and, if it halts, the place where it does."""
    shape = episodes["from_s"].shape
    ranges = {"hue": (0, 1), "saturation": (0.0, 0.9), "value": (0.2, 0.95), "length": (0.34, 0.52), "van": (0.9, 1.25)}
    ranges |= {"stop_x": (0.3, ASPECT - 0.3)}
    looks = {key: dice.uniform(f"{name}/{key}", low, high, shape) for key, (low, high) in ranges.items()}
    looks["length"] = looks["length"] * plan["vehicle_scale"][:, None]
    looks["van"] = looks["van"] * plan["vehicle_van"][:, None]
    return episodes | looks | {"heading": dice.signs(f"{name}/heading", shape), "manner": np.full(shape, float(manner))}


def sample_absences(dice: Dice, plan: Mapping[str, Array], duration_s: float) -> dict[str, Array]:
    """Draw when the parked car is away: it leaves before start_s and is back after end_s."""
    batch = len(plan["horizon"])
    pace = dice.uniform("away/pace", 0.2, 0.8, (batch,)) * dice.chance("away/has", 0.35, (batch,)) * plan["has_car"]
    return Renewal(pace, (10.0, 60.0), (2.0, 3.0), 4.0).sample(dice, "away", duration_s, whole=False)


def sample_crowds(
    dice: Dice, plan: Mapping[str, Array], per_minute: Array, duration_s: float, whole: bool
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Draw crowds of five or six who gather outside the zone, and all groups: two or three people are no crowd."""
    batch = len(plan["horizon"])
    pace = dice.uniform("group/pace", 0.0, 1.2, (batch,)) * dice.chance("group/has", 0.5, (batch,))
    both = []
    for name, rate, least, most, inside in (("crowd", per_minute, 5, 6, whole), ("group", pace, 2, 3, False)):
        episodes = Renewal(rate, (8.0, 30.0), (3.0, 5.0), 1.5).sample(dice, name, duration_s, inside)
        shape = episodes["from_s"].shape
        ranges = {
            "hue": (0.0, 1.0),
            "value": (0.3, 0.9),
            "skin": (0.0, 1.0),
            "spread": (0.75, 1.1),
            "phase": (0.0, 6.28),
        }
        looks = {key: dice.uniform(f"{name}/{key}", low, high, shape) for key, (low, high) in ranges.items()}
        looks["x"] = dice.uniform(f"{name}/x", 0.4, ASPECT - 0.4, shape)
        looks["y"] = lanes(dice, name, plan, shape, 0.6)
        looks["size"] = least + dice.choice(f"{name}/size", [1] * (most - least + 1), shape)
        both.append(episodes | looks | {"side": dice.signs(f"{name}/side", shape)})
    return both[0], interleave(*both)


def sample_covers(
    dice: Dice,
    plan: Mapping[str, Array],
    per_minute: Array,
    duration_s: float,
    whole: bool,
    events: tuple[Mapping[str, Array], ...],
    looks: str,
) -> dict[str, Array]:
    """Draw when somebody covers or sprays the lens, but not while one of ``events`` can be seen."""
    covers = Renewal(per_minute, (8.0, 30.0)).sample(dice, "tampering", duration_s, whole)
    for others in events:
        covers = clear_of(covers, others)
    shape = covers["from_s"].shape
    ranges = {"hue": (0.0, 1.0), "saturation": (0.0, 0.5), "value": (0.02, 0.6), "extent": (0.82, 1.1)}
    ranges |= {"across": (-0.25, 0.25), "down": (-0.15, 0.15), "turn": (0.0, 6.28)}
    ranges |= {"fold": (0.1, 0.6), "fold_x": (-0.6, 0.6), "fold_turn": (-1.2, 1.2), "fold_shade": (0.55, 1.5)}
    drawn = {key: dice.uniform(f"tampering/{key}", low, high, shape) for key, (low, high) in ranges.items()}
    return covers | drawn | {"look": draw_covers(dice, shape, looks, plan["mixed"])}


def sample_nearby(dice: Dice, batch: int, duration_s: float) -> dict[str, Array]:
    """Draw what passes right in front of the lens within two seconds: no tampering."""
    pace = dice.uniform("nearby/pace", 0.2, 1.0, (batch,)) * dice.chance("nearby/has", 0.3, (batch,))
    episodes = Renewal(pace, (0.7, 1.8)).sample(dice, "nearby", duration_s, whole=False)
    shape = episodes["from_s"].shape
    ranges = {"hue": (0.0, 1.0), "value": (0.05, 0.5), "wide": (0.25, 0.5), "tall": (0.55, 0.8)}
    looks = {key: dice.uniform(f"nearby/{key}", low, high, shape) for key, (low, high) in ranges.items()}
    return episodes | looks | {"heading": dice.signs("nearby/heading", shape)}


def sample_dimmings(dice: Dice, batch: int, duration_s: float) -> dict[str, Array]:
    """Draw when it gets darker for a while, as under a cloud or when a light goes out: no tampering."""
    pace = dice.uniform("dim/pace", 0.2, 0.8, (batch,)) * dice.chance("dim/has", 0.3, (batch,))
    episodes = Renewal(pace, (4.0, 20.0)).sample(dice, "dim", duration_s, whole=False)
    return episodes | {"depth": dice.uniform("dim/depth", 0.3, 0.6, episodes["from_s"].shape)}


def sample_fires(
    dice: Dice, plan: Mapping[str, Array], per_minute: Array, duration_s: float, whole: bool
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Draw fires, some of which hardly burn but smoke, and fires together with what is none: white steam."""
    batch = len(plan["horizon"])
    fire = Renewal(per_minute, (8.0, 30.0)).sample(dice, "fire", duration_s, whole)
    pace = dice.uniform("steam/pace", 0.2, 2.0, (batch,)) * dice.chance("steam/has", 0.25, (batch,))
    steam = Renewal(pace, (5.0, 20.0)).sample(dice, "steam", duration_s, whole=False)
    both = []
    for name, episodes in (("fire", fire), ("steam", steam)):
        shape = episodes["from_s"].shape
        near = dice.uniform(f"{name}/near", 0.0, 1.0, shape)
        y = plan["upper_y"][:, None] + (plan["lower_y"] - plan["upper_y"])[:, None] * near
        is_fire = float(name == "fire")
        smoulders = dice.chance(f"{name}/smoulders", 0.25, shape)
        looks = {"near": near, "y": y, "dark": is_fire * dice.uniform(f"{name}/dark", 0.75, 1.0, shape)}
        looks["burns"] = is_fire * np.where(smoulders, 0.3, 1.0)
        looks |= {"x": dice.uniform(f"{name}/x", 0.15, ASPECT - 0.15, shape)}
        looks |= {"size": dice.uniform(f"{name}/size", 0.13, 0.26, shape) * (0.8 + 0.4 * near)}
        looks |= {"phase": dice.uniform(f"{name}/phase", 0.0, 10.0, shape)}
        both.append(episodes | looks)
    return both[0], interleave(*both)
