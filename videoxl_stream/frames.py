"""Decoded pictures on their way from a source to a memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from videoxl_stream.errors import ConfigError

Image = NDArray[np.uint8]  # (height, width, 3) RGB


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture of one stream.

    Args:
        stream_id: the stream it belongs to.
        index: running number of the sampled frame within the stream, from 0.
        time_s: presentation time in seconds on the stream's own clock.
        utc: aware UTC time at which the picture was taken.
        image: uint8 (height, width, 3) RGB.

    Raises:
        ConfigError: the picture is not uint8 RGB or the time has no zone.
    """

    stream_id: str
    index: int
    time_s: float
    utc: datetime
    image: Image

    def __post_init__(self) -> None:
        """Refuse pictures and times that would only fail much later."""
        if self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[2] != 3:
            msg = (
                f"frame {self.index} of {self.stream_id!r} is {self.image.dtype} {self.image.shape}; "
                "give uint8 (height, width, 3) RGB"
            )
            raise ConfigError(msg)
        if self.utc.utcoffset() is None:
            msg = f"frame {self.index} of {self.stream_id!r} has a naive time; give an aware UTC datetime"
            raise ConfigError(msg)

    @property
    def num_bytes(self) -> int:
        """Size of the picture in bytes."""
        return self.image.nbytes


@dataclass(frozen=True, slots=True)
class Codec:
    """How a track is encoded: what a container must be told to hold its packets.

    Args:
        name: FFmpeg's name of the format, such as ``h264``.
        extradata: the encoder's out-of-band headers, empty where they are in the packets.
        width: of the encoded picture, in pixels.
        height: of the encoded picture, in pixels.
        quarter_turns: counterclockwise turns by 90 degrees that make the picture upright.
    """

    name: str
    extradata: bytes
    width: int
    height: int
    quarter_turns: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Packet:
    """One encoded picture of one stream, in decoding order.

    Args:
        time_s: presentation time on the stream's clock, the same as that of the ``Frame`` it decodes to.
        decode_s: decoding time on that clock; never falls from one packet to the next.
        duration_s: how long it is shown; 0 if nobody knows.
        keyframe: whether decoding can begin here.
        data: the encoded bytes.
        codec: how it is encoded; the same object for all packets of one track.
    """

    time_s: float
    decode_s: float
    duration_s: float
    keyframe: bool
    data: bytes
    codec: Codec
