"""Pictures into an H.264 file at their true times."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image as Pillow

from videoxl_stream.evidence.album import KeptPicture
from videoxl_stream.evidence.remux import TICKS_PER_S, TIME_BASE
from videoxl_stream.frames import Image, Packet

_DECODERS = {"av1": "libdav1d"}  # where FFmpeg's own of that name needs hardware
# Pictures may become so much larger than announced, as where a camera changes its resolution, and in any case this
# large: decoders of small ones take more room inside.
_GROWTH, _PIXELS_IN_ANY_CASE = 4, 2**22
# One thread, no macroblock tree: the same pictures give the same bytes. No B-frames: packets come in order.
_X264 = {"crf": "23", "preset": "veryfast", "bf": "0", "g": "50", "mbtree": "0"}

TimedPicture = tuple[float, Image]  # seconds, (height, width, 3) RGB


def decode(packets: Sequence[Packet]) -> Iterator[TimedPicture]:
    """Decode packets of one codec into upright pictures, passing over those that do not decode.

    Yields:
        presentation time in seconds and the picture.

    Raises:
        ValueError: this FFmpeg cannot decode the codec at all.
    """
    codec = packets[0].codec
    context = av.CodecContext.create(_DECODERS.get(codec.name, codec.name), "r")
    if not isinstance(context, VideoCodecContext):
        msg = f"{codec.name} is no video codec"
        raise ValueError(msg)
    if codec.extradata:
        context.extradata = codec.extradata
    context.width, context.height = codec.width, codec.height
    # A damaged header may announce any size, and memory would be taken for it.
    context.options = {"max_pixels": str(max(_PIXELS_IN_ANY_CASE, _GROWTH * codec.width * codec.height))}
    for packet in [*packets, None]:
        try:
            pictures = context.decode(_encoded(packet))
        except av.FFmpegError:
            continue
        for picture in pictures:
            if picture.pts is not None:
                image = picture.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
                yield picture.pts / TICKS_PER_S, np.rot90(image, codec.quarter_turns)


def unpack(kept: Iterable[KeptPicture]) -> Iterator[TimedPicture]:
    """Decode pictures that an album kept."""
    for each in kept:
        yield each.time_s, np.asarray(Pillow.open(io.BytesIO(each.jpeg)).convert("RGB"))


def encode(pictures: Iterable[TimedPicture], path: Path) -> None:
    """Write pictures into an MP4 file; its time begins at 0 with the first.

    A size that is odd grows by a pixel, which H.264 wants. Pictures from the first of another size on are left out.

    Args:
        pictures: in order of time.
        path: overwritten.

    Raises:
        ValueError: there is no picture.
        av.FFmpegError: there is no room.
        OSError: likewise.
    """
    frames = _frames(pictures)
    first = next(frames, None)
    if first is None:
        msg = "no picture could be decoded"
        raise ValueError(msg)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        track = container.add_stream("libx264", rate=25, options=dict(_X264))
        track.width, track.height, track.pix_fmt = first[0].width, first[0].height, "yuv420p"
        track.codec_context.thread_count, track.codec_context.time_base = 1, TIME_BASE
        durations: dict[int | None, int] = {}  # PyAV does not carry them through the encoder
        for frame, duration in chain([first], frames):
            durations[frame.pts] = duration
            _mux(container, track.encode(frame), durations)
        _mux(container, track.encode(None), durations)


def _mux(container: OutputContainer, packets: list[av.Packet[VideoStream]], durations: dict[int | None, int]) -> None:
    for packet in packets:
        packet.duration = durations.pop(packet.pts)
        container.mux(packet)


def _frames(pictures: Iterable[TimedPicture]) -> Iterator[tuple[VideoFrame, int]]:
    """Frames of one size at rising times, and for how many ticks each is shown."""
    waiting: VideoFrame | None = None
    first_s, pts, step = 0.0, 0, TICKS_PER_S  # a lone picture is shown for a second
    for time_s, image in pictures:
        frame = _frame(image)
        if waiting is None:
            first_s, waiting = time_s, frame
            waiting.pts = pts
            continue
        if (frame.width, frame.height) != (waiting.width, waiting.height):
            break
        frame.pts = round((time_s - first_s) * TICKS_PER_S)
        if frame.pts > pts:
            step, pts = frame.pts - pts, frame.pts
            yield waiting, step
            waiting = frame
    if waiting is not None:
        yield waiting, step


def _frame(image: Image) -> VideoFrame:
    height, width, _ = image.shape
    if height % 2 or width % 2:
        image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    frame.time_base = TIME_BASE
    return frame


def _encoded(packet: Packet | None) -> av.Packet[VideoStream] | None:
    if packet is None:  # asks the decoder for what it has left
        return None
    encoded = cast("av.Packet[VideoStream]", av.Packet(packet.data))
    encoded.time_base = TIME_BASE
    encoded.pts, encoded.dts = round(packet.time_s * TICKS_PER_S), round(packet.decode_s * TICKS_PER_S)
    return encoded
