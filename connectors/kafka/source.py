"""Footage from a topic of Kafka."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from videoxl_stream.connectors.kafka.brokers import Brokers, check_topic
from videoxl_stream.connectors.kafka.dead_letters import DeadLetters
from videoxl_stream.connectors.kafka.feed import OpenKafkaFeed
from videoxl_stream.connectors.kafka.open_stream import Reading
from videoxl_stream.connectors.kafka.pressure import InFlight
from videoxl_stream.connectors.kafka.security import KafkaSecurity
from videoxl_stream.connectors.kafka.segments import Segments
from videoxl_stream.connectors.kafka.url import KafkaURL
from videoxl_stream.connectors.sampling import Sampling
from videoxl_stream.errors import ConfigError

_MAX_DECODERS = 4
_STALL_S = 30.0
_MAX_FETCH_BYTES = 50 * 2**20
_MIN_SESSION_S = 1.0
_FETCH_WAIT_MS = 100  # a partition that goes on after a rest waits for the request before it


class KafkaSource:
    """Many streams of one topic, shared out among all that read it as one group: a ``Feed``.

    Messages are pictures or segments of encoded footage; ``docs/kafka.md`` is their contract. Every stream lives in
    one partition, since messages are keyed by its name, and every partition has one reader.

    Delivery: every sampled frame once, in order, at the reader's pace. An offset is committed when all footage before
    it is durable, so that whatever is killed, the next reader has the rest. What cannot be used goes to the dead
    letters with the reason, and counts as done once it is safe there.

    Resume: exact. What the position says is the truth; the committed offset only says what must be read again. Where
    nothing is committed, as in a topic that was created anew, ``start`` says what is next.

    Args:
        servers: ``host:port`` of one broker or several.
        topic: where the footage is.
        group: name of the consumer group.
        sample_fps: frames wanted per second of a stream, as for ``FileSource``. Pictures that are not wanted are not
            decoded.
        dead_letters: topic for what cannot be used; None means that of the footage with ``.dead`` behind it.
        start: where a group begins in a partition of which it has committed nothing.
        limits: what waits in memory at most.
        max_message_bytes: a larger message is malformed.
        max_pixels: a larger picture is malformed.
        session_timeout_s: after which a reader that is not heard of loses its streams to others.
        security: how to log in.

    Raises:
        ConfigError: an argument cannot be.
    """

    def __init__(  # noqa: PLR0913 - plain keyword arguments instead of a config object
        self,
        servers: str | Sequence[str],
        topic: str,
        *,
        group: str,
        sample_fps: float | Literal["keyframes"] | None = 1.0,
        dead_letters: str | None = None,
        start: Literal["earliest", "latest"] = "earliest",
        limits: InFlight | None = None,
        max_message_bytes: int = 32 * 2**20,
        max_pixels: int = 1 << 26,
        session_timeout_s: float = 10.0,
        security: KafkaSecurity | None = None,
    ) -> None:
        self.brokers = Brokers(servers, security)
        self.topic = check_topic(topic)
        self.dead_letters = check_topic(dead_letters or f"{topic}.dead")
        self.group = group
        self._start = start
        self._sampling = Sampling.of(sample_fps)
        self._limits = limits or InFlight()
        self._max_message_bytes, self._max_pixels = max_message_bytes, max_pixels
        self._session_timeout_s = session_timeout_s
        self._check()

    @classmethod
    def from_url(cls, url: str, **options: Any) -> KafkaSource:
        """``kafka://user:password@host:port,host:port/topic?group=NAME``, and more options behind it.

        These are ``sample_fps``, ``dead_letters``, ``start`` and ``session_timeout_s``, and of security ``tls``,
        ``ca_file``, ``cert_file``, ``key_file``, ``key_password`` and ``mechanism``.

        Args:
            url: the whole.
            options: as of this class; they win over those of the URL.

        Raises:
            ConfigError: the URL cannot be understood, or names no group.
        """
        address = KafkaURL(url)
        given: dict[str, Any] = {
            name: value for name in ("group", "dead_letters", "start") if (value := address.take(name))
        }
        if rate := address.take("sample_fps"):
            given["sample_fps"] = _rate(rate)
        if session := address.take("session_timeout_s"):
            given["session_timeout_s"] = _seconds("session_timeout_s", session)
        address.check_taken()
        given |= {"security": address.brokers.security, **options}
        if "group" not in given:
            msg = f"{address.shown} names no consumer group; write {address.shown}?group=NAME"
            raise ConfigError(msg)
        return cls(address.brokers.servers, address.topic, **given)

    @property
    def name(self) -> str:
        """For people, without credentials."""
        return f"{self.brokers.shown}/{self.topic}"

    def open(self) -> OpenKafkaFeed:
        """Begin to read; that nobody answers yet is no error."""
        half = max(1, self._limits.num_bytes // 2)
        return OpenKafkaFeed(
            self.brokers,
            self.topic,
            self.group,
            letters=DeadLetters(self.brokers, self.dead_letters),
            reading=Reading(self._sampling, self._max_pixels, Segments(_MAX_DECODERS, _STALL_S)),
            limits=self._limits,
            max_message_bytes=self._max_message_bytes,
            session_timeout_s=self._session_timeout_s,
            settings={
                "auto_offset_reset": self._start,
                "fetch_max_wait_ms": _FETCH_WAIT_MS,
                "fetch_max_bytes": min(_MAX_FETCH_BYTES, half),
                "max_partition_fetch_bytes": min(_MAX_FETCH_BYTES, half),
            },
        )

    def __repr__(self) -> str:
        return f"KafkaSource({self.name!r}, group={self.group!r})"

    def _check(self) -> None:
        if not self.group.strip():
            msg = "a consumer group needs a name; all that share the work give the same"
            raise ConfigError(msg)
        if self.dead_letters == self.topic:
            msg = f"dead letters cannot go to {self.topic}, where they came from; name another topic"
            raise ConfigError(msg)
        if self._start not in {"earliest", "latest"}:
            msg = f'start is {self._start!r}; give "earliest" or "latest"'
            raise ConfigError(msg)
        in_time = _MIN_SESSION_S <= self._session_timeout_s < math.inf
        if not in_time or self._max_message_bytes < 1 or self._max_pixels < 1:
            msg = f"session_timeout_s must be at least {_MIN_SESSION_S:g}, max_message_bytes and max_pixels at least 1"
            raise ConfigError(msg)


def _seconds(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as e:
        msg = f"{name} is {text!r}; write a number of seconds"
        raise ConfigError(msg) from e


def _rate(text: str) -> float | str | None:
    """A rate as URLs write it."""
    if text in {"keyframes", "all"}:
        return text if text == "keyframes" else None
    try:
        return float(text)
    except ValueError as e:
        msg = f'sample_fps is {text!r}; write a number, "keyframes" or "all"'
        raise ConfigError(msg) from e
