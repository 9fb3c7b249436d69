"""Encoded footage in which a bright square wanders over a dark ground, and its packets."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import av
import numpy as np
from av.video.stream import VideoStream

from videoxl_stream.events import Event, Severity, Status, event_id
from videoxl_stream.frames import Codec, Frame, Image, Packet

START = datetime(2026, 3, 1, 23, 59, 50, tzinfo=UTC)
HEIGHT, WIDTH = 64, 96
FPS = 10
QUIET = {"x265-params": "log-level=none:keyint=10:min-keyint=10:bframes=2"}


def picture(number: int, *, height: int = HEIGHT, width: int = WIDTH) -> Image:
    """A white square that comes round every 16 pictures, also along the upper border."""
    image = np.full((height, width, 3), 30, np.uint8)
    x = number * width // 16 % width
    image[0 : height // 2, x : x + width // 4] = 255
    return image


def film(
    encoder: str = "libx264",
    container: str = "mp4",
    *,
    num: int = 100,
    fps: int = FPS,
    height: int = HEIGHT,
    width: int = WIDTH,
    options: dict[str, str] | None = None,
) -> bytes:
    """Encode footage; with x264 a keyframe every second, and B-frames."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        track = out.add_stream(encoder, rate=fps, options={"g": str(fps), "bf": "2"} if options is None else options)
        assert isinstance(track, VideoStream)
        track.width, track.height = width, height
        track.pix_fmt = "yuvj420p" if encoder == "mjpeg" else "yuv420p"
        for number in range(num):
            frame = av.VideoFrame.from_ndarray(picture(number, height=height, width=width), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            out.mux(track.encode(frame))
        out.mux(track.encode(None))
    return file.getvalue()


def packets_of(footage: bytes, name: str = "h264", *, start_s: float = 0.0, quarter_turns: int = 0) -> list[Packet]:
    """The packets of footage as a source would give them, the first picture at ``start_s``."""
    with av.open(io.BytesIO(footage), "r") as container:
        track = container.streams.video[0]
        codec = Codec(name, bytes(track.codec_context.extradata or b""), track.width, track.height, quarter_turns)
        raw = [packet for packet in container.demux(track) if packet.size]
        first = min(packet.pts or 0 for packet in raw)
        return [
            Packet(
                time_s=start_s + float(((packet.pts or 0) - first) * packet.time_base),
                decode_s=start_s + float(((packet.dts or 0) - first) * packet.time_base),
                duration_s=float((packet.duration or 0) * packet.time_base),
                keyframe=packet.is_keyframe,
                data=bytes(packet),
                codec=codec,
            )
            for packet in raw
        ]


def decoded(file: bytes) -> list[tuple[float, Image]]:
    """Times and pictures of a file."""
    with av.open(io.BytesIO(file), "r") as container:
        return [
            (float(frame.time or 0.0), frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False))
            for frame in container.decode(video=0)
        ]


def frame(time_s: float, image: Image | None = None, index: int | None = None) -> Frame:
    """A frame of the same footage, as the model sees it."""
    index = round(time_s) if index is None else index
    shown = picture(round(time_s * FPS)) if image is None else image
    return Frame("cam", index, time_s, START + timedelta(seconds=time_s), shown)


def event(start_s: float, end_s: float, *, status: Status = Status.OPENED, revision: int = 0, window: int = 0) -> Event:
    """An event of the footage."""
    return Event(
        id=event_id("site", "cam", "rule", window),
        revision=revision,
        status=status,
        pipeline="site",
        stream_id="cam",
        rule="rule",
        severity=Severity.WARNING,
        window=window,
        start=START + timedelta(seconds=start_s),
        end=START + timedelta(seconds=end_s),
        start_s=start_s,
        end_s=end_s,
        question="Is there a bright square?",
        answer="yes",
        probability=0.9,
    )
