"""How far a partition has been worked off: what may be committed."""

from __future__ import annotations


class Progress:
    """Offsets of one partition that came, and which of them are done with; they may be done in any order."""

    def __init__(self) -> None:
        self._pending: dict[int, None] = {}  # in the order of their offsets
        self._next: int | None = None  # behind the newest that came

    def receive(self, offset: int) -> None:
        """Take note that a message came; offsets rise, and those that a broker leaves out hold nothing."""
        self._pending[offset] = None
        self._next = offset + 1

    def done(self, offset: int) -> None:
        """Take note that a message never needs to come again."""
        self._pending.pop(offset, None)

    @property
    def num_pending(self) -> int:
        """Messages that came and are not done."""
        return len(self._pending)

    @property
    def committable(self) -> int | None:
        """The offset of the first message that is not done; None before anything came."""
        return next(iter(self._pending), self._next)
