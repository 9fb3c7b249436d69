"""A film: a video file shown to a model bit by bit, as a stream would be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from videoxl_stream.connectors.file import FileSource
from videoxl_stream.errors import ConfigError, EndOfStream
from videoxl_stream.frames import Frame
from videoxl_stream.interfaces import OpenSource, VideoModel

_READ_TIMEOUT_S = 1.0


class Film:
    """An open file and a model that has seen a part of it.

    Args:
        source: open, at its start.
        model: whose memory takes the frames in.
        memory: of that model.
    """

    def __init__(self, source: OpenSource, model: VideoModel[Any], memory: Any) -> None:
        self._source, self._model, self.memory = source, model, memory
        self._next: Frame | None = None
        self.num_frames = 0

    def show(self, until_s: float | None = None) -> bool:
        """Let the model see all frames before a time; None shows all that there are.

        Returns:
            whether any footage is left.

        Raises:
            SourceReadError: the file broke while it was read.
        """
        window: list[Frame] = []
        while self._advance() and self._next is not None and (until_s is None or self._next.time_s < until_s):
            window.append(self._next)
            self._next = None
            if len(window) == self._model.window_frames:
                self._take_in(window)
                window = []
        self._take_in(window)
        return self._next is not None

    def _advance(self) -> bool:
        """Have the next frame ready; False at the end."""
        try:
            while self._next is None:
                self._next = self._source.read(_READ_TIMEOUT_S)
        except EndOfStream:
            return False
        return True

    def _take_in(self, window: list[Frame]) -> None:
        if window:
            self._model.append(self.memory, [frame.image for frame in window], [frame.time_s for frame in window])
            self.num_frames += len(window)


@contextmanager
def opened(
    path: Path, model: VideoModel[Any], fps: float, *, ratio: int | None = None, budget: int | None = None
) -> Iterator[Film]:
    """Open a film for a model, with an empty memory.

    Args:
        path: the video file.
        model: that will see it.
        fps: frames sampled per second.
        ratio: of the memory; None for the model's own.
        budget: slots of the memory; None for no limit.

    Raises:
        SourceOpenError: it is no video.
        ConfigError: ratio or budget cannot work.
    """
    memory = model.open_memory(ratio=ratio, budget=budget)
    source = FileSource(path, sample_fps=fps).open()
    try:
        yield Film(source, model, memory)
    finally:
        source.close()


def find_videos(folder: Path, names: set[str]) -> dict[str, Path]:
    """Where each video stands: at its name inside the folder, or by the last part of its name alone.

    Raises:
        ConfigError: the folder or some of them are missing.
    """
    if not folder.is_dir():
        msg = f"there is no folder {folder}; give with --videos the one that holds the videos"
        raise ConfigError(msg)
    found = {name: path for name in names if (path := _find(folder, name)) is not None}
    missing = sorted(names - found.keys())
    if missing:
        shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        msg = f"{len(missing)} of {len(names)} videos are not in {folder}: {shown}; put them there, or leave them out"
        raise ConfigError(msg)
    return found


def _find(folder: Path, name: str) -> Path | None:
    inside = not Path(name).is_absolute() and ".." not in Path(name).parts
    candidates = ([folder / name] if inside else []) + [folder / Path(name).name]
    return next((path for path in candidates if path.is_file()), None)
