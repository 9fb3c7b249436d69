"""Where events are kept: SQL through SQLAlchemy, which is imported here and nowhere else."""

from __future__ import annotations

from videoxl_stream.store.database import Database
from videoxl_stream.store.doctor import REMEDIES, Doctor, Fault, Finding
from videoxl_stream.store.event_store import EventStore
from videoxl_stream.store.evidence_folder import EvidenceFolder
from videoxl_stream.store.memories import Memories
from videoxl_stream.store.outbox import Backlog, Letter, Outbox
from videoxl_stream.store.reading import StreamSummary
from videoxl_stream.store.removal import Removal
from videoxl_stream.store.retention import Retention
from videoxl_stream.store.writing import Claim, StreamState

__all__ = [
    "REMEDIES",
    "Backlog",
    "Claim",
    "Database",
    "Doctor",
    "EventStore",
    "EvidenceFolder",
    "Fault",
    "Finding",
    "Letter",
    "Memories",
    "Outbox",
    "Removal",
    "Retention",
    "StreamState",
    "StreamSummary",
]
