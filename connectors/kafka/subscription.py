"""A topic read as one of a group, for as long as it is wanted, whatever becomes of the brokers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from kafka.errors import KafkaError

from videoxl_stream.connectors.backoff import Backoff
from videoxl_stream.connectors.kafka.brokers import Brokers
from videoxl_stream.connectors.kafka.membership import Membership, Offsets, Revoked
from videoxl_stream.connectors.kafka.topic_probe import TopicProbe
from videoxl_stream.interfaces import Connection

_PROBE_EVERY_S = 3.0
_log = logging.getLogger(__name__)


class Renewal(KafkaError):  # type: ignore[misc] # noqa: N818 - the library ships no types
    """Raised when a membership ends because its reader wants to begin anew."""


class Subscription:
    """Memberships of one group, one after another: where one cannot go on, the next begins.

    Args:
        brokers: whom to read from.
        topic: what.
        group: name of the group.
        session_timeout_s: after which a member that is not heard of loses its partitions.
        settings: more of ``KafkaConsumer``.
        work: called before each poll, in another thread: for what may take long.
    """

    def __init__(
        self,
        brokers: Brokers,
        topic: str,
        group: str,
        *,
        session_timeout_s: float,
        settings: Mapping[str, Any],
        work: Callable[[], None] = lambda: None,
    ) -> None:
        self._brokers, self._topic, self._group = brokers, topic, group
        self._session_timeout_s, self._settings, self._work = session_timeout_s, settings, work
        self._membership: Membership | None = None
        self._probe = self._new_probe()
        self._given: set[int] = set()  # partitions that anything came of
        self._backoff = Backoff(f"{topic} {group}")
        self._retry_at = 0.0
        self._renewal = ""
        self.connection = Connection(up=False, reason=f"{brokers.shown}: no broker has answered yet")
        self.renewals = 0

    @property
    def topic_id(self) -> str:
        """What tells the topic from another that had its name before; empty where brokers do not say."""
        return self._probe.topic_id or ""

    def poll(
        self,
        timeout_s: float,
        revoked: Revoked,
        *,
        paused: frozenset[int] = frozenset(),
        commit: Offsets,
        rewind: dict[int, int] | None = None,
    ) -> Mapping[int, list[Any]]:
        """Let messages come, by partition; none while brokers are away.

        Args:
            timeout_s: how long to wait where there is nothing.
            revoked: called, in this thread, with partitions that another member takes over, or that come again.
            paused: partitions of which nothing is wanted just now.
            commit: what may be committed.
            rewind: as for ``Membership.poll``.
        """
        if self._membership is None:
            wait_s = self._retry_at - time.monotonic()
            if wait_s > 0:
                time.sleep(min(wait_s, timeout_s))
                return {}
            self._begin()
        membership = self._membership
        if membership is None:
            return {}
        if self._is_to_renew():
            self._end(membership, Renewal(self._renewal), revoked)
            return {}
        try:
            found = membership.poll(timeout_s, self._revoked(revoked), paused=paused, commit=commit, rewind=rewind)
        except KafkaError as e:
            self._end(membership, e, revoked)
            return {}
        self._given |= set(found)
        self._see(bool(found))
        return {} if self._is_to_renew() else found  # asked for meanwhile: all of it comes again

    def renew(self, reason: str) -> None:
        """Begin anew at the next ``poll``.

        Args:
            reason: for people.
        """
        self._renewal = reason

    def close(self, revoked: Revoked) -> None:
        """Commit, leave the group and release everything; may be called twice.

        Args:
            revoked: as for ``poll``.
        """
        membership, self._membership = self._membership, None
        if membership is not None:
            membership.close(revoked)

    def _is_to_renew(self) -> bool:
        return bool(self._renewal)

    def _begin(self) -> None:
        self._renewal = ""
        self._probe = self._new_probe()
        self._membership = Membership(
            self._brokers,
            self._topic,
            self._group,
            session_timeout_s=self._session_timeout_s,
            settings=self._settings,
            work=self._look_and_work,
            confirm=self._probe.confirm,
        )

    def _new_probe(self) -> TopicProbe:
        return TopicProbe(self._brokers, self._topic, _PROBE_EVERY_S)

    def _look_and_work(self, reading: bool) -> None:
        self._probe.look(reading=reading)
        self._work()

    def _revoked(self, revoked: Revoked) -> Revoked:
        def give_up(partitions: frozenset[int]) -> Offsets:
            self._given -= partitions
            self._probe.hasten()  # brokers that know nothing of us any more may have another topic, too
            return revoked(partitions)

        return give_up

    def _end(self, membership: Membership, error: KafkaError, revoked: Revoked) -> None:
        """Give everything up, to join again later; nothing is lost, since only what is done was committed."""
        reason = self._brokers.explain(error)
        if self.connection.up or not self.renewals:
            _log.warning("%s is to be read anew: %s", self._topic, reason)
        self.renewals += 1
        self._membership = None
        self._retry_at = time.monotonic() + self._backoff.next_s()
        self._set_connection(reason)
        given, self._given = frozenset(self._given), set()
        try:
            revoked(given)
        finally:
            membership.close(lambda _: {})

    def _see(self, came: bool) -> None:
        if self._probe.topic_id is None:
            return
        fault = "" if came else self._probe.fault
        self._set_connection(fault)
        if not fault:
            self._backoff.reset()

    def _set_connection(self, reason: str) -> None:
        before = self.connection
        lost = bool(reason) and before.up
        self.connection = Connection(up=not reason, reason=reason, losses=before.losses + int(lost))
