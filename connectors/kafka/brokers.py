"""The brokers of a cluster: where they are, how to log in, and what their errors mean."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable, Sequence
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from kafka.net.compat import KafkaNetClient

from videoxl_stream.connectors.address import Address
from videoxl_stream.connectors.kafka.security import KafkaSecurity
from videoxl_stream.errors import ConfigError

_SERVER = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:/@\[\]]+):(\d{1,5})")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_CONNECT_MS = 5_000
_REQUEST_MS = 10_000
_REACH_S = 2.0
_UNKNOWN_TOPIC = 3
PORT = 9092

# At level DEBUG kafka-python writes out what it sends and how it was configured, passwords among it.
logging.getLogger("kafka").setLevel(logging.WARNING)

REMEDIES = {
    "NoBroker": "no broker answers: start it, or correct the address and the way it encrypts",
    "KafkaTimeoutError": "no broker answers in time: start it, or correct the address and the way it encrypts",
    "KafkaConnectionError": "the connection was lost: look whether the broker runs",
    "UnknownTopicOrPartitionError": "the topic does not exist: create it",
    "TopicAuthorizationFailedError": "this user may not use the topic: give him the right to",
    "GroupAuthorizationFailedError": "this user may not use the group: give him the right to",
    "SaslAuthenticationFailedError": "the broker refuses user name and password: correct them",
    "IllegalStateError": "the connection was given up over an earlier error: write what came before it again",
    "MessageSizeTooLargeError": "a message is larger than allowed: raise max.message.bytes of the topic",
    "RecordListTooLargeError": "a message is larger than allowed: raise max.message.bytes of the topic",
}


class NoBroker(KafkaError):  # type: ignore[misc] # noqa: N818 - the library ships no types
    """Raised when nobody listens where brokers should."""


class Brokers:
    """A cluster that clients connect to; nothing connects before a client is made.

    Args:
        servers: ``host:port`` of one broker or several, as a list or with commas between.
        security: how to log in.

    Raises:
        ConfigError: a server is no ``host:port``.
    """

    def __init__(self, servers: str | Sequence[str], security: KafkaSecurity | None = None) -> None:
        listed = servers.split(",") if isinstance(servers, str) else servers
        self.servers = [_server(each) for each in listed]
        self.security = security or KafkaSecurity()
        self._address = Address(f"kafka://{','.join(self.servers)}", secrets=self.security.secrets)

    @property
    def shown(self) -> str:
        """For people, without credentials."""
        return self._address.shown

    def explain(self, error: BaseException) -> str:
        """What went wrong and its remedy, without credentials."""
        name = type(error).__name__
        said = REMEDIES.get(name) or self._address.hide(str(error) or name)
        return f"{self.shown}: {said}"

    def consumer(self, **settings: Any) -> Any:
        """A new ``KafkaConsumer`` that commits nothing by itself.

        Raises:
            KafkaError: no broker answers.
        """
        return self._client(KafkaConsumer, enable_auto_commit=False, **settings)

    def producer(self, **settings: Any) -> Any:
        """A new ``KafkaProducer`` that writes everything once, in order, and waits for all replicas.

        Raises:
            KafkaError: no broker answers.
        """
        return self._client(KafkaProducer, acks="all", enable_idempotence=True, **settings)

    def topic_id(self, topic: str) -> str | None:
        """What tells a topic from another that had its name before; empty if the brokers are too old to say.

        Returns:
            None if there is no such topic.

        Raises:
            KafkaError: no broker answers, or none wants to tell.
        """
        admin = self._client(KafkaAdminClient)
        try:
            [told] = admin.describe_topics([topic])
        finally:
            admin.close()
        if told["error_code"] == _UNKNOWN_TOPIC:
            return None
        if told["error_code"]:
            raise for_code(told["error_code"])(topic)
        return str(told["topic_id"] or "")

    def create_topic(self, topic: str, partitions: int = 1) -> None:
        """Create a topic, replicated as the cluster does by default, unless it is there.

        Raises:
            KafkaError: no broker answers, or this user may not.
        """
        admin = self._client(KafkaAdminClient)
        try:
            admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=-1)])
        except TopicAlreadyExistsError:
            pass
        finally:
            admin.close()

    def _client(self, kind: Callable[..., Any], **settings: Any) -> Any:
        """A client of some kind; where kafka-python gives up, it would leave a thread and its sockets behind."""
        self._reach()
        begun: list[Any] = []

        def connect(**given: Any) -> Any:
            begun.append(KafkaNetClient(**given))
            return begun[-1]

        try:
            return kind(**{**self._settings(), **settings, "kafka_client": connect})
        except BaseException:
            for client in begun:
                client.close()
            raise

    def _reach(self) -> None:
        """Look whether anybody listens: that is known at once, where a client would try for seconds.

        Raises:
            NoBroker: nobody does.
        """
        for server in self.servers:
            host, _, port = server.rpartition(":")
            try:
                socket.create_connection((host.strip("[]"), int(port)), _REACH_S).close()
            except (OSError, UnicodeError):  # the latter over names that no resolver would take
                continue
            return
        raise NoBroker

    def _settings(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.servers,
            "bootstrap_timeout_ms": _CONNECT_MS,
            "request_timeout_ms": _REQUEST_MS,
            "reconnect_backoff_max_ms": 2_000,
            "metadata_max_age_ms": 30_000,
            **self.security.settings(),
        }


def check_topic(topic: str) -> str:
    """Return the name of a topic if it is one.

    Raises:
        ConfigError: it is none.
    """
    if not _TOPIC.fullmatch(topic) or topic in {".", ".."}:
        msg = f"{topic!r} is no name of a topic; use letters, digits, dots, underscores and dashes"
        raise ConfigError(msg)
    return topic


def _server(text: str) -> str:
    text = text.strip()
    whole = text if re.search(r":\d+$", text) else f"{text}:{PORT}"
    found = _SERVER.fullmatch(whole)
    if found is None or not 0 < int(found[2]) < 65536:
        msg = f"servers names something that is no host:port; write such as broker:{PORT}"
        raise ConfigError(msg)
    return whole
