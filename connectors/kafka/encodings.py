"""Footage as the values of messages."""

from __future__ import annotations

import io
from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction

import av
from av.video.stream import VideoStream
from PIL import Image

from videoxl_stream.frames import Frame

_QUALITY = 90
_TIME_BASE = Fraction(1, 90_000)
_CONTAINERS = {
    "mpegts": ("mpegts", {}),
    "fmp4": ("mp4", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
}


class Encoding(StrEnum):
    """How footage is put into messages."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    MPEGTS = "mpegts"
    FMP4 = "fmp4"

    @property
    def is_segment(self) -> bool:
        """Whether many frames share a message."""
        return self.value in _CONTAINERS


def encode_picture(frame: Frame, encoding: Encoding) -> bytes:
    """One frame as a picture's file."""
    out = io.BytesIO()
    Image.fromarray(frame.image).save(out, encoding.value.upper(), quality=_QUALITY)
    return out.getvalue()


def encode_segment(frames: Sequence[Frame], encoding: Encoding) -> bytes:
    """Frames of one stream as a file that can be decoded by itself; times count from the first."""
    name, options = _CONTAINERS[encoding.value]
    out = io.BytesIO()
    height, width, _ = frames[0].image.shape
    with av.open(out, "w", format=name, options=options) as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast", "tune": "zerolatency"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width - width % 2, height - height % 2, "yuv420p"
        stream.codec_context.time_base = _TIME_BASE
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame.image[: stream.height, : stream.width], format="rgb24")
            picture.pts = round((frame.time_s - frames[0].time_s) / _TIME_BASE)
            picture.time_base = _TIME_BASE
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return out.getvalue()
