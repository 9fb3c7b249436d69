"""Small video files, each picture its own, and what reading them gives."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from videoxl_stream.connectors.open_files import OpenFiles
from videoxl_stream.errors import EndOfStream
from videoxl_stream.frames import Frame

START = datetime(2026, 1, 1, tzinfo=UTC)
HEIGHT, WIDTH = 48, 64


def picture(level: int, *, size: tuple[int, int] = (HEIGHT, WIDTH), red_top: bool = False) -> np.ndarray:
    image = np.full((*size, 3), level, np.uint8)
    if red_top:
        image[: size[0] // 2] = (255, 0, 0)
    return image


def write_video(
    path: Path,
    milliseconds: Sequence[int],
    *,
    codec: str = "libx264",
    size: tuple[int, int] = (HEIGHT, WIDTH),
    rotation: int = 0,
    creation_time: str | None = None,
    offset_ms: int = 0,
    b_frames: int = 2,
) -> Path:
    """Encode one picture for each moment; its brightness counts up so that every picture is its own."""
    # Without pictures that lean on later ones key frames come exactly when they are due, too, as from a camera.
    x264 = {"g": "12", "bf": str(b_frames)} | ({} if b_frames else {"sc_threshold": "0"})
    options = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(path, "w", options=options) as container:
        if creation_time:
            container.metadata["creation_time"] = creation_time
        stream = container.add_stream(codec, rate=30, options=x264 if codec == "libx264" else {})
        assert isinstance(stream, VideoStream)
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, at in enumerate(milliseconds):
            image = picture(40 + index % 200, size=size, red_top=bool(rotation))
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = at + offset_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if rotation:
        turn(path, rotation)
    return path


def turn(path: Path, degrees: int) -> None:
    """Write a display matrix into an MP4's track header; not every PyAV that we support can."""
    data = bytearray(path.read_bytes())
    begin = data.index(b"tkhd") + 44  # version 0: type, flags, times, ids and layer come before
    cosine, sine = round(np.cos(np.radians(degrees))), round(np.sin(np.radians(degrees)))
    one, whole = 1 << 16, 1 << 30
    matrix = (cosine * one, -sine * one, 0, sine * one, cosine * one, 0, 0, 0, whole)
    data[begin : begin + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)


def every(step_ms: int, num: int) -> list[int]:
    return [index * step_ms for index in range(num)]


def write_sound(path: Path) -> Path:
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        for index in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, index * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read_some(opened: OpenFiles, num: int) -> list[Frame]:
    """The next frames, at most so many."""
    frames: list[Frame] = []
    try:
        while len(frames) < num:
            frame = opened.read(1.0)
            if frame is not None:
                frames.append(frame)
    except EndOfStream:
        pass
    return frames


def read_all(opened: OpenFiles) -> list[Frame]:
    return read_some(opened, 10**9)


def times(frames: Sequence[Frame]) -> list[float]:
    return [round(frame.time_s, 3) for frame in frames]


def same(ours: Sequence[Frame], theirs: Sequence[Frame]) -> bool:
    return [(f.index, f.time_s, f.utc) for f in ours] == [(f.index, f.time_s, f.utc) for f in theirs] and all(
        np.array_equal(our.image, their.image) for our, their in zip(ours, theirs, strict=True)
    )
