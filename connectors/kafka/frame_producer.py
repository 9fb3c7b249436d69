"""Footage into a topic, as ``KafkaSource`` reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from kafka.errors import KafkaError

from videoxl_stream.connectors.kafka.brokers import Brokers, check_topic
from videoxl_stream.connectors.kafka.encodings import Encoding, encode_picture, encode_segment
from videoxl_stream.connectors.kafka.record_producer import Record, RecordProducer
from videoxl_stream.connectors.kafka.security import KafkaSecurity
from videoxl_stream.connectors.kafka.url import KafkaURL
from videoxl_stream.errors import ConfigError, SinkError
from videoxl_stream.frames import Frame

_MAX_REQUEST_BYTES = 1 << 28  # brokers refuse what is too large for them; the client need not


class FrameProducer:
    """Writes frames as messages, keyed by their stream, numbered from 0 for each.

    Args:
        servers: ``host:port`` of one broker or several.
        topic: where to.
        encoding: of the values: a picture each, or segments.
        segment_s: seconds of footage in a segment.
        security: how to log in.
        timeout_s: after which a message that was not acknowledged is given up.

    Raises:
        ConfigError: an argument cannot be.
    """

    def __init__(
        self,
        servers: str | Sequence[str],
        topic: str,
        *,
        encoding: Encoding | str = Encoding.JPEG,
        segment_s: float = 2.0,
        security: KafkaSecurity | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        if encoding not in set(Encoding) or not segment_s > 0:
            msg = f"encoding {encoding!r} with {segment_s} s cannot be; give one of {', '.join(Encoding)}"
            raise ConfigError(msg)
        self.topic, self._encoding, self._segment_s = check_topic(topic), Encoding(encoding), segment_s
        self._brokers = Brokers(servers, security)
        self._producer = RecordProducer(self._brokers, timeout_s=timeout_s, max_request_size=_MAX_REQUEST_BYTES)
        self._sequences: defaultdict[str, int] = defaultdict(int)
        self._segments: defaultdict[str, list[Frame]] = defaultdict(list)

    @classmethod
    def from_url(cls, url: str, *, encoding: Encoding | str = Encoding.JPEG) -> FrameProducer:
        """``kafka://user:password@host:port/topic``; options as for ``KafkaSource``'s security.

        Raises:
            ConfigError: the URL cannot be understood.
        """
        address = KafkaURL(url)
        address.check_taken()
        return cls(address.brokers.servers, address.topic, encoding=encoding, security=address.brokers.security)

    @property
    def name(self) -> str:
        """For people, without credentials."""
        return f"{self._brokers.shown}/{self.topic}"

    def create_topic(self, partitions: int = 1) -> None:
        """Create the topic, unless it is there: as many readers can share it as it has partitions.

        Raises:
            SinkError: no broker answers, or this user may not.
        """
        try:
            self._brokers.create_topic(self.topic, partitions)
        except KafkaError as e:
            raise self._failed(e) from e

    def write(self, frame: Frame) -> None:
        """Send one frame, or keep it until its segment is whole; ``flush`` tells whether it arrived.

        Raises:
            SinkError: no broker answers, or the message is larger than allowed.
        """
        if not self._encoding.is_segment:
            self.write_message(frame.stream_id, frame.utc, encode_picture(frame, self._encoding))
            return
        segment = self._segments[frame.stream_id]
        if segment and not self._belongs(frame, segment[0]):
            self._end_segment(frame.stream_id)
        self._segments[frame.stream_id].append(frame)

    def write_message(
        self, stream_id: str, utc: datetime, value: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a value that is encoded already.

        Args:
            stream_id: whose footage it is.
            utc: when its first picture was taken.
            value: a JPEG, PNG, WebP, MPEG-TS or MP4.
            headers: more of them, or others than usual.

        Raises:
            SinkError: no broker answers, or the message is larger than allowed.
        """
        sequence = self._sequences[stream_id]
        usual = {
            "stream_id": stream_id,
            "timestamp": utc.astimezone(UTC).isoformat(),
            "sequence": str(sequence),
        }
        try:
            self._producer.write(Record(self.topic, stream_id.encode(), value, {**usual, **(headers or {})}))
        except KafkaError as e:
            raise self._failed(e) from e
        self._sequences[stream_id] = sequence + 1

    def flush(self) -> None:
        """End all segments, and wait until everything has been acknowledged.

        Raises:
            SinkError: something was not.
        """
        for stream_id in list(self._segments):
            self._end_segment(stream_id)
        self.flush_sent()

    def flush_sent(self) -> None:
        """As ``flush``, but segments go on.

        Raises:
            SinkError: something was not acknowledged.
        """
        try:
            self._producer.flush()
        except KafkaError as e:
            raise self._failed(e) from e

    def close(self) -> None:
        """Release everything, without waiting for what was not flushed; may be called twice."""
        self._segments.clear()
        self._producer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self.close()

    def _belongs(self, frame: Frame, first: Frame) -> bool:
        """Whether a frame can be in the segment that another one began."""
        in_time = first.time_s <= frame.time_s < first.time_s + self._segment_s
        return in_time and frame.image.shape == first.image.shape

    def _end_segment(self, stream_id: str) -> None:
        frames = self._segments.pop(stream_id, [])
        if frames:
            self.write_message(stream_id, frames[0].utc, encode_segment(frames, self._encoding))

    def _failed(self, error: KafkaError) -> SinkError:
        return SinkError(f"footage does not reach topic {self.topic!r}: {self._brokers.explain(error)}")
