"""Showings: which ads a stream shows, one after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from videoxl_stream.training.footage.dice import Array

_GLIMPSE = 2
"""Ads of up to so many frames are seen by one frame; of longer ones a stretch must hold more than one."""


@dataclass(frozen=True, slots=True)
class Showings:
    """Ads as runs of frames [first, stop), in order of time; each array is (showings,).

    Args:
        brand: 1..20.
        first: its first frame.
        stop: behind its last.
    """

    brand: Array
    first: Array
    stop: Array

    @classmethod
    def of(cls, brands: Array) -> Self:
        """Read them off the brand of each frame, 0 for none: (frames,)."""
        edges = np.flatnonzero(np.diff(brands)) + 1
        first, stop = np.concatenate(([0], edges)), np.concatenate((edges, [len(brands)]))
        shown = brands[first] > 0
        return cls(brands[first][shown], first[shown], stop[shown])

    def seen(self, first: int, last: int) -> Array:
        """Which are seen, at least a part of them, in the frames [first, last): (showings,) bool."""
        inside: Array = np.minimum(self.stop, last) > np.maximum(self.first, first)
        return inside

    def within(self, first: int, last: int) -> list[int] | None:
        """Brands shown in the frames [first, last), in order; None if one is cut off so that it is unclear."""
        inside = self.seen(first, last)
        frames = np.minimum(self.stop, last) - np.maximum(self.first, first)
        if (inside & (frames < _GLIMPSE) & (self.stop - self.first > _GLIMPSE)).any():
            return None
        found: list[int] = self.brand[inside].tolist()
        return found
