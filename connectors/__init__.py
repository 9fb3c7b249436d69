"""Where frames come from and where events go.

A connector is one module of this folder; it is imported when a URL first asks for it, so that a site without Kafka
needs no Kafka library.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

from videoxl_stream.errors import ConfigError

if TYPE_CHECKING:  # a decoding process imports this package too, and must start at once
    from videoxl_stream.interfaces import Feed, RemoteSink, Source

if __name__ != "videoxl_stream.connectors":
    _wrong_name = (
        f"import videoxl_stream.connectors instead of {__name__!r}: the bare name, found because the repository "
        "root is on the path, would make a second copy of every class"
    )
    raise ImportError(_wrong_name)

# Scheme -> module, what makes it, and the extra that brings its libraries.
_Table = Mapping[str, tuple[str, str, str]]
_CAMERA = ("videoxl_stream.connectors.rtsp", "RTSPSource", "")
_SOURCES: _Table = {
    "file": ("videoxl_stream.connectors.file", "FileSource", ""),
    **dict.fromkeys(("rtsp", "rtsps", "rtmp", "http", "https", "webcam"), _CAMERA),
}
_FEEDS: _Table = {"kafka": ("videoxl_stream.connectors.kafka", "KafkaSource.from_url", "kafka")}
_SINKS: _Table = {
    "file": ("videoxl_stream.connectors.json_lines", "JSONLinesSink", ""),
    **dict.fromkeys(("http", "https"), ("videoxl_stream.connectors.webhook", "WebhookSink", "webhook")),
    "kafka": ("videoxl_stream.connectors.kafka", "KafkaEventSink.from_url", "kafka"),
}


def open_source(url: str | Path, **options: object) -> Source:
    """Describe the source that a URL names; nothing is read yet.

    Args:
        url: ``file:///videos/gate.mp4``, ``rtsp://camera/stream``, or a plain path.
        options: passed on to the class for that scheme, such as ``sample_fps`` of ``FileSource``.

    Raises:
        ConfigError: no connector knows the scheme, or its library is not installed.
    """
    return cast("Source", _made("source", _SOURCES, url, options))


def open_feed(url: str, **options: object) -> Feed:
    """Describe the feed that a URL names; nothing is read yet.

    Args:
        url: ``kafka://broker:9092/topic?group=site``.
        options: passed on to the class for that scheme, such as ``sample_fps`` of ``KafkaSource``.

    Raises:
        ConfigError: no feed knows the scheme, its library is not installed, or it cannot work so.
    """
    return cast("Feed", _made("feed", _FEEDS, url, options))


def open_sink(url: str | Path, **options: object) -> RemoteSink:
    """Make the sink that a URL names, for ``Delivery``; nothing is sent yet.

    Args:
        url: ``https://receiver/path``, ``kafka://broker:9092/topic``, ``file:///var/events.jsonl``, or a plain path.
        options: passed on to the class for that scheme, such as ``secret`` of ``WebhookSink``.

    Raises:
        ConfigError: no connector knows the scheme, its library is not installed, or it cannot work so.
    """
    return cast("RemoteSink", _made("sink", _SINKS, url, options))


def _made(what: str, table: _Table, url: str | Path, options: Mapping[str, object]) -> object:
    scheme = "file" if isinstance(url, Path) or "://" not in url else urlsplit(url).scheme.lower()
    if scheme not in table:
        known = ", ".join(f"{name}://" for name in sorted(table)) + (" and plain paths" if "file" in table else "")
        msg = f"no {what} for {scheme}:// addresses; known are {known}"
        raise ConfigError(msg)
    module, name, extra = table[scheme]
    try:
        make = attrgetter(name)(import_module(module))
    except ImportError as e:
        msg = f"{scheme}:// {what}s need {e.name}; install it with: pip install 'videoxl-stream[{extra}]'"
        raise ConfigError(msg) from e
    return make(_place(url, scheme), **options)


def _place(url: str | Path, scheme: str) -> str | Path:
    """What a connector is told: a URL as it is, but the plain path of a file."""
    if isinstance(url, str) and scheme == "file" and "://" in url:
        return unquote(urlsplit(url).path, errors="surrogateescape")
    return url
