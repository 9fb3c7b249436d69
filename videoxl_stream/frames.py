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
