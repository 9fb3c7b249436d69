"""Addresses of topics."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from videoxl_stream.connectors.address import Address
from videoxl_stream.connectors.kafka.brokers import PORT, Brokers, check_topic
from videoxl_stream.connectors.kafka.security import KafkaSecurity
from videoxl_stream.errors import ConfigError


class KafkaURL:
    """``kafka://user:password@host:port,host:port/topic?option=value`` taken apart.

    Args:
        url: the whole.

    Raises:
        ConfigError: it names no host or no topic, or an option of security that cannot be.
    """

    def __init__(self, url: str) -> None:
        address = Address(url)
        if address.scheme != "kafka" or not address.host:
            msg = f"{address.shown} is no address of Kafka; write kafka://host:{PORT}/topic"
            raise ConfigError(msg)
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        user, _, password = parts.netloc.rpartition("@")[0].partition(":")
        security: dict[str, Any] = {"username": unquote(user), "password": unquote(password)} if user else {}
        if "tls" in options:
            security["tls"] = _truth("tls", options.pop("tls"))
        files = ("ca_file", "cert_file", "key_file")
        security |= {name: options.pop(name) for name in (*files, "key_password", "mechanism") if name in options}
        self.brokers = Brokers(address.host, KafkaSecurity(**security))
        self.topic = check_topic(unquote(parts.path.strip("/")))
        self.options = options

    @property
    def shown(self) -> str:
        """For people, without credentials."""
        return f"{self.brokers.shown}/{quote(self.topic)}"

    def take(self, name: str) -> str | None:
        """One option, which then counts as understood."""
        return self.options.pop(name, None)

    def check_taken(self) -> None:
        """Refuse options that nobody understood.

        Raises:
            ConfigError: there are some.
        """
        if self.options:
            msg = f"{self.shown} has options that nobody knows: {', '.join(sorted(self.options))}; leave them out"
            raise ConfigError(msg)


def _truth(name: str, text: str) -> bool:
    truths = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in truths:
        msg = f"{name} is {text!r}; write true or false"
        raise ConfigError(msg)
    return truths[text.lower()]
