"""The pictures of a window as JPEGs in a ZIP archive, which any tool opens."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image as Pillow

from videoxl_stream.buffer import Window
from videoxl_stream.frames import Image

_INDEX = "window.json"


@dataclass(frozen=True, slots=True)
class Pictures:
    """What is needed to take a window in again.

    Args:
        jpegs: of its frames, in order.
        times: presentation times in seconds.
        short: whether it was cut before it was full.
    """

    jpegs: tuple[bytes, ...]
    times: tuple[float, ...]
    short: bool

    @classmethod
    def of(cls, window: Window, quality: int) -> Pictures:
        """Encode a window's frames."""
        jpegs = tuple(_to_jpeg(frame.image, quality) for frame in window.frames)
        return cls(jpegs, tuple(frame.time_s for frame in window.frames), window.short)

    @property
    def images(self) -> list[Image]:
        """What the JPEGs show."""
        return [np.array(Pillow.open(io.BytesIO(jpeg)).convert("RGB")) for jpeg in self.jpegs]

    def shown(self, window: Window) -> Window:
        """A window with these pictures in place of its own."""
        frames = [replace(frame, image=image) for frame, image in zip(window.frames, self.images, strict=True)]
        return replace(window, frames=tuple(frames))

    def pack(self) -> bytes:
        """As one file."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:  # stored: JPEGs do not become smaller
            for name, data in zip(_names(self.jpegs), self.jpegs, strict=True):
                archive.writestr(zipfile.ZipInfo(name), data)
            archive.writestr(zipfile.ZipInfo(_INDEX), json.dumps({"times_s": self.times, "short": self.short}))
        return packed.getvalue()

    @classmethod
    def unpack(cls, packed: bytes) -> Pictures:
        """Read what ``pack`` gave."""
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            index = json.loads(archive.read(_INDEX))
            jpegs = [archive.read(name) for name in _names(index["times_s"])]
        return cls(tuple(jpegs), tuple(index["times_s"]), index["short"])


def _names(items: Sequence[object]) -> list[str]:
    return [f"{number:05d}.jpg" for number in range(len(items))]


def _to_jpeg(image: Image, quality: int) -> bytes:
    encoded = io.BytesIO()
    Pillow.fromarray(image).save(encoded, "JPEG", quality=quality)
    return encoded.getvalue()
