"""The seams between the parts: small protocols that say what each side may rely on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self, TypeVar

from videoxl_stream.events import Event
from videoxl_stream.frames import Frame, Image, Packet
from videoxl_stream.queries import Query, Span, Verdict

Position = Mapping[str, int | float | str]
"""Where the NEXT read begins; plain JSON, meaningful only to the source that made it."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How an open source stands with what it reads from.

    Args:
        up: whether footage can come.
        reason: why none can, fit for people and without credentials; empty while it is up.
        losses: how often it was lost so far, also where it came back between two looks.
        dropped: frames that the source itself gave up so far, because nobody read for long.
    """

    up: bool = True
    reason: str = ""
    losses: int = 0
    dropped: int = 0


class OpenSource(Protocol):
    """A source in use. One thread reads it."""

    @property
    def sampled_away(self) -> int:
        """Frames decoded so far that sampling passed over."""

    @property
    def expected_frames(self) -> int | None:
        """About how many frames all reads together will give, for progress bars; None if nobody can know."""

    @property
    def connection(self) -> Connection:
        """How it stands now; always up for what cannot be lost."""

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next sampled frame, or None when none came within ``timeout_s``; also while it is down.

        Raises:
            EndOfStream: no frame will ever come again.
            SourceReadError: the source broke.
        """

    def packets(self) -> Sequence[Packet]:
        """Encoded packets that came in since the last call, in decoding order; empty where the source has none."""

    def position(self) -> Position:
        """Where the next read begins; pass it to ``Source.open`` to go on from there."""

    def acknowledge(self, position: Position) -> None:
        """Take note that all footage before a position is durable: a broker need not keep it any more."""

    def close(self) -> None:
        """Release everything; may be called twice."""


class Source(Protocol):
    """A cheap description of where frames come from; nothing is opened before ``open``."""

    @property
    def stream_id(self) -> str:
        """Name of the stream, unique within a pipeline."""

    @property
    def live(self) -> bool:
        """Whether footage comes whether it is read or not, as from a camera; else it waits to be read."""

    def open(self, resume: Position | None = None, *, packets: bool = False) -> OpenSource:
        """Open it, from the start or from where an earlier ``position()`` said.

        Args:
            resume: that position.
            packets: whether the reader wants encoded packets, and will fetch them after each read.

        Raises:
            SourceOpenError: it cannot be opened.
        """


class OpenFeed(Protocol):
    """Streams that come and go, in use. One thread uses it and all that it gives."""

    @property
    def connection(self) -> Connection:
        """How it stands with what it reads from."""

    def poll(self, timeout_s: float, leave: Callable[[Sequence[str]], None]) -> Sequence[Source]:
        """Let footage come in for all of them, for at most ``timeout_s``.

        Args:
            timeout_s: how long to wait where there is nothing.
            leave: called with the names of streams that another reader takes over. Once it returns nothing is read
                of them here any more, and what of them is not durable comes again where they go.

        Returns:
            streams that are new here, each to be opened where the last reader of it stopped.
        """

    def hold_back(self, stream_id: str) -> None:
        """Keep nothing of a stream that ``poll`` gave and that cannot be opened yet, and lose nothing of it.

        Other streams go on. What it gives stays where it is, for another reader, or for later.
        """

    def bring_back(self, stream_id: str) -> None:
        """Let ``poll`` give a stream again that was held back, with all that it gave meanwhile."""

    def renew(self, reason: str) -> None:
        """Give all streams up at the next ``poll``, and begin anew: those that are still ours come again.

        Args:
            reason: for people.
        """

    def close(self) -> None:
        """Release everything, for others to take over; may be called twice."""


class Feed(Protocol):
    """A cheap description of many streams that come and go, such as those of a broker's topic."""

    @property
    def name(self) -> str:
        """For people, without credentials."""

    def open(self) -> OpenFeed:
        """Begin; that nobody answers yet is no error.

        Raises:
            SourceOpenError: it can never work.
        """


class Sink(Protocol):
    """Somewhere events go."""

    def write(self, event: Event) -> None:
        """Take one event; the same event may come twice."""


class RemoteSink(Sink, Protocol):
    """A sink that may be out of reach; the outbox writes to it, and writes again what did not arrive.

    ``write`` may raise SinkError, or leave that to ``flush``.
    """

    def flush(self) -> None:
        """Wait until all that was written has been delivered.

        Raises:
            SinkError: something was not; write all of it again.
        """

    def close(self) -> None:
        """Release everything; may be called twice."""


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

    @property
    def held(self) -> range:
        """Running numbers of the pieces of memory held. They count up for ever; only ``forget`` gives some back."""

    @property
    def ratio(self) -> int | None:
        """Raw visual tokens per kept one; None where each window has its own."""

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

    @property
    def fingerprint(self) -> str:
        """Names the weights that alone can go on with a memory."""

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

    def dump_memory(self, memory: MemoryT, after: int = 0) -> bytes:
        """Part of a memory, at the cost of what is new.

        Args:
            memory: does not change.
            after: number of a piece: what is held from there on is dumped, in whole windows.

        Returns:
            these pieces, and everything that is no piece, as it stands now.
        """

    def restore_memory(self, memory: MemoryT, parts: Sequence[bytes]) -> None:
        """Fill an empty memory that was opened as the dumped one was; with all parts it is that one, bit for bit.

        Pieces of a missing part are as if forgotten: those before them are renumbered to close the hole, and what
        is no piece is as it was at the newest part.

        Args:
            memory: empty; its own budget holds.
            parts: from ``dump_memory``, oldest first. Where two hold a piece, the newer counts.

        Raises:
            MemoryFormatError: a part is damaged, or of another model, ratio or prompt; the memory is still empty.
        """
