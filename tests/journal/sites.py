"""What tests of journals share: windows of footage, and a stream that is watched in the order of durability."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from videoxl_stream.buffer import Window
from videoxl_stream.frames import Frame
from videoxl_stream.interfaces import VideoModel
from videoxl_stream.journal import Durability, Journal, Restoration
from videoxl_stream.queries import Span

START = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = ("kv", "frames")


def window_of(times: Sequence[float], window_frames: int, side: int = 16) -> Window:
    """Frames at some times, each a picture of its own."""
    frames = []
    for time_s in times:
        image = np.random.default_rng(round(time_s * 1000)).integers(0, 256, (side, side, 3), dtype=np.uint8)
        frames.append(Frame("gate", round(time_s), time_s, START + timedelta(seconds=time_s), image))
    return Window(tuple(frames), short=len(frames) < window_frames)


def windows_of(sizes: Sequence[int], window_frames: int, side: int = 16) -> list[Window]:
    """Windows of so many frames, a frame a second."""
    starts = np.concatenate(([0], np.cumsum(sizes)))
    return [
        window_of([float(start + i) for i in range(size)], window_frames, side)
        for start, size in zip(starts, sizes, strict=False)
    ]


@dataclass
class Site:
    """One stream with a journal; ``committed`` stands for SQL."""

    model: VideoModel[Any]
    durability: Durability
    settings: dict[str, Any] = field(default_factory=dict)
    committed: int = 0
    states: list[bytes] = field(default_factory=list)  # the memory behind each number of windows

    def open(self) -> Restoration[Any]:
        """Start, as after a crash."""
        self.journal: Journal[Any] = self.durability.open(self.model, "site", "gate", **self.settings)
        restored = self.journal.restore(self.committed)
        self.memory = restored.memory
        del self.states[self.committed :]
        self.states.append(self.dump())
        return restored

    def dump(self) -> bytes:
        """All that the memory is, to compare."""
        return self.model.dump_memory(self.memory)

    def watch(self, window: Window, *, still: bool = False) -> None:
        """Take a window in and make it durable."""
        if not still:
            seen = self.journal.seen(window)
            self.model.append(self.memory, [frame.image for frame in seen.frames], [f.time_s for f in seen.frames])
            if seen.short:
                self.model.close_window(self.memory)
            self.journal.append(self.memory, self.committed, seen)
        self.states.append(self.dump())
        self.committed += 1

    def forget(self, span: Span) -> None:
        """As the stream does."""
        self.memory.forget(span)
        self.journal.forget(self.memory)
        self.states[-1] = self.dump()

    def restart(self) -> Restoration[Any]:
        """Stop and start again."""
        self.journal.close()
        return self.open()

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.durability.path("site", "gate")


@contextmanager
def after_each_change(call: Callable[[], object]) -> Iterator[None]:
    """Call something after each operation by which a folder changes, where a process may be killed."""
    names = [(os, "replace"), (os, "fsync"), (Path, "unlink"), (Path, "open"), (Path, "mkdir")]
    originals = [(home, name, getattr(home, name)) for home, name in names]
    busy = False

    def watched(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            nonlocal busy
            done = original(*arguments, **options)
            if not busy:
                busy = True
                call()
                busy = False
            return done

        return wrapper

    for home, name, original in originals:
        setattr(home, name, watched(original))
    try:
        yield
    finally:
        for home, name, original in originals:
            setattr(home, name, original)


@dataclass
class Snapshot:
    """A folder as a kill would have left it, with what SQL knew, and the memories that may come back."""

    folder: Path
    committed: int
    expected: list[bytes]

    def restored(self, site: Site) -> bytes:
        """The memory that comes back."""
        durability = Durability(
            self.folder, site.durability.kind, checkpoint_windows=site.durability.checkpoint_windows
        )
        other = Site(site.model, durability, site.settings, self.committed)
        try:
            other.open()
            return other.dump()
        finally:
            other.journal.close()
            shutil.rmtree(self.folder)
