"""A stream that nobody watches just now: what is left of it on disk and in SQL, of which a span can be forgotten."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from videoxl_stream.decisions import RuleState
from videoxl_stream.errors import ConfigError
from videoxl_stream.gaps import GAP, LastFrame, is_of_stream
from videoxl_stream.interfaces import VideoModel
from videoxl_stream.journal import Durability
from videoxl_stream.queries import Span
from videoxl_stream.store import EventStore, Removal
from videoxl_stream.stream import GATE

_TICK_S, _TICK_DIGITS = 1e-6, 6  # UTC is rounded to it, and too much is better forgotten than too little


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What became of a span that was to be forgotten.

    Args:
        removal: what went from the store.
        memories: folders of durable memory, and whether each had seen anything of the span.
        not_durable: folders in which what is left of the memory could not be written again, and why: the next start
            begins with less than it might. Nothing of the span is there all the same.
    """

    removal: Removal
    memories: Mapping[Path, bool] = field(default_factory=dict)
    not_durable: Mapping[Path, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedStream:
    """One stream of a pipeline while nobody watches it; a cheap description, made by ``Pipeline.stopped``.

    Args:
        stream_id: name of the stream.
        pipeline: name of the pipeline.
        store: where its events are.
        model: gives the one whose memory it is; called where there is memory on disk.
        settings: of its memory: system prompt, ratio and budget.
        durability: how its memory is kept on disk; None where it is not.
        evidence: folder of evidence; None where there is none.
    """

    stream_id: str
    pipeline: str
    store: EventStore
    model: Callable[[], VideoModel[Any]]
    settings: Mapping[str, Any]
    durability: Durability | None
    evidence: Path | None

    @property
    def memories(self) -> list[Path]:
        """Folders that hold, or once held, its memory: the durability's own, and all that the store tells of.

        Raises:
            StoreError: the store cannot be read.
        """
        told = self.store.memories.folders(self.stream_id, pipeline=self.pipeline)
        own = [] if self.durability is None else [self.durability.path(self.pipeline, self.stream_id)]
        return list(dict.fromkeys([*(path for path in own if path.is_dir()), *told]))

    def check(self, *, memory_gone: bool = False) -> None:
        """See that every memory of the stream can be made to forget from here.

        Args:
            memory_gone: whether folders that are not there need not forget, since they were deleted.

        Raises:
            ConfigError: one cannot.
            StoreError: the store cannot be read.
        """
        there = [path for path in self.memories if path.is_dir()]
        if there and self.durability is None:
            msg = (
                f"{_listed(there)} holds memory of stream {self.stream_id!r}, but the pipeline keeps none on disk any "
                "more, so nothing tells what it was made with: give the durability back for this, or delete the folder"
            )
            raise ConfigError(msg)
        missing = [path for path in self.memories if path not in there]
        if missing and not memory_gone:
            msg = (
                f"the store tells of memory of stream {self.stream_id!r} in {_listed(missing)}, which is not on this "
                "machine: do this where it is. If it has been deleted for good, say so with memory_gone (--memory-gone)"
            )
            raise ConfigError(msg)

    def span(self, since: datetime, until: datetime) -> Span:
        """A span of UTC on the stream's own clock, rather too long than too short; all of time if nothing tells.

        Raises:
            ConfigError: the span is empty.
            StoreError: the store cannot be read.
        """
        known = self.store.stream_span(self.stream_id, since, until, pipeline=self.pipeline)
        before = self.store.restore(self.pipeline, self.stream_id)
        spans = [] if known is None else [known]
        if before is not None and GAP in before.rules:
            last = LastFrame.from_json(before.rules[GAP])
            start_s, end_s = ((moment - last.utc).total_seconds() + last.time_s for moment in (since, until))
            spans.append(Span(start_s, end_s))
        if not spans:
            return Span(-math.inf, math.inf)
        start_s, end_s = min(each.start_s for each in spans), max(each.end_s for each in spans)
        return Span(round(start_s, _TICK_DIGITS) - _TICK_S, round(end_s, _TICK_DIGITS))

    def forget(self, since: datetime, until: datetime, *, memory_gone: bool = False) -> Forgotten:
        """Give up all that is known of a span, as ``Pipeline.forget`` does: memory, what rules remember, events, proof.

        Memory goes first, and nothing that tells of the stream's clock goes at all. So whatever stops this, doing it
        again does the rest; doing it twice does no harm.

        Args:
            since: start of the span in UTC.
            until: its end.
            memory_gone: as for ``check``; the store then tells of those folders no more.

        Raises:
            ConfigError: as for ``check``, or the span is empty; nothing was changed.
            InUse: somebody watches the stream; stop that first.
            MemoryFormatError: a memory was made by another model, or with other settings; it and all else is as it was.
            StoreError: something could not be deleted; do it again.
        """
        span = self.span(since, until)
        self.check(memory_gone=memory_gone)
        seen: dict[Path, bool] = {}
        not_durable: dict[Path, str] = {}
        there = [path for path in self.memories if path.is_dir()]
        model = self.model() if there else None
        for path in there:
            seen[path], reason = self._forget_memory(path, span, model)
            not_durable |= {path: reason} if reason else {}
        for path in set(self.memories).difference(there):
            self.store.memories.drop(self.stream_id, path)
        self._forget_rules(span)
        removal = self.store.forget(self.stream_id, since, until, self.evidence, pipeline=self.pipeline)
        return Forgotten(removal, seen, not_durable)

    def _forget_memory(self, path: Path, span: Span, model: Any) -> tuple[bool, str]:
        """Says whether it had seen the span, and why what is left is not durable."""
        assert self.durability is not None  # check has seen to it
        durability = replace(self.durability, folder=path.parents[1], fresh=False)
        before = self.store.restore(self.pipeline, self.stream_id)
        journal = durability.open(model, self.pipeline, self.stream_id, **self.settings)
        try:
            memory = journal.restore(0 if before is None else before.windows).memory
            had_seen: bool = memory.forget(span)
            return had_seen, journal.forget(memory).reason
        finally:
            journal.close()

    def _forget_rules(self, span: Span) -> None:
        """What rules remember of events that have not opened yet, or go on; and what the motion gate saw last."""
        before = self.store.restore(self.pipeline, self.stream_id)
        if before is None:
            return
        rules = {name: state if is_of_stream(name) else _without(state, span) for name, state in before.rules.items()}
        self.store.commit(self.pipeline, self.stream_id, state=replace(before, rules=rules | {GATE: ""}))


def _without(state: str, span: Span) -> str:
    try:
        return RuleState.from_json(state).forget(span).to_json()
    except ConfigError:  # nobody can tell what another version remembers
        return ""


def _listed(paths: list[Path]) -> str:
    return ", ".join(map(str, paths))
