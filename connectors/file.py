"""Video files, through FFmpeg."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av import Packet
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videoxl_stream.errors import ConfigError, EndOfStream, SourceOpenError, SourceReadError
from videoxl_stream.frames import Frame, Image
from videoxl_stream.interfaces import Position

# Matroska rounds times to milliseconds: at 30 fps the second frame says 0.033 s and still belongs to tick 1 of 30.
_ROUNDING_S = Fraction(2, 1000)
_MISSING_TAIL_S = 1  # how long before its announced length a track may end without being called truncated


class FileSource:
    """One video file, sampled by presentation time.

    Delivery: every sampled frame once, in order, at the reader's pace. Packets that do not decode are passed over,
    as players do. A file that ends more than a second before the length its video track announces, or that the
    demultiplexer gives up on, yields all that decodes and then raises ``SourceReadError``; any other end is
    ``EndOfStream``.

    Resume: exact. ``position()`` names the last frame that was read; ``open(resume)`` seeks to the key frame before
    it and decodes on from there, so that the frames, indices and times are those that an undisturbed reading gives.
    Where pictures carry no times, or times jump back, it decodes from the start and counts, which is slower.

    Time begins at 0 with the track's first picture. ``utc`` is the recording's start plus that time; the start is
    the argument, else the container's ``creation_time``, else the file's modification time.

    Args:
        path: the file.
        sample_fps: frames wanted per second of footage: of each stretch of that length the first picture is taken,
            whatever the frame rate does. None takes every picture.
        stream_id: name of the stream; None means the file's name without its suffix.
        start: aware UTC time of the first picture.

    Raises:
        ConfigError: ``sample_fps`` is not positive or ``start`` has no zone.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        sample_fps: float | None = 1.0,
        stream_id: str | None = None,
        start: datetime | None = None,
    ) -> None:
        if sample_fps is not None and not 0 < sample_fps < math.inf:
            msg = f"sample_fps is {sample_fps}; give a number above 0, or None for every picture"
            raise ConfigError(msg)
        if start is not None and start.utcoffset() is None:
            msg = f"start {start} of {path} has no time zone; give an aware datetime"
            raise ConfigError(msg)
        self.path = Path(path)
        self.sample_fps = sample_fps
        self.start = start
        self._stream_id = stream_id or self.path.stem

    @property
    def stream_id(self) -> str:
        """Name of the stream."""
        return self._stream_id

    def open(self, resume: Position | None = None) -> OpenFile:
        """Open the file, from its start or from where an earlier ``position()`` said.

        Raises:
            SourceOpenError: it is missing, no video file, or ``resume`` is not a file's position.
        """
        return OpenFile(self, resume)


class OpenFile:
    """A file being read; made by ``FileSource.open``."""

    def __init__(self, source: FileSource, resume: Position | None) -> None:
        self._source = source
        self._rate = None if source.sample_fps is None else Fraction(source.sample_fps).limit_denominator(10**6)
        self._track = _Track(source.path)
        self._start = source.start or self._track.recorded_at
        self._sampled_away = 0
        self._index = 0
        self._last_tick: int | None = None
        self._last_pts: int | None = None
        if resume:
            self._go_on_from(resume)

    @property
    def duration_s(self) -> float | None:
        """Announced length of the footage in seconds, if the file announces one."""
        duration_s = self._track.announced_s or self._track.container_s
        return None if duration_s is None else float(duration_s)

    @property
    def expected_frames(self) -> int | None:
        """About how many frames all reads give, counted from the file's start."""
        fps = self._track.fps
        rate = self._rate or fps
        if self.duration_s is None or rate is None:
            return None
        return math.ceil(self.duration_s * min(rate, fps or rate))

    @property
    def sampled_away(self) -> int:
        """Frames decoded so far that sampling passed over."""
        return self._sampled_away

    @property
    def damaged_packets(self) -> int:
        """Packets so far that did not decode."""
        return self._track.damaged_packets

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next sampled frame; never None, for a file does not keep a reader waiting.

        Raises:
            EndOfStream: the file has no more frames.
            SourceReadError: it is broken or truncated; all that decodes has been given.
        """
        for pts, picture in self._track:
            time_s = self._track.time_s(pts)
            tick = self._tick(time_s)
            if tick is not None and tick == self._last_tick:
                self._sampled_away += 1
                continue
            self._last_tick, self._last_pts = tick, pts
            return self._frame(float(time_s), picture)
        self._complain_if_truncated()
        msg = f"{self._source.path} has no more frames"
        raise EndOfStream(msg)

    def packets(self) -> tuple[()]:
        """None yet."""
        return ()

    def position(self) -> Position:
        """Where the next read begins."""
        if self._last_pts is None:
            return {"index": 0}
        track = self._track
        return {"index": self._index, "pts": self._last_pts, "decoded": track.decoded, "seekable": track.seekable}

    def close(self) -> None:
        """Release the file."""
        self._track.close()

    def _tick(self, time_s: Fraction) -> int | None:
        if self._rate is None:
            return None
        return math.floor((time_s + min(_ROUNDING_S, 1 / (4 * self._rate))) * self._rate)

    def _frame(self, time_s: float, picture: VideoFrame) -> Frame:
        try:
            image = _upright(picture)
            utc = self._start + timedelta(seconds=time_s)
        except (av.FFmpegError, OverflowError) as e:  # the latter: damage that puts a picture in another age
            msg = f"{self._source.path} has a picture at {time_s:.1f} s that cannot be used: convert the file"
            raise SourceReadError(msg) from e
        self._index += 1
        return Frame(self._source.stream_id, self._index - 1, time_s, utc, image)

    def _go_on_from(self, resume: Position) -> None:
        path = self._source.path
        try:
            index = int(resume["index"])
            if index == 0:
                return
            pts, decoded, seekable = (int(resume[key]) for key in ("pts", "decoded", "seekable"))
        except (KeyError, ValueError, TypeError) as e:
            msg = f"{dict(resume)!r} is no position in a file; pass what position() of {path} gave"
            raise SourceOpenError(msg) from e
        if not (seekable and self._track.seek_behind(pts, decoded)):
            self._track.close()
            self._track = _Track(path)
            if not self._track.count_to(pts, decoded):
                msg = f"{path} does not hold the position it should go on from: it has changed, start it afresh"
                raise SourceOpenError(msg)
        self._index, self._last_pts, self._last_tick = index, pts, self._tick(self._track.time_s(pts))

    def _complain_if_truncated(self) -> None:
        path, track = self._source.path, self._track
        if track.fault is not None:
            msg = f"{path} breaks off after {float(track.decoded_s):.1f} s and cannot be read further: copy it again"
            raise SourceReadError(msg) from track.fault
        if track.announced_s is not None and track.decoded_s + _MISSING_TAIL_S < track.announced_s:
            msg = (
                f"{path} ends after {float(track.decoded_s):.1f} s of {float(track.announced_s):.1f} s: "
                "it is truncated; copy it again, or use what was read"
            )
            raise SourceReadError(msg)


class _Track:
    """The pictures of a file's video track with their presentation times, in order; passes over broken packets."""

    def __init__(self, path: Path) -> None:
        self._container, self._stream = _open_track(path)
        self._time_base = self._stream.time_base or Fraction(1, av.time_base)
        self._first_pts = self._stream.start_time or 0
        self._end_pts = self._first_pts
        self._upcoming = self._decode()
        self.recorded_at = _recorded_at(path, self._container)
        self.fps = self._stream.average_rate or self._stream.guessed_rate
        # Only what the track itself says can accuse a file of missing its end: the container's may be the sound's.
        self.announced_s = None if self._stream.duration is None else self._stream.duration * self._time_base
        length = self._container.duration
        self.container_s = None if length is None else Fraction(length, av.time_base)
        self.decoded = 0
        self.damaged_packets = 0
        self.seekable = True  # as long as every picture has a time of its own, and later ones later times
        self.fault: av.FFmpegError | None = None

    def __iter__(self) -> Iterator[tuple[int, VideoFrame]]:
        return self

    def __next__(self) -> tuple[int, VideoFrame]:
        upcoming = next(self._upcoming)
        self.decoded += 1
        return upcoming

    @property
    def decoded_s(self) -> Fraction:
        """Where the footage that decoded ends."""
        return self.time_s(self._end_pts)

    def time_s(self, pts: int) -> Fraction:
        """Exact seconds since the first picture."""
        return (pts - self._first_pts) * self._time_base

    def seek_behind(self, pts: int, decoded: int) -> bool:
        """Go on behind the picture at ``pts``, the ``decoded``-th; False, and unusable, if the index misleads."""
        try:
            self._container.seek(pts, stream=self._stream, backward=True)
        except av.FFmpegError:
            return False
        self._upcoming = self._decode()
        found = next(((at, picture) for at, picture in self if at >= pts), None)
        self.decoded = decoded
        # Some indices go by decoding time and may lead behind the picture.
        return found is not None and found[0] == pts and self.seekable

    def count_to(self, pts: int, decoded: int) -> bool:
        """Go on behind the ``decoded``-th picture: slow, but right without an index and where times jump."""
        return next((at == pts for at, _ in self if self.decoded == decoded), False)

    def close(self) -> None:
        self._container.close()

    def _decode(self) -> Iterator[tuple[int, VideoFrame]]:
        before: int | None = None
        try:
            for packet in self._container.demux(self._stream):
                for picture in self._decode_packet(packet):
                    pts = picture.pts
                    if pts is None:
                        pts = self._first_pts if before is None else before + self._ticks_per_frame()
                    self.seekable &= picture.pts is not None and (before is None or pts > before)
                    before = pts
                    yield pts, picture
        except av.FFmpegError as e:
            self.fault = e

    def _decode_packet(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        try:
            pictures = packet.decode()
        except av.FFmpegError:
            self.damaged_packets += 1
            return []
        if packet.pts is not None:
            self._end_pts = max(self._end_pts, packet.pts + (packet.duration or 0))
        return pictures

    def _ticks_per_frame(self) -> int:
        return max(1, round(1 / ((self.fps or Fraction(25)) * self._time_base)))


def _open_track(path: Path) -> tuple[InputContainer, VideoStream]:
    if not path.is_file():
        msg = f"there is no file {path}; give the path of a video file"
        raise SourceOpenError(msg)
    try:
        container = av.open(path, mode="r", metadata_errors="replace")
    except (av.FFmpegError, OSError) as e:
        msg = f"{path} cannot be opened as video ({e.strerror}); if it should be one, it is damaged: copy it again"
        raise SourceOpenError(msg) from e
    for track in container.streams.video:
        if not track.disposition & Disposition.attached_pic:  # a cover picture is no footage
            track.thread_type = "AUTO"
            return container, track
    container.close()
    msg = f"{path} holds no video track; give a file with pictures that move"
    raise SourceOpenError(msg)


def _recorded_at(path: Path, container: InputContainer) -> datetime:
    try:
        created = datetime.fromisoformat(container.metadata["creation_time"])
    except (KeyError, ValueError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return created.replace(tzinfo=UTC) if created.utcoffset() is None else created.astimezone(UTC)


def _upright(picture: VideoFrame) -> Image:
    """RGB pixels, turned as the file's display matrix says (multiples of 90 degrees; others are left)."""
    image = picture.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    quarter_turns = round(picture.rotation / 90) % 4  # counterclockwise, as numpy counts them
    return np.ascontiguousarray(np.rot90(image, quarter_turns)) if quarter_turns else image
