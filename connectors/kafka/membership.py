"""A member of a consumer group that gives partitions up in its caller's thread, and never keeps him long."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from kafka import AsyncConsumerRebalanceListener, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import CorruptRecordError, KafkaError
from kafka.structs import OffsetAndMetadata

from videoxl_stream.connectors.kafka.brokers import Brokers

_GRACE_S = 0.05  # a call that takes longer than asked for is fetched at the next poll
_CLOSE_S = 5.0
_MOST_JOIN_WAIT_S = 4.0  # shorter than _CLOSE_S, which waits for it
MAX_RECORDS = 32  # in one poll
_log = logging.getLogger(__name__)

Offsets = Mapping[int, int]
"""Partition -> offset of the next message that is wanted."""
Revoked = Callable[[frozenset[int]], Offsets]
"""Gives up partitions, and says what may be committed of them."""
T = TypeVar("T")


class _Revocation:
    """Partitions that are to be given up; the group waits for the answer."""

    def __init__(self, partitions: frozenset[int]) -> None:
        self.partitions = partitions
        self.offsets: Future[Offsets] = Future()


class Membership:
    """A consumer of one topic whose blocking calls run in a thread of its own, one after another.

    kafka-python calls back in a third thread when partitions move. Here that third thread waits until the caller, who
    polls, has given them up in his own: only then are their offsets committed, and only then does the group go on.

    Args:
        brokers: whom to read from.
        topic: what.
        group: name of the group.
        session_timeout_s: after which a member that is not heard of loses its partitions.
        settings: more of ``KafkaConsumer``.
        work: called before each poll, in the same thread: for what may take long. It is told whether any partition
            is ours just then.
        confirm: called where messages came by a new connection, before any is returned; raises a KafkaError if the
            topic is another one.
    """

    def __init__(
        self,
        brokers: Brokers,
        topic: str,
        group: str,
        *,
        session_timeout_s: float,
        settings: Mapping[str, Any],
        work: Callable[[bool], None],
        confirm: Callable[[], None],
    ) -> None:
        self._brokers, self._topic = brokers, topic
        self._settings = {
            "group_id": group,
            "session_timeout_ms": int(session_timeout_s * 1000),
            "heartbeat_interval_ms": int(session_timeout_s * 1000 / 6),
            "partition_assignment_strategy": [CooperativeStickyAssignor],
            **settings,
        }
        self._patience_s = session_timeout_s / 2
        self._join_wait_s = min(0.8 * session_timeout_s, _MOST_JOIN_WAIT_S)
        self._work, self._confirm = work, confirm
        self._trusted: set[Any] = set()  # connections to brokers of which it is known that they have our topic
        self._consumer: Any = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"kafka-{topic}")
        self._call: Future[Any] | None = None
        self._news: SimpleQueue[_Revocation | None] = SimpleQueue()  # None: a call has ended
        self._committed: dict[int, int] = {}
        self._closed = False
        self._is_alone = False  # nobody waits for its calls any more

    def poll(
        self,
        timeout_s: float,
        revoked: Revoked,
        *,
        paused: frozenset[int],
        commit: Offsets,
        rewind: dict[int, int] | None = None,
    ) -> Mapping[int, list[Any]]:
        """Take part in the group, and return what came, by partition; nothing where it takes longer than asked for.

        Args:
            timeout_s: how long to wait where there is nothing.
            revoked: called, in this thread, with partitions that another member takes over.
            paused: partitions of which nothing is wanted just now.
            commit: what may be committed.
            rewind: offsets from which partitions are to be read again. One is taken out once it is done: what is
                returned from then on comes from there.

        Raises:
            KafkaError: it cannot go on; close it.
        """
        if self._call is None:
            self._start(lambda: self._poll(timeout_s, paused, commit, {} if rewind is None else rewind))
        found: Mapping[int, list[Any]] = self._wait(timeout_s + _GRACE_S, revoked) or {}
        return found

    def close(self, revoked: Revoked) -> None:
        """Commit, leave the group and release everything; may be called twice.

        Args:
            revoked: as for ``poll``.
        """
        if self._closed:
            return
        self._closed = True
        deadline = time.monotonic() + _CLOSE_S
        try:
            while self._call is not None and time.monotonic() < deadline:
                self._wait(deadline - time.monotonic(), revoked)
        except KafkaError as e:
            _log.debug("%s: %s", self._brokers.shown, self._brokers.explain(e))
        finally:
            self._leave(revoked)

    # ---- in the caller's thread

    def _leave(self, revoked: Revoked) -> None:
        """Close the consumer, behind a call that has not ended if need be: else the group waits for a ghost."""
        self._is_alone = self._call is not None
        self._start(self._close)
        try:
            if not self._is_alone:
                self._wait(_CLOSE_S, revoked)
        except KafkaError as e:
            _log.warning("left group without a word: %s", self._brokers.explain(e))
        finally:
            self._is_alone = self._call is not None
            self._thread.shutdown(wait=not self._is_alone)

    def _start(self, call: Callable[[], object]) -> None:
        self._call = self._thread.submit(call)
        self._call.add_done_callback(lambda _: self._news.put(None))

    def _wait(self, timeout_s: float, revoked: Revoked) -> Any:
        deadline = time.monotonic() + timeout_s
        while self._call is not None:
            try:
                news = self._news.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                return None
            if news is not None:
                _answer(news, revoked)
            elif self._call.done():
                call, self._call = self._call, None
                return call.result()
        return None

    # ---- in the thread of its own

    def _poll(
        self, timeout_s: float, paused: frozenset[int], commit: Offsets, rewind: dict[int, int]
    ) -> Mapping[int, list[Any]]:
        """Poll once; but while the group is being joined, wait until it is."""
        self._work(self._consumer is not None and bool(self._consumer.assignment()))
        if self._closed:
            return {}
        if self._consumer is None:
            consumer = self._brokers.consumer(**self._settings)
            consumer.subscribe([self._topic], listener=_Listener(self))
            self._consumer = consumer
        return self._poll_once(timeout_s, paused, commit, rewind) if self._join() else {}

    def _join(self) -> bool:
        """Wait until the group has agreed; says whether it has, before all is closed.

        kafka-python 3.0 throws away, and asks anew for, what brokers answer between two of its waits. Short waits lose
        it again and again, and a broker that tells nobody of a member that asks anew leaves all others where they are.
        """
        coordinator = self._consumer._coordinator
        while not self._closed and coordinator.need_rejoin():
            coordinator.poll(timeout_ms=int(self._join_wait_s * 1000))
            self._work(bool(self._consumer.assignment()))
        return not self._closed

    def _poll_once(
        self, timeout_s: float, paused: frozenset[int], commit: Offsets, rewind: dict[int, int]
    ) -> Mapping[int, list[Any]]:
        consumer = self._consumer
        assigned = {partition.partition for partition in consumer.assignment()}
        self._pause(paused & assigned)
        self._committed = {partition: self._committed.get(partition, -1) for partition in assigned}
        mine = {each: offset for each, offset in commit.items() if self._committed.get(each, offset) != offset}
        if mine:
            consumer.commit_async(self._offsets(mine), partial(self._note, mine))
        for partition in assigned & set(rewind):
            self._seek(partition, rewind)
        _unpark(consumer)
        try:
            found = consumer.poll(int(timeout_s * 1000), max_records=MAX_RECORDS)
        except CorruptRecordError as e:
            if not isinstance(e.__context__, (ValueError, IndexError)):  # on its way: what is fetched anew is whole
                raise
            found = _pass_over(consumer)
        if found:
            self._check_connections()
        return {partition.partition: records for partition, records in found.items()}

    def _check_connections(self) -> None:
        """Let nothing through that came by a new connection before the topic is known to be the same.

        A topic that was created anew while the brokers were away has other messages at the same offsets, and a
        consumer reads on in the middle of them without a word.
        """
        connections = set(self._consumer._client._manager._conns.values())
        if not connections <= self._trusted:
            self._confirm()
            self._trusted = connections

    def _seek(self, partition: int, rewind: dict[int, int]) -> None:
        at = TopicPartition(self._topic, partition)
        oldest = self._consumer.beginning_offsets([at])[at]  # from before it the library would go where a group begins
        offset = rewind.pop(partition, None)  # the caller takes out what is given up meanwhile
        if offset is not None:
            with suppress(ValueError, KeyError):  # just given up: whoever has it next reads from there
                self._consumer.seek(at, max(offset, oldest))

    def _pause(self, wanted: frozenset[int]) -> None:
        now = {partition.partition for partition in self._consumer.paused()}
        self._consumer.pause(*(TopicPartition(self._topic, partition) for partition in wanted - now))
        self._consumer.resume(*(TopicPartition(self._topic, partition) for partition in now - wanted))

    def _close(self) -> None:
        if self._consumer is not None:
            self._consumer.close(autocommit=False, timeout_ms=int(_CLOSE_S * 1000 / 2))

    def _note(self, sent: Offsets, _: object, answer: object) -> None:
        if isinstance(answer, Exception):  # the next commit covers it
            _log.debug("%s: not committed: %s", self._topic, self._brokers.explain(answer))
        else:
            self._committed.update(sent)

    def _offsets(self, offsets: Offsets) -> dict[Any, Any]:
        return {
            TopicPartition(self._topic, partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in offsets.items()
        }

    # ---- in kafka-python's own thread

    async def give_up(self, partitions: frozenset[int], *, commit: bool) -> None:
        """Wait until the caller has given partitions up, then commit what he may."""
        if self._is_alone:
            return
        asked = _Revocation(partitions)
        self._news.put(asked)
        try:
            offsets = asked.offsets.result(self._patience_s)
        except (TimeoutError, CancelledError):
            _log.warning("%s: partitions %s go on before they were given up", self._topic, sorted(partitions))
            return
        if commit and offsets:
            try:
                await self._consumer.commit_async(self._offsets(offsets))
            except KafkaError as e:
                _log.warning("%s: not committed on giving up: %s", self._topic, self._brokers.explain(e))


class _Listener(AsyncConsumerRebalanceListener):  # type: ignore[misc] # the library ships no types
    """Passes on what kafka-python says."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Give them up in peace."""
        if revoked:
            await self._membership.give_up(frozenset(each.partition for each in revoked), commit=True)

    async def on_partitions_assigned(self, assigned: set[Any]) -> None:
        """Go on at what is committed, as the library does by itself."""

    async def on_partitions_lost(self, lost: set[Any]) -> None:
        """Another member has them already."""
        if lost:
            await self._membership.give_up(frozenset(each.partition for each in lost), commit=False)


def _unpark(consumer: Any) -> None:
    """Let messages that were fetched before a partition rested be given when it goes on.

    kafka-python 3.0 sets them aside, and fetches them again only where nothing at all is in line; but what is used up
    stays in line, so that the partition would be silent for ever.
    """
    fetcher = consumer._fetcher
    in_line = getattr(fetcher, "_next_partition_records", None)
    if in_line is not None and not in_line:
        fetcher._next_partition_records = None


def _pass_over(consumer: Any) -> Mapping[Any, list[Any]]:
    """Stand in for a message that was written so that kafka-python 3.0 can never read it.

    Such is one with a header whose name is not UTF-8. Batches are read from their start, so that each message of its
    batch behind it has the same fate.
    """
    fetcher = consumer._fetcher
    batch, fetcher._next_partition_records = fetcher._next_partition_records, None
    where, offset = batch.topic_partition, max(batch.fetch_offset, batch.next_fetch_offset)
    consumer.seek(where, offset + 1)
    _log.warning("%s, partition %d, offset %d cannot be read: is a header's name not UTF-8?", *where, offset)
    headers = [("unreadable", b"is a header's name not UTF-8?")]
    return {where: [ConsumerRecord(*where, -1, offset, -1, 0, None, None, headers, None, -1, -1, -1)]}


def _answer(asked: _Revocation, revoked: Revoked) -> None:
    try:
        asked.offsets.set_result(revoked(asked.partitions))
    except BaseException as e:
        asked.offsets.set_exception(e)
        raise
