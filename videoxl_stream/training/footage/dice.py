"""Named random streams derived from one seed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Dice:
    """Draw numpy arrays, each name from a random stream of its own.

    A stream depends on the seed and the name alone, so adding a name leaves all other draws as they were.
    A name must be used once only: a second use repeats the first draw.
    """

    def __init__(self, seed: int) -> None:
        """Derive all streams from ``seed`` (>= 0)."""
        self._seed = seed

    def rng(self, name: str) -> np.random.Generator:
        """Return the generator of ``name``, at its beginning."""
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self._seed, zlib.crc32(name.encode())])))

    def uniform(self, name: str, low: float, high: float, shape: Sequence[int]) -> Array:
        """Draw float32 values in [low, high)."""
        return low + (high - low) * self.rng(name).random(tuple(shape), dtype=np.float32)

    def chance(self, name: str, probability: float, shape: Sequence[int]) -> Array:
        """Draw booleans that are true with ``probability``."""
        return self.rng(name).random(tuple(shape), dtype=np.float32) < np.float32(probability)

    def choice(self, name: str, weights: Sequence[float], shape: Sequence[int]) -> Array:
        """Draw int64 indices in proportion to ``weights``."""
        edges = np.cumsum(np.asarray(weights, dtype=np.float64)) / sum(weights)
        return np.searchsorted(edges[:-1], self.rng(name).random(tuple(shape)), side="right")

    def signs(self, name: str, shape: Sequence[int]) -> Array:
        """Draw -1.0 or 1.0 with equal chance, float32."""
        return np.where(self.chance(name, 0.5, shape), np.float32(1), np.float32(-1))
