"""Messages of a decoding process, put together from what its pipe gives."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videoxl_stream.connectors.wire import MARK, MAX_BODY_BYTES, MAX_HEADER_BYTES, PREFIX, Header


class WireError(Exception):
    """Raised when what comes over the pipe is no message."""


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One message.

    Args:
        header: what it says.
        body: uint8 (bytes,), what comes with it; nobody else holds it.
    """

    header: Header
    body: NDArray[np.uint8]

    @property
    def kind(self) -> str:
        """What it is about."""
        return str(self.header.get("kind"))

    def picture(self) -> NDArray[np.uint8]:
        """uint8 (height, width, 3), upright; copied only if the picture is turned or its rows are padded."""
        height, width, turns = (self.header[key] for key in ("height", "width", "quarter_turns"))
        rows = self.body.reshape(height, -1)[:, : width * 3]
        return np.ascontiguousarray(np.rot90(rows.reshape(height, width, 3), turns))


def messages(fd: int) -> Iterator[Message | None]:
    """Read messages from a non-blocking pipe; None whenever there is nothing to read just now.

    Raises:
        EOFError: the other side has closed the pipe.
        WireError: what came is no message.
    """
    while True:
        prefix = bytearray(PREFIX.size)
        yield from _fill(fd, memoryview(prefix))
        mark, header_bytes, body_bytes = PREFIX.unpack(prefix)
        if mark != MARK or header_bytes > MAX_HEADER_BYTES or body_bytes > MAX_BODY_BYTES:
            msg = f"{bytes(prefix)!r} begins no message"
            raise WireError(msg)
        text, body = bytearray(header_bytes), np.empty(body_bytes, np.uint8)
        yield from _fill(fd, memoryview(text))
        yield from _fill(fd, body.data)
        yield Message(_parse(bytes(text)), body)


def _fill(fd: int, view: memoryview) -> Generator[None]:
    while view:
        try:
            num_bytes = os.readv(fd, [view])
        except BlockingIOError:
            yield None
            continue
        if num_bytes == 0:
            msg = "the pipe was closed"
            raise EOFError(msg)
        view = view[num_bytes:]


def _parse(text: bytes) -> Header:
    try:
        header = json.loads(text)
    except ValueError as e:
        msg = f"{text[:80]!r} is no header"
        raise WireError(msg) from e
    if not isinstance(header, dict):
        msg = f"{text[:80]!r} is no header"
        raise WireError(msg)
    return header
