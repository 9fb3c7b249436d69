"""Claims: what somebody says has happened, be it the model or a baseline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from videoxl_stream.events import Event
from videoxl_stream.queries import Span
from videoxl_stream.training.footage.vocabulary import KINDS


@dataclass(frozen=True, slots=True)
class Claim:
    """Something of one kind on one stream, from when to when.

    Args:
        stream_id: where.
        kind: what.
        start_s: in stream time.
        end_s: in stream time.
        alarm_s: stream time at which it was first said.
        content: what else was said of it.
    """

    stream_id: str
    kind: str
    start_s: float
    end_s: float
    alarm_s: float
    content: str | None = None

    @property
    def span(self) -> Span:
        """From when to when."""
        return Span(self.start_s, self.end_s)


def claims_of(events: Iterable[Event], window_s: float) -> list[Claim]:
    """What events claim; a rule is named after the kind that it watches for, and other events claim nothing.

    Args:
        events: in their latest revisions.
        window_s: length of a window. An event is first told of when the window closes in which it opens.
    """
    return [
        Claim(one.stream_id, one.rule, one.start_s, one.end_s, (one.window + 1) * window_s, one.content)
        for one in events
        if one.rule in KINDS
    ]
