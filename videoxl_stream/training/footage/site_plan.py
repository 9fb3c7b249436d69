"""The plan of a site seen by a fixed camera: where things stand and who does what when."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from videoxl_stream.training.footage.dice import Array, Dice
from videoxl_stream.training.footage.episodes import Renewal, interleave
from videoxl_stream.training.footage.shapes import ASPECT

STAND, CROUCH, SIT, FALL, INTRUDE = range(5)
OFF_PICTURE = 0.22

_RANGES = {
    "horizon": (0.24, 0.38),
    "wall_hue": (0.0, 1.0),
    "wall_saturation": (0.02, 0.16),
    "wall_value": (0.55, 0.85),
    "ground_hue": (0.05, 0.4),
    "ground_saturation": (0.02, 0.2),
    "ground_value": (0.4, 0.68),
    "texture": (0.003, 0.016),
    "texture_x": (10.0, 45.0),
    "texture_y": (10.0, 60.0),
    "building_1_x": (0.1, 0.8),
    "building_2_x": (0.9, 1.7),
    "building_width": (0.14, 0.3),
    "building_height": (0.1, 0.22),
    "building_value": (0.3, 0.75),
    "window_value": (0.2, 0.5),
    "tree_x": (0.1, 1.7),
    "tree_size": (0.09, 0.15),
    "lamp_x": (0.15, 1.6),
    "lamp_height": (0.26, 0.36),
    "lamp_hue": (0.06, 0.12),
    "road_half": (0.045, 0.065),
    "road_value": (0.25, 0.4),
    "bench_x": (0.3, 1.45),
    "car_x": (0.2, 1.6),
    "car_length": (0.3, 0.46),
    "car_hue": (0.0, 1.0),
    "car_value": (0.2, 0.9),
    "person_scale": (0.88, 1.1),
    "cloud_speed": (0.02, 0.12),
    "cloud_phase": (0.0, 1.0),
    "drift": (0.0, 0.1),
    "drift_rate": (0.05, 0.5),
    "warmth": (-0.06, 0.06),
    "noise": (0.5, 5.0),
    "shake_rate": (2.0, 9.0),
    "zone_hue": (0.0, 0.17),
}


def plan_site(dice: Dice, batch: int) -> dict[str, Array]:
    """Draw what stays as it is through a stream, each (batch,); lengths in world units, see shapes."""
    plan = {name: dice.uniform(f"site/{name}", low, high, (batch,)) for name, (low, high) in _RANGES.items()}
    plan["light"] = dice.choice("site/light", (0.5, 0.22, 0.28), (batch,))  # day, dusk, night
    plan["lamp_on"] = (plan["light"] > 0) | dice.chance("site/lamp_on", 0.3, (batch,))
    for name, share in {"lamp": 0.65, "tree": 0.6, "bench": 0.75, "car": 0.6, "zone": 0.85, "road": 0.9}.items():
        plan[f"has_{name}"] = dice.chance(f"site/has_{name}", share, (batch,))
    plan["cloud"] = dice.uniform("site/cloud", 0.1, 0.4, (batch,)) * dice.chance("site/has_cloud", 0.35, (batch,))
    shaking = dice.chance("site/shaking", 0.3, (batch,))
    plan["shake"] = dice.uniform("site/shake", 0.001, 0.006, (batch,)) * shaking
    plan["road_y"] = plan["horizon"] + dice.uniform("site/road_y", 0.08, 0.11, (batch,))
    plan["upper_y"] = plan["road_y"] + plan["road_half"] + dice.uniform("site/upper_y", 0.03, 0.06, (batch,))
    plan["lower_y"] = dice.uniform("site/lower_y", 0.88, 0.94, (batch,))
    return plan | _plan_zone(dice, plan)


def _plan_zone(dice: Dice, plan: Mapping[str, Array]) -> dict[str, Array]:
    """Place the restricted zone between the two lanes on which people pass it."""
    batch = len(plan["upper_y"])
    top = plan["upper_y"] + dice.uniform("zone/top", 0.05, 0.08, (batch,))
    bottom = np.minimum(plan["lower_y"] - 0.07, top + dice.uniform("zone/height", 0.18, 0.32, (batch,)))
    half_x = dice.uniform("zone/half_x", 0.24, 0.44, (batch,))
    return {
        "zone_x": dice.uniform("zone/x", 0.45, ASPECT - 0.45, (batch,)),
        "zone_y": (top + bottom) / 2,
        "zone_half_x": half_x,
        "zone_half_y": (bottom - top) / 2,
        "zone_taper": dice.uniform("zone/taper", 0.05, 0.28, (batch,)),
        "zone_white": dice.chance("zone/white", 0.2, (batch,)),
        "zone_fill": dice.uniform("zone/fill", 0.08, 0.4, (batch,)),
    }


def _dress(dice: Dice, name: str, episodes: dict[str, Array]) -> dict[str, Array]:
    """Give each visitor clothes, a side to come from and a side to leave to."""
    shape = episodes["from_s"].shape
    ranges = {"hue": (0, 1), "saturation": (0.1, 0.95), "value": (0.3, 0.95), "trousers": (0.12, 0.6)}
    ranges |= {"skin": (0.0, 1.0), "phase": (0.0, 6.28), "tilt": (1.42, 1.72), "scale": (0.93, 1.07)}
    looks = {key: dice.uniform(f"{name}/{key}", low, high, shape) for key, (low, high) in ranges.items()}
    sides = {key: dice.signs(f"{name}/{key}", shape) for key in ("side_in", "side_out", "side_fall")}
    return episodes | looks | sides


def _walk(episodes: dict[str, Array], x: Array, y: Array, posture: Array | int) -> dict[str, Array]:
    """Let visitors walk in to x, stay there, and walk off at the foot line y, all (batch, episodes)."""
    entry = {
        f"x_{way}": np.where(episodes[f"side_{way}"] < 0, -OFF_PICTURE, ASPECT + OFF_PICTURE) for way in ("in", "out")
    }
    still = {"x_begin": x, "x_middle": x, "x_finish": x, "wander": np.zeros_like(x)}
    return episodes | entry | still | {"y": y, "posture": np.broadcast_to(posture, x.shape)}


def _lanes(dice: Dice, name: str, plan: Mapping[str, Array], shape: tuple[int, ...], lower: float) -> Array:
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
    return _walk(episodes, x, _lanes(dice, name, plan, shape, 0.6), STAND)


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
    return _walk(episodes, x, _lanes(dice, "fall", plan, shape, 0.85), FALL)


def sample_stoops(dice: Dice, plan: Mapping[str, Array], duration_s: float) -> dict[str, Array]:
    """Draw what is no fall: people who crouch for less than 2 s, or sit on the bench."""
    batch = len(plan["horizon"])
    crouching = Renewal(dice.uniform("crouch/pace", 0.0, 5.0, (batch,)), (0.9, 1.9), (2.5, 5.0), 1.0)
    crouch = _dress(dice, "crouch", crouching.sample(dice, "crouch", duration_s, whole=False))
    shape = crouch["from_s"].shape
    x = dice.uniform("crouch/x", 0.3, ASPECT - 0.3, shape)
    crouch = _walk(crouch, x, _lanes(dice, "crouch", plan, shape, 0.65), CROUCH)
    sitting = Renewal(dice.uniform("sit/pace", 0.0, 1.5, (batch,)) * plan["has_bench"], (10.0, 40.0), (2.5, 5.0), 1.0)
    sit = _dress(dice, "sit", sitting.sample(dice, "sit", duration_s, whole=False))
    bench = np.broadcast_to(plan["bench_x"][:, None], sit["from_s"].shape)
    sit = _walk(sit, bench, np.broadcast_to(plan["upper_y"][:, None], bench.shape), SIT)
    return interleave(sit, crouch)


def sample_vehicles(dice: Dice, plan: Mapping[str, Array], duration_s: float) -> dict[str, Array]:
    """Draw vehicles that cross the picture on the road from start_s to end_s."""
    pace = dice.uniform("vehicle/pace", 0.0, 9.0, (len(plan["horizon"]),)) * plan["has_road"]
    episodes = Renewal(pace, (2.0, 6.0), gap_s=0.5).sample(dice, "vehicle", duration_s, whole=False)
    shape = episodes["from_s"].shape
    ranges = {"hue": (0, 1), "saturation": (0.0, 0.9), "value": (0.2, 0.95), "length": (0.34, 0.52), "van": (0.8, 1.6)}
    looks = {key: dice.uniform(f"vehicle/{key}", low, high, shape) for key, (low, high) in ranges.items()}
    return episodes | looks | {"heading": dice.signs("vehicle/heading", shape)}


def sample_fires(
    dice: Dice, plan: Mapping[str, Array], per_minute: Array, duration_s: float, whole: bool
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Draw fires, and fires together with what is none: puffs of white steam from a vent."""
    batch = len(plan["horizon"])
    fire = Renewal(per_minute, (8.0, 30.0)).sample(dice, "fire", duration_s, whole)
    pace = dice.uniform("steam/pace", 0.2, 2.0, (batch,)) * dice.chance("steam/has", 0.25, (batch,))
    steam = Renewal(pace, (5.0, 20.0)).sample(dice, "steam", duration_s, whole=False)
    both = []
    for name, episodes in (("fire", fire), ("steam", steam)):
        shape = episodes["from_s"].shape
        near = dice.uniform(f"{name}/near", 0.0, 1.0, shape)
        y = plan["upper_y"][:, None] + (plan["lower_y"] - plan["upper_y"])[:, None] * near
        looks = {"near": near, "y": y, "burns": np.full(shape, float(name == "fire"))}
        looks |= {"x": dice.uniform(f"{name}/x", 0.15, ASPECT - 0.15, shape)}
        looks |= {"size": dice.uniform(f"{name}/size", 0.14, 0.24, shape) * (0.8 + 0.4 * near)}
        looks |= {"phase": dice.uniform(f"{name}/phase", 0.0, 10.0, shape)}
        both.append(episodes | looks)
    return both[0], interleave(*both)
