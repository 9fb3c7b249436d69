"""Site cameras, every hour what happened in it, in words, and a report of each day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

from videoxl_stream.evidence import Evidence
from videoxl_stream.interfaces import Sink
from videoxl_stream.names import EMBEDDED, Model, Where, find_rules, find_sources, load_model, named_rule
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.pipelines import surveillance
from videoxl_stream.pipelines.standard_rules import summary
from videoxl_stream.regions import Regions
from videoxl_stream.reports import Report, write_html
from videoxl_stream.rules import Rule
from videoxl_stream.store import EventStore

RULES = surveillance.RULES
BUDGET = 16384
"""Slots for each camera; with the embedded model an hour and a bit."""
RETENTION = surveillance.RETENTION
"""For ``EventStore.apply``."""
_EVERY_HOUR, _HOUR_S = "0 * * * *", 3600.0


def daily_summary(
    source: Where | Iterable[Where] | Mapping[str, Where],
    store: EventStore,
    *,
    model: Model = EMBEDDED,
    rules: str | Rule | Iterable[str | Rule] = RULES,
    evidence: Evidence | None = Evidence("evidence"),  # noqa: B008 - it never changes
    regions: Mapping[str, Regions] | None = None,
    sinks: Sequence[Sink] = (),
) -> Pipeline:
    """The definition in ``daily_summary.yaml``, for sources and a store of one's own.

    A whole day fits no memory's budget, an hour does: each is put into words when it is over, and ``daily_report``
    gathers the day.

    Args:
        source: one or more, as for ``watch``.
        store: where events and summaries are kept.
        model: ``embedded``, a folder with Video-XL's weights, or a model.
        rules: what to watch for besides, as for ``watch``.
        evidence: how clips and pictures are kept; None keeps none.
        regions: zones and masks of streams, by name.
        sinks: told of each event after it is stored.

    Raises:
        ConfigError: a name or value cannot work.
        SourceOpenError: there is no such file.
        CheckpointError: the model cannot be loaded.
    """
    hourly = replace(named_rule("summary", model), schedule=_EVERY_HOUR, look_back_s=_HOUR_S)
    return Pipeline(
        sources=find_sources(source, model=model),
        rules=[*find_rules(rules, model), hourly],
        model=load_model(model),
        store=store,
        sinks=sinks,
        name="daily_summary",
        budget=BUDGET,
        regions=regions,
        evidence=evidence,
    )


def daily_report(
    store: EventStore,
    day: date,
    path: str | Path,
    *,
    timezone: str = "UTC",
    pipeline: str | None = "daily_summary",
    evidence: str | Path | None = "evidence",
) -> Path:
    """Write one page about a day: what each hour was like, what was found, and what was missing.

    Args:
        store: that a pipeline wrote.
        day: by the calendar of the time zone.
        path: of the page, HTML.
        timezone: IANA name.
        pipeline: whose events; None means those of all.
        evidence: folder of the pictures; None shows none.

    Returns:
        the path.

    Raises:
        ConfigError: there is no such time zone, or the store knows no such pipeline.
        StoreError: the store cannot be read.
    """
    zone = summary(timezone=timezone).zone  # refuses what is none
    since, until = (datetime.combine(day + timedelta(days=days), time(), zone) for days in (0, 1))
    report = Report.of(
        store, pipeline=pipeline, since=since, until=until, timezone=timezone, title=f"{day:%A, %Y-%m-%d}"
    )
    folder = Path(evidence) if evidence is not None and Path(evidence).is_dir() else None
    return write_html(path, report, evidence=folder)
