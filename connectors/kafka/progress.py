"""How far partitions have been worked off: what may be committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from functools import partial

_COMMIT_EVERY_S = 1.0

Done = Callable[[], None]
"""Takes note that a message never needs to come again."""


class Progress:
    """Offsets that came, by partition, and which of them are done with; they may be done in any order."""

    def __init__(self) -> None:
        self._partitions: dict[int, _Partition] = {}
        self._commit_at = 0.0

    @property
    def partitions(self) -> frozenset[int]:
        """All that anything came of."""
        return frozenset(self._partitions)

    @property
    def num_pending(self) -> int:
        """Messages that came and are not done."""
        return sum(len(each.pending) for each in self._partitions.values())

    def receive(self, partition: int, offset: int) -> Done:
        """Take note that a message came; offsets rise, and those that a broker leaves out hold nothing.

        Returns:
            what to call when it is done. Once the partition was given up it does nothing: the same offset may be
            another message by then.
        """
        known = self._partitions.setdefault(partition, _Partition())
        known.pending[offset] = None
        known.next = offset + 1
        return partial(known.pending.pop, offset, None)

    def done(self, partition: int, offset: int) -> None:
        """Take note that a message never needs to come again."""
        if partition in self._partitions:
            self._partitions[partition].pending.pop(offset, None)

    def hold(self, partition: int, offset: int) -> None:
        """Take note that a message came which nobody here will use: it is to come again, and all behind it."""
        known = self._partitions.setdefault(partition, _Partition())
        known.held = offset if known.held is None else known.held

    def committable(self, partitions: Collection[int]) -> dict[int, int]:
        """The offset of the first message that is not done, of each of these partitions that anything came of."""
        known = {each: self._partitions[each].committable for each in self._partitions.keys() & set(partitions)}
        return {each: offset for each, offset in known.items() if offset is not None}

    def due(self) -> dict[int, int]:
        """The same of all partitions, once a second; in between, nothing."""
        if time.monotonic() < self._commit_at:
            return {}
        self._commit_at = time.monotonic() + _COMMIT_EVERY_S
        return self.committable(self._partitions)

    def give_up(self, partitions: Collection[int]) -> dict[int, int]:
        """Know these partitions no more, and say what may be committed of them."""
        offsets = self.committable(partitions)
        for partition in partitions:
            self._partitions.pop(partition, None)
        return offsets


class _Partition:
    def __init__(self) -> None:
        self.pending: dict[int, None] = {}  # in the order of their offsets
        self.next: int | None = None  # behind the newest that came
        self.held: int | None = None  # nothing from here on may be committed

    @property
    def committable(self) -> int | None:
        first = next(iter(self.pending), self.next)
        return min((each for each in (first, self.held) if each is not None), default=None)
