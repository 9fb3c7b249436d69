"""Journal: one stream's memory on disk, never behind what is said to be durable."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import Generic

from videoxl_stream.buffer import Window
from videoxl_stream.errors import ConfigError
from videoxl_stream.interfaces import MemoryT, VideoModel
from videoxl_stream.journal.head import HEAD, Head
from videoxl_stream.journal.pictures import Pictures
from videoxl_stream.journal.restoring import Restoration, restore
from videoxl_stream.journal.segments import SegmentFolder, SegmentKind

_COMPLETE = "complete"  # a file that is there while nothing is missing: it can be deleted on a full disk, too
_SPARE = 0.9  # of the room there is, for what grows less than in proportion
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


class Journal(Generic[MemoryT]):
    """One stream's memory on disk; made by ``Durability.open``. One thread uses it.

    For each window: ``seen``, then the model takes it in, then ``append``, then what was found is committed to SQL,
    then the source's position is acknowledged. A window that nothing was taken in of needs no call. An ``append``
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
        self._state = JournalState()
        self._begun = False
        self._windows = 0  # done when the memory was as it is
        self._mark = 0  # pieces before this one are on disk
        self._piece_bytes = 0.0  # on disk, lately
        self._first = 0  # piece with which the memory began at the last append
        self._whole_due = False  # what is on disk does not lead up to the memory
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
            ConfigError: the folder cannot be written.
            MemoryFormatError: the files are of another model, although nothing said so.
        """
        complete = self._folder.has(_COMPLETE)
        restored = restore(self._model, self._memory, self._folder, windows, complete=complete)
        held, segments = self._memory.held, self._folder.segments
        self._windows, self._mark, self._first = windows, held.stop, held.start
        self._state = JournalState(windows=segments[-1].windows if segments else 0)
        if restored.windows_lost or restored.quarantined:
            _log.warning("%s", restored.report)
        if restored.quarantined and self._checkpoint_windows is None:
            self._try_whole(self._memory, self._whole(self._memory))  # its pieces have other numbers now
        return restored

    def seen(self, window: Window) -> Window:
        """A window as a restart would see it: give this one to the model, and to ``append``."""
        if self._checkpoint_windows is None:
            return window
        pictures = Pictures.of(window, self._quality)
        self._shown = pictures.shown(window), pictures
        return self._shown[0]

    def append(self, memory: MemoryT, window_index: int, window: Window) -> JournalState:
        """Write what a window has added; it is durable when this returns, unless the state says that it failed.

        A disk that is full or broken is no error: the next ``append`` writes all that is missing.

        Args:
            memory: has taken the window in.
            window_index: counts the stream's windows from 0, also those that nothing was taken in of.
            window: as ``seen`` gave it.

        Raises:
            ConfigError: pictures are kept, and ``seen`` did not give it.
        """
        pictures = self._pictures(window)
        self._windows = window_index + 1
        try:
            self._begin()
            self._expire(window_index)
            self._look_for_room(memory)
            if self._whole_due:
                self._write_whole(memory, self._whole(memory))
            elif pictures is None:
                self._write_added(memory)
            else:
                self._write_seen(memory, pictures)
            self._say_complete()
        except OSError as e:
            self._fail(e)
        self._first = memory.held.start
        return self._state

    def forget(self, memory: MemoryT) -> JournalState:
        """Give up what a memory has forgotten, and overwrite it: all that is kept is written anew.

        Call it after every ``memory.forget``, also where that gave nothing up: what has left the memory may still be
        on disk.

        Raises:
            StoreError: something could not be deleted; do it again.
        """
        self._shown = None
        gone = self._folder.segments
        self._first = memory.held.start
        self._mark = min(self._mark, memory.held.stop)
        whole = self._whole(memory)
        beside = self._folder.has_room_for(len(whole))
        if beside:
            self._try_whole(memory, whole)
        self._folder.wipe(gone)
        if not beside or self._state.failing:
            self._try_whole(memory, whole)
        return self._state

    def close(self) -> None:
        """Let others use the folder; may be called twice."""
        self._folder.close()

    # ---- writing

    def _pictures(self, window: Window) -> Pictures | None:
        if self._checkpoint_windows is None:
            return None
        if self._shown is None or self._shown[0] is not window:
            msg = "pictures are kept, so the model must see what they show: take in and append what seen() gave"
            raise ConfigError(msg)
        return self._shown[1]

    def _begin(self) -> None:
        """Say what the folder is made with, also in place of a head that cannot be read."""
        if not self._begun:
            self._folder.write(HEAD, self._head.text)
            self._begun = True

    def _look_for_room(self, memory: MemoryT) -> None:
        """While it fails, ask the disk for the room first: what is missing grows, and takes time to gather."""
        if self._state.failing:
            missing = memory.held.stop - (memory.held.start if self._whole_due else self._mark)
            self._folder.look_for_room(int(missing * self._piece_bytes))

    def _write_added(self, memory: MemoryT) -> None:
        pieces = range(max(self._mark, memory.held.start), memory.held.stop)
        self._write(SegmentKind.ADDED, self._model.dump_memory(memory, pieces.start), pieces)

    def _write_seen(self, memory: MemoryT, pictures: Pictures) -> None:
        pieces = range(self._mark, memory.held.stop)
        self._whole_due = True  # without these pictures, no later ones lead to the memory
        self._folder.add(SegmentKind.SEEN, pictures.pack(), windows=self._windows, pieces=pieces)
        self._whole_due, self._mark = False, pieces.stop
        since = list(takewhile(lambda each: each.kind == SegmentKind.SEEN, reversed(self._folder.segments)))
        if len(since) >= (self._checkpoint_windows or 0):
            self._write_whole(memory, self._whole(memory))

    def _write_whole(self, memory: MemoryT, data: bytes) -> None:
        self._whole_due = True
        self._write(SegmentKind.WHOLE, data, memory.held)
        self._whole_due = False

    def _write(self, kind: SegmentKind, data: bytes, pieces: range) -> None:
        if pieces:
            self._piece_bytes = len(data) / len(pieces)
        self._folder.add(kind, data, windows=self._windows, pieces=pieces)
        self._mark = pieces.stop

    def _whole(self, memory: MemoryT) -> bytes:
        """All of a memory, or as much of the newest as fits into the limit."""
        after, stop = memory.held.start, memory.held.stop
        data = self._model.dump_memory(memory, after)
        while (limit := self._folder.max_bytes) is not None and len(data) > limit and after < stop:
            after = stop - int((stop - after) * limit / len(data) * _SPARE)
            data = self._model.dump_memory(memory, after)
        return data

    def _try_whole(self, memory: MemoryT, data: bytes) -> None:
        try:
            self._begin()
            self._write_whole(memory, data)
            self._say_complete()
        except OSError as e:
            self._fail(e)

    def _expire(self, committed: int) -> None:
        """Delete what nothing needs that begins behind so many windows, which are committed."""
        segments, keeps_kv = self._folder.segments, self._checkpoint_windows is None
        wholes = [each for each in segments if each.kind == SegmentKind.WHOLE and each.windows <= committed]
        kept = wholes[-1 if keeps_kv else -2 :]
        oldest = kept[0].serial if len(kept) == (1 if keeps_kv else 2) else 0
        self._folder.delete(each for each in segments if each.serial < oldest)
        if keeps_kv:
            self._folder.delete(each for each in segments[:-1] if each.stop <= self._first)

    # ---- how it stands

    def _say_complete(self) -> None:
        """Not before what healed it is committed, or a kill in between would hide what is lost then."""
        if self._state.failing:
            _log.warning("%s: memory is durable again", self._folder.path)
        elif not self._folder.has(_COMPLETE):
            self._folder.write(_COMPLETE, b"")
        self._state = JournalState(windows=self._windows)

    def _fail(self, error: OSError) -> None:
        if not self._state.failing:
            _log.warning("%s: memory is not durable for now: %s", self._folder.path, error)
        with suppress(OSError):
            self._folder.remove(_COMPLETE)
        self._state = JournalState(True, f"memory cannot be written: {error}", self._state.windows)
