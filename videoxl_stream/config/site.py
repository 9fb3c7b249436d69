"""A site: everything that a pipeline is made of, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import Field, PositiveInt, ValidationError
from pydantic_core import ErrorDetails

from videoxl_stream.buffer import BufferLimits
from videoxl_stream.config.document import Document, key_shown
from videoxl_stream.config.expansion import expand
from videoxl_stream.config.parts import Kept, Part, Rules, Served, Sinks, Sources, WatchedRule, WatchedSource
from videoxl_stream.daemon import Admission, Needs
from videoxl_stream.delivery import Delivery
from videoxl_stream.errors import ConfigError, VideoXLStreamError
from videoxl_stream.evidence import Evidence
from videoxl_stream.interfaces import Feed, Sink, Source, VideoModel
from videoxl_stream.journal import Durability
from videoxl_stream.motion import MotionGate
from videoxl_stream.names import EMBEDDED, check_different, check_model, load_model
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.rules import Rule
from videoxl_stream.scheduling import Schedule
from videoxl_stream.stopped import StoppedStream
from videoxl_stream.store import EventStore, Removal
from videoxl_stream.waiting_room import Admit

_T = TypeVar("_T")
# What pydantic calls a field that is not there, and what it says in words of Python.
_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}
_IN_YAML = {
    "tuple_type": "give a list",
    "too_short": "give one at least",
    "model_type": "give fields with their values",
    "dataclass_type": "give fields with their values",
    "missing": "this is missing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a site's lists stand for.

    Args:
        sources: each one stream.
        watched: what is said of each, by the stream's name.
        feeds: each many streams.
        rules: what to watch for.
    """

    sources: Sequence[Source]
    watched: Mapping[str, WatchedSource]
    feeds: Sequence[Feed]
    rules: Sequence[Rule]


class Site(Part):
    """A pipeline as plain data: one YAML file, or the same in Python. Relative paths begin where the program runs.

    Raises:
        pydantic.ValidationError: a field is missing, unknown or cannot work; ``from_yaml`` raises ConfigError.
    """

    name: str = Field(default="site", description="Of the pipeline; part of every event's id.")
    sources: Sources = Field(default=(), description="Where footage comes from: each a path or URL, or more about it.")
    rules: Rules = Field(
        min_length=1,
        description="What to watch for on every stream: each the name of a ready-made rule, a question, or more.",
    )
    model: str = Field(default=EMBEDDED, description="'embedded', or a folder with Video-XL's weights; with ${NAME}.")
    device: str = Field(default="cpu", description="Where the model goes, such as cuda:0.")
    system: str | None = Field(default=None, description="System prompt of the memories; null means the model's own.")
    ratio: PositiveInt | None = Field(
        default=None, description="Visual tokens per one kept; null means the model's own."
    )
    budget: PositiveInt | None = Field(
        default=None, description="Slots each memory keeps at most; null means no limit."
    )
    events: str = Field(
        default="sqlite:///events.db",
        repr=False,
        description="Where events are kept: SQLAlchemy's URL of SQLite or PostgreSQL. ${NAME} stands for a variable "
        "of the environment.",
    )
    evidence: Evidence | None = Field(
        default=None, description="How clips and pictures of events are kept; null keeps none."
    )
    retention: Kept = Field(
        default=Kept(), description="How long events and evidence are kept; for ever, if nothing is said."
    )
    gate: MotionGate | None = Field(
        default=None, description="Passes over windows in which nothing moves; {} for the usual one, null for none."
    )
    limits: BufferLimits | None = Field(default=None, description="Of each stream's buffer; null for the usual ones.")
    durability: Durability | None = Field(
        default=None,
        description="How memories are kept on disk, so that a restart goes on with them; null for not.",
    )
    sinks: Sinks = Field(default=(), description="Where events are sent to: each a URL, or more about it.")
    health: Served | None = Field(
        default=None, description="Where monitors ask how it stands; {} for the usual place, null for nowhere."
    )
    admission: Admission | None = Field(
        default=Admission(), description="How many streams are let in; null lets any number in."
    )

    @classmethod
    def from_yaml(cls, path: str | Path) -> Self:
        """Read a site from a file.

        Raises:
            ConfigError: the file cannot be read, or is no site; the message names each line and field.
        """
        return cls.read(Document(path))

    @classmethod
    def read(cls, document: Document) -> Self:
        """Read a site from a YAML document; see ``from_yaml``."""
        try:
            return cls.model_validate(document.data)
        except ValidationError as e:
            raise ConfigError("\n".join(_complaints(e.errors(), document))) from e

    def changed(
        self, *, source: Sequence[str] | None = None, model: str | None = None, events: str | None = None
    ) -> Self:
        """The same with other sources, another model or another store.

        Args:
            source: paths and URLs.
            model: its name.
            events: the store's URL.
        """
        changes: dict[str, Any] = {"model": model, "events": events}
        changes["sources"] = None if source is None else tuple(WatchedSource(url=url) for url in source)
        return self.model_copy(update={name: value for name, value in changes.items() if value is not None})

    def check(self, document: Document | None = None) -> None:
        """Try all that can be tried without loading the model or opening the store.

        Args:
            document: that the site was read from, so that errors can name the line.

        Raises:
            ConfigError: a name or value cannot work, or a variable of the environment is not set.
            SourceOpenError: there is no such file.
        """
        self.parts(document)
        self.proof()
        self._kept_memory()
        expand(self.events)
        for sink in _each("sinks", self.sinks, lambda part: part.sink(), document):
            sink.close()

    def pipeline(
        self,
        *,
        model: VideoModel[Any] | None = None,
        store: EventStore | None = None,
        sinks: Sequence[Sink] = (),
        document: Document | None = None,
    ) -> Pipeline:
        """Make the pipeline that the site describes; its store is the caller's to close.

        Args:
            model: instead of loading the one named; rules stay those of the one named.
            store: instead of opening the one named.
            sinks: told of each event after it is stored.
            document: as for ``check``.

        Raises:
            ConfigError: as for ``check``; or streams or rules share a name.
            SourceOpenError: there is no such file.
            StoreError: the store cannot be opened.
            CheckpointError: the model cannot be loaded.
        """
        if not self.sources:
            msg = "there is no source; list paths or URLs under 'sources', or name some with --source"
            raise ConfigError(msg)
        parts, evidence, durability = self.parts(document), self.proof(), self._kept_memory()
        opened = store or EventStore(expand(self.events))
        try:
            loaded = model or load_model(expand(self.model), device=self.device)
            admit = self.admit(parts, loaded)
            return Pipeline(
                sources=parts.sources,
                feeds=parts.feeds,
                model=loaded,
                rules=parts.rules,
                store=opened,
                sinks=sinks,
                name=self.name,
                system=self.system,
                ratio=self.ratio,
                budget=self.budget,
                limits=self.limits,
                regions={name: part.regions for name, part in parts.watched.items() if part.regions is not None},
                gate=self.gate,
                evidence=evidence,
                durability=durability,
                outbox=[sink.known_as for sink in self.sinks],
                admit=admit,
            )
        except BaseException:
            if store is None:
                opened.close()
            raise

    def stopped(self, stream_id: str) -> StoppedStream:
        """One of its streams while nobody watches it, to forget a span of it; its store is the caller's to close.

        Raises:
            ConfigError: a variable of the environment is not set.
            StoreError: there is no such store.
        """
        proof = self.proof()
        return StoppedStream(
            stream_id=stream_id,
            pipeline=self.name,
            store=EventStore(expand(self.events), create=False),
            model=partial(load_model, expand(self.model), device=self.device),
            settings={"system": self.system, "ratio": self.ratio, "budget": self.budget},
            durability=self._kept_memory(),
            evidence=Path(proof.folder) if proof is not None and Path(proof.folder).is_dir() else None,
        )

    def admit(self, parts: Parts, model: VideoModel[Any], *, beside: int = 0) -> Admit | None:
        """Refuse live sources that do not fit together.

        Args:
            parts: sources and topics.
            model: that watches them.
            beside: streams of topics that are watched already.

        Returns:
            what says why so many streams at once do not fit; None if any number may come.

        Raises:
            ConfigError: they do not; the message shows the sum.
        """
        if self.admission is None or not (parts.feeds or any(source.live for source in parts.sources)):
            return None
        settings = {"system": self.system, "ratio": self.ratio, "budget": self.budget}
        needs = Needs.of(model, limits=self.limits, evidence=self.evidence, **settings)
        self.admission.check(parts.sources, needs, topics=[feed.name for feed in parts.feeds], beside=beside)
        return partial(self.admission.refusal, needs=needs)

    def delivery(self, store: EventStore) -> Delivery | None:
        """What sends the events of a store to ``sinks``; None if there are none.

        Raises:
            ConfigError: a sink cannot work.
        """
        made = _each("sinks", self.sinks, lambda part: part.sink(), None)
        names = [part.known_as for part in self.sinks]
        return Delivery(store, dict(zip(names, made, strict=True))) if made else None

    def retain(self, store: EventStore) -> Removal:
        """Let go of what ``retention`` does not keep, by now.

        Raises:
            StoreError: the database cannot be written.
        """
        proof = self.proof()
        there = Path(proof.folder) if proof is not None and Path(proof.folder).is_dir() else None
        return store.apply(self.retention.retention, there, datetime.now(UTC))

    def proof(self) -> Evidence | None:
        """How evidence is kept.

        Raises:
            ConfigError: a variable of the environment is not set.
        """
        return None if self.evidence is None else replace(self.evidence, folder=expand(str(self.evidence.folder)))

    def _kept_memory(self) -> Durability | None:
        kept = self.durability
        return None if kept is None else replace(kept, folder=expand(str(kept.folder)))

    def parts(self, document: Document | None = None) -> Parts:
        """All that is cheap to make.

        Raises:
            ConfigError: as for ``check``.
            SourceOpenError: there is no such file.
        """
        model = expand(self.model)
        check_model(model)

        def source(part: WatchedSource) -> Source | Feed:
            _ = part.regions
            return part.feed(model) if part.is_feed else part.source(model)

        def rule(part: WatchedRule) -> Rule:
            made = part.rule(model)
            Schedule([made])
            return made

        made = zip(self.sources, _each("sources", self.sources, source, document), strict=True)
        by_kind: dict[bool, list[tuple[WatchedSource, Any]]] = {True: [], False: []}
        for part, each in made:
            by_kind[part.is_feed].append((part, each))
        sources: list[tuple[WatchedSource, Source]] = by_kind[False]
        rules = _each("rules", self.rules, rule, document)
        check_different("sources", [each.stream_id for _, each in sources], "give each a stream_id")
        check_different("rules", [each.name for each in rules], "give each a name, or leave all but one out")
        check_different("sinks", [sink.known_as for sink in self.sinks], "give each a name")
        return Parts(
            sources=[each for _, each in sources],
            watched={each.stream_id: part for part, each in sources},
            feeds=[each for _, each in by_kind[True]],
            rules=rules,
        )


def _each(what: str, parts: Sequence[Any], make: Callable[[Any], _T], document: Document | None) -> list[_T]:
    """Make every part; an error says which one it was."""
    made = []
    for number, part in enumerate(parts):
        try:
            made.append(make(part))
        except VideoXLStreamError as e:
            msg = f"{_place((what, number), document)}: {e}"
            raise type(e)(msg) from e
    return made


def _place(keys: Sequence[str | int], document: Document | None) -> str:
    where = [] if document is None else [document.where(keys)]
    return ": ".join([*where, *filter(None, [".".join(map(key_shown, keys))])])


def _complaints(errors: Sequence[ErrorDetails], document: Document) -> list[str]:
    """One line for each error; a list that is too short only because of what is wrong in it is not one."""
    inside = {error["loc"][:end] for error in errors for end in range(len(error["loc"]))}
    wrong = [error for error in errors if error["type"] != "too_short" or error["loc"] not in inside]
    return [_complaint(error, document) for error in wrong]


def _complaint(error: ErrorDetails, document: Document) -> str:
    said = str(error["ctx"]["error"]) if error["type"] == "value_error" else _IN_YAML.get(error["type"], error["msg"])
    if error["type"] in _UNKNOWN:
        near = get_close_matches(str(error["loc"][-1]), _words(Site.model_json_schema()), n=1)
        said = f"there is no such field; {f'did you mean {near[0]!r}?' if near else 'leave it out'}"
    return f"{_place(error['loc'], document)}: {said}"


def _words(schema: dict[str, Any]) -> set[str]:
    """Names of all fields of a schema."""
    return {field for part in (schema, *schema["$defs"].values()) for field in part.get("properties", {})}
