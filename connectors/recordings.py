"""Which files make one stream, in which order, and where each lies on the stream's clock."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from videoxl_stream.errors import SourceOpenError

# What counts as video in a folder; a pattern takes what it matches.
VIDEO_SUFFIXES = frozenset(
    ".3gp .asf .avi .dav .flv .h264 .h265 .hevc .m2ts .m4v .mjpeg .mjpg .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts "
    ".vob .webm .wmv".split()
)
_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
_ROUNDING = timedelta(seconds=1)  # many containers date a recording in whole seconds


@dataclass(frozen=True, slots=True)
class Recordings:
    """The files that a path, folder or pattern names just now.

    Args:
        files: in the order in which they are read.
        root: the folder that their names in positions are relative to.
        alone: whether one file was asked for by name.
    """

    files: tuple[Path, ...]
    root: Path
    alone: bool

    @classmethod
    def find(cls, where: Path) -> Recordings:
        """List a folder's videos, a pattern's matches, or the one file; hidden files are left out.

        Raises:
            SourceOpenError: there is none.
        """
        if where.is_dir():
            found = [path for path in _entries(where) if path.suffix.lower() in VIDEO_SUFFIXES]
            root = where
        elif is_pattern(where):
            found = [Path(name) for name in glob.glob(str(where), recursive=True)]
            found = [path for path in found if path.suffix.lower() in VIDEO_SUFFIXES or not path.is_dir()]
            root = fixed_part(where)
        elif where.exists():
            return cls((where,), where.parent, alone=True)
        else:
            msg = f"there is no file {where}; give the path of a video file, of a folder, or a pattern"
            raise SourceOpenError(msg)
        files = sorted((path for path in found if not path.name.startswith(".")), key=_natural)
        if not files:
            msg = f"there is no video in {where}; give a folder that holds some, or a pattern that matches some"
            raise SourceOpenError(msg)
        return cls(tuple(files), root, alone=False)

    def name(self, path: Path) -> str:
        """A file's name in positions: it stays the same if the whole folder moves."""
        return path.relative_to(self.root).as_posix()


def is_pattern(where: Path) -> bool:
    """Whether a path is a pattern rather than the name of something that is there."""
    return glob.has_magic(str(where)) and not where.exists()


def fixed_part(where: Path) -> Path:
    """The folder that a pattern begins with."""
    return next(folder for folder in where.parents if not glob.has_magic(str(folder)))


@dataclass(slots=True)
class Timeline:
    """Where a file lies on the stream's clock, and when it was recorded.

    Args:
        offset_us: where the file begins, in microseconds of the stream's clock.
        end_us: where it ends, as far as it was read.
        recorded: aware UTC time of its first picture.
        dated: whether it says so itself; None before the first file.
    """

    offset_us: int = 0
    end_us: int = 0
    recorded: datetime = _UNKNOWN
    dated: bool | None = None

    def utc(self, time_s: float) -> datetime:
        """When what the file shows at a time on the stream's clock was recorded.

        Raises:
            OverflowError: no calendar reaches that far.
        """
        return self.recorded + timedelta(seconds=time_s - self.offset_us / 10**6)

    def begin(self, created: datetime | None, modified: datetime) -> None:
        """Go on with the next file: where the last one ended or, where both say when they were made, after the gap.

        Args:
            created: when the file says that its recording began.
            modified: when it was last written; dates the first file if it does not itself.
        """
        length = timedelta(microseconds=self.end_us - self.offset_us)
        self.offset_us = self.end_us
        if self.dated is None:
            self.recorded = created or modified
        else:
            runs_on = self.recorded + length
            gap = timedelta() if created is None else created - runs_on
            if created is None or abs(gap) < _ROUNDING:
                self.recorded = runs_on
            else:
                self.recorded = created
                self.offset_us += max(0, gap // timedelta(microseconds=1)) if self.dated else 0
        self.end_us = self.offset_us
        self.dated = created is not None


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as e:
        msg = f"{folder} cannot be listed ({e.strerror}); give the user who runs this the right to"
        raise SourceOpenError(msg) from e


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Sort ``clip10`` behind ``clip9``."""
    pieces = re.split(r"([0-9]+)", str(path).casefold())
    numbers = [(int(piece), piece) if piece.isdecimal() and piece.isascii() else (-1, piece) for piece in pieces]
    return numbers, str(path)
