"""Where windows end and beacons stand: the arithmetic of Video-XL's interleaved compression, without tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from videoxl_stream.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Window:
    """One step of compression.

    Raw tokens and beacons are interleaved: after every ``ratio`` raw tokens stands a beacon; ``carry`` raw tokens
    left over by the window before bring the first beacon forward.

    Args:
        num_raw: raw visual tokens.
        ratio: raw tokens per beacon.
        carry: raw tokens of the window before that no beacon covers yet.

    Raises:
        ConfigError: there are no tokens, or more are carried than a beacon stands for.
    """

    num_raw: int
    ratio: int
    carry: int = 0

    def __post_init__(self) -> None:
        """Refuse a window whose beacons would stand before it."""
        if self.num_raw < 1 or not 0 <= self.carry < self.ratio:
            msg = (
                f"{self.num_raw} tokens with {self.carry} carried cannot be compressed {self.ratio} to one; a memory "
                "keeps its ratio, so pin one with open_memory(ratio=...)"
            )
            raise ConfigError(msg)

    @property
    def num_beacons(self) -> int:
        """Beacons inserted, which are the slots that survive."""
        return (self.num_raw + self.carry) // self.ratio

    @property
    def num_tokens(self) -> int:
        """Raw tokens and beacons together."""
        return self.num_raw + self.num_beacons

    @property
    def carry_out(self) -> int:
        """Raw tokens at the end that the next window's first beacon will follow."""
        return (self.num_raw + self.carry) % self.ratio

    def last_raw(self) -> np.ndarray:
        """Index of the raw token right before each beacon: (num_beacons,)."""
        return np.arange(1, self.num_beacons + 1) * self.ratio - self.carry - 1

    def covered(self) -> np.ndarray:
        """First and last raw token that each beacon stands for: (2, num_beacons)."""
        last = self.last_raw()
        first = np.concatenate(([0], last[:-1] + 1))[: len(last)]
        return np.maximum((first, last), 0)

    def beacon_index(self) -> np.ndarray:
        """Index of each beacon within the interleaved window: (num_beacons,)."""
        return self.last_raw() + 1 + np.arange(self.num_beacons)

    def raw_index(self) -> np.ndarray:
        """Index of each raw token within the interleaved window: (num_raw,)."""
        raw = np.arange(self.num_raw)
        return raw + (raw + self.carry) // self.ratio


class RatioDraw:
    """Chooses each window's ratio as the original does ("step-random").

    With one ratio it is that one. With several, one is drawn from those that fit the window, by a generator that
    lives as long as the network and is never reset: what was compressed before decides what comes next.

    Raises:
        ConfigError: no ratio fits a window.
    """

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)

    def __call__(self, num_raw: int, ratios: Sequence[int]) -> int:
        """Ratio for a window of ``num_raw`` raw tokens."""
        if len(ratios) == 1:
            return ratios[0]
        fitting = [ratio for ratio in ratios if num_raw % ratio == 0]
        if not fitting:
            msg = f"none of the ratios {list(ratios)} divides a window of {num_raw} tokens; pin one ratio"
            raise ConfigError(msg)
        return int(self._generator.choice(fitting))


def cut(num_raw: int, window: int, ratios: Sequence[int], draw: RatioDraw, carry: int = 0) -> list[Window]:
    """Cut visual tokens into windows; the last may be short, and is compressed by the same rule.

    Args:
        num_raw: visual tokens.
        window: raw tokens of a full window.
        ratios: ratios to draw from.
        draw: chooses among them.
        carry: left over by windows compressed earlier.
    """
    windows: list[Window] = []
    for start in range(0, num_raw, window):
        size = min(window, num_raw - start)
        windows.append(Window(size, draw(size, ratios), carry))
        carry = windows[-1].carry_out
    return windows
