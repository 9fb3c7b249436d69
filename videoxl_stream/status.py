"""What can be told of a stream at a moment: what became of its frames, how it stands, and where time goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from videoxl_stream.interfaces import Connection


@dataclass(frozen=True, slots=True)
class StreamCounts:
    """What became of one stream's frames; ``read == ingested + still + dropped + held`` at every moment.

    Args:
        sampled_away: decoded by the source but not wanted by its sampling.
        read: given by the source, or given up by it unread.
        ingested: in a window that the model has taken in.
        still: in a window in which nothing moved: sampled away by the motion gate.
        dropped: given up by the buffer's policy, or by a source that nobody read; or forgotten while they waited.
        held: waiting.
        windows: passed, in this run, still ones included.
        events: opened, in this run.
    """

    sampled_away: int
    read: int
    ingested: int
    still: int
    dropped: int
    held: int
    windows: int
    events: int


@dataclass(slots=True)
class Spent:
    """Where the model's time went, in this run: sums, so that a mean over any stretch can be had of two looks.

    Args:
        chunk_s: seconds spent on taking windows in.
        chunks: windows taken in.
        verdict_s: seconds spent on asking.
        asked: times that rules were asked, all that were due at once counted as one.
    """

    chunk_s: float = 0.0
    chunks: int = 0
    verdict_s: float = 0.0
    asked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatus:
    """How one stream stands.

    Args:
        stream_id: name of the stream.
        live: whether its footage does not wait.
        connection: how its source stands.
        counts: what became of its frames.
        spent: where time went.
        newest: UTC of the newest frame that came; None if none has.
        seen: UTC of the end of the newest window that was worked off, also by an earlier run; None if there was none.
        memory_bytes: held for keys and values.
        waiting_bytes: pictures and packets that wait.
        durable_bytes: memory on disk; None where nothing is kept there.
        not_durable: why footage is not being made durable just now; empty if all is well.
        evidence_bytes: of evidence, written in this run.
        no_evidence: why evidence cannot be written just now; empty if all is well.
        fault: what broke the stream for good; empty if nothing did.
        finished: whether it has ended and all that it gave is worked off.
    """

    stream_id: str
    live: bool
    connection: Connection
    counts: StreamCounts
    spent: Spent
    newest: datetime | None
    seen: datetime | None
    memory_bytes: int
    waiting_bytes: int
    durable_bytes: int | None
    not_durable: str
    evidence_bytes: int
    no_evidence: str
    fault: str
    finished: bool

    @property
    def lag_s(self) -> float | None:
        """Seconds of footage that came and are not worked off; None before there is any."""
        if self.newest is None or self.seen is None:
            return None
        return max(0.0, (self.newest - self.seen).total_seconds())

    @property
    def is_durable(self) -> bool | None:
        """Whether what is seen is made durable; None where nothing is kept."""
        return None if self.durable_bytes is None else not self.not_durable

    @property
    def has_evidence(self) -> bool:
        """Whether evidence can be written, or none is wanted."""
        return not self.no_evidence

    @property
    def is_broken(self) -> bool:
        """Whether the source broke for good."""
        return bool(self.fault)
