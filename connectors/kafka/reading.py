"""What the streams of one feed share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from videoxl_stream.connectors.kafka.message import FrameMessage
from videoxl_stream.connectors.kafka.segments import Segments
from videoxl_stream.connectors.sampling import Sampling
from videoxl_stream.interfaces import Connection

Then = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Reading:
    """What all streams of a feed share.

    Args:
        sampling: which frames are wanted.
        max_pixels: of a picture.
        segments: decodes segments.
    """

    sampling: Sampling
    max_pixels: int
    segments: Segments


class FrameFeed(Protocol):
    """What a stream needs of the feed that it came by."""

    @property
    def topic_id(self) -> str:
        """What tells the topic from another that had its name before."""

    @property
    def connection(self) -> Connection:
        """How it stands with the brokers."""

    def done(self, message: FrameMessage) -> None:
        """Take note that a message never needs to come again."""

    def reject(self, message: FrameMessage, reason: str, then: Then) -> None:
        """Give a message to the dead letters; ``then`` is called once it is safe there."""
