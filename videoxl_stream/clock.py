"""Wall time."""

from __future__ import annotations

from datetime import UTC, datetime


class WallClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Aware UTC time."""
        return datetime.now(UTC)
