"""Where frames come from and where events go.

A connector is one module of this folder; it is imported when a URL first asks for it, so that a site without Kafka
needs no Kafka library.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast
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

_SOURCES = {
    "file": ("videoxl_stream.connectors.file", "FileSource"),
    **dict.fromkeys(
        ("rtsp", "rtsps", "rtmp", "http", "https", "webcam"), ("videoxl_stream.connectors.rtsp", "RTSPSource")
    ),
}
# Scheme -> module, class, and the extra that brings its libraries.
_SINKS = {
    "file": ("videoxl_stream.connectors.json_lines", "JSONLinesSink", ""),
    "http": ("videoxl_stream.connectors.webhook", "WebhookSink", "webhook"),
    "https": ("videoxl_stream.connectors.webhook", "WebhookSink", "webhook"),
    "kafka": ("videoxl_stream.connectors.kafka", "sink_at", "kafka"),
}
_FEEDS = {
    "kafka": ("videoxl_stream.connectors.kafka", "feed_at", "kafka"),
}


class _SourceClass(Protocol):
    """What a class in the table above must offer: it is called with where to read and its own options."""

    def __call__(self, where: str | Path, **options: object) -> Source: ...


class _SinkClass(Protocol):
    """What a class in the table of sinks must offer, likewise."""

    def __call__(self, where: str | Path, **options: object) -> RemoteSink: ...


def open_source(url: str | Path, **options: object) -> Source:
    """Describe the source that a URL names; nothing is read yet.

    Args:
        url: ``file:///videos/gate.mp4``, or a plain path.
        options: passed on to the class for that scheme, such as ``sample_fps`` of ``FileSource``.

    Raises:
        ConfigError: no connector knows the scheme, or its library is not installed.
    """
    scheme = "file" if isinstance(url, Path) or "://" not in url else urlsplit(url).scheme.lower()
    if scheme not in _SOURCES:
        msg = f"no connector for {scheme}:// addresses; known are {', '.join(sorted(_SOURCES))} and plain paths"
        raise ConfigError(msg)
    module, name = _SOURCES[scheme]
    try:
        source_class = cast("_SourceClass", getattr(import_module(module), name))
    except ImportError as e:
        msg = f"{scheme}:// addresses need {e.name}; install it with: pip install 'videoxl-stream[{scheme}]'"
        raise ConfigError(msg) from e
    return source_class(_place(url, scheme), **options)


def open_feed(url: str, **options: object) -> Feed:
    """Describe the feed that a URL names; nothing is read yet.

    Args:
        url: ``kafka://broker:9092/topic?group=site``.
        options: passed on to the class for that scheme, such as ``sample_fps`` of ``KafkaSource``.

    Raises:
        ConfigError: no feed knows the scheme, its library is not installed, or it cannot work so.
    """
    scheme = urlsplit(url).scheme.lower()
    if scheme not in _FEEDS:
        msg = f"no feed for {scheme}:// addresses; known are {', '.join(sorted(_FEEDS))}"
        raise ConfigError(msg)
    module, name, extra = _FEEDS[scheme]
    try:
        feed_class = getattr(import_module(module), name)
    except ImportError as e:
        msg = f"{scheme}:// feeds need {e.name}; install it with: pip install 'videoxl-stream[{extra}]'"
        raise ConfigError(msg) from e
    return cast("Feed", feed_class(url, **options))


def open_sink(url: str | Path, **options: object) -> RemoteSink:
    """Make the sink that a URL names, for ``Delivery``; nothing is sent yet.

    Args:
        url: ``https://receiver/path``, ``kafka://broker:9092/topic``, ``file:///var/events.jsonl``, or a plain path.
        options: passed on to the class for that scheme, such as ``secret`` of ``WebhookSink``.

    Raises:
        ConfigError: no connector knows the scheme, its library is not installed, or it cannot work so.
    """
    scheme = "file" if isinstance(url, Path) or "://" not in url else urlsplit(url).scheme.lower()
    if scheme not in _SINKS:
        msg = f"no sink for {scheme}:// addresses; known are {', '.join(sorted(_SINKS))} and plain paths"
        raise ConfigError(msg)
    module, name, extra = _SINKS[scheme]
    try:
        sink_class = cast("_SinkClass", getattr(import_module(module), name))
    except ImportError as e:
        msg = f"{scheme}:// sinks need {e.name}; install it with: pip install 'videoxl-stream[{extra}]'"
        raise ConfigError(msg) from e
    return sink_class(_place(url, scheme), **options)


def _place(url: str | Path, scheme: str) -> str | Path:
    """What a connector is told: a URL as it is, but the plain path of a file."""
    if isinstance(url, str) and scheme == "file" and "://" in url:
        return unquote(urlsplit(url).path, errors="surrogateescape")
    return url
