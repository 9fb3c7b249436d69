"""Footage that is missing: a gap or a jump of the clock is an event of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from videoxl_stream.events import Event, Severity, Status, event_id
from videoxl_stream.frames import Frame
from videoxl_stream.rules import RESERVED
from videoxl_stream.stored import Stored

GAP = f"{RESERVED}gap"
"""Stands in the place of a rule's name."""


@dataclass(frozen=True, slots=True)
class LastFrame(Stored):
    """Where footage ended: the presentation time and the UTC of its last frame."""

    time_s: float
    utc: datetime


def gap_before(frame: Frame, last: LastFrame, *, gap_s: float, pipeline: str, window: int) -> Event | None:
    """Say what is wrong between two frames that follow each other, as an event that is closed at once.

    Frames that a full buffer gave up are missing, too. A clock jumps where presentation time runs back, or where
    UTC and presentation time disagree about how long it was between the frames.

    Args:
        frame: the first of a window.
        last: the one before it.
        gap_s: what is longer is a gap or a jump.
        pipeline: name of the pipeline.
        window: index of the window that begins with ``frame``; part of the event's id.

    Returns:
        the event, from the last frame to this one; None if all is well.
    """
    step_s = frame.time_s - last.time_s
    jump_s = (frame.utc - last.utc).total_seconds() - step_s
    if step_s < 0 or abs(jump_s) > gap_s:
        answer, content = "clock jump", f"presentation time moved by {step_s:+.1f} s, UTC by {step_s + jump_s:+.1f} s"
    elif step_s > gap_s:
        answer, content = "gap", f"no footage for {step_s:.1f} s"
    else:
        return None
    return Event(
        id=event_id(pipeline, frame.stream_id, GAP, window),
        status=Status.CLOSED,
        pipeline=pipeline,
        stream_id=frame.stream_id,
        rule=GAP,
        severity=Severity.INFO,
        window=window,
        start=min(last.utc, frame.utc),
        end=frame.utc,
        start_s=min(last.time_s, frame.time_s),
        end_s=frame.time_s,
        question="Is footage missing?",
        answer=answer,
        content=content,
        probability=1.0,
    )
