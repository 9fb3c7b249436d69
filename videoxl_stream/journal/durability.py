"""Durability: how a stream's memory is kept on disk; a cheap description."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from videoxl_stream.errors import ConfigError
from videoxl_stream.file_names import file_name
from videoxl_stream.interfaces import MemoryT, VideoModel
from videoxl_stream.journal.head import Head
from videoxl_stream.journal.journal import Journal
from videoxl_stream.journal.segments import SegmentFolder


class DurabilityKind(StrEnum):
    """What is written for each window."""

    KV = "kv"
    FRAMES = "frames"


@dataclass(frozen=True, slots=True)
class Durability:
    """How memories survive the end of the process, whatever ends it; a cheap description.

    ``kv`` appends what each window left in memory, and a restart reads it back. ``frames`` keeps each window's
    pictures as JPEG, and from time to time the whole memory; a restart reads the newest whole one and takes the
    pictures since then in again. KV is larger than its frames; frames cost the model's time at a restart. Both
    restore the memory exactly.

    Args:
        folder: for all pipelines; each stream has ``<folder>/<pipeline>/<stream>/`` of its own.
        kind: ``kv`` or ``frames``.
        checkpoint_windows: for ``frames``, windows between whole memories; two are kept. A restart takes in so many
            windows at most.
        jpeg_quality: for ``frames``, 1 to 95. The model sees what the JPEG shows, also while it is live.
        max_bytes: of one stream's folder. The oldest leave first, and a restart restores less. None for no limit
            but that of the memory's budget, which is one for ``kv``; give it one.
        fresh: whether to give up what the folder holds, once, when a stream is opened. Leave it out again at the next
            start.

    Raises:
        ConfigError: a value cannot work.
    """

    folder: Path | str
    kind: DurabilityKind | str = DurabilityKind.KV
    checkpoint_windows: int = 60
    jpeg_quality: int = 90
    max_bytes: int | None = None
    fresh: bool = False

    def __post_init__(self) -> None:
        """Refuse what would only fail at the first window."""
        if self.kind not in tuple(DurabilityKind):
            msg = f"unknown durability {self.kind!r}; choose from {[str(kind) for kind in DurabilityKind]}"
            raise ConfigError(msg)
        if self.checkpoint_windows < 1:
            msg = f"checkpoint_windows is {self.checkpoint_windows}; give 1 or more"
            raise ConfigError(msg)
        if not 1 <= self.jpeg_quality <= 95:
            msg = f"jpeg_quality is {self.jpeg_quality}; give 1 to 95"
            raise ConfigError(msg)
        if self.max_bytes is not None and self.max_bytes < 1:
            msg = f"max_bytes is {self.max_bytes}; give a number above 0, or None"
            raise ConfigError(msg)

    def path(self, pipeline: str, stream_id: str) -> Path:
        """The folder of one stream."""
        return Path(self.folder).absolute() / file_name(pipeline) / file_name(stream_id)

    def open(
        self,
        model: VideoModel[MemoryT],
        pipeline: str,
        stream_id: str,
        *,
        system: str | None = None,
        ratio: int | None = None,
        budget: int | None = None,
    ) -> Journal[MemoryT]:
        """Begin for one stream, or go on where an earlier run stopped.

        Args:
            model: whose memory it is.
            pipeline: name of the pipeline.
            stream_id: name of the stream.
            system: as for ``open_memory``.
            ratio: as for ``open_memory``.
            budget: as for ``open_memory``; it may be another one than before.

        Raises:
            ConfigError: the folder cannot be made.
            InUse: another process uses it.
            MemoryFormatError: what it holds was made by another model, or with another ratio, prompt or kind.
        """
        memory = model.open_memory(system=system, ratio=ratio, budget=budget)
        head = Head.of(model, memory, system=system, kind=str(self.kind))
        folder = SegmentFolder(self.path(pipeline, stream_id), max_bytes=self.max_bytes)
        try:
            if self.fresh:
                folder.clear()
            head.check(folder)
            return Journal(
                model,
                memory,
                folder,
                head,
                checkpoint_windows=self.checkpoint_windows if self.kind == DurabilityKind.FRAMES else None,
                jpeg_quality=self.jpeg_quality,
            )
        except BaseException:
            folder.close()
            raise
