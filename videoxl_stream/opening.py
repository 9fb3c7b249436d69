"""How a pipeline's streams are opened: each with a memory, where an earlier run stopped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from videoxl_stream.buffer import BufferLimits
from videoxl_stream.errors import ConfigError
from videoxl_stream.evidence import Evidence
from videoxl_stream.interfaces import Feed, Source, VideoModel
from videoxl_stream.journal import Durability
from videoxl_stream.motion import MotionGate
from videoxl_stream.regions import Regions
from videoxl_stream.rules import Rule
from videoxl_stream.scheduling import Schedule
from videoxl_stream.stopped import StoppedStream
from videoxl_stream.store import EventStore, StreamState
from videoxl_stream.stream import Stream


@dataclass(slots=True, kw_only=True)
class Opening:
    """All that the streams of a pipeline have in common, and the regions of each.

    Args:
        pipeline: its name.
        model: whose memories they are.
        store: says where each stopped.
        settings: of memories: system prompt, ratio and budget.
        limits: of buffers.
        regions: by stream; may be changed for streams that are yet to be opened.
        gate: tells still windows.
        evidence: how events are proven.
        durability: how memories are kept on disk.
    """

    pipeline: str
    model: VideoModel[Any]
    store: EventStore
    settings: dict[str, Any]
    limits: BufferLimits | None
    regions: dict[str, Regions] = field(default_factory=dict)
    gate: MotionGate | None
    evidence: Evidence | None
    durability: Durability | None

    @property
    def evidence_folder(self) -> Path | None:
        """Where evidence is; None if there is none."""
        folder = None if self.evidence is None else Path(self.evidence.folder)
        return folder if folder is not None and folder.is_dir() else None

    def stopped(self, stream_id: str) -> StoppedStream:
        """A stream while nobody watches it."""
        return StoppedStream(
            stream_id=stream_id,
            pipeline=self.pipeline,
            store=self.store,
            model=lambda: self.model,
            settings=self.settings,
            durability=self.durability,
            evidence=self.evidence_folder,
        )

    def stream(self, source: Source, rules: Sequence[Rule], *, resume: bool) -> Stream:
        """Open one, which nobody else can go on with from then on.

        Raises:
            InUse: another process uses its durable memory.
            SourceOpenError: the source cannot be opened.
            MemoryFormatError: its durable memory was made by another model, or with other settings.
            StoreError: the store cannot be read.
        """
        stream_id = source.stream_id
        with ExitStack() as opened:
            journal = None
            if self.durability is not None:
                journal = self.durability.open(self.model, self.pipeline, stream_id, **self.settings)
                opened.callback(journal.close)
                self.store.memories.note(self.pipeline, stream_id, self.durability.path(self.pipeline, stream_id))
            claim = self.store.claim(self.pipeline, stream_id)  # who had it before has let go of the memory
            before = (claim.state if resume else None) or StreamState()
            lost = ""
            if journal is None:
                memory = self.model.open_memory(**self.settings)
            else:
                restored = journal.restore(before.windows)
                memory = restored.memory
                lost = restored.report if restored.windows_lost or restored.quarantined else ""
            stream = Stream(
                source,
                memory,
                rules,
                before,
                pipeline=self.pipeline,
                claim=claim.number,
                window_frames=self.model.window_frames,
                limits=self.limits,
                regions=self.regions.get(stream_id),
                gate=self.gate,
                evidence=self.evidence,
                journal=journal,
                lost=lost,
            )
            opened.pop_all()
        return stream


def check_rules(rules: Sequence[Rule]) -> None:
    """Refuse rules that cannot be watched for together.

    Raises:
        ConfigError: there is none, two share a name, or a crontab cannot be read.
    """
    check_names("rules", [rule.name for rule in rules])
    Schedule(rules)


def check_sources(sources: Sequence[Source], feeds: Sequence[Feed], regions: Iterable[str]) -> None:
    """Refuse sources that cannot be watched together, and regions of a stream that none of them is.

    Args:
        sources: may be none where there are feeds.
        feeds: which streams they bring is not known before.
        regions: names of the streams that have some.

    Raises:
        ConfigError: it is so.
    """
    if sources or not feeds:
        check_names("sources", [source.stream_id for source in sources])
    if not feeds and (unknown := sorted(set(regions) - {source.stream_id for source in sources})):
        msg = f"regions are given for streams that are none of the sources: {unknown}"
        raise ConfigError(msg)


def check_names(what: str, names: Sequence[str]) -> None:
    """Refuse to go on without any, with one that is empty, or with one that comes twice.

    Raises:
        ConfigError: it is so.
    """
    if not names or not all(name.strip() for name in names):
        msg = f"a pipeline needs at least one of its {what}, each with a name; got {list(names)}"
        raise ConfigError(msg)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        msg = f"{what} must have different names, but these come twice: {twice}"
        raise ConfigError(msg)
