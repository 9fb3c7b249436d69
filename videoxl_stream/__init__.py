"""Streaming video analytics with a long memory.

The names below are the public interface; everything else may move. Each is imported when it is first used, so
that ``import videoxl_stream`` takes milliseconds and loads no PyTorch, no FFmpeg and no database.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videoxl_stream.buffer import FrameBuffer
    from videoxl_stream.config.site import Site
    from videoxl_stream.connectors import open_sink
    from videoxl_stream.connectors.file import FileSource
    from videoxl_stream.connectors.json_lines import JSONLinesSink
    from videoxl_stream.connectors.kafka import EventConsumer, FrameProducer, KafkaEventSink, KafkaSecurity, KafkaSource
    from videoxl_stream.connectors.rtsp import RTSPSource
    from videoxl_stream.connectors.signatures import verify_webhook
    from videoxl_stream.connectors.webhook import WebhookSink
    from videoxl_stream.daemon import Admission, Daemon, Health
    from videoxl_stream.delivery import Delivery
    from videoxl_stream.errors import (
        CheckpointError,
        ConfigError,
        EndOfStream,
        InUse,
        MemoryFormatError,
        ModelError,
        NotInMemoryError,
        SinkError,
        SourceError,
        SourceOpenError,
        SourceReadError,
        StoreError,
        StreamTaken,
        VideoXLStreamError,
        WebhookError,
    )
    from videoxl_stream.events import Event, Severity, Status
    from videoxl_stream.evidence.recorder import Evidence
    from videoxl_stream.frames import Frame
    from videoxl_stream.journal.durability import Durability
    from videoxl_stream.model.memory import VideoMemory
    from videoxl_stream.model.video_xl import VideoXL
    from videoxl_stream.motion import MotionGate
    from videoxl_stream.pipeline import Pipeline
    from videoxl_stream.queries import Query, Span, Verdict
    from videoxl_stream.regions import Regions, Zone
    from videoxl_stream.reports.report import Report
    from videoxl_stream.rules import Rule
    from videoxl_stream.store import EventStore, Retention
    from videoxl_stream.watching import watch

    __version__: str

__all__ = [
    "Admission",
    "CheckpointError",
    "ConfigError",
    "Daemon",
    "Delivery",
    "Durability",
    "EndOfStream",
    "Event",
    "EventConsumer",
    "EventStore",
    "Evidence",
    "FileSource",
    "Frame",
    "FrameBuffer",
    "FrameProducer",
    "Health",
    "InUse",
    "JSONLinesSink",
    "KafkaEventSink",
    "KafkaSecurity",
    "KafkaSource",
    "MemoryFormatError",
    "ModelError",
    "MotionGate",
    "NotInMemoryError",
    "Pipeline",
    "Query",
    "RTSPSource",
    "Regions",
    "Report",
    "Retention",
    "Rule",
    "Severity",
    "SinkError",
    "Site",
    "SourceError",
    "SourceOpenError",
    "SourceReadError",
    "Span",
    "Status",
    "StoreError",
    "StreamTaken",
    "Verdict",
    "VideoMemory",
    "VideoXL",
    "VideoXLStreamError",
    "WebhookError",
    "WebhookSink",
    "Zone",
    "__version__",
    "open_sink",
    "verify_webhook",
    "watch",
]

_HOMES = {
    "buffer": ("FrameBuffer",),
    "config.site": ("Site",),
    "connectors": ("open_sink",),
    "connectors.file": ("FileSource",),
    "connectors.json_lines": ("JSONLinesSink",),
    "connectors.kafka": ("EventConsumer", "FrameProducer", "KafkaEventSink", "KafkaSecurity", "KafkaSource"),
    "connectors.rtsp": ("RTSPSource",),
    "connectors.signatures": ("verify_webhook",),
    "connectors.webhook": ("WebhookSink",),
    "daemon": ("Admission", "Daemon", "Health"),
    "delivery": ("Delivery",),
    "errors": (
        "CheckpointError",
        "ConfigError",
        "EndOfStream",
        "InUse",
        "MemoryFormatError",
        "ModelError",
        "NotInMemoryError",
        "SinkError",
        "SourceError",
        "SourceOpenError",
        "SourceReadError",
        "StoreError",
        "StreamTaken",
        "VideoXLStreamError",
        "WebhookError",
    ),
    "events": ("Event", "Severity", "Status"),
    "evidence.recorder": ("Evidence",),
    "frames": ("Frame",),
    "journal.durability": ("Durability",),
    "model.memory": ("VideoMemory",),
    "model.video_xl": ("VideoXL",),
    "motion": ("MotionGate",),
    "pipeline": ("Pipeline",),
    "queries": ("Query", "Span", "Verdict"),
    "regions": ("Regions", "Zone"),
    "reports.report": ("Report",),
    "rules": ("Rule",),
    "store": ("EventStore", "Retention"),
    "watching": ("watch",),
}
_HOME_OF = {name: f"{__name__}.{module}" for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for, and keep it."""
    if name == "__version__":
        from importlib.metadata import version

        value: object = version("videoxl-stream")
    elif name in _HOME_OF:
        value = getattr(import_module(_HOME_OF[name]), name)
    else:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, whether imported yet or not."""
    return sorted({*globals(), *__all__})
