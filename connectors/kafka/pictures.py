"""Pictures of single messages."""

from __future__ import annotations

import io
import struct
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from videoxl_stream.connectors.kafka.message import Malformed
from videoxl_stream.frames import Image as Pixels

_FORMATS = ("JPEG", "PNG", "WEBP")
# What Pillow raises over damaged files, by experience: none of it may end a program.
_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, EOFError, KeyError, IndexError, struct.error, ArithmeticError)


def decode_picture(value: bytes, *, max_pixels: int) -> Pixels:
    """Decode a JPEG, PNG or WebP, upright as its Exif data say.

    Args:
        value: the file.
        max_pixels: a picture that has more is refused before it is decoded.

    Returns:
        uint8 (height, width, 3) RGB.

    Raises:
        Malformed: it is damaged, or too large.
    """
    try:
        # Pillow warns of large pictures and of odd ones; our own bound decides.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(value), formats=_FORMATS) as picture:
                _check_size(picture, max_pixels)
                return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"), np.uint8).copy()
    except (Image.DecompressionBombError, UnidentifiedImageError, *_DAMAGE) as e:
        msg = f"the picture cannot be decoded ({type(e).__name__})"
        raise Malformed(msg) from e


def _check_size(picture: Image.Image, max_pixels: int) -> None:
    if picture.width * picture.height > max_pixels:
        msg = f"the picture is too large: {picture.width} x {picture.height}, and {max_pixels} pixels are allowed"
        raise Malformed(msg)
