"""A topic being read: messages sorted into streams, and offsets committed as these become durable."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from videoxl_stream.connectors.kafka.brokers import Brokers
from videoxl_stream.connectors.kafka.dead_letters import DeadLetters
from videoxl_stream.connectors.kafka.frame_stream import KafkaStream
from videoxl_stream.connectors.kafka.message import FrameMessage, Malformed
from videoxl_stream.connectors.kafka.open_stream import Reading
from videoxl_stream.connectors.kafka.pressure import InFlight, Pressure
from videoxl_stream.connectors.kafka.progress import Done, Progress
from videoxl_stream.connectors.kafka.subscription import Subscription
from videoxl_stream.interfaces import Connection, Source

_FLUSH_S = 3.0
_log = logging.getLogger(__name__)

Leave = Callable[[Sequence[str]], None]


@dataclass(slots=True)
class FeedCounts:
    """What a feed has done so far.

    Args:
        messages: that came.
        rejected: given to the dead letters.
    """

    messages: int = 0
    rejected: int = 0


class OpenKafkaFeed:
    """A topic being read; made by ``KafkaSource.open``.

    Args:
        brokers: whom to read from.
        topic: what.
        group: name of the consumer group.
        letters: where malformed messages go.
        reading: how streams are read.
        limits: what waits at most.
        max_message_bytes: a larger one is malformed.
        session_timeout_s: after which a reader that is not heard of loses its streams.
        settings: more of ``KafkaConsumer``.
    """

    def __init__(
        self,
        brokers: Brokers,
        topic: str,
        group: str,
        *,
        letters: DeadLetters,
        reading: Reading,
        limits: InFlight,
        max_message_bytes: int,
        session_timeout_s: float,
        settings: Mapping[str, Any],
    ) -> None:
        self._topic = topic
        self._letters, self._reading = letters, reading
        self._pressure = Pressure(limits)
        self._max_message_bytes = max_message_bytes
        self._subscription = Subscription(
            brokers, topic, group, session_timeout_s=session_timeout_s, settings=settings, work=letters.send
        )
        self._streams: dict[str, KafkaStream] = {}
        self._progress = Progress()
        self._rewind: dict[int, int] = {}  # where partitions are still to be read again from
        self._rewinding: dict[int, set[str]] = {}  # partitions that are, or will be, and for which streams
        self._closed = False
        self.counts = FeedCounts()

    @property
    def connection(self) -> Connection:
        """How it stands with the brokers."""
        return self._subscription.connection

    @property
    def topic_id(self) -> str:
        """What tells the topic from another that had its name before; empty where brokers do not say."""
        return self._subscription.topic_id

    @property
    def paused(self) -> frozenset[int]:
        """Partitions of which enough waits here."""
        return self._pressure.paused

    def poll(self, timeout_s: float, leave: Leave) -> Sequence[Source]:
        """Let messages come in for all streams, for at most ``timeout_s``.

        Args:
            timeout_s: how long to wait where there is nothing.
            leave: called, in this thread, with the names of streams that another reader takes over, or that must be
                opened anew because brokers or the topic were lost.

        Returns:
            streams that are new here. Each must be opened and read: its messages fill the room of others, too.
        """
        self._letters.settle()
        if self._closed:
            return ()
        partitions = self._progress.partitions
        paused = self._pressure.look(self._streams.values(), partitions, all_rest=self._letters.is_full)
        if any(map(len, self._streams.values())):  # there is enough to do meanwhile
            timeout_s = 0.0
        give_up = partial(self._give_up, leave)
        commit = self._progress.due()
        found = self._subscription.poll(timeout_s, give_up, paused=paused, commit=commit, rewind=self._rewind)
        self._begin_again()
        new = [stream for records in found.values() for stream in map(self._sort, records) if stream is not None]
        self._letters.settle()
        return new

    def done(self, partition: int, offset: int) -> None:
        """Take note that a message never needs to come again."""
        self._progress.done(partition, offset)

    def reject(self, record: Any, reason: str, then: Done) -> None:
        """Give a message to the dead letters; ``then`` is called once it is safe there."""
        self.counts.rejected += 1
        self._letters.add(record, reason, then)

    def hold_back(self, stream_id: str) -> None:
        """Keep no message of a stream that cannot be opened yet; its oldest holds the offset of their partition."""
        self._streams[stream_id].close()

    def bring_back(self, stream_id: str) -> None:
        """Read the partition of a stream again from where it was held back; others pass what they have had."""
        for partition, offset in self._progress.committable(self._streams[stream_id].partitions).items():
            self._rewinding.setdefault(partition, set()).add(stream_id)
            self._rewind[partition] = offset

    def renew(self, reason: str) -> None:
        """Give all streams up at the next ``poll``, and join the group anew: those that are still ours come again."""
        self._subscription.renew(reason)

    def close(self) -> None:
        """Commit what is durable and leave the group, for others to take over; may be called twice."""
        if self._closed:
            return
        self._closed = True
        if self._letters.num_waiting:
            self._letters.flush(_FLUSH_S)
            self._letters.settle()
        self._subscription.close(self._progress.committable)
        self._letters.close()
        self._reading.segments.close()

    # ---- messages

    def _sort(self, record: Any) -> KafkaStream | None:
        """Put a message into its stream; give the stream if it is new."""
        self.counts.messages += 1
        try:
            message = FrameMessage.of(record, max_bytes=self._max_message_bytes)
        except Malformed as e:
            self.reject(record, str(e), self._progress.receive(record.partition, record.offset))
            return None
        stream = self._streams.get(message.stream_id)
        new = stream is None
        if stream is None:
            stream = self._streams[message.stream_id] = KafkaStream(message.stream_id, self, self._reading)
        if stream.partitions and message.partition not in stream.partitions:
            _log.warning(
                "stream %s comes by several partitions of %s: key its messages by its name",
                message.stream_id,
                self._topic,
            )
        take_note = self._progress.hold if stream.closed else self._progress.receive
        take_note(record.partition, record.offset)
        stream.add(message)
        return stream if new else None

    def _begin_again(self) -> None:
        """Take note that partitions are read again: what is not done in them comes, and so do streams held back."""
        for partition in set(self._rewinding) - set(self._rewind):
            for name in self._rewinding.pop(partition):
                self._streams.pop(name, None)
            self._progress.give_up({partition})

    # ---- the group

    def _give_up(self, leave: Leave, partitions: frozenset[int]) -> dict[int, int]:
        """Let partitions go, and say what may be committed of them."""
        gone = [name for name, stream in self._streams.items() if stream.partitions & partitions]
        leave(gone)
        for name in gone:
            stream = self._streams.pop(name)
            stream.close()
            if stream.partitions - partitions:  # what came by those that stay must come again, too
                self.renew(f"stream {name} came by several partitions, and one of them was given up")
        for partition in partitions:
            self._rewind.pop(partition, None)
            self._rewinding.pop(partition, None)
        return self._progress.give_up(partitions)
