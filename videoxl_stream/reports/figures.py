"""What a report counts: rules, streams, and what became of frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, computed_field

from videoxl_stream.events import Event, Severity, Status

_Count = Annotated[int, Field(ge=0)]


class FrameCounts(BaseModel):
    """What became of a stream's frames; every frame that was decoded is one of five things.

    Args:
        sampled_away: not wanted by the source's sampling.
        read: given by the source to the pipeline.
        ingested: of these, taken in by the model.
        still: of these, sampled away by the motion gate, because nothing moved.
        dropped: of these, given up by the buffer's policy, or forgotten while they waited.
        held: of these, waiting.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    sampled_away: _Count
    read: _Count
    ingested: _Count
    still: _Count
    dropped: _Count
    held: _Count

    @classmethod
    def of(cls, counts: Mapping[str, Any]) -> Self | None:
        """Read what a store keeps of a stream; None where it was never told, or not all of it."""
        try:
            return cls.model_validate(counts)
        except ValidationError:
            return None

    def __add__(self, other: FrameCounts) -> FrameCounts:
        return FrameCounts(**{name: getattr(self, name) + getattr(other, name) for name in FrameCounts.model_fields})

    @computed_field  # type: ignore[prop-decorator]
    @property
    def decoded(self) -> int:
        """All frames, wanted or not."""
        return self.sampled_away + self.read

    @computed_field  # type: ignore[prop-decorator]
    @property
    def adds_up(self) -> bool:
        """Whether no frame is missing from the account."""
        return self.read == self.ingested + self.still + self.dropped + self.held

    def shares(self) -> dict[str, tuple[int, float]]:
        """Each of the five things a frame can be, as a count and a share of all that were decoded."""
        names = {"ingested": "ingested", "still": "still", "sampled_away": "sampled away"}
        names |= {"dropped": "dropped", "held": "held"}
        whole = self.decoded or 1
        return {name: (getattr(self, field), getattr(self, field) / whole) for field, name in names.items()}


class RuleFigures(BaseModel):
    """One rule's events, of all streams.

    Args:
        rule: its name.
        total: events.
        severities: how many of each severity.
        going_on: how many have not ended.
        total_s: how long all of them lasted, in seconds.
        longest_s: how long the longest did.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    total: _Count
    severities: dict[Severity, _Count]
    going_on: _Count
    total_s: float
    longest_s: float

    @classmethod
    def of(cls, rule: str, events: Sequence[Event]) -> Self:
        """Count the events of one rule; there may be none."""
        lengths = [event.end_s - event.start_s for event in events]
        return cls(
            rule=rule,
            total=len(events),
            severities=by_severity(events),
            going_on=sum(event.status != Status.CLOSED for event in events),
            total_s=sum(lengths),
            longest_s=max(lengths, default=0.0),
        )


class StreamFigures(BaseModel):
    """One stream of one pipeline.

    Args:
        pipeline: that watches it; empty where nobody said.
        stream_id: its name.
        first: UTC of the earliest moment, ever, of which anything was written.
        last: UTC up to which it was watched, as far as is known.
        rules: watched for on it, as far as is known.
        events: found in the period.
        gaps: stretches of the period without footage.
        missing_s: how long these were, in seconds, within the period.
        clock_jumps: how often its clock jumped.
        frames: what became of its frames since the pipeline was last started, whatever the period; None if unknown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pipeline: str
    stream_id: str
    first: AwareDatetime | None = None
    last: AwareDatetime | None = None
    rules: tuple[str, ...] = ()
    events: _Count = 0
    gaps: _Count = 0
    missing_s: float = 0.0
    clock_jumps: _Count = 0
    frames: FrameCounts | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from every other stream."""
        return self.pipeline, self.stream_id


def by_severity(events: Sequence[Event]) -> dict[Severity, int]:
    """How many events there are of each severity, the loudest first."""
    return {severity: sum(event.severity == severity for event in events) for severity in reversed(Severity)}


def rank(event: Event) -> tuple[int, float]:
    """How much an event matters: by severity, then by probability."""
    return list(Severity).index(event.severity), event.probability
