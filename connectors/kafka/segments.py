"""Segments of encoded footage, decoded in processes of their own: one that crashes costs the segment."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from videoxl_stream.connectors.decoder import Decoder, DecoderLost
from videoxl_stream.connectors.kafka.message import Malformed
from videoxl_stream.connectors.messages import Message
from videoxl_stream.connectors.outcomes import Fate
from videoxl_stream.connectors.sampling import Sampling
from videoxl_stream.connectors.wire import Header
from videoxl_stream.frames import Image


class Segments:
    """Decoding processes that take segments in turn.

    Args:
        max_decoders: as many segments are read at the same time at most.
        stall_timeout_s: after which a process that says nothing is given up, and the segment with it.
    """

    def __init__(self, max_decoders: int, stall_timeout_s: float) -> None:
        self._max_decoders = max_decoders
        self._stall_timeout_s = stall_timeout_s
        self._idle: list[Decoder] = []
        self._num_busy = 0

    def open(
        self, value: bytes, sampling: Sampling, *, offset_us: int, last_tick: int | None, given: int
    ) -> OpenSegment | None:
        """Begin to decode one; None while all processes are at work.

        Args:
            value: an MPEG-TS or MP4 file.
            sampling: which pictures are wanted.
            offset_us: where its first picture lies on the stream's clock, in microseconds.
            last_tick: of ``sampling``, of the picture before it.
            given: pictures at its start to be left out, since they were given before.

        Raises:
            OSError: the system gives no process, or no memory for the file.
        """
        if self._num_busy == self._max_decoders:
            return None
        file = _nameless(value)
        try:
            decoder = self._idle.pop() if self._idle else Decoder(self._stall_timeout_s)
        except OSError:
            os.close(file)
            raise
        self._num_busy += 1
        begin = {"offset_us": offset_us, "last_tick": last_tick}
        return OpenSegment(self, decoder, file, sampling, begin=begin, given=given)

    def give_back(self, decoder: Decoder, *, usable: bool) -> None:
        """Take a process back."""
        self._num_busy -= 1
        if usable:
            self._idle.append(decoder)
        else:
            decoder.close()

    def close(self) -> None:
        """End all processes that are idle; may be called twice."""
        while self._idle:
            self._idle.pop().close()


class OpenSegment:
    """One segment being decoded; made by ``Segments.open``."""

    def __init__(
        self,
        segments: Segments,
        decoder: Decoder,
        file: int,
        sampling: Sampling,
        *,
        begin: Mapping[str, int | None],
        given: int,
    ) -> None:
        self._segments = segments
        self._decoder: Decoder | None = decoder
        self._fd, self._begin, self._given = file, begin, given
        self.sampled_away = 0
        path = f"/proc/{os.getpid()}/fd/{file}"
        decoder.request({"path": path, "sampling": sampling.to_json(), "packets": False, "resume": None})

    @property
    def ended(self) -> bool:
        """Whether it has no more pictures."""
        return self._decoder is None

    def read(self, timeout_s: float) -> SegmentFrame | None:
        """The next picture that is wanted; None if it has no more, or none was decoded in time.

        Raises:
            Malformed: it is damaged; what decoded before was given. It has ended.
        """
        deadline = time.monotonic() + timeout_s
        while self._decoder is not None:
            try:
                message = self._decoder.receive(max(0.0, deadline - time.monotonic()))
            except DecoderLost as e:
                self._end(usable=False)
                raise Malformed(f"the segment {e.reason}") from e  # noqa: EM102 - one sentence
            frame = None if message is None else self._take(self._decoder, message)
            if frame is not None or (message is None and time.monotonic() >= deadline):
                return frame
        return None

    def close(self) -> None:
        """Stop reading it; may be called twice."""
        self._end(usable=False)

    def _take(self, decoder: Decoder, message: Message) -> SegmentFrame | None:
        header = message.header
        if message.kind == "opened":
            decoder.request(self._begin)
            return None
        self.sampled_away = header.get("sampled_away", self.sampled_away)
        if message.kind == "frame":
            return SegmentFrame(header, message.body) if header["decoded"] > self._given else None
        if message.kind == "ended":
            self._end(usable=True)
            if header["fate"] != Fate.READ:
                msg = f"the segment {header['reason']}"
                raise Malformed(msg)
        return None

    def _end(self, *, usable: bool) -> None:
        decoder, self._decoder = self._decoder, None
        if decoder is not None:
            os.close(self._fd)
            self._segments.give_back(decoder, usable=usable)


class SegmentFrame:
    """One picture of a segment.

    Args:
        header: what the decoding process says of it.
        body: its pixels.
    """

    def __init__(self, header: Header, body: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
        self.time_s = float(header["time_s"])
        self.num_given = int(header["decoded"])
        self._header, self._body = header, body

    @property
    def image(self) -> Image:
        """uint8 (height, width, 3) RGB, upright."""
        height, width, turns = (self._header[key] for key in ("height", "width", "quarter_turns"))
        rows = self._body.reshape(height, -1)[:, : width * 3]
        return np.ascontiguousarray(np.rot90(rows.reshape(height, width, 3), turns))


def _nameless(value: bytes) -> int:
    """A descriptor of a file without a name: nothing is left of it, however this process ends."""
    fd = os.memfd_create("segment", os.MFD_CLOEXEC)
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(value)
    except OSError:
        os.close(fd)
        raise
    return fd
