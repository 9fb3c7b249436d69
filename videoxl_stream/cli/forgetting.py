"""``videoxl-stream store forget``: what it looks through, in what order, and what it says of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from videoxl_stream.cli.references import load_stopped
from videoxl_stream.errors import ConfigError

if TYPE_CHECKING:
    from videoxl_stream.interfaces import VideoModel
    from videoxl_stream.queries import Span
    from videoxl_stream.stopped import Forgotten, StoppedStream
    from videoxl_stream.store import EventStore, Removal


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """A span of a stream, and all the places that are to forget it.

    Args:
        store: open.
        stream_id: name of the stream.
        since: start of the span in UTC.
        until: its end.
        pipeline: of this pipeline only; None for all.
        evidence: folder; None where there never was any.
        stopped: the stream as its pipeline knows it; None where no definition was given.
        saved: memories in files of their own.
        model: that these are of.
        memory_gone: whether memory on disk that is not there has been deleted.
    """

    store: EventStore
    stream_id: str
    since: datetime
    until: datetime
    pipeline: str | None
    evidence: Path | None
    stopped: StoppedStream | None
    saved: Sequence[Path]
    model: Callable[[], VideoModel[Any]]
    memory_gone: bool

    @classmethod
    def of_site(cls, definition: str, stream_id: str, alone: Mapping[str, object], **wanted: Any) -> Forgetting:
        """With all that a definition says.

        Args:
            definition: as for ``run``.
            stream_id: name of the stream.
            alone: options that mean something only without a definition.
            wanted: the span, and what else is not in a definition.

        Raises:
            ConfigError: one of these options was given, or the definition is none.
        """
        if given := ", ".join(f"--{name}" for name, value in alone.items() if value is not None):
            msg = f"{definition} says itself what --site would be asked for; leave {given} out"
            raise ConfigError(msg)
        stopped = load_stopped(definition, stream_id)
        return cls(
            store=stopped.store,
            stream_id=stream_id,
            pipeline=stopped.pipeline,
            evidence=stopped.evidence,
            stopped=stopped,
            model=stopped.model,
            **wanted,
        )

    def check(self) -> None:
        """Refuse to begin where something would be left that remembers.

        Raises:
            ConfigError: there is memory on disk that cannot be reached, or saved memory whose clock nobody knows.
        """
        if self.stopped is not None:
            self.stopped.check(memory_gone=self.memory_gone)
        else:
            self._check_memories()
        if self.saved and self._span() is None:
            msg = f"{self.store.name} knows nothing of stream {self.stream_id!r}, nor when its memory saw what"
            msg += "; delete the memory"
            raise ConfigError(msg)

    def plan(self) -> Removal:
        """What would go from the store."""
        return self.store.forget(
            self.stream_id, self.since, self.until, self.evidence, pipeline=self.pipeline, dry_run=True
        )

    def tell_memories(self) -> None:
        """Say which memory on disk is meant, or that none is."""
        memories = [] if self.stopped is None else [path for path in self.stopped.memories if path.is_dir()]
        for path in memories:
            typer.echo(f"memory in {path} is looked through")
        if not memories:
            where = "" if self.stopped is not None else "; if it kept some all the same, name its definition: --site"
            typer.echo(f"no memory of {self.stream_id} on disk is known of{where}")

    def do(self) -> Removal:
        """Forget it everywhere, memories first: afterwards less is left to tell the stream's clock."""
        self.rewrite_saved(dry_run=False)
        if self.stopped is None:
            for path in self.store.memories.folders(self.stream_id, pipeline=self.pipeline):
                self.store.memories.drop(self.stream_id, path)  # check has seen that none is there
            return self.store.forget(self.stream_id, self.since, self.until, self.evidence, pipeline=self.pipeline)
        done = self.stopped.forget(self.since, self.until, memory_gone=self.memory_gone)
        _tell(done)
        return done.removal

    def rewrite_saved(self, *, dry_run: bool) -> None:
        """Let memories in files of their own forget."""
        if not self.saved or (span := self._span()) is None:
            return
        loaded = self.model()
        for path in self.saved:
            memory = loaded.load_memory(path)
            had_seen = memory.forget(span)
            if had_seen and not dry_run:
                loaded.save_memory(memory, path)
            typer.echo(f"{path} {_seen(had_seen)}")

    def _span(self) -> Span | None:
        if self.stopped is not None:
            return self.stopped.span(self.since, self.until)
        return self.store.stream_span(self.stream_id, self.since, self.until, pipeline=self.pipeline)

    def _check_memories(self) -> None:
        told = self.store.memories.folders(self.stream_id, pipeline=self.pipeline)
        here = [path for path in told if path.is_dir()]
        if here or (told and not self.memory_gone):
            msg = (
                f"nothing was deleted: stream {self.stream_id!r} keeps memory on disk, in "
                f"{', '.join(map(str, told))}, which must forget the span as well. Name what `run` is given, such as "
                "--site site.yaml; or say --memory-gone, if that folder has been deleted for good"
            )
            raise ConfigError(msg)


def _tell(done: Forgotten) -> None:
    for path, had_seen in done.memories.items():
        typer.echo(f"memory in {path} {_seen(had_seen)}")
    for path, reason in done.not_durable.items():
        typer.echo(f"warning: what is left of {path} could not be written again ({reason})", err=True)


def _seen(had_seen: bool) -> str:
    return "had seen it" if had_seen else "has not seen it"
