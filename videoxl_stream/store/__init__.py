"""Where events are kept: SQL through SQLAlchemy, which is imported here and nowhere else."""

from __future__ import annotations

from videoxl_stream.store.event_store import EventStore, StreamState

__all__ = ["EventStore", "StreamState"]
