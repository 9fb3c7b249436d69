"""Events out into a file, one JSON document a line."""

from __future__ import annotations

import os
from pathlib import Path

from videoxl_stream.errors import SinkError
from videoxl_stream.events import Event

_BLOCK_BYTES = 64 * 1024


class JSONLinesSink:
    """Appends each event as a line of JSON; a ``RemoteSink``.

    Delivery: at least once; after ``flush`` the lines are on the disk. The file is opened anew for every flush, so it
    may be moved away at any time. The part of a line that a crash or a full disk left behind is cut off before more
    is written; nobody else may write to the file.

    Args:
        path: of the file; it is made when there is something to write.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lines: list[bytes] = []

    def write(self, event: Event) -> None:
        """Take one event, to be written by ``flush``."""
        self._lines.append(event.model_dump_json().encode() + b"\n")

    def flush(self) -> None:
        """Write what was taken since the last time, and wait until it is on the disk.

        Raises:
            SinkError: it is not; a part may be.
        """
        lines, self._lines = self._lines, []
        try:
            _append(self.path, b"".join(lines))
        except OSError as e:
            msg = f"{self.path} cannot be written: {e.strerror}; see that its folder exists and its disk has room"
            raise SinkError(msg) from e

    def close(self) -> None:
        """Nothing is open between flushes."""


def _append(path: Path, data: bytes) -> None:
    is_new = not path.exists()
    with path.open("ab+") as file:
        file.truncate(_whole_lines_end(file.fileno()))
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        _sync_folder(path.parent)


def _whole_lines_end(descriptor: int) -> int:
    """Where the last whole line of a file ends."""
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - _BLOCK_BYTES)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
