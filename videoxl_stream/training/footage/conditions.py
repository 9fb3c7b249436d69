"""Conditions: under which light, weather and camera a stream was taken, as measurements break their results down."""

from __future__ import annotations

from collections.abc import Mapping

from videoxl_stream.training.footage.dice import Dice

LIGHTS = ("day", "dusk", "night")
LOW_BIT_RATE = "low bit rate"
CONDITIONS = (*LIGHTS, "rain", "shake", "noise", "occlusion", LOW_BIT_RATE)
_SHAKE = 0.5 / 216
"""From here on the picture moves by a pixel of 216 lines: its two waves add up."""
_NOISE = 5.0
_LOW_BIT_RATE_SHARE = 0.2


def site_conditions(plan: Mapping[str, float], noise: float) -> tuple[str, ...]:
    """Name a site's conditions, in the order of CONDITIONS.

    Args:
        plan: one row of ``plan_site``.
        noise: standard deviation of the sensor's noise, of 255; from 5 on it is named.
    """
    found = {
        "rain": plan["rain"] > 0,
        "shake": plan["shake"] >= _SHAKE,
        "noise": noise >= _NOISE,
        "occlusion": plan["has_pillar"] + plan["has_branch"] > 0,
    }
    return (LIGHTS[int(plan["light"])], *(name for name, there in found.items() if there))


def has_low_bit_rate(seed: int, style: str) -> bool:
    """Say whether a seed's clip is encoded coarsely: one in five is."""
    return bool(Dice(seed).chance(f"{style}/low_bit_rate", _LOW_BIT_RATE_SHARE, (1,))[0])
