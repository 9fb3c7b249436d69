"""The shortest way from footage to events; a module of the function's own name would hide it in the package."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, cast

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event, Status
from videoxl_stream.evidence import Evidence
from videoxl_stream.interfaces import VideoModel
from videoxl_stream.names import EMBEDDED, Model, SampleFps, Where, check_model, find_rules, find_sources, load_model
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.rules import Rule
from videoxl_stream.scheduling import Schedule
from videoxl_stream.store import EventStore

_IN_MEMORY = "sqlite://"
_BUDGET = 8192  # slots; with the embedded model about half an hour at 2 frames per second, and 50 MB


def watch(
    source: Where | Iterable[Where] | Mapping[str, Where],
    rules: str | Rule | Iterable[str | Rule],
    *,
    model: Model = EMBEDDED,
    events: str | EventStore | None = "sqlite:///events.db",
    evidence: str | Path | Evidence | None = None,
    sample_fps: SampleFps = None,
    device: str = "cpu",
    budget: int | None = _BUDGET,
    name: str = "watch",
    resume: bool = False,
) -> Generator[Event, None, None]:
    """Watch footage, and give every event as it opens and again, in its final form, as it closes.

    What is given is looked at in the call, before anything heavy is loaded; the watching begins with the first event
    asked for. Everything else that can be set is set with a ``Pipeline``.

    Args:
        source: a path, a folder, a pattern such as ``gate/**/*.mp4``, a URL or a Source; or several, or a mapping
            with the names of their streams.
        rules: names of ready-made rules such as ``fire`` or ``ad``, questions that yes or no answers, or Rules.
        model: ``embedded``, a folder with Video-XL's weights, or a model.
        events: where events are kept: SQLAlchemy's URL or a store; None keeps them only while it watches.
        evidence: folder for clips and pictures of events, or how they are kept; None keeps none.
        sample_fps: frames looked at per second of footage, ``"keyframes"`` or ``"all"``; None means what the model
            was made for.
        device: where the model is loaded.
        budget: slots of memory kept for each stream; None means no limit.
        name: of the pipeline, part of every event's id.
        resume: go on where the store says that each stream stopped.

    Raises:
        ConfigError: a name, rule or option cannot work.
        SourceOpenError: there is no such file.
    """
    check_model(model)
    found = find_rules(rules, model)
    Schedule(found)
    sources = find_sources(source, sample_fps=sample_fps, model=model)
    if not found or not sources:
        msg = f"there is nothing to watch: {len(sources)} sources and {len(found)} rules; give at least one of each"
        raise ConfigError(msg)
    make = partial(
        Pipeline,
        sources=sources,
        rules=found,
        name=name,
        budget=budget,
        evidence=Evidence(evidence) if isinstance(evidence, str | Path) else evidence,
    )
    return _events(make, partial(load_model, model, device=device), events, resume)


def _events(
    make: Callable[..., Pipeline],
    load: Callable[[], VideoModel[Any]],
    events: str | EventStore | None,
    resume: bool,
) -> Generator[Event, None, None]:
    with ExitStack() as opened:
        store = events
        if not isinstance(store, EventStore):
            store = opened.enter_context(EventStore(_IN_MEMORY if store is None else store))
        found = cast("Generator[Event, None, None]", make(model=load(), store=store).iterate(resume=resume))
        opened.enter_context(closing(found))
        yield from (event for event in found if event.status != Status.UPDATED)
