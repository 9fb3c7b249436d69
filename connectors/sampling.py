"""Which pictures of a track are wanted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from videoxl_stream.errors import ConfigError

# Matroska rounds times to milliseconds: at 30 fps the second frame says 0.033 s and still belongs to tick 1 of 30.
_ROUNDING_S = Fraction(2, 1000)


@dataclass(frozen=True, slots=True)
class Sampling:
    """The first picture of each tick of the stream's clock, every picture, or every key frame.

    Args:
        rate: ticks per second; None takes every picture.
        keyframes: take the key frames, and decode nothing else.
    """

    rate: Fraction | None = None
    keyframes: bool = False

    @classmethod
    def of(cls, sample_fps: float | str | None) -> Self:
        """Understand what a user asked for.

        Raises:
            ConfigError: it is none of these.
        """
        if sample_fps == "keyframes":
            return cls(keyframes=True)
        if sample_fps is None:
            return cls()
        if isinstance(sample_fps, str) or not 1e-6 <= sample_fps < math.inf:
            msg = f'sample_fps is {sample_fps}; give a number from 0.000001 on, "keyframes", or None for every picture'
            raise ConfigError(msg)
        return cls(Fraction(sample_fps).limit_denominator(10**6))

    @classmethod
    def from_json(cls, data: dict[str, str | bool | None]) -> Self:
        """Read what ``to_json`` gave."""
        return cls(Fraction(str(data["rate"])) if data["rate"] else None, bool(data["keyframes"]))

    def to_json(self) -> dict[str, str | bool | None]:
        """Plain JSON, without a loss."""
        return {"rate": None if self.rate is None else str(self.rate), "keyframes": self.keyframes}

    def tick(self, time_s: Fraction) -> int | None:
        """The stretch of the stream's clock that a time falls in; None where every picture is wanted."""
        if self.rate is None:
            return None
        return math.floor((time_s + min(_ROUNDING_S, 1 / (4 * self.rate))) * self.rate)

    def expected_frames(self, length_s: Fraction | None, fps: Fraction | None) -> int | None:
        """About how many pictures a track gives, if its length and rate tell."""
        rate = self.rate or fps
        if length_s is None or rate is None or self.keyframes:
            return None
        return math.ceil(length_s * min(rate, fps or rate))
