"""Stills: single pictures out of video files, small, as JPEG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import av
from av.video.frame import VideoFrame

from videoxl_stream.errors import SourceReadError

_QUALITY = 80


def stills(path: Path, times_s: Sequence[float], *, width: int = 288) -> list[bytes]:
    """Take the pictures shown at given times.

    Args:
        path: the video file.
        times_s: seconds from its first picture, in any order; behind its end it shows its last picture.
        width: of the JPEGs in pixels; the height follows.

    Raises:
        SourceReadError: no picture decodes there.
    """
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        found = []
        for time_s in times_s:
            container.seek(int(time_s * av.time_base), backward=True)
            picture = None
            for frame in container.decode(stream):
                if picture is not None and frame.time is not None and frame.time > time_s:
                    break
                picture = frame
            if picture is None:
                msg = f"{path} shows nothing at {time_s:.1f} s: it is damaged; render it again"
                raise SourceReadError(msg)
            found.append(_jpeg(picture, width))
    return found


def _jpeg(picture: VideoFrame, width: int) -> bytes:
    image = picture.to_image(width=width, height=round(width * picture.height / picture.width))
    written = io.BytesIO()
    image.save(written, "JPEG", quality=_QUALITY)
    return written.getvalue()
