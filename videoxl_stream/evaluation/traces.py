"""Traces: all that the baselines see of a clip, two numbers or four for each sampled frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videoxl_stream.errors import EndOfStream
from videoxl_stream.frames import Frame
from videoxl_stream.interfaces import Source

_READ_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Trace:
    """One clip, frame by frame.

    Args:
        stream_id: of the clip.
        times_s: (frames,).
        colour: mean of each frame, (frames, 3), 0..1.
        difference: mean absolute difference from the frame before, (frames,), 0..1; 0 for the first.
    """

    stream_id: str
    times_s: NDArray[np.float64]
    colour: NDArray[np.float64]
    difference: NDArray[np.float64]

    @classmethod
    def of(cls, source: Source) -> Trace:
        """Read a source to its end."""
        times, colours, differences = [], [], []
        before: NDArray[np.int16] | None = None
        for frame in _frames(source):
            image = frame.image.astype(np.int16)
            times.append(frame.time_s)
            colours.append(image.mean(axis=(0, 1)) / 255)
            differences.append(0.0 if before is None else float(np.abs(image - before).mean()) / 255)
            before = image
        return cls(source.stream_id, np.array(times), np.array(colours).reshape(-1, 3), np.array(differences))


def _frames(source: Source) -> Iterator[Frame]:
    footage = source.open()
    try:
        while True:
            frame = footage.read(_READ_TIMEOUT_S)
            if frame is not None:
                yield frame
    except EndOfStream:
        return
    finally:
        footage.close()
