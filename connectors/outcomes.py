"""What became of each file of a source."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Fate(StrEnum):
    """What became of a file."""

    READ = "read"
    """To its end."""
    TRUNCATED = "truncated"
    """It ends before the length it announces; what is there was read."""
    DAMAGED = "damaged"
    """It cannot be opened as video, or breaks off; what decodes before that was read."""
    NO_VIDEO = "no video"
    """It holds no pictures that move."""
    UNREADABLE = "unreadable"
    """It is missing, a folder, or may not be read."""
    CRASHED = "crashed"
    """The decoder's process died over it; what it gave before that was read."""
    STALLED = "stalled"
    """The decoder gave no sign of life; what it gave before that was read."""
    PASSED = "passed"
    """It lies before the position from which reading went on."""


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file.

    Args:
        path: the file.
        fate: how it ended.
        num_frames: frames given of it, in this reading.
        reason: the fate in words; empty where there is nothing to say.
    """

    path: Path
    fate: Fate
    num_frames: int = 0
    reason: str = ""
