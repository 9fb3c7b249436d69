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
from videoxl_stream.evaluation.stills import stills
from videoxl_stream.evaluation.trial import MODEL
from videoxl_stream.reports import Mark, Report, write_html


def write_report(path: Path, compared: Comparison, clips: Mapping[str, Path], start: datetime) -> Path:
    """Write the page: every event with a picture out of its clip, and outlines of what was true.

    Args:
        path: the HTML file.
        compared: truth and events.
        clips: each stream's video file.
        start: UTC of the clips' first pictures.
    """
    pictures: dict[str, bytes] = {}
    for stream_id, clip in clips.items():
        events = [event for event in compared.events if event.stream_id == stream_id]
        middles = [(event.start_s + event.end_s) / 2 for event in events]
        pictures |= dict(zip([event.id for event in events], stills(clip, middles), strict=True))
    marks = [
        Mark(
            stream_id,
            one.kind,
            start + timedelta(seconds=one.start_s),
            start + timedelta(seconds=one.end_s),
            ", ".join(("true", *one.attributes.values())),
        )
        for stream_id, one in compared.occurrences()
    ]
    length_s = max(truth.duration_s for truth in compared.truths.values())
    end = start + timedelta(seconds=length_s)
    report = Report.of_events(
        compared.events, note=_note(compared), start=start, end=end, marks=marks, streams=list(clips)
    )
    return write_html(path, report, pictures=pictures)


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
