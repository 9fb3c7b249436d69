"""Windows in which nothing moves need not be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videoxl_stream.errors import ConfigError
from videoxl_stream.frames import Frame, Image

_Blocks = NDArray[np.float32]  # (rows, columns): mean brightness of each block


@dataclass(frozen=True, slots=True)
class MotionGate:
    """Tells windows in which something moves from windows that are still; a cheap description.

    The mean brightness of blocks is compared, so that sensor noise averages out, with the last window that was not
    still, so that slow changes add up.

    Args:
        threshold: change of a block's mean brightness, 0..255, from which on a window is not still.
        rows: blocks from top to bottom.
        columns: blocks from left to right.

    Raises:
        ConfigError: a value is not positive.
    """

    threshold: float = 4.0
    rows: int = 9
    columns: int = 16

    def __post_init__(self) -> None:
        """Refuse a gate that would let everything or nothing through."""
        for name in ("threshold", "rows", "columns"):
            if not getattr(self, name) > 0:
                msg = f"{name} is {getattr(self, name)}; give a number above 0"
                raise ConfigError(msg)

    def open(self) -> OpenMotionGate:
        """Begin for one stream; its first window is never still."""
        return OpenMotionGate(self)


class OpenMotionGate:
    """A gate in use on one stream; made by ``MotionGate.open``."""

    def __init__(self, gate: MotionGate) -> None:
        self._gate = gate
        self._seen: _Blocks | None = None

    def still(self, frames: Sequence[Frame]) -> bool:
        """Say whether nothing has moved in a window since the last one that was not still.

        Args:
            frames: of the window, at least one.
        """
        blocks = [self._blocks(frame.image) for frame in frames]
        if self._seen is not None:
            change = max(float(np.abs(each - self._seen).max()) for each in blocks)
            if change < self._gate.threshold:
                return True
        self._seen = blocks[-1]
        return False

    def _blocks(self, image: Image) -> _Blocks:
        rows, columns = min(self._gate.rows, image.shape[0]), min(self._gate.columns, image.shape[1])
        green = image[:, :, 1]
        down = np.linspace(0, image.shape[0], rows + 1).astype(np.intp)
        across = np.linspace(0, image.shape[1], columns + 1).astype(np.intp)
        sums = np.add.reduceat(green, down[:-1], axis=0, dtype=np.uint32)
        sums = np.add.reduceat(sums, across[:-1], axis=1)
        area = np.outer(np.diff(down), np.diff(across))
        means: _Blocks = (sums / area).astype(np.float32)
        return means
