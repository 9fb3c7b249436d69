"""One stream of a topic: what came of it, and the source that a pipeline opens."""

from __future__ import annotations

from collections import deque

from videoxl_stream.connectors.kafka.message import FrameMessage
from videoxl_stream.connectors.kafka.open_stream import FrameFeed, OpenKafkaStream, Reading
from videoxl_stream.errors import SourceOpenError
from videoxl_stream.interfaces import Position


class KafkaStream:
    """One stream of a topic, as its feed found it; opened once, read until it is closed.

    Delivery: every sampled frame once, in the order of the messages, at the reader's pace.
    Resume: exact, down to a frame within a segment.

    Args:
        stream_id: its name.
        feed: it came by.
        reading: how it is read.
    """

    def __init__(self, stream_id: str, feed: FrameFeed, reading: Reading) -> None:
        self._stream_id = stream_id
        self._feed = feed
        self._reading = reading
        self._waiting: deque[FrameMessage] = deque()
        self.num_bytes = 0
        self.partitions: set[int] = set()
        self.opened: OpenKafkaStream | None = None
        self.closed = False

    @property
    def stream_id(self) -> str:
        """Name of the stream."""
        return self._stream_id

    @property
    def live(self) -> bool:
        """Never: brokers keep it."""
        return False

    def __len__(self) -> int:
        """Messages that wait."""
        return len(self._waiting)

    def add(self, message: FrameMessage) -> None:
        """Take a message; once it is closed it takes none, and what came then comes again elsewhere."""
        self.partitions.add(message.partition)
        if not self.closed:
            self._waiting.append(message)
            self.num_bytes += len(message.value)

    def take(self) -> FrameMessage | None:
        """Give the oldest message; None if none waits."""
        if not self._waiting:
            return None
        message = self._waiting.popleft()
        self.num_bytes -= len(message.value)
        return message

    def put_back(self, message: FrameMessage) -> None:
        """Take a message back that was not used."""
        self._waiting.appendleft(message)
        self.num_bytes += len(message.value)

    def open(self, resume: Position | None = None, *, packets: bool = False) -> OpenKafkaStream:
        """Begin to read, where the position says that the last reader stopped.

        Args:
            resume: that position.
            packets: makes no difference: there are none.

        Raises:
            SourceOpenError: ``resume`` is no position in a topic, or it was opened before.
        """
        if self.opened is not None or self.closed:
            msg = f"stream {self._stream_id!r} was opened before; open its feed again"
            raise SourceOpenError(msg)
        self.opened = OpenKafkaStream(self, self._feed, self._reading, resume)
        return self.opened

    def close(self) -> None:
        """Forget all that waits, and take no more; may be called twice."""
        self.closed = True
        self._waiting.clear()
        self.num_bytes = 0
