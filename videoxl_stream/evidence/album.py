"""The last pictures that a stream's model was shown, small enough to be kept in memory."""

from __future__ import annotations

import io
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from PIL import Image as Pillow

from videoxl_stream.frames import Frame, Image


@dataclass(frozen=True, slots=True, eq=False)
class KeptPicture:
    """One picture as JPEG, with when it was taken."""

    time_s: float
    utc: datetime
    jpeg: bytes


class Album:
    """A bounded queue of pictures in order of time.

    Args:
        quality: of the JPEG, 1 to 95.
        keep_s: seconds kept behind the newest picture in any case.
        max_s: seconds held at most, whatever is needed.
        max_bytes: bytes held at most, whatever is needed.
    """

    def __init__(self, *, quality: int, keep_s: float, max_s: float, max_bytes: int) -> None:
        self._quality, self._keep_s, self._max_s, self._max_bytes = quality, keep_s, max_s, max_bytes
        self._kept: deque[KeptPicture] = deque()
        self.num_bytes = 0
        self.lost_pictures = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, frame: Frame, needed_s: float) -> None:
        """Keep a frame that is not older than the last.

        Args:
            frame: the next one.
            needed_s: stream time from which on clips in the making will ask.
        """
        self._kept.append(KeptPicture(frame.time_s, frame.utc, to_jpeg(frame.image, self._quality)))
        self.num_bytes += len(self._kept[-1].jpeg)
        while self._is_over():
            self.lost_pictures += self._kept[0].time_s >= min(needed_s, frame.time_s - self._keep_s)
            self._drop()
        while self._kept and self._kept[0].time_s < min(needed_s, frame.time_s - self._keep_s):
            self._drop()

    def cut(self, start_s: float, end_s: float) -> list[KeptPicture]:
        """Pictures of a stretch of stream time, ``end_s`` not included."""
        return [kept for kept in self._kept if start_s <= kept.time_s < end_s]

    def nearest(self, time_s: float) -> KeptPicture | None:
        """The picture that was taken closest to a moment; None while empty."""
        return min(self._kept, key=lambda kept: abs(kept.time_s - time_s), default=None)

    def clear(self) -> None:
        """Let go of everything."""
        self._kept.clear()
        self.num_bytes = 0

    def _is_over(self) -> bool:
        held_s = self._kept[-1].time_s - self._kept[0].time_s if self._kept else 0.0
        return bool(self._kept) and (self.num_bytes > self._max_bytes or held_s > self._max_s)

    def _drop(self) -> None:
        self.num_bytes -= len(self._kept.popleft().jpeg)


def to_jpeg(image: Image, quality: int, *, width: int | None = None) -> bytes:
    """Encode a picture (height, width, 3) as JPEG, made narrower where ``width`` is given and smaller."""
    picture = Pillow.fromarray(image)
    if width is not None and width < picture.width:
        size = (width, max(1, round(picture.height * width / picture.width)))
        picture = picture.resize(size, Pillow.Resampling.BILINEAR, reducing_gap=2.0)
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=quality)
    return encoded.getvalue()
