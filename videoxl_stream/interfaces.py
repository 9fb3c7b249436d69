"""The seams between the parts: small protocols that say what each side may rely on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self, TypeVar

from videoxl_stream.events import Event
from videoxl_stream.frames import Frame, Image, Packet
from videoxl_stream.queries import Query, Span, Verdict

Position = Mapping[str, int | float | str]
"""Where the NEXT read begins; plain JSON, meaningful only to the source that made it."""


class OpenSource(Protocol):
    """A source in use. One thread reads it."""

    @property
    def sampled_away(self) -> int:
        """Frames decoded so far that sampling passed over."""

    @property
    def expected_frames(self) -> int | None:
        """About how many frames all reads together will give, for progress bars; None if nobody can know."""

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next sampled frame, or None when none came within ``timeout_s``.

        Raises:
            EndOfStream: no frame will ever come again.
            SourceReadError: the source broke.
        """

    def packets(self) -> Sequence[Packet]:
        """Encoded packets that came in since the last call, in decoding order; empty where the source has none."""

    def position(self) -> Position:
        """Where the next read begins; pass it to ``Source.open`` to go on from there."""

    def close(self) -> None:
        """Release everything; may be called twice."""


class Source(Protocol):
    """A cheap description of where frames come from; nothing is opened before ``open``."""

    @property
    def stream_id(self) -> str:
        """Name of the stream, unique within a pipeline."""

    def open(self, resume: Position | None = None, *, packets: bool = False) -> OpenSource:
        """Open it, from the start or from where an earlier ``position()`` said.

        Args:
            resume: that position.
            packets: whether the reader wants encoded packets, and will fetch them after each read.

        Raises:
            SourceOpenError: it cannot be opened.
        """


class Sink(Protocol):
    """Somewhere events go."""

    def write(self, event: Event) -> None:
        """Deliver one event; the same event may come twice."""


class Clock(Protocol):
    """Wall time, replaceable in tests."""

    def now(self) -> datetime:
        """Aware UTC time."""


class Memory(Protocol):
    """One stream's compressed footage, as the pipeline sees it."""

    @property
    def span(self) -> Span | None:
        """From the oldest footage still in memory to the newest frame; None while empty."""

    @property
    def num_bytes(self) -> int:
        """Bytes held."""

    def starts(self, span: Span) -> list[float]:
        """Times within a span at which footage begins that can be told apart, ascending; each can be asked about."""

    def fork(self) -> Self:
        """A memory to go on with on the side; what is added to it never shows here."""

    def forget(self, span: Span) -> bool:
        """Give up all that has seen any footage of the span, later chunks included; say whether anything went."""


MemoryT = TypeVar("MemoryT", bound=Memory)


class VideoModel(Protocol[MemoryT]):
    """A model that turns footage into memory and answers questions about it. It knows no streams and no SQL."""

    @property
    def window_frames(self) -> int:
        """Frames that make one full window, the unit in which footage is compressed."""

    def open_memory(self, *, system: str | None = None, ratio: int | None = None, budget: int | None = None) -> MemoryT:
        """Begin an empty memory.

        Args:
            system: system prompt; None means the model's own.
            ratio: raw visual tokens per kept one, pinned for the life of the memory; None means the model's own.
            budget: slots kept at most; the oldest chunks leave when more would be needed. None means no limit.
        """

    def append(self, memory: MemoryT, frames: Sequence[Image], timestamps: Sequence[float]) -> None:
        """Add footage: uint8 (height, width, 3) RGB pictures and their presentation times in seconds."""

    def close_window(self, memory: MemoryT) -> None:
        """Compress what is pending as a short window, as before a gap."""

    def answer(self, memory: MemoryT, question: str, *, span: Span | None = None) -> Iterator[str]:
        """Answer in words, piece by piece; the memory does not change."""

    def verdicts(self, memory: MemoryT, queries: Sequence[Query]) -> list[Verdict]:
        """Answer all queries in one forward pass, in order; the memory does not change."""

    def save_memory(self, memory: MemoryT, path: Path) -> None:
        """Write a memory to one file, atomically."""

    def load_memory(self, path: Path) -> MemoryT:
        """Read it back, bit for bit.

        Raises:
            MemoryFormatError: it is damaged or belongs to another model.
        """
