"""How much of a topic may wait here: where enough does, partitions rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from videoxl_stream.errors import ConfigError


@dataclass(frozen=True, slots=True)
class InFlight:
    """What waits in memory at most; the last messages that were asked for come on top.

    Args:
        messages: of each stream. More, and its partition rests until half of them are read.
        num_bytes: of all streams together, still encoded. More, and all partitions rest until half are read.

    Raises:
        ConfigError: a limit is below 1.
    """

    messages: int = 64
    num_bytes: int = 256 * 2**20

    def __post_init__(self) -> None:
        """Refuse what would let nothing in."""
        if self.messages < 1 or self.num_bytes < 1:
            msg = f"{self.messages} messages and {self.num_bytes} bytes let nothing in; give at least 1"
            raise ConfigError(msg)


class Waiting(Protocol):
    """A stream, as far as it takes room."""

    num_bytes: int
    partitions: set[int]

    def __len__(self) -> int:
        """Messages that wait."""


class Pressure:
    """Which partitions rest.

    Args:
        limits: what waits at most.
    """

    def __init__(self, limits: InFlight) -> None:
        self._limits = limits
        self._all_rest = False
        self.paused: frozenset[int] = frozenset()

    def look(self, streams: Iterable[Waiting], partitions: Collection[int], *, all_rest: bool) -> frozenset[int]:
        """Say which partitions are to rest now.

        Args:
            streams: all.
            partitions: all that anything came of.
            all_rest: whether all are to rest in any case.
        """
        resting: set[int] = set()
        num_bytes = 0
        for stream in streams:
            num_bytes += stream.num_bytes
            was_full = not stream.partitions.isdisjoint(self.paused)
            if len(stream) > (self._limits.messages // 2 if was_full else self._limits.messages - 1):
                resting |= stream.partitions
        bound = self._limits.num_bytes // 2 if self._all_rest else self._limits.num_bytes
        self._all_rest = num_bytes >= bound
        self.paused = frozenset(partitions) if all_rest or self._all_rest else frozenset(resting)
        return self.paused
