"""A camera in use: connected, or being connected again."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from videoxl_stream.connectors.backoff import Backoff
from videoxl_stream.connectors.camera_link import CameraLink
from videoxl_stream.connectors.decoder import Decoder, DecoderLost
from videoxl_stream.connectors.messages import Message
from videoxl_stream.connectors.received import ReceivedPackets
from videoxl_stream.connectors.sampling import Sampling
from videoxl_stream.connectors.wire import Header
from videoxl_stream.errors import SourceOpenError, SourceReadError
from videoxl_stream.frames import Frame, Packet
from videoxl_stream.interfaces import Connection, Position

_MODULE = "videoxl_stream.connectors.capturing"
_STEADY_S = 10.0  # a connection that lasted so long was a good one: the next is tried at once
_LATER_S = 2.0  # the capturing process knows better why nothing comes, and is asked first
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_COUNTED = ("sampled_away", "damaged_packets", "dropped")
# What an interpreter, FFmpeg and a GPU's driver read; anything else may hold a secret and is not handed on.
_HANDED_ON = ("PATH", "PYTHON", "LD_", "LANG", "LC_", "TZ", "TMPDIR", "HOME", "CUDA", "NVIDIA", "LIBVA", "SSL_CERT")
_log = logging.getLogger(__name__)


class OpenCamera:
    """A live stream being watched; made by ``RTSPSource.open``.

    Args:
        link: how it is reached.
        stream_id: name of the stream.
        sampling: which pictures are wanted.
        decode: as for ``RTSPSource``.
        threads: of FFmpeg.
        open_timeout_s: as for ``RTSPSource``.
        stall_timeout_s: as for ``RTSPSource``.
        resume: an earlier ``position()``.
        packets: whether to hand out encoded packets.

    Raises:
        SourceOpenError: ``resume`` is not a position in a live stream.
    """

    def __init__(
        self,
        link: CameraLink,
        *,
        stream_id: str,
        sampling: Sampling,
        decode: str,
        threads: int,
        open_timeout_s: float,
        stall_timeout_s: float,
        resume: Position | None,
        packets: bool,
    ) -> None:
        self._link, self._stream_id = link, stream_id
        self._wanted = {
            "sampling": sampling.to_json(),
            "decode": decode,
            "threads": threads,
            "packets": packets,
            "open_timeout_s": open_timeout_s,
            "stall_timeout_s": stall_timeout_s,
        }
        self._patience_s = stall_timeout_s + _LATER_S
        self._packets = ReceivedPackets() if packets else None
        self._connection = Connection(up=False, reason="the camera is being connected to")
        self._backoff = Backoff(stream_id)
        self._retry_at = self._up_since = time.monotonic()
        self._decoder: Decoder | None = None
        self._asked = False  # the decoder has a connection to make or to keep
        self._closed = False
        self._counts = Counter[str]()  # of this connection
        self._counts_before = Counter[str]()
        self._index = 0
        self._epoch_us: int | None = None
        self._last_us: int | None = None  # UTC of the last frame
        if resume and resume.get("index") != 0:
            self._go_on_from(resume)

    @property
    def decoder_pid(self) -> int | None:
        """Id of the process that captures just now; None if there is none."""
        return None if self._decoder is None else self._decoder.pid

    @property
    def sampled_away(self) -> int:
        """Frames decoded so far that sampling passed over, or packets that were not decoded for it."""
        return self._counted("sampled_away")

    @property
    def dropped(self) -> int:
        """Frames decoded so far that were given up because nobody read for 5 s."""
        return self._counted("dropped")

    @property
    def damaged_packets(self) -> int:
        """Packets so far that did not decode."""
        return self._counted("damaged_packets")

    @property
    def expected_frames(self) -> int | None:
        """Nobody knows."""
        return None

    @property
    def connection(self) -> Connection:
        """Whether it is up, and why not."""
        return replace(self._connection, dropped=self.dropped)

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next sampled frame, or None when none came within ``timeout_s``; also while it is down.

        Raises:
            SourceReadError: it was closed.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            message = self._receive(deadline)
            frame = None if message is None else self._take(message)
            # Also while packets come and come: whoever reads has to fetch them.
            if frame is not None or time.monotonic() >= deadline:
                return frame

    def packets(self) -> tuple[Packet, ...]:
        """Encoded packets of what was read since the last call, if they were asked for at ``open``."""
        return () if self._packets is None else self._packets.take()

    def position(self) -> Position:
        """Number of the next frame, UTC of the stream's time 0, and the time of the last frame."""
        if self._epoch_us is None or self._last_us is None:
            return {"index": 0}
        epoch = (_EPOCH + self._epoch_us * _MICROSECOND).isoformat()
        return {"index": self._index, "epoch": epoch, "time_s": (self._last_us - self._epoch_us) / 10**6}

    def acknowledge(self, position: Position) -> None:
        """Do nothing: a camera keeps nothing."""

    def close(self) -> None:
        """End the capturing process, whatever it is doing; may be called twice."""
        self._closed = True
        self._drop_decoder()
        self._connection = Connection(up=False, reason="the camera is watched no more", losses=self._connection.losses)

    def _counted(self, what: str) -> int:
        return self._counts_before[what] + self._counts[what]

    def _go_on_from(self, resume: Position) -> None:
        try:
            epoch = datetime.fromisoformat(str(resume["epoch"])).astimezone(UTC)
            self._index = int(resume["index"])
            self._epoch_us = (epoch - _EPOCH) // _MICROSECOND
            self._last_us = self._epoch_us + round(float(resume["time_s"]) * 10**6)
        except (KeyError, ValueError, TypeError, OverflowError) as e:
            msg = f"{dict(resume)!r} is no position in a live stream; pass what position() of {self._stream_id!r} gave"
            raise SourceOpenError(msg) from e

    def _receive(self, deadline: float) -> Message | None:
        """The next message; None if there is none in time, or the connection was lost meanwhile."""
        if self._closed:
            msg = f"{self._stream_id} was closed; open the source again"
            raise SourceReadError(msg)
        wait_s = self._retry_at - time.monotonic()
        if not self._asked and wait_s > 0:
            time.sleep(max(0.0, min(wait_s, deadline - time.monotonic())))
            return None
        try:
            return self._decoder_at_work().receive(max(0.0, deadline - time.monotonic()))
        except DecoderLost as e:
            self._decoder = None
            self._lose(e.reason if e.ready else f"cannot be captured: the process for it does not start; it {e.reason}")
        except OSError as e:
            self._lose(f"cannot be captured: the system gives no process ({e.strerror}); close what is not needed")
        return None

    def _decoder_at_work(self) -> Decoder:
        if self._decoder is None:
            environment = {name: value for name, value in os.environ.items() if name.startswith(_HANDED_ON)}
            hide = self._link.hide
            self._decoder = Decoder(self._patience_s, module=_MODULE, environment=environment, hide=hide)
        if not self._asked:
            self._asked = True
            where = {"link": self._link.to_json(), "epoch_us": self._epoch_us, "last_us": self._last_us}
            self._decoder.request({**self._wanted, **where})
        return self._decoder

    def _take(self, message: Message) -> Frame | None:
        header = message.header
        if message.kind == "frame":
            self._count(header)
            return self._frame(message)
        if message.kind == "connected":
            self._rise(header)
        elif message.kind == "ended":
            self._count(header)
            if header["last"]:
                self._drop_decoder()
            self._lose(header["reason"])
        elif message.kind == "progress":
            self._count(header)
        elif self._packets is not None:
            self._packets.add(message)
        return None

    def _frame(self, message: Message) -> Frame:
        at_us = (self._epoch_us or 0) + message.header["time_us"]
        self._last_us = at_us
        self._index += 1
        time_s = message.header["time_us"] / 10**6
        return Frame(self._stream_id, self._index - 1, time_s, _EPOCH + at_us * _MICROSECOND, message.picture())

    def _count(self, header: Header) -> None:
        dropped = self._counts["dropped"]
        self._counts = Counter({key: header.get(key, 0) for key in _COUNTED})
        if self._counts["dropped"] and not dropped:
            _log.warning("stream %s: frames are given up, for nobody reads them", self._stream_id)

    def _rise(self, connected: Header) -> None:
        self._epoch_us = connected["epoch_us"] if self._epoch_us is None else self._epoch_us
        self._up_since = time.monotonic()
        self._connection = Connection(losses=self._connection.losses)
        _log.info("stream %s: %s is up", self._stream_id, self._link.shown)

    def _lose(self, reason: str) -> None:
        """Note that there is no connection, and why; try again later."""
        before, reason = self._connection, f"the camera {self._link.hide(reason)}"
        now = time.monotonic()
        if before.up and now - self._up_since > _STEADY_S:
            self._backoff.reset()
        self._retry_at = now + self._backoff.next_s()
        self._asked = False
        self._counts_before.update(self._counts)
        self._counts = Counter()
        self._connection = Connection(up=False, reason=reason, losses=before.losses + before.up)
        if before.up or reason != before.reason:
            _log.warning("stream %s: %s (%s)", self._stream_id, reason, self._link.shown)

    def _drop_decoder(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None
