"""What stands in the lists of a site: its sources and rules; and how long what is found is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import time, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ByteSize, ConfigDict, Field, model_validator

from videoxl_stream.config.expansion import expand
from videoxl_stream.connectors import open_feed, open_sink
from videoxl_stream.daemon import Health
from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Severity
from videoxl_stream.interfaces import Feed, RemoteSink, Source
from videoxl_stream.names import SampleFps, asked_rule, find_source, is_question, named_rule, wanted_fps
from videoxl_stream.regions import Point, Regions, Zone
from videoxl_stream.rules import Rule
from videoxl_stream.store import Retention

Days = Annotated[float, Field(ge=0)]
_LIVE_OPTIONS = (
    "username",
    "password",
    "transport",
    "ca_file",
    "verify_tls",
    "decode",
    "open_timeout_s",
    "stall_timeout_s",
)
_SECRET = "${NAME} stands for a variable of the environment, ${file:PATH} for what a file holds."


class Part(BaseModel):
    """Plain data that never changes and has no fields but those it says."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class WatchedSource(Part):
    """Where one stream's footage comes from, and where in its picture rules look."""

    url: str = Field(
        repr=False,
        description="Path, folder, pattern such as gate/**/*.mp4, or URL of a camera (rtsp://...) or of a topic of "
        f"Kafka (kafka://...), which holds many streams. {_SECRET}",
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
    username: str | None = Field(default=None, repr=False, description=f"Of a camera. {_SECRET}")
    password: str | None = Field(default=None, repr=False, description=f"Of a camera. {_SECRET}")
    transport: Literal["tcp", "udp"] | None = Field(default=None, description="Of RTSP; null tries TCP.")
    ca_file: str | None = Field(default=None, description="Certificates that a camera's TLS is checked with.")
    verify_tls: bool | None = Field(default=None, description="Whether a camera's certificate is checked; it is.")
    decode: Literal["all", "keyframes", "hardware"] | None = Field(
        default=None, description="What of a camera's footage is decoded, and by what; null means all, by software."
    )
    open_timeout_s: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="How long a camera may take to answer; null means 10 s."
    )
    stall_timeout_s: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="How long a camera may send nothing before it counts as down; null means 10 s, and 30 s for "
        "playlists.",
    )
    zones: tuple[Zone, ...] = Field(default=(), description="Parts of the picture that rules can speak of.")
    masks: tuple[tuple[Point, ...], ...] = Field(
        default=(),
        description="Polygons that nobody may see: corners as shares of the picture, x right, y down, 0 to 1.",
    )

    @property
    def is_feed(self) -> bool:
        """Whether it holds many streams, which come and go."""
        return self.url.startswith("kafka:")

    def feed(self, model: str) -> Feed:
        """The feed it describes.

        Raises:
            ConfigError: it cannot work, or a variable of the environment is not set.
        """
        alone = sorted(self.model_fields_set - {"url", "sample_fps"})
        if alone:
            msg = f"{', '.join(alone)} belong to one stream, and a topic holds many; leave them out"
            raise ConfigError(msg)
        return open_feed(expand(self.url), sample_fps=wanted_fps(self.sample_fps, model))

    def source(self, model: str) -> Source:
        """The source it describes.

        Raises:
            ConfigError: no connector knows the URL, or a variable of the environment is not set.
            SourceOpenError: there is no such file.
        """
        options: dict[str, Any] = {} if self.start is None else {"start": self.start}
        given = {name: getattr(self, name) for name in _LIVE_OPTIONS if getattr(self, name) is not None}
        options |= {name: expand(value) if isinstance(value, str) else value for name, value in given.items()}
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


class SentTo(Part):
    """Where events are sent to, whatever happens to this process or the network meanwhile."""

    url: str = Field(
        repr=False, description=f"https://..., kafka://broker/topic, or a path for one JSON document a line. {_SECRET}"
    )
    name: str | None = Field(
        default=None, description="What waits in the outbox is kept under it; null means the kind of the URL."
    )
    secret: str | tuple[str, ...] | None = Field(
        default=None, repr=False, description=f"What webhooks are signed with; several while it changes. {_SECRET}"
    )
    headers: Mapping[str, str] | None = Field(default=None, repr=False, description=f"Of webhooks' requests. {_SECRET}")
    ca_file: str | None = Field(default=None, description="Certificates that a receiver's TLS is checked with.")
    timeout_s: Annotated[float, Field(gt=0)] | None = Field(default=None, description="For an answer.")

    @property
    def known_as(self) -> str:
        """Its name in the outbox."""
        return self.name or (self.url.partition("://")[0] if "://" in self.url else "file")

    def sink(self) -> RemoteSink:
        """The sink it describes; nothing is sent yet.

        Raises:
            ConfigError: it cannot work, or a variable of the environment is not set.
        """
        options: dict[str, Any] = {
            name: getattr(self, name) for name in ("ca_file", "timeout_s") if getattr(self, name) is not None
        }
        if self.secret is not None:
            secrets = (self.secret,) if isinstance(self.secret, str) else self.secret
            options["secret"] = [expand(secret) for secret in secrets]
        if self.headers is not None:
            options["headers"] = {name: expand(value) for name, value in self.headers.items()}
        try:
            return open_sink(expand(self.url), **options)
        except TypeError as e:
            msg = f"sink {self.known_as!r} takes other options than {sorted(options)} ({e}); see docs/events.md"
            raise ConfigError(msg) from e


class Served(Part):
    """Where monitors ask: /live, /ready and /metrics."""

    host: str = Field(default="127.0.0.1", description="To listen on; 0.0.0.0 lets other machines ask.")
    port: Annotated[int, Field(ge=0, lt=2**16)] = Field(default=9464, description="0 takes any that is free.")
    live_s: Annotated[float, Field(gt=0)] = Field(
        default=120.0, description="/live fails once the daemon has not come round for so many seconds."
    )

    @property
    def health(self) -> Health:
        """As the daemon takes it."""
        return Health(self.host, self.port, live_s=self.live_s)


class Kept(Part):
    """How long what was found is kept, counted from when the footage was taken."""

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


def _as_source(given: Any) -> Any:
    return {"url": given} if isinstance(given, str) else given


def _as_rule(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    return {"ask" if is_question(given) else "use": given.strip()}


def _age(days: float | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)


Sinks = tuple[Annotated[SentTo, BeforeValidator(_as_source, json_schema_input_type=str | SentTo)], ...]
Sources = tuple[Annotated[WatchedSource, BeforeValidator(_as_source, json_schema_input_type=str | WatchedSource)], ...]
Rules = tuple[Annotated[WatchedRule, BeforeValidator(_as_rule, json_schema_input_type=str | WatchedRule)], ...]
