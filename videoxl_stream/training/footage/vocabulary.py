"""The words of the footage: kinds of occurrences, brand colours and symbols."""

from __future__ import annotations

ANOMALIES = ("intrusion", "fire", "fall", "crowd", "breakdown", "tampering")
KINDS = (*ANOMALIES, "ad", "abandoned")
"""``abandoned``, the last, is the one that takes a long memory: an object counts once it has lain for ABANDONED_S."""
ABANDONED_S = 60.0
STYLES = ("site", "channel")
COLOURS = ("red", "yellow", "green", "blue", "purple")
SYMBOLS = ("circle", "square", "triangle", "cross")
BRANDS = tuple(f"{colour} {symbol}" for colour in COLOURS for symbol in SYMBOLS)
COLOUR_RGB = ((0.88, 0.10, 0.10), (0.98, 0.84, 0.08), (0.10, 0.65, 0.18), (0.12, 0.30, 0.92), (0.62, 0.14, 0.78))


def brand_name(brand: int) -> str:
    """Name a brand index (1..20) in words, ``"a red circle"``; 0 is ``"none"``."""
    return f"a {BRANDS[brand - 1]}" if brand else "none"
