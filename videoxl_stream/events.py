"""What was found: immutable events and their versioned JSON."""

from __future__ import annotations

import hashlib
from datetime import UTC
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator


class Severity(StrEnum):
    """How loudly an event asks for attention."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Status(StrEnum):
    """Where an event is in its life."""

    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"


def event_id(pipeline: str, stream_id: str, rule: str, window: int) -> str:
    """Name an event by what opened it, so that a replay names it the same.

    Args:
        pipeline: name of the pipeline.
        stream_id: name of the stream.
        rule: name of the rule.
        window: index of the window that opened the event.

    Returns:
        32 hexadecimal digits.
    """
    key = "\x1f".join((pipeline, stream_id, rule, str(window)))
    return hashlib.sha256(key.encode()).hexdigest()[:32]


class Event(BaseModel):
    """One finding of one rule on one stream.

    ``content`` is what the model said when a rule asked it for more than the alarm, such as what an ad is for.
    ``start_s`` and ``end_s`` are stream time; ``start`` and ``end`` the same moments in UTC. An event that is
    still going on carries the end seen so far; each change raises ``revision``.

    Raises:
        pydantic.ValidationError: a field is missing, unknown or contradicts another.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: Literal[1] = 1
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    revision: Annotated[int, Field(ge=0)] = 0
    status: Status
    pipeline: str
    stream_id: str
    rule: str
    severity: Severity
    window: Annotated[int, Field(ge=0)]
    start: AwareDatetime
    end: AwareDatetime
    start_s: float
    end_s: float
    question: str
    answer: str
    content: str | None = None
    probability: Annotated[float, Field(ge=0, le=1)]

    @model_validator(mode="after")
    def _times_run_forward(self) -> Self:
        if self.end < self.start or self.end_s < self.start_s:
            msg = f"event {self.id} ends before it starts"
            raise ValueError(msg)
        return self

    def __str__(self) -> str:
        """One line for people, with the time at which the event came to be what it is."""
        at = self.end if self.status == Status.CLOSED else self.start
        said = "" if self.content is None else f": {self.content}"
        return (
            f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} {self.stream_id} {self.rule} {self.status} "
            f"{self.probability:.0%}{said}"
        )


def event_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of an event as it is written."""
    schema = Event.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


class ExhibitKind(StrEnum):
    """What a piece of evidence is."""

    CLIP = "clip"
    PICTURE = "picture"
    THUMBNAIL = "thumbnail"


class Exhibit(BaseModel):
    """One file of evidence: a clip or picture of an event, or the thumbnail of a chunk of memory.

    Args:
        path: of the file, relative to the evidence folder, with forward slashes; unique.
        kind: clips and pictures belong to an event, thumbnails to none.
        event_id: the event it shows.
        start: UTC of the first picture in it.
        end: UTC of the end of the last.
        num_bytes: size of the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    path: str
    kind: ExhibitKind
    pipeline: str
    stream_id: str
    event_id: str | None = None
    start: AwareDatetime
    end: AwareDatetime
    start_s: float
    end_s: float
    num_bytes: Annotated[int, Field(ge=0)]
