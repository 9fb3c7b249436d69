"""Where reading one stream of a topic stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from videoxl_stream.connectors.kafka.message import FrameMessage
from videoxl_stream.errors import SourceOpenError
from videoxl_stream.interfaces import Position


@dataclass(frozen=True, slots=True)
class Place:
    """What must be known of the past to go on; plain JSON as a ``Position``.

    Args:
        topic: id of the topic; another topic of its name has another. Empty where brokers do not tell.
        partition: of it.
        offset: of the message that comes next.
        frame: pictures of that message that were decoded already.
        index: of the frame that comes next.
        epoch_us: UTC of the stream's first frame ever, in microseconds since 1970: where its clock stands at 0. None
            before there was one.
        newest_us: UTC of the newest frame.
        sequence: newest running number; -1 if there was none.
    """

    topic: str = ""
    partition: int = -1
    offset: int = 0
    frame: int = 0
    index: int = 0
    epoch_us: int | None = None
    newest_us: int = 0
    sequence: int = -1

    @classmethod
    def of(cls, position: Position | None, stream_id: str) -> Self:
        """Read what ``position`` gave.

        Raises:
            SourceOpenError: it is no position in a topic.
        """
        if not position or (position.get("index") == 0 and "offset" not in position):
            return cls()
        try:
            numbers = {
                name: int(position[name])
                for name in ("partition", "offset", "frame", "index", "epoch_us", "newest_us", "sequence")
            }
            return cls(topic=str(position["topic"]), **numbers)
        except (KeyError, ValueError, TypeError) as e:
            msg = (
                f"{dict(position)!r} is no position in a topic of Kafka: was {stream_id!r} another kind of source "
                "before? Give one of them another name"
            )
            raise SourceOpenError(msg) from e

    @property
    def position(self) -> Position:
        """The same as plain JSON."""
        if self.epoch_us is None:
            return {"index": 0}
        return {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "frame": self.frame,
            "index": self.index,
            "epoch_us": self.epoch_us,
            "newest_us": self.newest_us,
            "sequence": self.sequence,
        }

    def is_of(self, topic: str) -> bool:
        """Whether offsets mean the same here."""
        return self.epoch_us is not None and (not self.topic or not topic or self.topic == topic)

    def is_behind(self, message: FrameMessage) -> bool:
        """Whether a message of the same topic was read to its end."""
        return message.partition == self.partition and message.offset < self.offset

    def is_within(self, message: FrameMessage) -> bool:
        """Whether a message of the same topic was read in part."""
        return (message.partition, message.offset) == (self.partition, self.offset) and self.frame > 0

    def repeats(self, message: FrameMessage, newest_us: int) -> bool:
        """Whether a message's running number says that it came before; producers that start over may count anew.

        Args:
            message: the message.
            newest_us: UTC of the newest one before it.
        """
        if message.sequence is None or message.sequence > self.sequence:
            return False
        starts_over = message.utc_us > newest_us and (message.dated or message.sequence == 0)
        return not starts_over
