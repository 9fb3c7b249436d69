"""What a demo leaves behind beside its events: a page to look at, and numbers to compare."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import torch

from videoxl_stream.evaluation.comparison import Comparison
from videoxl_stream.evaluation.matching import MIN_IOU
from videoxl_stream.evaluation.scoreboard import Scoreboard
from videoxl_stream.evaluation.trial import MODEL
from videoxl_stream.reports import Mark, Report, write_html
from videoxl_stream.store import EventStore

EVIDENCE = "evidence"


def write_report(folder: Path, store: EventStore, compared: Comparison, start: datetime) -> Path:
    """Write ``report.html``: every event with its evidence, and outlines of what was true.

    Args:
        folder: gets the page, and holds the evidence.
        store: holds the events.
        compared: truth and events.
        start: UTC of the clips' first pictures.
    """
    marks = tuple(
        Mark(
            stream_id,
            one.kind,
            start + timedelta(seconds=one.start_s),
            start + timedelta(seconds=one.end_s),
            ", ".join(("true", *one.attributes.values())),
        )
        for stream_id, one in compared.occurrences()
    )
    report = Report.of(store, note=_note(compared)).model_copy(update={"marks": marks})
    return write_html(folder / "report.html", report, evidence=folder / EVIDENCE)


def _note(compared: Comparison) -> str:
    counts = compared.score.total
    return (
        f"Rendered footage, watched by the embedded model. {counts.matched} of {counts.true} true occurrences were "
        f"found, by {counts.found} events (precision {counts.precision:.0%}, recall {counts.recall:.0%}). "
        "Outlines show what was true."
    )


def write_summary(
    path: Path, board: Scoreboard, *, seeds: Sequence[int], model: Mapping[str, str], seconds: Mapping[str, float]
) -> Path:
    """Write the score as JSON, with what it took.

    Args:
        path: the JSON file.
        board: the score.
        seeds: of the clips.
        model: names the weights.
        seconds: how long each part took.
    """
    truths = {name: truth for one in board.findings for name, truth in one.truths.items()}
    summary = {
        **board.tally(MODEL, "all").counts.to_json(),
        **board.to_json(),
        "min_iou": MIN_IOU,
        "seeds": list(seeds),
        "footage_s": {stream_id: truth.duration_s for stream_id, truth in truths.items()},
        "model": dict(model),
        "seconds": {part: round(length, 2) for part, length in seconds.items()},
        "hardware": _hardware(),
    }
    path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return path


def _hardware() -> dict[str, str | int]:
    return {
        "processor": platform.processor() or platform.machine(),
        "cpus": os.cpu_count() or 1,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
