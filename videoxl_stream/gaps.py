"""Footage that is missing, or memory of it: a gap, a jump of the clock or a loss is an event of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from videoxl_stream.events import Event, Severity, Status, event_id
from videoxl_stream.frames import Frame
from videoxl_stream.rules import RESERVED
from videoxl_stream.stored import Stored

GAP, MEMORY = f"{RESERVED}gap", f"{RESERVED}memory"
"""Stand in the place of a rule's name."""


def is_of_stream(name: str) -> bool:
    """Whether what stands in the place of a rule's name is what a stream tells of itself."""
    return name.startswith(RESERVED)


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


def memory_lost(
    pipeline: str, stream_id: str, window: int, report: str, last: LastFrame | None, now: datetime
) -> Event:
    """Say that durable memory could not be restored whole, as an event that is closed at once.

    Args:
        pipeline: name of the pipeline.
        stream_id: name of the stream.
        window: index of the window that comes next; part of the event's id.
        report: what was lost, in words.
        last: where the footage before ended, if that is known.
        now: wall time, for where it is not.
    """
    at = LastFrame(0.0, now) if last is None else last
    return Event(
        id=event_id(pipeline, stream_id, MEMORY, window),
        status=Status.CLOSED,
        pipeline=pipeline,
        stream_id=stream_id,
        rule=MEMORY,
        severity=Severity.WARNING,
        window=window,
        start=at.utc,
        end=at.utc,
        start_s=at.time_s,
        end_s=at.time_s,
        question="Is memory missing?",
        answer="lost",
        content=report,
        probability=1.0,
    )
