"""The files of one stream: segments that are whole or are set aside."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import re
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from videoxl_stream.errors import ConfigError, InUse, StoreError

_NAME = re.compile(r"(\d{12})-(\d{12})-(\d+)-(\d+)-([0-9a-f]{32})\.(added|whole|seen)")
_PARTIAL = ".partial"
_MOST_SET_ASIDE = 16
_BLOCK = 2**20
_log = logging.getLogger(__name__)


class SegmentKind(StrEnum):
    """What a segment holds."""

    ADDED = "added"  # what came into memory since the segment before
    WHOLE = "whole"  # everything that was in memory
    SEEN = "seen"  # the pictures of one window


@dataclass(frozen=True, slots=True)
class Segment:
    """One file; all that is known about it stands in its name, so that the folder's listing is the index.

    Args:
        serial: its place in the log.
        windows: windows of the stream done when it was written, the one that it was written for included.
        first: number of the first piece of memory in it.
        stop: number behind the last.
        digest: BLAKE2b of its bytes, 128 bits in hexadecimal.
        kind: what it holds.
    """

    serial: int
    windows: int
    first: int
    stop: int
    digest: str
    kind: SegmentKind

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.serial:012d}-{self.windows:012d}-{self.first}-{self.stop}-{self.digest}.{self.kind}"

    @classmethod
    def parse(cls, name: str) -> Segment | None:
        """Read a file's name; None for that of another file."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        serial, windows, first, stop, digest, kind = found.groups()
        return cls(int(serial), int(windows), int(first), int(stop), digest, SegmentKind(kind))


class SegmentFolder:
    """The segments of one stream on disk. One process and thread uses it.

    A file gets its name once it is on disk, so one that a crash cut short has none; its digest tells any other
    damage. Nothing is ever changed in place.

    Args:
        path: made where it is missing.
        max_bytes: of all files together; None for no limit.

    Raises:
        ConfigError: it cannot be made.
        InUse: another process uses it.
    """

    def __init__(self, path: Path, *, max_bytes: int | None = None) -> None:
        self.path, self.max_bytes = path, max_bytes
        self._descriptor = _opened(path)
        self._closing = weakref.finalize(self, os.close, self._descriptor)
        self._sizes: dict[Segment, int] = {}  # oldest first: names sort so
        for file in sorted(path.iterdir()):
            if file.name.endswith(_PARTIAL):
                file.unlink(missing_ok=True)
            elif segment := Segment.parse(file.name):
                self._sizes[segment] = file.stat().st_size
        self._warned = False

    @property
    def segments(self) -> list[Segment]:
        """Those in use, oldest first."""
        return list(self._sizes)

    @property
    def num_bytes(self) -> int:
        """Bytes on disk, what was set aside included."""
        return sum(self._sizes.values()) + sum(file.stat().st_size for file in self._set_aside())

    @property
    def quarantine(self) -> Path:
        """Where damaged files go."""
        return self.path / "quarantine"

    def has(self, name: str) -> bool:
        """Whether there is a file of a name."""
        return (self.path / name).exists()

    def has_room_for(self, num_bytes: int) -> bool:
        """Whether a file of a size keeps within the limit, without any other leaving."""
        return self.max_bytes is None or self.num_bytes + num_bytes <= self.max_bytes

    # ---- writing

    def add(self, kind: SegmentKind, data: bytes, *, windows: int, pieces: range) -> Segment:
        """Write a segment behind all others; it is durable when this returns.

        Raises:
            OSError: there is no room, or the disk failed; nothing is left of it.
        """
        self._make_room(len(data))
        serial = self.segments[-1].serial + 1 if self._sizes else 0
        segment = Segment(serial, windows, pieces.start, pieces.stop, _digest(data), kind)
        self.write(segment.name, data)
        self._sizes[segment] = len(data)
        return segment

    def write(self, name: str, data: bytes) -> None:
        """Write any file of this folder; wherever the machine stops, it is there whole or not at all.

        Raises:
            OSError: there is no room, or the disk failed.
        """
        path = self.path / name
        partial = path.with_name(name + _PARTIAL)
        try:
            with partial.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
            os.fsync(self._descriptor)
        except BaseException:
            partial.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            raise

    def look_for_room(self, num_bytes: int) -> None:
        """See whether the disk has room for a file of a size.

        Raises:
            OSError: it has not.
        """
        probe = self.path / f"probe{_PARTIAL}"
        try:
            with probe.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(num_bytes, 1))
        finally:
            probe.unlink(missing_ok=True)

    def _make_room(self, num_bytes: int) -> None:
        if self.max_bytes is None:
            return
        if num_bytes > self.max_bytes:
            msg = f"{num_bytes} bytes do not fit in max_bytes={self.max_bytes}; raise it"
            raise OSError(errno.EDQUOT, msg)
        too_many = self.num_bytes + num_bytes - self.max_bytes
        for file in self._set_aside() if too_many > 0 else []:
            too_many -= file.stat().st_size
            file.unlink()
        for segment in self.segments:
            if too_many <= 0:
                return
            if not self._warned:
                _log.warning("%s: max_bytes=%d holds less than the memory", self.path, self.max_bytes)
                self._warned = True
            too_many -= self._sizes[segment]
            self.delete([segment])

    # ---- reading

    def read(self, segment: Segment) -> bytes | None:
        """Bytes of a segment; None if they are not what was written, and the file has been set aside."""
        try:
            data = (self.path / segment.name).read_bytes()
            if _digest(data) == segment.digest:
                return data
            reason = "its bytes do not match its digest"
        except OSError as e:
            reason = str(e)
        _log.warning("%s cannot be read, and is set aside: %s", self.path / segment.name, reason)
        self._quarantine(segment)
        return None

    def _quarantine(self, segment: Segment) -> None:
        self._sizes.pop(segment, None)
        try:
            self.quarantine.mkdir(exist_ok=True)
            os.replace(self.path / segment.name, self.quarantine / segment.name)
            for file in self._set_aside()[:-_MOST_SET_ASIDE]:
                file.unlink()
        except OSError as e:
            _log.warning("%s cannot be set aside: %s", self.path / segment.name, e)

    def _set_aside(self) -> list[Path]:
        return sorted(self.quarantine.glob("*"))

    # ---- deleting

    def remove(self, name: str) -> None:
        """Delete any file of this folder; none of that name is no fault.

        Raises:
            OSError: the disk failed.
        """
        (self.path / name).unlink(missing_ok=True)
        os.fsync(self._descriptor)

    def delete(self, segments: Iterable[Segment]) -> None:
        """Delete segments.

        Raises:
            OSError: the disk failed.
        """
        for segment in list(segments):
            (self.path / segment.name).unlink(missing_ok=True)
            self._sizes.pop(segment, None)

    def wipe(self, segments: Iterable[Segment]) -> None:
        """Overwrite and delete segments, and all that was set aside: nobody knows what is in there.

        Raises:
            StoreError: something could not be deleted.
        """
        gone = list(segments)
        try:
            for file in [*(self.path / segment.name for segment in gone), *self._set_aside()]:
                _overwrite(file)
                file.unlink(missing_ok=True)
            os.fsync(self._descriptor)
        except OSError as e:
            msg = f"what was to be forgotten could not be deleted from {self.path}: {e}; forget it again"
            raise StoreError(msg) from e
        for segment in gone:
            self._sizes.pop(segment, None)

    def clear(self) -> None:
        """Delete everything."""
        for file in [*self._set_aside(), *(each for each in self.path.iterdir() if each.is_file())]:
            file.unlink()
        self._sizes.clear()

    def close(self) -> None:
        """Let other processes use it; may be called twice."""
        self._closing()


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _overwrite(path: Path) -> None:
    """As far as the file system writes in place."""
    if path.exists():
        with path.open("r+b") as file:
            for start in range(0, path.stat().st_size, _BLOCK):
                file.write(bytes(min(_BLOCK, path.stat().st_size - start)))
            file.flush()
            os.fsync(file.fileno())


def _opened(path: Path) -> int:
    """Make a folder, durably, and lock it for this process."""
    try:
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            _sync(folder.parent)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as e:
        msg = f"{path} cannot hold memory: {e}; give a folder that can be written"
        raise ConfigError(msg) from e
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        os.close(descriptor)
        msg = f"{path} is in use; stop what uses it, or give this one a folder of its own"
        raise InUse(msg) from e
    return descriptor


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
