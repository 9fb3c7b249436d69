"""Site cameras: what should not happen there, with clips and pictures to prove it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from videoxl_stream.evidence import Evidence
from videoxl_stream.interfaces import Sink
from videoxl_stream.motion import MotionGate
from videoxl_stream.names import EMBEDDED, Model, Where, find_rules, find_sources, load_model
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.regions import Regions
from videoxl_stream.rules import Rule
from videoxl_stream.store import EventStore, Retention

RULES = ("intrusion", "fire", "fall", "crowd", "breakdown", "tampering", "abandoned")
BUDGET = 8192
"""Slots for each camera; with the embedded model half an hour."""
RETENTION = Retention(budget_bytes=20 * 10**9)
"""For ``EventStore.apply``; ages count from when the footage was taken, and so would take an archive's events."""


def surveillance(
    source: Where | Iterable[Where] | Mapping[str, Where],
    store: EventStore,
    *,
    model: Model = EMBEDDED,
    rules: str | Rule | Iterable[str | Rule] = RULES,
    evidence: Evidence | None = Evidence("evidence"),  # noqa: B008 - it never changes
    regions: Mapping[str, Regions] | None = None,
    gate: MotionGate | None = None,
    sinks: Sequence[Sink] = (),
) -> Pipeline:
    """The definition in ``surveillance.yaml``, for sources and a store of one's own.

    Args:
        source: one or more, as for ``watch``.
        store: where events are kept.
        model: ``embedded``, a folder with Video-XL's weights, or a model.
        rules: what to watch for, as for ``watch``.
        evidence: how clips and pictures are kept; None keeps none.
        regions: zones and masks of streams, by name.
        gate: passes over windows in which nothing moves; None takes all in.
        sinks: told of each event after it is stored.

    Raises:
        ConfigError: a name or value cannot work.
        SourceOpenError: there is no such file.
        CheckpointError: the model cannot be loaded.
    """
    return Pipeline(
        sources=find_sources(source, model=model),
        rules=find_rules(rules, model),
        model=load_model(model),
        store=store,
        sinks=sinks,
        name="surveillance",
        budget=BUDGET,
        regions=regions,
        gate=gate,
        evidence=evidence,
    )
