"""One stream of a topic being read."""

from __future__ import annotations

import heapq
import logging
import time
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from videoxl_stream.connectors.kafka.message import Format, FrameMessage, Malformed, moment
from videoxl_stream.connectors.kafka.pictures import decode_picture
from videoxl_stream.connectors.kafka.place import Place
from videoxl_stream.connectors.kafka.progress import Done
from videoxl_stream.connectors.kafka.segments import OpenSegment, Segments
from videoxl_stream.connectors.sampling import Sampling
from videoxl_stream.errors import SourceReadError
from videoxl_stream.frames import Frame, Image
from videoxl_stream.interfaces import Connection, Position

if TYPE_CHECKING:  # it makes one of these
    from videoxl_stream.connectors.kafka.frame_stream import KafkaStream

_US = 10**6
_log = logging.getLogger(__name__)


class FrameFeed(Protocol):
    """What a stream needs of the feed that it came by."""

    @property
    def topic_id(self) -> str:
        """What tells the topic from another that had its name before."""

    @property
    def connection(self) -> Connection:
        """How it stands with the brokers."""

    def done(self, partition: int, offset: int) -> None:
        """Take note that a message never needs to come again."""

    def reject(self, record: Any, reason: str, then: Done) -> None:
        """Give a message to the dead letters; ``then`` is called once it is safe there."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How all streams of a feed are read.

    Args:
        sampling: which frames are wanted.
        max_pixels: of a picture.
        segments: decodes segments.
    """

    sampling: Sampling
    max_pixels: int
    segments: Segments


@dataclass(slots=True)
class StreamCounts:
    """What became of one stream's messages.

    Args:
        duplicates: came again, by their running numbers.
        missing: running numbers that never came.
        rejected: given to the dead letters.
    """

    duplicates: int = 0
    missing: int = 0
    rejected: int = 0


class OpenKafkaStream:
    """One stream of a topic being read; made by ``KafkaStream.open``.

    Args:
        stream: where its messages wait.
        feed: it came by.
        reading: how it is read.
        resume: an earlier ``position()``.

    Raises:
        SourceOpenError: ``resume`` is no position in a topic.
    """

    def __init__(self, stream: KafkaStream, feed: FrameFeed, reading: Reading, resume: Position | None) -> None:
        self._stream, self._feed, self._reading = stream, feed, reading
        self._place = Place.of(resume, stream.stream_id)
        if self._place.epoch_us is not None and not self._same_log:
            _log.warning("stream %s goes on with what its topic holds now: it was created anew since", stream.stream_id)
        self._message: FrameMessage | None = None  # a segment that is being read
        self._segment: OpenSegment | None = None
        self._has_to_wait = False  # for a process that decodes
        self._newest_us = self._place.newest_us  # of all messages, given or not
        self._sampled_away = 0
        self._durable = self._place.index  # frames before this one need not come again
        # Heap of what was read: the frame behind each message, its partition and offset. What it held is let go.
        self._undone: list[tuple[int, int, int]] = []
        self._closed = False
        self.counts = StreamCounts()

    @property
    def _same_log(self) -> bool:
        """Whether offsets mean the same as where it stands; once it has given a frame of this topic they do."""
        return self._place.is_of(self._feed.topic_id)

    @property
    def sampled_away(self) -> int:
        """Frames so far that sampling passed over, most of them without decoding."""
        return self._sampled_away + (0 if self._segment is None else self._segment.sampled_away)

    @property
    def expected_frames(self) -> None:
        """Nobody knows how many will come."""
        return

    @property
    def connection(self) -> Connection:
        """How it stands with the brokers."""
        return self._feed.connection

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next sampled frame, or None when none was there within ``timeout_s``.

        Raises:
            SourceReadError: it was closed, or no process for decoding can be started.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            if self._closed:
                msg = f"stream {self._stream.stream_id!r} was closed; open its feed again"
                raise SourceReadError(msg)
            frame = None
            if self._segment is not None:
                frame = self._read_segment(max(0.0, deadline - time.monotonic()))
            elif not self._has_to_wait and (message := self._stream.take()) is not None:
                frame = self._begin(message)
            else:
                # Only the feed's poll brings more, and only other streams' ends let another segment begin.
                time.sleep(max(0.0, deadline - time.monotonic()))
                self._has_to_wait = False
                return None
            if frame is not None or (self._segment is not None and time.monotonic() >= deadline):
                return frame

    def packets(self) -> tuple[()]:
        """There are none: footage comes as pictures."""
        return ()

    def position(self) -> Position:
        """Where the next read begins."""
        return self._place.position

    def acknowledge(self, position: Position) -> None:
        """Take note that all footage before a position is durable: its messages need not come again."""
        if self._closed:
            return
        self._durable = max(self._durable, int(position.get("index", 0)))
        while self._undone and self._undone[0][0] <= self._durable:
            _, partition, offset = heapq.heappop(self._undone)
            self._feed.done(partition, offset)

    def close(self) -> None:
        """Stop reading; what is not durable comes again. May be called twice."""
        self._closed = True
        self._stream.close()
        if self._segment is not None:
            self._segment.close()

    def _begin(self, message: FrameMessage) -> Frame | None:
        """Read a picture, or begin a segment."""
        place, within = self._place, self._same_log and self._place.is_within(message)
        if self._same_log and place.is_behind(message):
            self._settle(message)  # its frames may be read and not yet durable, where the feed reads again
            return None
        if not within and place.repeats(message, self._newest_us):
            self.counts.duplicates += 1
            self._feed.done(message.partition, message.offset)
            return None
        if message.format is Format.SEGMENT:
            return self._begin_segment(message, place.frame if within else 0)
        self._follow(message)
        tick = self._tick(message.utc_us)
        if tick is not None and tick == self._last_tick:
            self._sampled_away += 1
            self._settle(message)
            return None
        try:
            image = decode_picture(message.value, max_pixels=self._reading.max_pixels)
        except Malformed as e:
            self._reject(message, str(e))
            return None
        frame = self._give(message, message.utc_us, image, offset=message.offset + 1, num_given=0)
        self._settle(message)
        return frame

    def _begin_segment(self, message: FrameMessage, given: int) -> Frame | None:
        epoch_us = message.utc_us if self._place.epoch_us is None else self._place.epoch_us
        try:
            segment = self._reading.segments.open(
                message.value,
                self._reading.sampling,
                offset_us=message.utc_us - epoch_us,
                last_tick=self._last_tick,
                given=given,
            )
        except OSError as e:
            msg = f"the system gives no process to decode {self._stream.stream_id!r} ({e.strerror}); close others"
            raise SourceReadError(msg) from e
        if segment is None:
            self._stream.put_back(message)
            self._has_to_wait = True
            return None
        self._follow(message)
        self._message, self._segment = message, segment
        return None

    def _read_segment(self, timeout_s: float) -> Frame | None:
        message, segment = self._message, self._segment
        if message is None or segment is None:
            return None
        reason = ""
        try:
            picture = segment.read(timeout_s)
        except Malformed as e:
            picture, reason = None, str(e)
        if segment.ended:
            self._sampled_away += segment.sampled_away
            self._message = self._segment = None
            if reason:
                self._reject(message, reason)
            else:
                self._settle(message)
        if picture is None:
            return None
        epoch_us = message.utc_us if self._place.epoch_us is None else self._place.epoch_us
        utc_us = epoch_us + round(picture.time_s * _US)
        return self._give(message, utc_us, picture.image, offset=message.offset, num_given=picture.num_given)

    def _give(self, message: FrameMessage, utc_us: int, image: Image, *, offset: int, num_given: int) -> Frame:
        place = self._place
        epoch_us = utc_us if place.epoch_us is None else place.epoch_us
        self._place = replace(
            place,
            topic=self._feed.topic_id,
            partition=message.partition,
            offset=offset,
            frame=num_given,
            index=place.index + 1,
            epoch_us=epoch_us,
            newest_us=utc_us,
        )
        time_s = (utc_us - epoch_us) / _US
        return Frame(self._stream.stream_id, place.index, time_s, moment(utc_us), image)

    def _follow(self, message: FrameMessage) -> None:
        """Take note of a message's time and running number."""
        self._newest_us = max(self._newest_us, message.utc_us)
        if message.sequence is None:
            return
        missing = message.sequence - self._place.sequence - 1
        if self._place.sequence >= 0 and missing > 0:
            self.counts.missing += missing
            _log.info("stream %s: %d messages are missing before %d", message.stream_id, missing, message.sequence)
        self._place = replace(self._place, sequence=message.sequence)

    def _tick(self, utc_us: int) -> int | None:
        epoch_us = utc_us if self._place.epoch_us is None else self._place.epoch_us
        return self._reading.sampling.tick(Fraction(utc_us - epoch_us, _US))

    @property
    def _last_tick(self) -> int | None:
        return None if self._place.epoch_us is None else self._tick(self._place.newest_us)

    def _settle(self, message: FrameMessage) -> None:
        """Count a message as read: it is done once the frames that were given are durable."""
        self._settle_behind(self._place.index, message.partition, message.offset)

    def _settle_behind(self, index: int, partition: int, offset: int) -> None:
        if self._closed:
            return
        if self._durable >= index:
            self._feed.done(partition, offset)
        else:
            heapq.heappush(self._undone, (index, partition, offset))

    def _reject(self, message: FrameMessage, reason: str) -> None:
        self.counts.rejected += 1
        then = partial(self._settle_behind, self._place.index, message.partition, message.offset)
        self._feed.reject(message.record, reason, then)
