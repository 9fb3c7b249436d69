"""Where the files of one stream's evidence lie, and how they get there whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from videoxl_stream.file_names import file_name


class StreamFolder:
    """The files of one stream: ``<root>/<pipeline>/<stream>/<yyyy-mm-dd>/``, days in UTC.

    Args:
        root: the evidence folder; made when the first file is written.
        pipeline: any name.
        stream_id: any name; different names never share a folder, and none leads out of the root.
    """

    def __init__(self, root: Path, pipeline: str, stream_id: str) -> None:
        self._root = root.absolute()  # FFmpeg takes a relative "a:b" for a protocol
        self._own = self._root / file_name(pipeline) / file_name(stream_id)

    def place(self, day: datetime, *names: str) -> Path:
        """Path of a file that belongs to a day."""
        return self._own.joinpath(f"{day.astimezone(UTC):%Y-%m-%d}", *names)

    def relative(self, path: Path) -> str:
        """Path within the root, with forward slashes."""
        return path.relative_to(self._root).as_posix()

    def write(self, path: Path, write: Callable[[Path], None]) -> int:
        """Let ``write`` make a file under a partial name, then put it in its place.

        Returns:
            the file's size in bytes.

        Raises:
            OSError: there is no room or no permission; nothing is left behind.
        """
        partial = self.partial(path)
        try:
            write(partial)
            return self.adopt(path)
        except BaseException:
            self.give_up(path)
            raise

    def partial(self, path: Path) -> Path:
        """Where a file may be written that is to become ``path``; its folder is made.

        Raises:
            OSError: it cannot be made.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(path.name + ".partial")

    def adopt(self, path: Path) -> int:
        """Put what was written beside ``path`` in its place; its size in bytes.

        Raises:
            OSError: there is nothing, or no permission.
        """
        partial = path.with_name(path.name + ".partial")
        num_bytes = partial.stat().st_size
        os.replace(partial, path)
        return num_bytes

    def give_up(self, path: Path) -> None:
        """Leave nothing behind of what was written beside ``path``."""
        path.with_name(path.name + ".partial").unlink(missing_ok=True)
