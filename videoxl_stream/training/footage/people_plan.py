"""People on a site: who walks, stops, trespasses, falls, waits and leaves things behind."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from videoxl_stream.training.footage.dice import Array, Dice
from videoxl_stream.training.footage.episodes import Renewal, interleave, together
from videoxl_stream.training.footage.shapes import ASPECT
from videoxl_stream.training.footage.site_plan import OFF_PICTURE
from videoxl_stream.training.footage.vocabulary import ABANDONED_S

STAND, CROUCH, SIT, FALL, INTRUDE = range(5)
BAG_LOOKS = {"hue": (0.0, 1.0), "saturation": (0.45, 0.95), "value": (0.5, 0.95), "size": (0.045, 0.065)}
HANDLING_S = 0.6
"""How long after somebody stops he puts down, or takes up, what is carried."""


def _dress(dice: Dice, name: str, episodes: dict[str, Array]) -> dict[str, Array]:
    """Give each visitor clothes, a side to come from and a side to leave to."""
    shape = episodes["from_s"].shape
    ranges = {"hue": (0, 1), "saturation": (0.0, 0.95), "value": (0.12, 0.98), "trousers": (0.06, 0.8)}
    ranges |= {"trousers_hue": (0.0, 1.0), "build": (0.85, 1.3)}
    ranges |= {"skin": (0.0, 1.0), "phase": (0.0, 6.28), "tilt": (1.42, 1.72), "scale": (0.88, 1.08)}
    ranges |= {f"bag_{key}": between for key, between in BAG_LOOKS.items()}
    looks = {key: dice.uniform(f"{name}/{key}", low, high, shape) for key, (low, high) in ranges.items()}
    sides = {key: dice.signs(f"{name}/{key}", shape) for key in ("side_in", "side_out", "side_fall")}
    return episodes | looks | sides


def _walk(episodes: dict[str, Array], x: Array, y: Array, posture: Array | int) -> dict[str, Array]:
    """Let visitors walk in to x, stay there, and walk off at the foot line y, all (batch, episodes)."""
    entry = {
        f"x_{way}": np.where(episodes[f"side_{way}"] < 0, -OFF_PICTURE, ASPECT + OFF_PICTURE) for way in ("in", "out")
    }
    still = {"x_begin": x, "x_middle": x, "x_finish": x, "wander": np.zeros_like(x)}
    still |= {"bag_in": np.zeros_like(x), "bag_out": np.zeros_like(x)}  # whether they come, and leave, with a bag
    return episodes | entry | still | {"y": y, "posture": np.broadcast_to(posture, x.shape)}


def lanes(dice: Dice, name: str, plan: Mapping[str, Array], shape: tuple[int, ...], lower: float) -> Array:
    """Choose foot lines that pass the zone in front of it or behind it, (batch, episodes)."""
    front = dice.chance(f"{name}/front", lower, shape)
    lane = np.where(front, plan["lower_y"][:, None], plan["upper_y"][:, None])
    free = plan["upper_y"][:, None] + (plan["lower_y"] - plan["upper_y"])[:, None] * dice.uniform(
        f"{name}/lane", 0.0, 1.0, shape
    )
    lane = np.where(plan["has_zone"][:, None], lane, free)
    return np.asarray(lane + dice.uniform(f"{name}/jitter", -0.012, 0.012, shape))


def sample_walkers(dice: Dice, name: str, plan: Mapping[str, Array], duration_s: float) -> dict[str, Array]:
    """Draw people who walk past, some of whom stop for a while next to the zone."""
    batch = len(plan["horizon"])
    pace = Renewal(dice.uniform(f"{name}/pace", 0.0, 7.0, (batch,)), (0.3, 5.0), (2.5, 5.5), 1.0)
    episodes = _dress(dice, name, pace.sample(dice, name, duration_s, whole=False))
    shape = episodes["from_s"].shape
    x = dice.uniform(f"{name}/x", 0.2, ASPECT - 0.2, shape)
    walk = _walk(episodes, x, lanes(dice, name, plan, shape, 0.6), STAND)
    walk["bag_in"] = walk["bag_out"] = dice.chance(f"{name}/bag", 0.15, shape).astype(np.float32)
    return walk


def sample_intrusions(
    dice: Dice, plan: Mapping[str, Array], per_minute: Array, duration_s: float, whole: bool
) -> dict[str, Array]:
    """Draw people whose feet are inside the zone from start_s to end_s."""
    renewal = Renewal(per_minute * plan["has_zone"], (8.0, 30.0), (2.5, 5.0), 1.5)
    episodes = _dress(dice, "intrusion", renewal.sample(dice, "intrusion", duration_s, whole))
    shape = episodes["from_s"].shape
    depth = dice.uniform("intrusion/depth", -0.65, 0.65, shape)
    half_x = plan["zone_half_x"][:, None] * (1 + plan["zone_taper"][:, None] * depth)
    middle = plan["zone_x"][:, None] + half_x * dice.uniform("intrusion/middle", -0.35, 0.35, shape)
    walk = _walk(episodes, middle, plan["zone_y"][:, None] + plan["zone_half_y"][:, None] * depth, INTRUDE)
    walk["x_begin"] = plan["zone_x"][:, None] + episodes["side_in"] * half_x
    walk["x_finish"] = plan["zone_x"][:, None] + episodes["side_out"] * half_x
    walk["wander"] = half_x * dice.uniform("intrusion/wander", 0.0, 0.35, shape)
    return walk


def sample_falls(
    dice: Dice, plan: Mapping[str, Array], per_minute: Array, duration_s: float, whole: bool
) -> dict[str, Array]:
    """Draw people who walk in, fall at start_s, lie, and are on their feet again at end_s."""
    renewal = Renewal(per_minute, (8.0, 30.0), (2.5, 5.0), 1.5)
    episodes = _dress(dice, "fall", renewal.sample(dice, "fall", duration_s, whole))
    shape = episodes["from_s"].shape
    x = dice.uniform("fall/x", 0.45, ASPECT - 0.45, shape)
    return _walk(episodes, x, lanes(dice, "fall", plan, shape, 0.85), FALL)


def sample_stoops(dice: Dice, plan: Mapping[str, Array], duration_s: float) -> dict[str, Array]:
    """Draw what is no fall: people who crouch for less than 2 s, or sit on the bench."""
    batch = len(plan["horizon"])
    crouching = Renewal(dice.uniform("crouch/pace", 0.0, 5.0, (batch,)), (0.9, 1.9), (2.5, 5.0), 1.0)
    crouch = _dress(dice, "crouch", crouching.sample(dice, "crouch", duration_s, whole=False))
    shape = crouch["from_s"].shape
    x = dice.uniform("crouch/x", 0.3, ASPECT - 0.3, shape)
    crouch = _walk(crouch, x, lanes(dice, "crouch", plan, shape, 0.65), CROUCH)
    sitting = Renewal(dice.uniform("sit/pace", 0.0, 1.5, (batch,)) * plan["has_bench"], (10.0, 40.0), (2.5, 5.0), 1.0)
    sit = _dress(dice, "sit", sitting.sample(dice, "sit", duration_s, whole=False))
    bench = np.broadcast_to(plan["bench_x"][:, None], sit["from_s"].shape)
    sit = _walk(sit, bench, np.broadcast_to(plan["upper_y"][:, None], bench.shape), SIT)
    return interleave(sit, crouch)


def sample_bags(
    dice: Dice, plan: Mapping[str, Array], per_minute: Array, duration_s: float, whole: bool
) -> dict[str, Array]:
    """Draw bags that lie without an owner from start_s to end_s.

    Most of them are taken again within 48 s, which is no event; in streams that have the event, others lie for longer
    than ``ABANDONED_S``, but never half as long again: whoever takes any bag for the event overlaps it too little.
    """
    batch = len(per_minute)
    pace = dice.uniform("bag/pace", 0.2, 0.8, (batch,)) * dice.chance("bag/has", 0.4, (batch,))
    wanted = per_minute > 0
    renewal = Renewal(
        np.where(wanted, per_minute, pace),
        (12.0, 48.0),
        gap_s=12.0,
        long_s=(ABANDONED_S + 14.0, ABANDONED_S + 25.0),
        long_share=np.where(wanted, 0.6, 0.0),
    )
    bags = renewal.sample(dice, "bag", duration_s, whole)
    shape = bags["from_s"].shape
    looks = {key: dice.uniform(f"bag/{key}", low, high, shape) for key, (low, high) in BAG_LOOKS.items()}
    place = {"x": dice.uniform("bag/x", 0.25, ASPECT - 0.25, shape), "y": lanes(dice, "bag", plan, shape, 0.6)}
    return bags | looks | place


def sample_carriers(dice: Dice, bags: Mapping[str, Array]) -> dict[str, Array]:
    """Draw who puts each bag down and who takes it up again."""
    visits = []
    for name, when, before, after in (("put", "start_s", 1.0, 0.0), ("take", "end_s", 0.0, 1.0)):
        shape = bags["x"].shape
        start_s = bags[when] - HANDLING_S
        end_s = start_s + dice.uniform(f"{name}/length", 0.9, 1.6, shape)
        times = {"from_s": start_s - dice.uniform(f"{name}/lead", 2.5, 4.5, shape), "start_s": start_s, "end_s": end_s}
        times["to_s"] = end_s + dice.uniform(f"{name}/trail", 2.5, 4.5, shape)
        walk = _walk(_dress(dice, name, times), bags["x"] - 0.02, bags["y"], STAND)
        looks = {f"bag_{key}": bags[key] for key in BAG_LOOKS}
        visits.append(walk | looks | {"bag_in": np.full(shape, before), "bag_out": np.full(shape, after)})
    return together(visits[0], visits[1])


def sample_loiterers(dice: Dice, plan: Mapping[str, Array], duration_s: float) -> dict[str, Array]:
    """Draw people who stand about for long outside the zone, half of them beside a bag of their own."""
    batch = len(plan["horizon"])
    pace = dice.uniform("loiter/pace", 0.0, 1.0, (batch,)) * dice.chance("loiter/has", 0.5, (batch,))
    renewal = Renewal(pace, (10.0, 50.0), (2.5, 5.0), 2.0)
    episodes = _dress(dice, "loiter", renewal.sample(dice, "loiter", duration_s, whole=False))
    shape = episodes["from_s"].shape
    x = dice.uniform("loiter/x", 0.25, ASPECT - 0.25, shape)
    walk = _walk(episodes, x, lanes(dice, "loiter", plan, shape, 0.6), STAND)
    walk["bag_in"] = walk["bag_out"] = dice.chance("loiter/bag", 0.5, shape).astype(np.float32)
    return walk
