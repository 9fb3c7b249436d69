"""The plan of a broadcast channel: its identity, its shots, its ads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from videoxl_stream.training.footage.atlas import PICTURES, PLATES, TEXTURES
from videoxl_stream.training.footage.dice import Array, Dice
from videoxl_stream.training.footage.episodes import Renewal
from videoxl_stream.training.footage.families import CHANNEL_FAMILIES, draw_channel_families, is_held_out
from videoxl_stream.training.footage.shapes import ASPECT
from videoxl_stream.training.footage.vocabulary import BRANDS, COLOURS, SYMBOLS

STUDIO, NATURE, SPORT, STREET, TITLE, KITCHEN, CARTOON, SHOW, PICTURE, AQUARIUM, ABSTRACT, BALLOONS, REGATTA = range(13)
CARD, BANNER, STICKER = range(3)
LIGHT, DARK, TINTED = range(3)
BESIDE, ABOVE = range(2)

_SHOT = {
    "hue": (0.0, 1.0),
    "shade": (-0.08, 0.08),
    "horizon": (-0.05, 0.05),
    "zoom": (-0.012, 0.02),
    "pan_x": (-0.02, 0.02),
    "pan_y": (-0.006, 0.006),
    "a": (0.0, 1.0),  # free numbers, used as each kind of shot likes
    "b": (0.0, 1.0),
    "c": (0.0, 1.0),
    "d": (0.0, 1.0),
    "skin": (0.0, 1.0),
    "speed": (0.12, 0.4),
    "texture": (0.0, 0.02),
    "texture_x": (5.0, 40.0),
    "texture_y": (5.0, 50.0),
    "depth": (0.0, 0.6),
}
_KINDS = REGATTA + 1
# How often each kind of shot is taken in each family of CHANNEL_FAMILIES.
_PROGRAMMES = {
    "magazine": {STUDIO: 0.25, NATURE: 0.18, SPORT: 0.2, STREET: 0.2, TITLE: 0.1, PICTURE: 0.07},
    "kitchen": {STUDIO: 0.1, TITLE: 0.1, KITCHEN: 0.8},
    "cartoon": {TITLE: 0.12, CARTOON: 0.88},
    "show": {TITLE: 0.12, SHOW: 0.88},
    "documentary": {NATURE: 0.2, TITLE: 0.1, PICTURE: 0.7},
    "aquarium": {TITLE: 0.12, AQUARIUM: 0.88},
    "balloons": {TITLE: 0.12, BALLOONS: 0.88},
    "regatta": {TITLE: 0.12, REGATTA: 0.88},
}
# The same for shots of mixed channels: any kind but what is held out, and things that mean nothing.
_TRAINED = [shares for family, shares in _PROGRAMMES.items() if not is_held_out("channel", family)]
_ANY = [float(any(kind in shares for shares in _TRAINED)) for kind in range(_KINDS)]
_ANY[ABSTRACT] = 3.0
# What each kind of shot may have above and below its horizon: plates of the atlas, and how strong they are.
_PLATES: dict[str, dict[int, tuple[tuple[str, ...], float, float]]] = {
    "above": {
        STUDIO: (("boards", "concrete", "galaxies", "shore", "sunset"), 0.0, 0.6),
        NATURE: (("sky", "sunset", "shore"), 0.3, 1.0),
        SPORT: (("snow", "brick"), 0.0, 0.5),
        STREET: (("brick", "concrete", "sky"), 0.0, 0.5),
        KITCHEN: (("tiles", "boards", "brick"), 0.1, 0.5),
        SHOW: (("galaxies", "boards", "snow"), 0.1, 0.6),
        PICTURE: (PICTURES, 0.85, 1.0),
        AQUARIUM: (("snow", "concrete"), 0.1, 0.4),
        BALLOONS: (("sky", "sunset"), 0.2, 0.7),
        REGATTA: (("sky", "shore", "sunset"), 0.2, 0.6),
        ABSTRACT: (TEXTURES, 0.0, 0.6),
    },
    "below": {
        STUDIO: (("boards",), 0.0, 0.3),
        NATURE: (("grass", "gravel"), 0.1, 0.5),
        SPORT: (("grass", "boards"), 0.0, 0.4),
        STREET: (("gravel", "tiles"), 0.0, 0.5),
        KITCHEN: (("boards",), 0.1, 0.3),
        SHOW: (("tiles", "boards"), 0.1, 0.5),
        AQUARIUM: (("gravel", "snow"), 0.2, 0.5),
        BALLOONS: (("grass", "gravel"), 0.1, 0.5),
        REGATTA: (("snow", "concrete"), 0.1, 0.4),
        ABSTRACT: (TEXTURES, 0.0, 0.6),
    },
}


def plan_channel(dice: Dice, batch: int, looks: str = "seen", mixing: float = 0.0) -> dict[str, Array]:
    """Draw what identifies a channel, each (batch,): its family, logo, name strap, level of light and noise.

    A share ``mixing`` of the channels shows shots of any kind, in any tint.
    """
    return {
        "family": draw_channel_families(dice, batch, looks),
        "mixed": dice.chance("channel/mixed", mixing, (batch,)),
        "logo_colour": dice.choice("channel/logo_colour", [1] * len(COLOURS), (batch,)),
        "logo_symbol": dice.choice("channel/logo_symbol", [1] * len(SYMBOLS), (batch,)),
        "logo_x": dice.signs("channel/logo_x", (batch,)),
        "logo_y": dice.signs("channel/logo_y", (batch,)),
        "logo_size": dice.uniform("channel/logo_size", 0.03, 0.05, (batch,)),
        "has_logo": dice.chance("channel/has_logo", 0.8, (batch,)),
        "strap_hue": dice.uniform("channel/strap_hue", 0.0, 1.0, (batch,)),
        "drift": dice.uniform("channel/drift", 0.0, 0.05, (batch,)),
        "drift_rate": dice.uniform("channel/drift_rate", 0.05, 0.5, (batch,)),
        "warmth": dice.uniform("channel/warmth", -0.06, 0.06, (batch,)),
        "noise": dice.uniform("channel/noise", 0.0, 2.0, (batch,)),
        "cutting": dice.uniform("channel/cutting", 0.7, 2.0, (batch,)),
        "ticker": dice.chance("channel/ticker", 0.35, (batch,)),
    }


def sample_shots(dice: Dice, plan: Mapping[str, Array], duration_s: float) -> dict[str, Array]:
    """Draw shots that follow each other without a gap and cover the whole stream, each (batch, shots)."""
    batch = len(plan["cutting"])
    shape = (batch, int((duration_s + 6.0) / (2.5 * 0.7)) + 3)
    length = dice.uniform("shot/length", 2.5, 8.0, shape) * plan["cutting"][:, None]
    cuts = np.cumsum(length, axis=1) - length[:, :1] - dice.uniform("shot/first", 0.0, 5.0, (batch, 1))
    looks = {name: dice.uniform(f"shot/{name}", low, high, shape) for name, (low, high) in _SHOT.items()}
    mixed = plan["mixed"][:, None]
    looks["kind"] = np.where(mixed, dice.choice("shot/any_kind", _ANY, shape), _kinds(dice, plan["family"], shape))
    looks["tint"] = dice.uniform("shot/tint", 0.0, 1.0, shape) * mixed
    looks |= _textures(dice, looks["kind"])
    looks["colour"] = dice.choice("shot/colour", [1] * len(COLOURS), shape)
    looks["symbol"] = dice.choice("shot/symbol", [1] * len(SYMBOLS), shape)
    looks["has_sign"] = dice.chance("shot/has_sign", 0.5, shape)
    looks["has_strap"] = dice.chance("shot/has_strap", 0.35, shape)
    looks["heading"] = dice.signs("shot/heading", shape)
    end_s = np.concatenate([cuts[:, 1:], cuts[:, -1:] + length[:, -1:]], axis=1)
    return {"from_s": cuts, "start_s": cuts, "end_s": end_s, "to_s": end_s} | looks


def _kinds(dice: Dice, family: Array, shape: tuple[int, int]) -> Array:
    """Draw each shot's kind by its channel's family, (batch, shots)."""
    shares = [[_PROGRAMMES[name].get(kind, 0.0) for kind in range(_KINDS)] for name in CHANNEL_FAMILIES]
    edges = np.cumsum(shares, axis=1)[:, :-1]
    chance = dice.uniform("shot/kind", 0.0, 1.0, shape)
    return np.asarray((chance[:, :, None] >= edges[family][:, None, :]).sum(axis=2))


def _textures(dice: Dice, kind: Array) -> dict[str, Array]:
    """Draw the textures of each shot: plate, strength, scale and offset above and below its horizon."""
    found = dict[str, Array]()
    for side, choices in _PLATES.items():
        chance = dice.uniform(f"shot/{side}_plate", 0.0, 1.0, kind.shape)
        share = dice.uniform(f"shot/{side}_strength", 0.0, 1.0, kind.shape)
        plate, strength = np.zeros(kind.shape), np.zeros(kind.shape)
        for number, (names, low, high) in choices.items():
            chosen = np.array([PLATES.index(name) for name in names])[(chance * len(names)).astype(np.int64)]
            plate = np.where(kind == number, chosen, plate)
            strength = np.where(kind == number, low + (high - low) * share, strength)
        found |= {side: plate, f"{side}_strength": strength}
        scale, is_picture = dice.uniform(f"shot/{side}_scale", 0.7, 1.8, kind.shape), plate >= len(TEXTURES)
        part = 0.5 + 0.5 * (1.8 - scale) / 1.1  # a picture is shown whole, or its middle; a texture has no end
        for way, whole, middle in (("x", 1 / ASPECT, 0.5), ("y", 1.0, (1 + part) / 2)):
            anywhere = dice.uniform(f"shot/{side}_{way}", 0.0, 2.0, kind.shape)
            found[f"{side}_{way}"] = np.where(is_picture, whole * part, scale)
            found[f"{side}_offset_{way}"] = np.where(is_picture, middle, anywhere)
    return found


def sample_ads(dice: Dice, per_minute: Array, duration_s: float, whole: bool) -> dict[str, Array]:
    """Draw ads, each (batch, episodes); ``brand`` is 1..20, ``form`` CARD or BANNER."""
    ads = Renewal(per_minute, (8.0, 30.0)).sample(dice, "ad", duration_s, whole)
    shape = ads["from_s"].shape
    brand = 1 + dice.choice("ad/brand", [1] * len(BRANDS), shape)
    form = dice.choice("ad/form", (0.5, 0.5), shape)
    return ads | {"brand": brand * np.isfinite(ads["from_s"]), "form": form} | ad_looks(dice, "ad", brand)


def ad_looks(dice: Dice, name: str, brand: Array) -> dict[str, Array]:
    """Draw how ads for brands 1..20 look, each in the shape of ``brand``; ``name`` is that of the draws."""
    shape = brand.shape
    tone = dice.choice(f"{name}/tone", (0.45, 0.3, 0.25), shape)
    yellow = (brand - 1) // len(SYMBOLS) == COLOURS.index("yellow")
    ranges = {"tint": (0.0, 1.0), "size": (0.0, 1.0), "wide": (0.0, 1.0), "place": (0.0, 1.0), "phase": (0.0, 6.28)}
    looks = {key: dice.uniform(f"{name}/{key}", low, high, shape) for key, (low, high) in ranges.items()}
    return looks | {
        # Yellow on white could not be read.
        "tone": np.where(yellow & (tone == LIGHT), DARK, tone),
        "mirror": dice.signs(f"{name}/mirror", shape),
        "layout": dice.choice(f"{name}/layout", (0.65, 0.35), shape),
        "rows": dice.choice(f"{name}/rows", (1, 1, 1, 2), shape),
        "top": dice.chance(f"{name}/top", 0.3, shape),
    }  # fmt: skip
