"""Families: what sites, or programmes, of one kind have in common, and which of them training never sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from videoxl_stream.errors import ConfigError
from videoxl_stream.training.footage.atlas import PLATES, TEXTURES
from videoxl_stream.training.footage.dice import Array, Dice

Range = tuple[float, float]
LOOKS = ("seen", "rehearsal", "unseen")
"""``seen`` is what training draws; ``rehearsal`` and ``unseen`` are held out of it, see HELD_OUT."""


@dataclass(frozen=True)
class Family:
    """Sites of one kind: how they differ from the usual one, a yard.

    Args:
        name: of the family.
        weight: how often it is drawn, against the others; 0 for what only mixed training draws.
        ranges: from where to where numbers of the plan lie.
        shares: how many sites have something.
        above: plates of the atlas for walls and skies, one of which a site has.
        below: plates for the ground.
    """

    name: str
    weight: float = 1.0
    ranges: Mapping[str, Range] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    above: tuple[str, ...] = ("snow",)
    below: tuple[str, ...] = ("concrete", "gravel")


_INDOORS = {"tree": 0.0, "cloud": 0.0, "rain": 0.0, "branch": 0.0, "lamp": 0.0}
FAMILIES = (
    Family("yard", 1.6, above=("brick", "concrete", "snow"), below=("gravel", "concrete", "brick", "grass")),
    Family(
        "hall",
        ranges={
            "horizon": (0.24, 0.38), "wall_value": (0.6, 0.92), "wall_saturation": (0.02, 0.25),
            "ground_value": (0.55, 0.85), "ground_hue": (0.0, 1.0), "ground_saturation": (0.01, 0.12),
            "below_strength": (0.12, 0.4), "below_scale": (0.7, 1.4), "depth": (0.45, 0.85),
            "above_strength": (0.0, 0.2), "road_value": (0.4, 0.7), "vehicle_scale": (0.65, 0.85),
            "vehicle_van": (1.1, 1.5), "texture": (0.0, 0.004), "bench_hue": (0.5, 0.7),
        },
        shares=_INDOORS | {"car": 0.0},
        above=("concrete", "tiles", "boards"),
        below=("tiles", "tiles", "boards"),
    ),
    Family(
        "car park",
        ranges={
            "horizon": (0.1, 0.2), "wall_hue": (0.5, 0.65), "wall_value": (0.5, 0.85), "ground_value": (0.26, 0.42),
            "ground_saturation": (0.0, 0.06), "below_strength": (0.08, 0.3), "below_scale": (1.2, 2.4),
            "road_value": (0.2, 0.3), "person_scale": (0.8, 0.98),
        },
        shares={"car": 0.7, "tree": 0.25, "bench": 0.3},
        above=("snow", "brick", "concrete"),
        below=("gravel", "concrete"),
    ),
    Family(
        "platform",
        ranges={
            "horizon": (0.26, 0.38), "wall_value": (0.3, 0.7), "ground_value": (0.5, 0.75),
            "ground_saturation": (0.0, 0.08), "road_value": (0.16, 0.28), "below_strength": (0.1, 0.35),
            "below_scale": (0.9, 1.8), "vehicle_scale": (1.2, 1.45), "vehicle_van": (1.7, 2.4),
            "above_strength": (0.1, 0.4),
        },
        shares={"car": 0.0, "tree": 0.0, "cloud": 0.1},
        above=("brick", "tiles", "boards"),
        below=("concrete", "tiles", "gravel"),
    ),
    Family(
        "winter",
        ranges={
            "horizon": (0.2, 0.34), "wall_hue": (0.55, 0.65), "wall_saturation": (0.05, 0.2),
            "wall_value": (0.6, 0.9), "ground_hue": (0.55, 0.65), "ground_saturation": (0.01, 0.08),
            "ground_value": (0.78, 0.96), "road_value": (0.45, 0.62), "below_strength": (0.05, 0.16),
            "below_scale": (0.5, 1.2), "warmth": (-0.09, 0.02),
        },
        shares={"tree": 0.0, "rain": 0.1},
        below=("snow", "snow", "concrete"),
    ),
    Family(
        "lawn",
        ranges={
            "horizon": (0.18, 0.34), "wall_hue": (0.53, 0.62), "wall_saturation": (0.15, 0.45),
            "wall_value": (0.7, 0.95), "ground_hue": (0.2, 0.34), "ground_saturation": (0.3, 0.6),
            "ground_value": (0.32, 0.58), "road_value": (0.5, 0.68), "below_strength": (0.15, 0.5),
            "below_scale": (0.9, 2.0), "vehicle_scale": (0.75, 0.95), "crown_hue": (0.04, 0.36),
        },
        shares={"car": 0.3},
        above=("sky", "snow"),
        below=("grass",),
    ),
    Family(
        "warehouse",
        ranges={
            "horizon": (0.18, 0.32), "wall_value": (0.28, 0.6), "ground_value": (0.38, 0.6),
            "ground_saturation": (0.0, 0.1), "road_value": (0.3, 0.45), "vehicle_scale": (0.62, 0.8),
            "vehicle_van": (1.6, 2.2), "below_strength": (0.08, 0.3), "depth": (0.4, 0.8),
        },
        shares=_INDOORS | {"car": 0.3, "bench": 0.3},
        above=("boards", "concrete"),
        below=("concrete", "concrete", "tiles"),
    ),
    Family(
        "harbour",
        0.0,
        ranges={
            "horizon": (0.22, 0.36), "wall_hue": (0.54, 0.6), "wall_saturation": (0.1, 0.4),
            "wall_value": (0.65, 0.92), "ground_hue": (0.06, 0.14), "ground_saturation": (0.05, 0.22),
            "ground_value": (0.42, 0.66), "below_strength": (0.1, 0.35), "vehicle_scale": (1.0, 1.2),
            "vehicle_van": (1.4, 2.0),
        },
        shares={"tree": 0.0, "car": 0.4},
        above=("sky", "shore"),
        below=("concrete", "boards", "gravel"),
    ),
    Family(
        "medley",
        0.0,
        ranges={
            "horizon": (0.1, 0.42), "wall_saturation": (0.0, 0.5), "wall_value": (0.25, 0.96), "ground_hue": (0.0, 1.0),
            "ground_saturation": (0.0, 0.55), "ground_value": (0.26, 0.96), "road_value": (0.15, 0.7),
            "above_strength": (0.0, 0.6), "below_strength": (0.0, 0.5), "below_scale": (0.5, 2.4),
            "depth": (0.2, 0.85), "vehicle_scale": (0.62, 1.45), "vehicle_van": (0.8, 2.4), "bench_hue": (0.0, 1.0),
            "crown_hue": (0.0, 1.0), "warmth": (-0.12, 0.12), "magenta": (-0.06, 0.06),
        },
        above=(*TEXTURES, "sky", "shore", "sunset"),
        below=TEXTURES,
    ),
    Family(
        "filling station",
        ranges={
            "horizon": (0.24, 0.36), "wall_hue": (0.52, 0.66), "wall_saturation": (0.05, 0.35),
            "wall_value": (0.5, 0.9), "ground_saturation": (0.0, 0.08), "ground_value": (0.32, 0.52),
            "road_value": (0.22, 0.36), "below_strength": (0.05, 0.3), "below_scale": (0.9, 2.0),
            "vehicle_scale": (0.9, 1.15),
        },
        shares={"tree": 0.1, "car": 0.5, "bench": 0.2},
        above=("sky", "concrete", "snow"),
        below=("concrete", "gravel", "tiles"),
    ),
    Family(
        "market",
        ranges={
            "horizon": (0.22, 0.34), "wall_hue": (0.05, 0.14), "wall_saturation": (0.12, 0.4),
            "wall_value": (0.6, 0.9), "ground_hue": (0.04, 0.12), "ground_saturation": (0.04, 0.18),
            "ground_value": (0.4, 0.62), "road_value": (0.34, 0.5), "below_strength": (0.2, 0.45),
            "below_scale": (0.9, 1.7), "vehicle_scale": (0.75, 0.95), "vehicle_van": (1.3, 1.9),
        },
        shares={"tree": 0.2, "car": 0.3},
        above=("brick", "concrete", "sky"),
        below=("brick", "tiles", "gravel"),
    ),
)  # fmt: skip
_WEIGHTS: dict[str, dict[str, float]] = {
    "site": {family.name: family.weight for family in FAMILIES},
    "channel": {
        "magazine": 2.0, "kitchen": 1.0, "cartoon": 1.0, "show": 1.0, "documentary": 1.0,
        "aquarium": 0.0, "regatta": 1.0, "balloons": 1.0,
    },
    "tampering": {"cloth": 0.45, "spray": 0.35, "film": 0.2, "tape": 0.0, "slabs": 0.0, "foam": 1.0, "hand": 1.0},
}  # fmt: skip
SITE_FAMILIES, CHANNEL_FAMILIES, COVERS = (tuple(_WEIGHTS[what]) for what in ("site", "channel", "tampering"))
_MIXED_WEIGHTS = {
    "site": {name: 3.0 if name == "medley" else 1.0 for name in SITE_FAMILIES},
    "tampering": {"cloth": 0.15, "spray": 0.15, "film": 0.1, "tape": 0.15, "slabs": 0.45},
}
HELD_OUT = {
    "rehearsal": {"site": "filling station", "channel": "regatta", "tampering": "foam"},
    "unseen": {"site": "market", "channel": "balloons", "tampering": "hand"},
}
"""What training never sees: a family of either style, and one look of what covers a lens.

Those of ``rehearsal`` may be looked at while something is developed, those of ``unseen`` measure it.
"""


def check_looks(looks: str) -> None:
    """Refuse what is none of LOOKS.

    Raises:
        ConfigError: it is none.
    """
    if looks not in LOOKS:
        msg = f"unknown looks {looks!r}: use one of {list(LOOKS)}."
        raise ConfigError(msg)


def drawn(what: str, looks: str) -> tuple[str, ...]:
    """Name what may be drawn of ``site``, ``channel`` or ``tampering``, if it is not mixed."""
    return tuple(name for name, weight in zip(_WEIGHTS[what], _allowed(what, looks), strict=True) if weight)


def draw_site_families(dice: Dice, batch: int, looks: str) -> Array:
    """Draw an index into SITE_FAMILIES for each site, (batch,)."""
    return dice.choice("site/family", _allowed("site", looks), (batch,))


def draw_channel_families(dice: Dice, batch: int, looks: str) -> Array:
    """Draw an index into CHANNEL_FAMILIES for each channel, (batch,)."""
    return dice.choice("channel/family", _allowed("channel", looks), (batch,))


def draw_covers(dice: Dice, shape: tuple[int, ...], looks: str, mixed: Array) -> Array:
    """Draw an index into COVERS for each time (batch, times) a lens is covered, of a ``mixed`` site (batch,) or not."""
    usual = dice.choice("tampering/look", _allowed("tampering", looks), shape)
    return _mix(dice, "tampering", "tampering/mixed_look", usual, mixed[:, None])


def _allowed(what: str, looks: str) -> list[float]:
    """Return the weights of what may be drawn."""
    if looks != "seen":
        return [float(name == HELD_OUT[looks][what]) for name in _WEIGHTS[what]]
    return [0.0 if is_held_out(what, name) else weight for name, weight in _WEIGHTS[what].items()]


def _mix(dice: Dice, what: str, name: str, usual: Array, mixed: Array) -> Array:
    """Draw anew, of all but what is held out, where it is ``mixed``; ``name`` is that of the draw."""
    if not mixed.any():
        return usual
    weights = _MIXED_WEIGHTS[what]
    allowed = [0.0 if is_held_out(what, one) else weights.get(one, 0.0) for one in _WEIGHTS[what]]
    return np.where(mixed, dice.choice(name, allowed, usual.shape), usual)


def is_held_out(what: str, name: str) -> bool:
    """Say whether training never sees a family of ``site`` or ``channel``, or a look of ``tampering``."""
    return any(held_out[what] == name for held_out in HELD_OUT.values())


def trait_families(dice: Dice, name: str, family: Array, mixed: Array) -> Array:
    """Draw of which family one trait of each site is, (batch,).

    A trait is of the site's own family; where sites are ``mixed``, of any but what is held out, so that a model does
    not learn the families by heart.
    """
    return _mix(dice, "site", f"site/mixed_{name}", family, mixed)


def within(dice: Dice, name: str, usual: Range, family: Array) -> Array:
    """Draw a number of each site's plan from its family's range, (batch,)."""
    low, high = np.array([f.ranges.get(name, usual) for f in FAMILIES], dtype=np.float32).T[:, family]
    return np.asarray(low + (high - low) * dice.uniform(f"site/{name}", 0.0, 1.0, family.shape))


def has(dice: Dice, name: str, usual: float, family: Array) -> Array:
    """Draw which sites have something, by their family's share, (batch,) bool."""
    share = np.array([f.shares.get(name, usual) for f in FAMILIES], dtype=np.float32)[family]
    return np.asarray(dice.uniform(f"site/has_{name}", 0.0, 1.0, family.shape) < share)


def plates(dice: Dice, side: str, family: Array) -> Array:
    """Draw the plate of each site's walls (``above``) or ground (``below``), an index into PLATES, (batch,)."""
    lists: list[tuple[str, ...]] = [getattr(f, side) for f in FAMILIES]
    most = max(len(names) for names in lists)
    table = np.array([[PLATES.index(names[i % len(names)]) for i in range(most)] for names in lists])
    count = np.array([len(names) for names in lists])[family]
    place = (dice.uniform(f"site/{side}_plate", 0.0, 1.0, family.shape) * count).astype(np.int64)
    return np.asarray(table[family, place])
