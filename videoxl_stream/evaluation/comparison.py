"""Comparison: the events of a watch beside what really happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from videoxl_stream.evaluation.matching import Happening, Score, match, score
from videoxl_stream.events import Event
from videoxl_stream.queries import Span
from videoxl_stream.training.footage.clips import Truth
from videoxl_stream.training.footage.scenes import Occurrence


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what was true, what was found, or both where they belong together."""

    stream_id: str
    kind: str
    start_s: float
    true: Occurrence | None
    event: Event | None

    @property
    def iou(self) -> float | None:
        """How well the spans agree, where there are two."""
        if self.true is None or self.event is None:
            return None
        return _span(self.true).iou(_span(self.event))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was true and what was found on some streams; each rule is named after the kind that it watches for.

    Args:
        truths: for each stream id its truth.
        events: of these streams, in their latest revisions.
    """

    truths: Mapping[str, Truth]
    events: Sequence[Event]

    @property
    def score(self) -> Score:
        """Counts of each kind."""
        return score(self._true(), self._found())

    def rows(self) -> list[Row]:
        """Everything that was true or found, by stream and time."""
        pairs = dict(match(self._true(), self._found()))
        rows = []
        for index, (stream_id, one) in enumerate(self.occurrences()):
            event = self.events[pairs[index]] if index in pairs else None
            rows.append(Row(stream_id, one.kind, one.start_s, one, event))
        for claim in sorted(set(range(len(self.events))) - set(pairs.values())):
            event = self.events[claim]
            rows.append(Row(event.stream_id, event.rule, event.start_s, None, event))
        streams = list(self.truths)
        return sorted(rows, key=lambda row: (streams.index(row.stream_id), row.start_s, row.kind))

    def occurrences(self) -> list[tuple[str, Occurrence]]:
        """What was true, with the stream on which it was."""
        return [(stream_id, one) for stream_id, truth in self.truths.items() for one in truth.occurrences]

    def _true(self) -> list[Happening]:
        return [Happening(stream_id, one.kind, _span(one)) for stream_id, one in self.occurrences()]

    def _found(self) -> list[Happening]:
        return [Happening(event.stream_id, event.rule, _span(event)) for event in self.events]


def _span(one: Occurrence | Event) -> Span:
    return Span(one.start_s, one.end_s)
