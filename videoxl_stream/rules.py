"""What to watch for, and when an answer becomes an event."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import TypeAdapter, ValidationError

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event, Severity, Status, event_id
from videoxl_stream.queries import Query, Span, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A standing question and what makes its answer an event.

    Args:
        name: short and unique within a pipeline; part of every event's id.
        question: what the memory is asked, as a person would ask it.
        answers: the answers to choose from, at least two.
        alarm: the answer that means an event.
        schedule: when to ask: None at the close of every window, a ``timedelta`` once in each such stretch of UTC
            (aligned, so that restarts and replays ask alike), a string by crontab (``"0 8 * * mon-fri"``).
        timezone: IANA name of the zone in which a crontab is meant.
        look_back_s: seconds of footage to look at, up to the window's end and at least the whole window; None means
            everything in memory.
        threshold: probability of ``alarm`` from which an event opens.
        clear_below: an open event closes when the probability falls below this; None means ``threshold``. The
            distance between the two keeps a wavering answer from ringing twice.
        cooldown_s: seconds after an event's end in which the rule opens no other. Only an event that was emitted
            starts it: an alarm that is held back does not make it longer.
        severity: how loudly the events ask for attention.

    Raises:
        ConfigError: a field cannot work; the message names the rule and the field.
    """

    name: str
    question: str
    answers: tuple[str, ...] = ("yes", "no")
    alarm: str = "yes"
    schedule: timedelta | str | None = None
    timezone: str = "UTC"
    look_back_s: float | None = None
    threshold: float = 0.5
    clear_below: float | None = None
    cooldown_s: float = 0.0
    severity: Severity = Severity.WARNING

    def __post_init__(self) -> None:
        object.__setattr__(self, "answers", tuple(self.answers))
        if not self.name.strip():
            msg = f"the rule that asks {self.question!r} has no name; give one, it is part of its events' ids"
            raise ConfigError(msg)
        Query(self.question, self.answers)
        self._check(self.alarm in self.answers, f"alarm {self.alarm!r} is none of its answers {self.answers!r}")
        self._check(0 < self.threshold <= 1, f"threshold {self.threshold} is not in (0, 1]")
        self._check(
            0 <= self.clears_below <= self.threshold,
            f"clear_below {self.clear_below} is not between 0 and threshold {self.threshold}",
        )
        self._check(
            self.look_back_s is None or 0 < self.look_back_s < math.inf,
            f"look_back_s {self.look_back_s} is not above 0; None means everything in memory",
        )
        self._check(0 <= self.cooldown_s < math.inf, f"cooldown_s {self.cooldown_s} is not 0 or more")
        self._check_times()

    def _check(self, holds: bool, complaint: str) -> None:
        if not holds:
            msg = f"rule {self.name!r}: {complaint}"
            raise ConfigError(msg)

    def _check_times(self) -> None:
        if isinstance(self.schedule, timedelta):
            self._check(self.schedule > timedelta(0), f"schedule {self.schedule} is not longer than nothing")
        try:
            _ = self.zone
        except (ZoneInfoNotFoundError, ValueError, OSError) as e:
            msg = f"rule {self.name!r}: unknown timezone {self.timezone!r}; give an IANA name such as 'Europe/Paris'"
            raise ConfigError(msg) from e

    @property
    def zone(self) -> tzinfo:
        """The zone in which a crontab is meant."""
        # UTC must not need a time zone database, which small containers lack.
        return UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)

    @property
    def clears_below(self) -> float:
        """Probability below which an open event closes."""
        return self.threshold if self.clear_below is None else self.clear_below

    def look_back(self, memory: Span, window: Span) -> Span:
        """The footage that a verdict at the close of a window is about, as far as it is still in memory.

        Args:
            memory: what is in memory.
            window: the newest window; all of it is looked at, however short ``look_back_s`` is.
        """
        oldest_s = min(memory.start_s, window.start_s)  # the clock may have jumped back
        wanted_s = oldest_s if self.look_back_s is None else min(window.start_s, window.end_s - self.look_back_s)
        return Span(max(oldest_s, wanted_s), window.end_s)

    def query(self, looked_at: Span) -> Query:
        """The question about the footage that ``look_back`` gave."""
        return Query(self.question, self.answers, None if self.look_back_s is None else looked_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One verdict in its place: where and when it was given.

    Args:
        pipeline: name of the pipeline.
        stream_id: name of the stream.
        window: index of the window at whose close the rule was asked.
        span: the footage that was looked at, in stream time.
        end: aware UTC time of the span's end.
        verdict: the answer.
    """

    pipeline: str
    stream_id: str
    window: int
    span: Span
    end: datetime
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class RuleState:
    """All that one rule remembers of one stream between two verdicts; plain data, so that it can be stored.

    Args:
        open: the event that is going on, as last emitted.
        quiet_until: UTC before which no other event opens.
    """

    open: Event | None = None
    quiet_until: datetime | None = None

    def to_json(self) -> str:
        """Write it as JSON."""
        return _STATE.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> RuleState:
        """Read it back.

        Raises:
            ConfigError: the text was not written by ``to_json`` of this version.
        """
        try:
            return _STATE.validate_json(text)
        except ValidationError as e:
            msg = f"this is no rule state of this version, start the stream without resuming: {text[:80]!r}"
            raise ConfigError(msg) from e


_STATE = TypeAdapter(RuleState)


def decide(rule: Rule, state: RuleState, sighting: Sighting) -> tuple[RuleState, Event | None]:
    """Turn one verdict into what happened: an event opened, went on, ended, or nothing.

    An event begins where the look-back that opened it began and ends with the last window whose probability had
    not fallen below ``clears_below``. It carries the highest probability seen.

    Returns:
        the state to keep for the next verdict, and the event to emit, if any.
    """
    probability = sighting.verdict.probability(rule.alarm)
    if state.open is not None:
        if probability >= rule.clears_below:
            return _extend(state, state.open, sighting, probability)
        return close(rule, state)
    resting = state.quiet_until is not None and sighting.end < state.quiet_until
    if probability < rule.threshold or resting:
        return state, None
    return _open(rule, sighting, probability)


def close(rule: Rule, state: RuleState) -> tuple[RuleState, Event | None]:
    """End the event that is going on, if any, as when the stream ends.

    Returns:
        the state to keep, in which the cooldown now runs, and the closed event, if there was one.
    """
    if state.open is None:
        return state, None
    event = state.open.model_copy(update={"status": Status.CLOSED, "revision": state.open.revision + 1})
    return RuleState(quiet_until=event.end + timedelta(seconds=rule.cooldown_s)), event


def _open(rule: Rule, sighting: Sighting, probability: float) -> tuple[RuleState, Event]:
    event = Event(
        id=event_id(sighting.pipeline, sighting.stream_id, rule.name, sighting.window),
        status=Status.OPENED,
        pipeline=sighting.pipeline,
        stream_id=sighting.stream_id,
        rule=rule.name,
        severity=rule.severity,
        window=sighting.window,
        start=sighting.end - timedelta(seconds=sighting.span.duration_s),
        end=sighting.end,
        start_s=sighting.span.start_s,
        end_s=sighting.span.end_s,
        question=rule.question,
        answer=rule.alarm,
        probability=min(1.0, probability),
    )
    return RuleState(open=event), event


def _extend(state: RuleState, event: Event, sighting: Sighting, probability: float) -> tuple[RuleState, Event]:
    # A clock that jumped back must not make an event end before it began.
    longer = event.model_copy(
        update={
            "status": Status.UPDATED,
            "revision": event.revision + 1,
            "end": max(event.end, sighting.end),
            "end_s": max(event.end_s, sighting.span.end_s),
            "probability": max(event.probability, min(1.0, probability)),
        }
    )
    return replace(state, open=longer), longer
