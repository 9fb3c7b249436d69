"""Video files, through FFmpeg in a process of its own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from videoxl_stream.connectors.open_files import OpenFiles
from videoxl_stream.connectors.recordings import Recordings, fixed_part, is_pattern
from videoxl_stream.connectors.sampling import Sampling
from videoxl_stream.errors import ConfigError
from videoxl_stream.interfaces import Position


class FileSource:
    """One video file or many, one after another, sampled by presentation time.

    Many files are those of a folder that have a video's suffix, or all that a pattern such as ``gate/**/*.mp4``
    matches: listed when the source is opened, in natural order, hidden ones left out.

    Delivery: every sampled frame once, in order, at the reader's pace. Packets that do not decode are passed over, as
    players do. A file that cannot be read to the length that it announces yields all that decodes; if it was asked
    for by name, ``SourceReadError`` says so then, and among many it is logged and the next one goes on. In
    ``OpenFiles.outcomes`` every file is accounted for. Decoding runs in a process of its own: one that crashes or
    hangs costs the file that it was reading, and nothing else.

    Resume: exact. ``position()`` names the last frame that was read; ``open(resume)`` seeks to the key frame before
    it and decodes on from there, so that the frames, indices and times are those that an undisturbed reading gives.
    Where pictures carry no times, or times jump back, it decodes from that file's start and counts, which is slower.
    Files before the named one are passed, wherever it now stands in the list.

    Time begins at 0 with the first picture, and each further file begins where the last one ended; where both say
    when they were recorded (``creation_time``), what lies between them is kept, if it is a second or more: a gap is a
    gap. ``utc`` is the file's own start plus the time in it. A file that does not say when it was recorded goes on
    from the one before it; the first of all then counts from its modification time.

    Args:
        path: the file, a folder, or a pattern.
        sample_fps: frames wanted per second of footage: of each stretch of that length the first picture is taken,
            whatever the frame rate does. None takes every picture, and ``"keyframes"`` those that decode by
            themselves: nothing else is decoded, and every other packet counts as sampled away.
        stream_id: name of the stream; None means the name of the file without its suffix, or of the folder.
        start: aware UTC time of the first picture, instead of what the files say; gaps are kept.
        stall_timeout_s: seconds after which a decoder that says nothing is given up.

    Raises:
        ConfigError: ``sample_fps`` or ``stall_timeout_s`` is not positive, or ``start`` has no zone.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        sample_fps: float | Literal["keyframes"] | None = 1.0,
        stream_id: str | None = None,
        start: datetime | None = None,
        stall_timeout_s: float = 30.0,
    ) -> None:
        if start is not None and start.utcoffset() is None:
            msg = f"start {start} of {path} has no time zone; give an aware datetime"
            raise ConfigError(msg)
        if not stall_timeout_s > 0:
            msg = f"stall_timeout_s is {stall_timeout_s}; give seconds above 0"
            raise ConfigError(msg)
        self.path = Path(path)
        self.sample_fps = sample_fps
        self.start = start
        self.stall_timeout_s = stall_timeout_s
        self._sampling = Sampling.of(sample_fps)
        self._stream_id = stream_id or _name(self.path)

    @property
    def stream_id(self) -> str:
        """Name of the stream."""
        return self._stream_id

    @property
    def live(self) -> bool:
        """Never: files wait."""
        return False

    def open(self, resume: Position | None = None, *, packets: bool = False) -> OpenFiles:
        """Open it, from its start or from where an earlier ``position()`` said.

        Args:
            resume: that position.
            packets: hand out encoded packets too, which the reader then has to fetch after each read.

        Raises:
            SourceOpenError: the one file is missing or no video, there are no files, or ``resume`` is not a position
                in them.
        """
        return OpenFiles(
            Recordings.find(self.path),
            stream_id=self._stream_id,
            sampling=self._sampling,
            start=self.start,
            stall_timeout_s=self.stall_timeout_s,
            resume=resume,
            packets=packets,
        )


def _name(path: Path) -> str:
    if path.is_dir():
        return path.resolve().name
    return fixed_part(path).resolve().name if is_pattern(path) else path.stem
