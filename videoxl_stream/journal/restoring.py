"""A memory again from what a stream's folder holds, with whatever is damaged left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic

from videoxl_stream.errors import ConfigError
from videoxl_stream.interfaces import MemoryT, VideoModel
from videoxl_stream.journal.pictures import Pictures
from videoxl_stream.journal.segments import Segment, SegmentFolder, SegmentKind


@dataclass(frozen=True, slots=True)
class Restoration(Generic[MemoryT]):
    """What a restart got back.

    Args:
        memory: to go on with.
        windows_lost: windows that the memory should hold and does not; at most, for windows in which nothing moved
            may be counted among them.
        quarantined: names of damaged files that were set aside.
        report: all of it in words, fit for people.
    """

    memory: MemoryT
    windows_lost: int
    quarantined: tuple[str, ...]
    report: str


def restore(
    model: VideoModel[MemoryT], memory: MemoryT, folder: SegmentFolder, windows: int, *, complete: bool
) -> Restoration[MemoryT]:
    """Fill a memory.

    Args:
        model: whose memory it is.
        memory: empty.
        folder: segments of later windows are deleted, damaged ones set aside.
        windows: how many are done.
        complete: whether every window that left something in memory is known to have been written.

    Raises:
        ConfigError: the folder cannot be written.
        MemoryFormatError: the files are of another model.
    """
    try:
        folder.delete(segment for segment in folder.segments if segment.windows > windows)
    except OSError as e:
        msg = f"{folder.path} cannot be changed: {e}; give a folder that can be written"
        raise ConfigError(msg) from e
    there = folder.segments
    parts, seen = _chain(folder)
    model.restore_memory(memory, parts)
    num_seen = sum(_take_in(model, memory, packed) for segment in seen if (packed := folder.read(segment)) is not None)
    left = set(folder.segments)
    damaged = [segment for segment in there if segment not in left]
    lost = sum(_windows_of(there, segment) for segment in damaged)
    if not (complete and there):
        lost += windows - (there[-1].windows if there else 0)
    sentences = _sentences(folder, lost, len(damaged), f"{len(parts)} parts of memory and {num_seen} windows' pictures")
    return Restoration(memory, lost, tuple(segment.name for segment in damaged), " ".join(sentences))


def _chain(folder: SegmentFolder) -> tuple[list[bytes], list[Segment]]:
    """The newest whole memory that can be read and what was added to it; and the pictures that follow."""
    parts: list[bytes] = []
    rest = folder.segments
    for number, segment in reversed(list(enumerate(rest))):
        if segment.kind == SegmentKind.WHOLE and (data := folder.read(segment)) is not None:
            parts, rest = [data], rest[number + 1 :]
            break
    added = (folder.read(segment) for segment in rest if segment.kind == SegmentKind.ADDED)
    parts += [data for data in added if data is not None]
    return parts, [segment for segment in rest if segment.kind == SegmentKind.SEEN]


def _take_in(model: VideoModel[Any], memory: Any, packed: bytes) -> int:
    """Let the model see a window again, as it did then."""
    pictures = Pictures.unpack(packed)
    model.append(memory, pictures.images, pictures.times)
    if pictures.short:
        model.close_window(memory)
    return 1


def _windows_of(there: Sequence[Segment], segment: Segment) -> int:
    """How many windows a segment was written for, at most."""
    for before, after in pairwise(there):
        if after == segment:
            return segment.windows - before.windows
    return segment.windows if segment.kind == SegmentKind.WHOLE else 1


def _sentences(folder: SegmentFolder, lost: int, num_damaged: int, used: str) -> Iterator[str]:
    yield f"{folder.path}: {used} restored."
    if num_damaged:
        yield f"{num_damaged} damaged files were set aside in {folder.quarantine}; what they held is lost."
    if lost:
        yield f"At most {lost} windows are missing in memory; events that were stored are not affected."
