"""From a source into a buffer: one frame at a time when asked, or by a thread where footage does not wait."""

from __future__ import annotations

import logging
from collections import deque
from threading import Condition, Event, Thread

from videoxl_stream.buffer import BufferCounts, FrameBuffer, Window
from videoxl_stream.errors import EndOfStream, SourceReadError
from videoxl_stream.frames import Frame, Packet
from videoxl_stream.gaps import LastFrame
from videoxl_stream.interfaces import Connection, OpenSource, Position
from videoxl_stream.queries import Span
from videoxl_stream.regions import Regions

_READ_TIMEOUT_S = 0.2
_MAX_PACKET_BYTES = 64 * 2**20  # of one live stream, waiting while the model is busy
_JOIN_S = 2.0
_log = logging.getLogger(__name__)


class Reader:
    """One stream's source and buffer, read by whoever calls ``read``.

    Args:
        stream_id: name of the stream.
        source: open; closed by ``close``, or when it has no more.
        buffer: its own.
        regions: drawn into every frame before anything else sees it.
        packets: whether encoded packets are wanted; somebody must take them.
    """

    def __init__(
        self, stream_id: str, source: OpenSource, buffer: FrameBuffer, regions: Regions, *, packets: bool
    ) -> None:
        self.source = source
        self._stream_id = stream_id
        self.ended = False  # the source gives no more
        self.fault: SourceReadError | None = None
        self._buffer, self._regions, self._wants_packets = buffer, regions, packets
        self._refused: tuple[Frame, Position] | None = None
        self._forgotten = 0
        self._newest: LastFrame | None = None
        self._packets: deque[Packet] = deque()
        self._packet_bytes = 0
        self._changed = Condition()  # guards all of the above

    @property
    def counts(self) -> BufferCounts:
        """What became of the frames of the source; one that the buffer refused is held here."""
        with self._changed:
            counts, refused = self._buffer.counts, int(self._refused is not None)
            lost = self._forgotten + self.source.connection.dropped
        return BufferCounts(
            accepted=counts.accepted + refused + lost,
            taken=counts.taken,
            dropped=counts.dropped + lost,
            held=counts.held + refused,
        )

    @property
    def sampled_away(self) -> int:
        """Frames decoded so far that sampling passed over."""
        return self.source.sampled_away

    @property
    def connection(self) -> Connection:
        """How the source stands with what it reads from."""
        return self.source.connection

    @property
    def newest(self) -> LastFrame | None:
        """The newest frame that came, in this run."""
        return self._newest

    @property
    def held_bytes(self) -> int:
        """Bytes of pictures and packets that wait."""
        return self._buffer.held_bytes + self._packet_bytes

    @property
    def gap_s(self) -> float:
        """A longer step between two frames is a gap."""
        return self._buffer.gap_s

    def read(self, timeout_s: float) -> bool:
        """Move one frame from the source to the buffer, if one comes in time and there is room; say whether it did."""
        offered = self._refused or self._next(timeout_s)
        if offered is None:
            return False
        with self._changed:
            accepted = self._buffer.put(*offered)
            self._refused = None if accepted else offered
            self._changed.notify_all()
        return accepted

    def take(self) -> Window | None:
        """Remove and return the oldest window; None while it is still in the making."""
        with self._changed:
            window = self._buffer.take()
            self._changed.notify_all()
        return window

    def waiting(self) -> list[Window]:
        """The windows that all that waits would make if nothing followed; it goes on waiting."""
        with self._changed:
            return self._buffer.waiting()

    def packets(self) -> list[Packet]:
        """Encoded packets that came since the last call."""
        with self._changed:
            packets, self._packets, self._packet_bytes = list(self._packets), deque(), 0
        return packets

    def forget(self, span: Span) -> None:
        """Drop all frames of a span that wait."""
        with self._changed:
            self._buffer.forget(span)
            if self._refused is not None and span.start_s <= self._refused[0].time_s < span.end_s:
                self._refused, self._forgotten = None, self._forgotten + 1

    def acknowledge(self, position: Position) -> None:
        """Tell the source up to where footage is durable."""
        self.source.acknowledge(position)

    def close(self) -> None:
        """Close the source; what waits stays."""
        self.source.close()

    def break_off(self, fault: SourceReadError) -> None:
        """Read no more, for a reason that the source knows nothing of."""
        self.close()
        self._end(fault)

    def _next(self, timeout_s: float) -> tuple[Frame, Position] | None:
        if self.ended:
            return None
        try:
            frame = self.source.read(timeout_s)
            self._keep_packets()
        except EndOfStream:
            self._end(None)
            return None
        except SourceReadError as e:
            self._end(e)
            return None
        if frame is None:
            return None
        self._newest = LastFrame(frame.time_s, frame.utc)
        return self._regions.draw(frame), self.source.position()

    def _keep_packets(self) -> None:
        if not self._wants_packets:
            return
        packets = self.source.packets()
        with self._changed:
            self._packets += packets
            self._packet_bytes += sum(len(packet.data) for packet in packets)
            while self._packet_bytes > _MAX_PACKET_BYTES:
                self._packet_bytes -= len(self._packets.popleft().data)

    def _end(self, fault: SourceReadError | None) -> None:
        if fault is not None:
            _log.warning("stream %s broke: %s", self._stream_id, fault)
        self._keep_packets()
        with self._changed:
            self.fault = fault
            self._buffer.end()
            self.ended = True
            self._changed.notify_all()
        self.source.close()


class LiveReader(Reader):
    """As ``Reader``, but a thread reads all the time: what nobody takes in time is dropped by the buffer's policy.

    So a slow model costs frames that are counted, and never lets a network fill up: how far the newest window lies
    back is bounded by the buffer.
    """

    def __init__(
        self, stream_id: str, source: OpenSource, buffer: FrameBuffer, regions: Regions, *, packets: bool
    ) -> None:
        super().__init__(stream_id, source, buffer, regions, packets=packets)
        self._stop = Event()
        self._broke: BaseException | None = None
        self._thread = Thread(target=self._run, name=f"reading {stream_id}", daemon=True)
        self._thread.start()

    def read(self, timeout_s: float) -> bool:
        """Wait until a window can be taken; say whether one can.

        Raises:
            VideoXLStreamError: the thread came upon what it cannot go on from, such as pictures too large to buffer.
        """
        if self._broke is not None:
            raise self._broke
        with self._changed:
            return self._changed.wait_for(lambda: self._buffer.is_ready or self._is_over, timeout_s)

    def stop(self) -> None:
        """Tell the thread to end, after the read that it is at."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def join(self) -> None:
        """Wait until the thread has ended; what waits is the last that comes, and makes a short window."""
        self._thread.join(_JOIN_S)
        with self._changed:
            self._buffer.end()

    def close(self) -> None:
        """Stop the thread and close the source; what waits stays."""
        self.stop()
        self._thread.join(_JOIN_S)
        if self._thread.is_alive():
            _log.warning("stream %s does not return from reading; its source is closed all the same", self._stream_id)
        self.source.close()

    @property
    def _is_over(self) -> bool:
        return self._broke is not None or (self.ended and not self._buffer.counts.held)

    def _run(self) -> None:
        try:
            while not (self._stop.is_set() or self.ended):
                if not super().read(_READ_TIMEOUT_S) and self._refused is not None:
                    self._await_room()
        except BaseException as e:  # told to whoever reads; there is nobody else here
            with self._changed:
                self._broke = e
                self._changed.notify_all()

    def _await_room(self) -> None:
        with self._changed:
            self._changed.wait(_READ_TIMEOUT_S)
