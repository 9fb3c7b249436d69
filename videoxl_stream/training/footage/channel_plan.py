"""The plan of a broadcast channel: its identity, its shots, its ads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from videoxl_stream.training.footage.dice import Array, Dice
from videoxl_stream.training.footage.episodes import Renewal
from videoxl_stream.training.footage.vocabulary import BRANDS, COLOURS, SYMBOLS

STUDIO, NATURE, SPORT, STREET, TITLE = range(5)
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
    "texture": (0.0, 0.025),
    "texture_x": (5.0, 40.0),
    "texture_y": (5.0, 50.0),
}


def plan_channel(dice: Dice, batch: int) -> dict[str, Array]:
    """Draw what identifies a channel, each (batch,): logo, name strap, level of light and noise."""
    plan = {
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
    }
    return plan


def sample_shots(dice: Dice, plan: Mapping[str, Array], duration_s: float) -> dict[str, Array]:
    """Draw shots that follow each other without a gap and cover the whole stream, each (batch, shots)."""
    batch = len(plan["cutting"])
    shape = (batch, int((duration_s + 6.0) / (2.5 * 0.7)) + 3)
    length = dice.uniform("shot/length", 2.5, 8.0, shape) * plan["cutting"][:, None]
    cuts = np.cumsum(length, axis=1) - length[:, :1] - dice.uniform("shot/first", 0.0, 5.0, (batch, 1))
    looks = {name: dice.uniform(f"shot/{name}", low, high, shape) for name, (low, high) in _SHOT.items()}
    looks["kind"] = dice.choice("shot/kind", (0.27, 0.19, 0.22, 0.22, 0.1), shape)
    looks["colour"] = dice.choice("shot/colour", [1] * len(COLOURS), shape)
    looks["symbol"] = dice.choice("shot/symbol", [1] * len(SYMBOLS), shape)
    looks["has_sign"] = dice.chance("shot/has_sign", 0.5, shape)
    looks["has_strap"] = dice.chance("shot/has_strap", 0.35, shape)
    looks["heading"] = dice.signs("shot/heading", shape)
    end_s = np.concatenate([cuts[:, 1:], cuts[:, -1:] + length[:, -1:]], axis=1)
    return {"from_s": cuts, "start_s": cuts, "end_s": end_s, "to_s": end_s} | looks


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
