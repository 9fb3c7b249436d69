"""The plan of a site seen by a fixed camera: where things stand and who does what when."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from videoxl_stream.training.footage.dice import Array, Dice
from videoxl_stream.training.footage.families import draw_site_families, has, plates, trait_families, within
from videoxl_stream.training.footage.shapes import ASPECT

OFF_PICTURE = 0.22

_RANGES = {
    "horizon": (0.2, 0.4),
    "wall_hue": (0.0, 1.0),
    "wall_saturation": (0.02, 0.16),
    "wall_value": (0.55, 0.85),
    "ground_hue": (0.05, 0.4),
    "ground_saturation": (0.02, 0.2),
    "ground_value": (0.4, 0.68),
    "texture": (0.0, 0.012),
    "texture_x": (10.0, 45.0),
    "texture_y": (10.0, 60.0),
    "above_strength": (0.0, 0.3),
    "above_scale": (0.5, 1.4),
    "below_strength": (0.0, 0.4),
    "below_scale": (0.8, 1.8),
    "below_tilt": (1.2, 2.0),
    "depth": (0.2, 0.75),
    "offset_x": (0.0, 2.0),
    "offset_y": (0.0, 2.0),
    "building_1_x": (0.1, 0.8),
    "building_2_x": (0.9, 1.7),
    "building_width": (0.14, 0.3),
    "building_height": (0.1, 0.22),
    "building_value": (0.3, 0.75),
    "window_value": (0.2, 0.5),
    "tree_x": (0.1, 1.7),
    "tree_size": (0.09, 0.15),
    "crown_hue": (0.2, 0.38),
    "lamp_x": (0.15, 1.6),
    "lamp_height": (0.26, 0.36),
    "lamp_hue": (0.06, 0.12),
    "road_half": (0.045, 0.065),
    "road_value": (0.25, 0.4),
    "bench_x": (0.3, 1.45),
    "bench_hue": (0.04, 0.12),
    "car_x": (0.2, 1.6),
    "car_length": (0.3, 0.46),
    "car_hue": (0.0, 1.0),
    "car_value": (0.2, 0.9),
    "vehicle_scale": (0.9, 1.1),
    "vehicle_van": (0.8, 1.4),
    "person_scale": (0.82, 1.1),
    "zoom": (0.92, 1.12),
    "cloud_speed": (0.02, 0.12),
    "cloud_phase": (0.0, 1.0),
    "drift": (0.0, 0.1),
    "drift_rate": (0.05, 0.5),
    "warmth": (-0.09, 0.09),
    "magenta": (-0.04, 0.04),
    "light_across": (-0.16, 0.16),
    "light_down": (-0.16, 0.16),
    "light_rim": (0.0, 0.16),
    "noise": (0.5, 5.0),
    "shake_rate": (2.0, 9.0),
    "zone_hue": (0.0, 0.17),
    "zone_line": (0.012, 0.02),
    "pillar_x": (0.05, 1.72),
    "pillar_half": (0.012, 0.035),
    "pillar_value": (0.12, 0.5),
    "branch_x": (-0.05, 1.8),
    "rain_slant": (-0.35, 0.35),
    **{f"free_{i}": (0.0, 1.0) for i in range(6)},  # used as each family's scenery likes
}
_SHARES = {
    "lamp": 0.65, "tree": 0.6, "bench": 0.75, "car": 0.6, "zone": 0.85, "road": 0.9,
    "cloud": 0.35, "rain": 0.2, "pillar": 0.2, "branch": 0.15,
}  # fmt: skip


def plan_site(dice: Dice, batch: int, looks: str = "seen", mixing: float = 0.0) -> dict[str, Array]:
    """Draw what stays as it is through a stream, each (batch,); lengths in world units, see shapes.

    A share ``mixing`` of the sites has each trait, and what stands there, from a family drawn for it alone.
    """
    family = draw_site_families(dice, batch, looks)
    mixed = dice.chance("site/mixed", mixing, (batch,))

    def of(name: str) -> Array:
        return trait_families(dice, name, family, mixed)

    plan = {name: within(dice, name, usual, of(name)) for name, usual in _RANGES.items()}
    plan |= {f"has_{name}": has(dice, name, share, of(f"has_{name}")) for name, share in _SHARES.items()}
    plan |= {"family": of("family"), "mixed": mixed} | {
        side: plates(dice, side, of(side)) for side in ("above", "below")
    }
    plan["light"] = dice.choice("site/light", (0.5, 0.22, 0.28), (batch,))  # day, dusk, night
    plan["lamp_on"] = (plan["light"] > 0) | dice.chance("site/lamp_on", 0.3, (batch,))
    plan["cloud"] = dice.uniform("site/cloud", 0.1, 0.4, (batch,)) * plan["has_cloud"]
    plan["rain"] = dice.uniform("site/rain", 0.4, 1.0, (batch,)) * plan["has_rain"]
    plan["below_strength"] *= dice.chance("site/textured", 0.8, (batch,))
    shaking = dice.chance("site/shaking", 0.3, (batch,))
    plan["shake"] = dice.uniform("site/shake", 0.001, 0.006, (batch,)) * shaking
    plan["car_heading"] = dice.signs("site/car_heading", (batch,))
    plan["zone_hatched"] = dice.chance("site/zone_hatched", 0.75, (batch,))
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
