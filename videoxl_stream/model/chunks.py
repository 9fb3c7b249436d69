"""What windows of footage leave behind in a memory, and the footage that waits for the next."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from videoxl_stream.model.windows import Window


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one window left behind: ``num_slots`` slots from running slot ``first`` on, and where they came from.

    ``carry`` raw tokens of the windows before it wait for its first beacon.
    """

    first: int
    num_slots: int
    num_raw: int
    ratio: int
    start_s: float
    end_s: float
    carry: int

    @classmethod
    def of(cls, window: Window, first: int, times: np.ndarray) -> Chunk:
        """What a window leaves behind from slot ``first`` on; ``times`` of its raw tokens, (num_raw,)."""
        start_s, end_s = float(times[0]), float(times[-1])
        return cls(first, window.num_beacons, window.num_raw, window.ratio, start_s, end_s, window.carry)


@dataclass(slots=True)
class Pending:
    """Visual tokens that do not fill a window yet, with the time of the frame each belongs to."""

    features: list[Tensor] = field(default_factory=list)  # each (tokens, dim)
    times: list[np.ndarray] = field(default_factory=list)  # each (tokens,)

    @property
    def num_tokens(self) -> int:
        """Tokens waiting."""
        return sum(len(times) for times in self.times)
