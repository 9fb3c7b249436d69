"""Windows in which nothing moves need not be seen."""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from videoxl_stream.errors import ConfigError
from videoxl_stream.frames import Frame, Image

_LUMA = np.array((0.299, 0.587, 0.114), np.float32)  # ITU-R BT.601

_Blocks = NDArray[np.float32]  # (rows, columns): mean brightness of each block


@dataclass(frozen=True, slots=True)
class MotionGate:
    """Tells windows in which something moves from windows that are still; a cheap description.

    The mean brightness of blocks is compared, so that sensor noise averages out, with the last window that was not
    still, so that slow changes add up. What makes the whole picture brighter or darker by the same factor, such as
    a camera that adapts itself, is no motion.

    Args:
        threshold: change of a block's mean brightness, of 255, from which on a window is not still. Higher saves
            more windows under shake, clouds and noise, and misses small or faint things first.
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

    def open(self, seen: str | None = None) -> OpenMotionGate:
        """Begin for one stream, or go on with what an earlier ``seen`` said; without that the first window moves.

        Raises:
            ConfigError: ``seen`` was not written by this version.
        """
        return OpenMotionGate(self, seen)


class OpenMotionGate:
    """A gate in use on one stream; made by ``MotionGate.open``."""

    def __init__(self, gate: MotionGate, seen: str | None = None) -> None:
        self._gate = gate
        # The last picture of the last window that was not still.
        self._before: _Blocks | None = None if seen is None else _unpacked(seen)

    @property
    def seen(self) -> str | None:
        """What the next window is compared with, as text, to go on with after a restart; None before the first."""
        return None if self._before is None else _packed(self._before)

    def still(self, frames: Sequence[Frame]) -> bool:
        """Say whether nothing has moved in a window since the last one that was not still.

        Args:
            frames: of the window, at least one.

        Raises:
            ConfigError: there is no frame.
        """
        if not frames:
            msg = "an empty window neither moves nor stands still; give at least one frame"
            raise ConfigError(msg)
        seen = [self._blocks(frame.image) for frame in frames]
        if self._before is not None and all(_change(self._before, each) < self._gate.threshold for each in seen):
            return True
        self._before = seen[-1]
        return False

    def _blocks(self, image: Image) -> _Blocks:
        height, width, _ = image.shape
        rows = _edges(height, self._gate.rows)
        columns = _edges(width, self._gate.columns)
        lines = image.reshape(height, -1)
        # Rows first: adding up whole lines is by far the fastest, and what is left is small.
        sums = np.stack([lines[top:bottom].sum(axis=0, dtype=np.uint32) for top, bottom in pairwise(rows)])
        luma = sums.reshape(len(sums), width, 3) @ _LUMA
        areas = np.outer(np.diff(rows), np.diff(columns))
        means: _Blocks = (np.add.reduceat(luma, columns[:-1], axis=1) / areas).astype(np.float32)
        return means


def _packed(blocks: _Blocks) -> str:
    rows, columns = blocks.shape
    return f"{rows}x{columns}:{b64encode(blocks.astype('<f4').tobytes()).decode()}"


def _unpacked(text: str) -> _Blocks:
    try:
        shape, data = text.split(":")
        blocks: _Blocks = np.frombuffer(b64decode(data), "<f4").reshape([int(size) for size in shape.split("x")])
    except ValueError as e:
        msg = f"this is nothing that a motion gate of this version has seen, start without resuming: {text[:80]!r}"
        raise ConfigError(msg) from e
    return blocks


def _change(before: _Blocks, after: _Blocks) -> float:
    """The largest change of a block that is not a change of light: what all blocks share is taken out."""
    if before.shape != after.shape:
        return math.inf
    light = np.median((after + 1) / (before + 1))  # 1 of 255 keeps black pictures from dividing by nothing
    return float(np.abs(after - light * before).max())


def _edges(length: int, parts: int) -> NDArray[np.intp]:
    return np.linspace(0, length, min(parts, length) + 1).astype(np.intp)
