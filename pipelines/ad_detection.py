"""A programme: where advertisements were inserted, and what each was for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from videoxl_stream.evidence import Evidence
from videoxl_stream.interfaces import Sink
from videoxl_stream.names import EMBEDDED, Model, Where, find_rules, find_sources, load_model
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.store import EventStore, Retention

BUDGET = 8192
"""Slots for each channel; with the embedded model half an hour."""
RETENTION = Retention(budget_bytes=20 * 10**9)
"""For ``EventStore.apply``."""


def ad_detection(
    source: Where | Iterable[Where] | Mapping[str, Where],
    store: EventStore,
    *,
    model: Model = EMBEDDED,
    evidence: Evidence | None = Evidence("evidence", pre_roll_s=2.0, post_roll_s=2.0),  # noqa: B008 - never changes
    sinks: Sequence[Sink] = (),
) -> Pipeline:
    """The definition in ``ad_detection.yaml``, for sources and a store of one's own.

    Args:
        source: one or more, as for ``watch``.
        store: where events are kept; what an ad was for is its event's content.
        model: ``embedded``, a folder with Video-XL's weights, or a model.
        evidence: how clips and pictures are kept; None keeps none.
        sinks: told of each event after it is stored.

    Raises:
        ConfigError: a name or value cannot work.
        SourceOpenError: there is no such file.
        CheckpointError: the model cannot be loaded.
    """
    return Pipeline(
        sources=find_sources(source, model=model),
        rules=find_rules("ad", model),
        model=load_model(model),
        store=store,
        sinks=sinks,
        name="ad_detection",
        budget=BUDGET,
        evidence=evidence,
    )
