"""How a decoding process talks: messages of a small JSON header and raw bytes, over pipes.

One message is a mark, the lengths of both parts (little-endian, 4 and 8 bytes), the header, and the bytes. Pictures
and packets cross as they lie in memory: no pickle, and no copy but the pipe's.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from typing import Any

MARK = b"vxl1"
PREFIX = struct.Struct("<4sIQ")
MAX_HEADER_BYTES = 1 << 20
MAX_BODY_BYTES = 1 << 30

Header = Mapping[str, Any]


def send(fd: int, header: Header, body: bytes | memoryview = b"") -> None:
    """Write one message, however long the pipe makes that take."""
    text, view = json.dumps(header).encode(), memoryview(body).cast("B")
    pieces = [memoryview(PREFIX.pack(MARK, len(text), len(view)) + text), view]
    while pieces:
        written = os.writev(fd, pieces)
        while pieces and written >= len(pieces[0]):
            written -= len(pieces.pop(0))
        if pieces:
            pieces[0] = pieces[0][written:]
