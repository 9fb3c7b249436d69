"""Journal: one stream's memory on disk, one step behind nothing that was said to be durable."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from videoxl_stream.buffer import Window
from videoxl_stream.errors import ConfigError
from videoxl_stream.interfaces import MemoryT, VideoModel
from videoxl_stream.journal import head
from videoxl_stream.journal.head import Head
from videoxl_stream.journal.pictures import Pictures
from videoxl_stream.journal.segments import Segment, SegmentFolder, SegmentKind

_UNBROKEN = "unbroken"  # a file that is there while nothing is missing: deleting it works on a full disk, too
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JournalState:
    """How a journal stands.

    Args:
        failing: whether the newest memory could not be written; it is tried again at each window.
        reason: why, fit for people; empty while it is not failing.
        windows: windows done behind which the memory is durable.
    """

    failing: bool = False
    reason: str = ""
    windows: int = 0


@dataclass(frozen=True, slots=True)
class Restoration(Generic[MemoryT]):
    """What a restart got back.

    Args:
        memory: to go on with.
        windows_lost: windows, at most, that the memory should hold and does not.
        quarantined: names of damaged files that were set aside.
        report: all of it in words, fit for people.
    """

    memory: MemoryT
    windows_lost: int
    quarantined: tuple[str, ...]
    report: str


class Journal(Generic[MemoryT]):
    """One stream's memory on disk; made by ``Durability.open``. One thread uses it.

    For each window: ``seen``, then the model takes it in, then ``append``, then what was found is committed to SQL,
    then the source's position is acknowledged. A window at which nothing was taken in needs no call. An ``append``
    says that the windows before it are committed: what only they needed is deleted then.

    Args:
        model: whose memory it is.
        memory: empty; ``restore`` fills it.
        folder: of the files.
        head: what the memory is made with.
        checkpoint_windows: windows between whole memories where pictures are kept; None to keep KV.
        jpeg_quality: of the pictures.
    """

    def __init__(
        self,
        model: VideoModel[MemoryT],
        memory: MemoryT,
        folder: SegmentFolder,
        head: Head,
        *,
        checkpoint_windows: int | None,
        jpeg_quality: int,
    ) -> None:
        self._model, self._memory, self._folder, self._head = model, memory, folder, head
        self._checkpoint_windows, self._quality = checkpoint_windows, jpeg_quality
        self._begun = False
        self._mark = self._first = 0  # pieces: durable up to the one; what the memory began with at the last append
        self._whole_due = False
        self._state = JournalState()
        self._shown: tuple[Window, Pictures] | None = None

    @property
    def state(self) -> JournalState:
        """How it stands now."""
        return self._state

    @property
    def num_bytes(self) -> int:
        """Bytes on disk."""
        return self._folder.num_bytes

    def restore(self, windows: int) -> Restoration[MemoryT]:
        """The memory as it was behind the last window that is known to be done; call it once, before all else.

        Args:
            windows: how many are done; what was written for later ones is deleted, for they will come again.

        Raises:
            MemoryFormatError: the files are of another model, although nothing said so.
        """
        raise NotImplementedError

    def seen(self, window: Window) -> Window:
        """A window as a restart would see it: give this one to the model, and to ``append``."""
        raise NotImplementedError

    def append(self, memory: MemoryT, window_index: int, window: Window) -> JournalState:
        """Write what a window has added; it is durable when this returns, unless the state says that it failed.

        A disk that is full or broken is no error: the next ``append`` writes all that is missing.

        Args:
            memory: has taken the window in.
            window_index: counts the stream's windows from 0, also those that nothing was taken in of.
            window: as ``seen`` gave it.

        Raises:
            ConfigError: ``seen`` did not give it, and pictures are kept.
        """
        raise NotImplementedError

    def forget(self, memory: MemoryT) -> JournalState:
        """Give up what a memory has forgotten, and overwrite it.

        Call it after every ``memory.forget``, also where that gave nothing up: what has left the memory may still be
        on disk.

        Raises:
            StoreError: something could not be deleted; do it again.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let others use the folder; may be called twice."""
        self._folder.close()
