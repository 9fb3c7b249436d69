"""What stands in the lists of a site: its sources and rules; and how long what is found is kept."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import time, timedelta
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ByteSize, ConfigDict, Field, model_validator

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Severity
from videoxl_stream.interfaces import Source
from videoxl_stream.names import SampleFps, asked_rule, find_source, is_question, named_rule
from videoxl_stream.regions import Point, Regions, Zone
from videoxl_stream.rules import Rule
from videoxl_stream.store import Retention

Days = Annotated[float, Field(ge=0)]


class Part(BaseModel):
    """Plain data that never changes and has no fields but those it says."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class WatchedSource(Part):
    """Where one stream's footage comes from, and where in its picture rules look."""

    url: str = Field(
        repr=False,
        description="Path, folder, pattern such as gate/**/*.mp4, or URL. ${NAME} stands for a variable of the "
        "environment, so that credentials need not be in the file.",
    )
    stream_id: str | None = Field(
        default=None, description="Name of the stream; null means that of the file or folder."
    )
    sample_fps: SampleFps = Field(
        default=None,
        description="Frames looked at per second of footage, 'keyframes' or 'all'; null means what the model was made "
        "for.",
    )
    start: AwareDatetime | None = Field(
        default=None, description="UTC of the first picture, instead of what the files say: 2026-01-31T08:00:00Z."
    )
    zones: tuple[Zone, ...] = Field(default=(), description="Parts of the picture that rules can speak of.")
    masks: tuple[tuple[Point, ...], ...] = Field(
        default=(),
        description="Polygons that nobody may see: corners as shares of the picture, x right, y down, 0 to 1.",
    )

    def source(self, model: str) -> Source:
        """The source it describes.

        Raises:
            ConfigError: no connector knows the URL, or a variable of the environment is not set.
            SourceOpenError: there is no such file.
        """
        options = {} if self.start is None else {"start": self.start}
        return find_source(expand(self.url), self.sample_fps, model, stream_id=self.stream_id, **options)

    @property
    def regions(self) -> Regions | None:
        """Zones and masks; None if there are none."""
        return Regions(self.zones, self.masks) if self.zones or self.masks else None


class WatchedRule(Part):
    """What to watch for: a ready-made rule by its name, a question, or a rule of one's own; other fields change it."""

    use: str | None = Field(default=None, description="Name of a ready-made rule, such as fire, ad, summary or count.")
    ask: str | None = Field(default=None, description="A question that yes or no answers; yes is an event.")
    every_s: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Ask once in each stretch of this many seconds, instead of at every window's close."
    )
    crontab: str | None = Field(default=None, description="Ask at these times: '0 8 * * mon-fri'.")
    name: str | None = None
    question: str | None = None
    answers: tuple[str, ...] = ("yes", "no")
    alarm: str | None = "yes"
    content: str | None = None
    timezone: str = "UTC"
    look_back_s: float | None = None
    min_footage_s: float = 0.0
    locates: bool = True
    resolution_s: float | None = 1.0
    threshold: float = 0.5
    clear_below: float | None = None
    delay_s: float = 0.0
    hold_s: float = 0.0
    cooldown_s: float = 0.0
    quiet: tuple[tuple[time, time], ...] = ()
    calibration: tuple[float, float] = (1.0, 0.0)
    severity: Severity = Severity.WARNING

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        whole = self.question is not None and self.name is not None
        if [self.use is not None, self.ask is not None, self.use is None and whole].count(True) != 1:
            msg = "give a ready-made rule to use, a question to ask, or a name and a question; and only one of these"
            raise ValueError(msg)
        if self.every_s is not None and self.crontab is not None:
            msg = "give every_s or crontab, not both"
            raise ValueError(msg)
        return self

    def rule(self, model: str) -> Rule:
        """The rule it describes, fit for a model.

        Raises:
            ConfigError: a name or field cannot work.
        """
        fields = {name: getattr(self, name) for name in self.model_fields_set & set(Rule.__dataclass_fields__)}
        if self.every_s is not None:
            fields["schedule"] = timedelta(seconds=self.every_s)
        elif "crontab" in self.model_fields_set:
            fields["schedule"] = self.crontab
        if self.use is not None:
            return replace(named_rule(self.use, model), **fields)
        if self.ask is not None:
            return replace(asked_rule(self.ask, model), **fields)
        return Rule(**fields)


class Kept(Part):
    """How long what was found is kept, counted from when the footage was taken; looked at when a run begins."""

    events_days: Days | None = Field(default=None, description="Days that events are kept; null means for ever.")
    severities_days: dict[Severity, Days] = Field(default={}, description="Days for events of a severity, instead.")
    rules_days: dict[str, Days] = Field(default={}, description="Days for events of a rule, instead of either.")
    clips_days: Days | None = Field(default=None, description="Days that clips are kept, though their events stay.")
    pictures_days: Days | None = Field(default=None, description="Days that pictures of events are kept.")
    thumbnails_days: Days | None = Field(default=None, description="Days that thumbnails of memory's chunks are kept.")
    budget_bytes: ByteSize | None = Field(default=None, description="Room for all evidence together, such as 200GB.")

    @property
    def retention(self) -> Retention:
        """As the event store takes it."""
        return Retention(
            events=_age(self.events_days),
            severities={name: timedelta(days=days) for name, days in self.severities_days.items()},
            rules={name: timedelta(days=days) for name, days in self.rules_days.items()},
            clips=_age(self.clips_days),
            pictures=_age(self.pictures_days),
            thumbnails=_age(self.thumbnails_days),
            budget_bytes=self.budget_bytes,
        )


def expand(text: str) -> str:
    """Put variables of the environment where ``${NAME}`` stands.

    Raises:
        ConfigError: one is not set.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            msg = f"the variable {found[1]} is not set in the environment; set it, or write out what it stands for"
            raise ConfigError(msg)
        return os.environ[found[1]]

    return re.sub(r"\$\{(\w+)\}", value, text)


def _as_source(given: Any) -> Any:
    return {"url": given} if isinstance(given, str) else given


def _as_rule(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    return {"ask" if is_question(given) else "use": given.strip()}


def _age(days: float | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)


Sources = tuple[Annotated[WatchedSource, BeforeValidator(_as_source, json_schema_input_type=str | WatchedSource)], ...]
Rules = tuple[Annotated[WatchedRule, BeforeValidator(_as_rule, json_schema_input_type=str | WatchedRule)], ...]
