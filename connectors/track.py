"""The pictures of one video file, with their times; runs where FFmpeg may crash."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
from av import Packet
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videoxl_stream.connectors.outcomes import Fate

# FFmpeg decodes text as the screen of a terminal, and follows playlists to other files: neither is a recording.
_NO_RECORDINGS = {"tty", "hls", "dash", "concat", "imf"}
_MISSING_TAIL_S = 1  # how long before its announced length a track may end without being called truncated
_MAX_PIXELS = 1 << 26  # 8192 x 8192: damage can announce pictures that fill the memory
_LONGEST_S = 366 * 86400  # damage can put a picture in another age
_YEARS = range(1970, 2100)  # outside, a recording's start is damage


class Refused(Exception):  # noqa: N818 - how reading a file ends, often as it should
    """Raised when there is no more to be had of a file than was given.

    Args:
        fate: what that makes of the file.
        reason: in words that go on from the file's name.
    """

    def __init__(self, fate: Fate, reason: str) -> None:
        super().__init__(reason)
        self.fate = fate
        self.reason = reason


class Track:
    """The pictures of a file's video track with their presentation times, in order; passes over broken packets.

    Args:
        path: the file.
        keyframes_only: decode only what decodes by itself.
        each_packet: told of every packet, before it is decoded.

    Raises:
        Refused: the file is none that can be read.
    """

    def __init__(
        self, path: Path, *, keyframes_only: bool = False, each_packet: Callable[[Packet[VideoStream]], None]
    ) -> None:
        self._container, self._stream = _open_track(path)
        self._keyframes_only = keyframes_only
        self._each_packet = each_packet
        self.time_base = self._stream.time_base or Fraction(1, av.time_base)
        self._first_pts = self._stream.start_time or 0
        self._end_pts = self._first_pts
        self._behind: int | None = None
        self._upcoming = self._decode()
        self.recorded_at = _recorded_at(self._container)
        self.fps = self._stream.average_rate or self._stream.guessed_rate
        # Only what the track itself says can accuse a file of missing its end: the container's may be the sound's.
        self._announced_s = None if self._stream.duration is None else self._stream.duration * self.time_base
        length = self._container.duration
        self.length_s = self._announced_s or (None if length is None else Fraction(length, av.time_base))
        self.decoded = 0
        self.passed_over = 0  # packets that were not decoded because only key frames are wanted
        self.damaged_packets = 0
        self.seekable = True  # as long as every picture has a time of its own, and later ones later times
        self._fault: av.FFmpegError | None = None

    def __iter__(self) -> Iterator[tuple[int, VideoFrame]]:
        return self

    def __next__(self) -> tuple[int, VideoFrame]:
        upcoming = next(self._upcoming)
        self.decoded += 1
        return upcoming

    @property
    def codec(self) -> tuple[str, bytes, int, int]:
        """Name, extradata, width and height of what is in the packets."""
        context = self._stream.codec_context
        return context.name, context.extradata or b"", context.width, context.height

    @property
    def decoded_s(self) -> Fraction:
        """Where the footage that decoded ends."""
        return self.time_s(self._end_pts)

    @property
    def ticks_per_frame(self) -> int:
        """How long a picture is shown, in units of the time base, by the track's frame rate."""
        return max(1, round(1 / ((self.fps or Fraction(25)) * self.time_base)))

    def time_s(self, pts: int) -> Fraction:
        """Exact seconds since the first picture."""
        return (pts - self._first_pts) * self.time_base

    def seek_behind(self, pts: int, decoded: int) -> bool:
        """Go on behind the picture at ``pts``, the ``decoded``-th; False, and unusable, if the index misleads."""
        try:
            self._container.seek(pts, stream=self._stream, backward=True)
        except av.FFmpegError:
            return False
        self._behind = pts
        self._upcoming = self._decode()
        found = next(((at, picture) for at, picture in self if at >= pts), None)
        self.decoded = decoded
        # Some indices go by decoding time and may lead behind the picture.
        return found is not None and found[0] == pts and self.seekable

    def count_to(self, pts: int, decoded: int) -> bool:
        """Go on behind the ``decoded``-th picture: slow, but right without an index and where times jump."""
        self._behind = pts
        return next((at == pts for at, _ in self if self.decoded == decoded), False)

    def check_end(self) -> None:
        """Say if the track should not have ended here.

        Raises:
            Refused: it breaks off, is shorter than it announces, or gave no picture at all.
        """
        decoded_s, announced_s = float(self.decoded_s), float(self._announced_s or 0)
        if self._fault is not None:
            msg = (
                f"breaks off after {decoded_s:.1f} s and cannot be read further ({self._fault.strerror}): copy it again"
            )
            raise Refused(Fate.DAMAGED, msg) from self._fault
        if decoded_s + _MISSING_TAIL_S < announced_s:
            msg = (
                f"ends after {decoded_s:.1f} s of {announced_s:.1f} s: "
                "it is truncated; copy it again, or use what was read"
            )
            raise Refused(Fate.TRUNCATED, msg)
        if self.decoded == 0 and self.damaged_packets:
            msg = f"has no picture that decodes, in {self.damaged_packets} packets: copy it again"
            raise Refused(Fate.DAMAGED, msg)
        if self.decoded == 0:
            msg = "holds a video track without any picture; record it again"
            raise Refused(Fate.NO_VIDEO, msg)

    def close(self) -> None:
        """Release the file."""
        self._container.close()

    def _decode(self) -> Iterator[tuple[int, VideoFrame]]:
        before: int | None = None
        try:
            for packet in self._container.demux(self._stream):
                for picture in self._decode_packet(packet):
                    pts = picture.pts
                    if pts is None:
                        pts = self._first_pts if before is None else before + self.ticks_per_frame
                    self.seekable &= picture.pts is not None and (before is None or pts > before)
                    before = pts
                    self._check_time(pts)
                    self._end_pts = max(self._end_pts, pts + (0 if self.seekable else self.ticks_per_frame))
                    yield pts, picture
        except av.FFmpegError as e:
            self._fault = e

    def _decode_packet(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        self._each_packet(packet)
        if self._keyframes_only and packet.size and not packet.is_keyframe:
            self.passed_over += self._behind is None or packet.pts is None or packet.pts > self._behind
            self._reach(packet)
            return []
        try:
            pictures = packet.decode()
        except av.FFmpegError:
            self.damaged_packets += 1
            return []
        self._reach(packet)
        return pictures

    def _reach(self, packet: Packet[VideoStream]) -> None:
        if packet.pts is not None and self.time_s(packet.pts) < _LONGEST_S:
            self._end_pts = max(self._end_pts, packet.pts + (packet.duration or self.ticks_per_frame))

    def _check_time(self, pts: int) -> None:
        time_s = float(self.time_s(pts))
        if abs(time_s) > _LONGEST_S:
            msg = f"has a picture at {time_s:.0f} s, which no recording reaches: copy it again, or convert it"
            raise Refused(Fate.DAMAGED, msg)


def quarter_turns(picture: VideoFrame) -> int:
    """Counterclockwise turns that make a picture upright; what is between multiples of 90 degrees is rounded."""
    return round(picture.rotation / 90) % 4


def _open_track(path: Path) -> tuple[InputContainer, VideoStream]:
    _check_file(path)
    try:
        # An absolute path is never taken for an address, whatever stands in it; nor can a file make us open others.
        options = {"protocol_whitelist": "file"}
        container = av.open(path.absolute(), mode="r", metadata_errors="replace", options=options)
    except (av.FFmpegError, OSError) as e:
        msg = (
            f"cannot be opened as video ({e.strerror}); if it should be one, it is damaged or unfinished: copy it again"
        )
        raise Refused(Fate.DAMAGED, msg) from e
    try:
        return container, _video_track(container)
    except BaseException:
        container.close()
        raise


def _check_file(path: Path) -> None:
    if not path.exists():
        raise Refused(Fate.UNREADABLE, "is missing; give the path of a video file")
    if not path.is_file():
        raise Refused(Fate.UNREADABLE, "is a folder or a device; give the path of a video file")
    if not os.access(path, os.R_OK):
        raise Refused(Fate.UNREADABLE, "may not be read; give the user who runs this the right to")
    if path.stat().st_size == 0:
        raise Refused(Fate.DAMAGED, "is empty; copy it again")


def _video_track(container: InputContainer) -> VideoStream:
    if not container.streams:
        raise Refused(Fate.DAMAGED, "holds nothing that could be played: copy it again")
    # A cover picture is no footage.
    tracks = [track for track in container.streams.video if not track.disposition & Disposition.attached_pic]
    if not tracks or container.format.name in _NO_RECORDINGS:
        raise Refused(Fate.NO_VIDEO, "holds no video track; give a file with pictures that move")
    track = tracks[0]
    if track.codec_context is None:  # decoding would end the process
        msg = "does not tell how its pictures are encoded: it is damaged, or of a kind that this FFmpeg does not know"
        raise Refused(Fate.DAMAGED, msg)
    track.codec_context.options = {"max_pixels": str(_MAX_PIXELS)}
    track.thread_type = "AUTO"
    return track


def _recorded_at(container: InputContainer) -> datetime | None:
    try:
        created = datetime.fromisoformat(container.metadata["creation_time"])
        created = created.replace(tzinfo=UTC) if created.utcoffset() is None else created.astimezone(UTC)
    except (KeyError, ValueError, OverflowError):
        return None
    return created if created.year in _YEARS else None
