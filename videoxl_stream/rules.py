"""What to watch for: standing questions, and when an answer is worth an event."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Severity
from videoxl_stream.queries import Query, Span

RESERVED = "stream."
"""Names that begin like this belong to events of the streams themselves, such as gaps."""

_EDGE = 1e-7  # probabilities nearer to 0 or 1 than this have no useful logit


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A standing question and what makes its answer an event.

    Args:
        name: short and unique within a pipeline; part of every event's id.
        question: what the memory is asked, as a person would ask it.
        answers: the answers to choose from, at least two; none at all for an answer in words, which becomes the
            ``content`` of the event.
        alarm: the answer that means an event; None makes every answer an event of its own, closed at once.
        content: what else is asked, in words, when an event opens and again, about all of it, when it closes.
        schedule: when to ask: None at the close of every window, a ``timedelta`` once in each such stretch of UTC
            (aligned, so that restarts and replays ask alike), a string by crontab (``"0 8 * * mon-fri"``).
        timezone: IANA name of the zone in which crontab and quiet hours are meant.
        look_back_s: seconds of footage to look at, up to the window's end and at least the whole window; None means
            everything in memory. A rule that locates looks at nothing twice: of that footage it is asked about
            what has come since it was asked before.
        min_footage_s: asked only once the memory reaches back this many seconds; a question such as "Was something
            left behind a minute ago?" is senseless about a stream that has just begun.
        locates: whether what is asked about happened somewhere in the footage looked at, and is searched for there.
            If not, the answer is about the state of things at the window's close, judged by all that is looked at,
            and the event covers the windows at whose close it held.
        resolution_s: how finely an event is located; None takes all the footage looked at as one.
        threshold: probability of ``alarm`` from which an event opens.
        clear_below: probability below which nothing is there any more; None means ``threshold``. The distance
            between the two keeps a wavering answer from ringing twice.
        delay_s: seconds that something must have been there before its event opens, which then begins where it began
            (an on-delay, IEC 62682); what is over sooner is no event.
        hold_s: seconds of nothing that an event outlives (an off-delay).
        cooldown_s: seconds after an event's end in which the rule opens no other. Only an event that was emitted
            starts it: an alarm that is held back does not make it longer.
        quiet: daily stretches of local time, first included and second not, in which no event opens; one that is
            going on goes on. ``(time(22), time(6))`` runs over midnight.
        calibration: scale and shift of the logit of ``alarm`` before it is compared with the thresholds (Platt,
            "Probabilistic outputs for support vector machines", 1999); events carry the calibrated probability.
        severity: how loudly the events ask for attention.

    Raises:
        ConfigError: a field cannot work; the message names the rule and the field.
    """

    name: str
    question: str
    answers: tuple[str, ...] = ("yes", "no")
    alarm: str | None = "yes"
    content: str | None = None
    schedule: timedelta | str | None = None
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "answers", tuple(self.answers))
        if not self.name.strip():
            msg = f"the rule that asks {self.question!r} has no name; give one, it is part of its events' ids"
            raise ConfigError(msg)
        self._check(not self.name.startswith(RESERVED), f"names that begin with {RESERVED!r} are reserved")
        Query(self.question, self.answers or ("yes", "no"))
        self._check_decision()
        self._check_footage()
        self._check_times()

    def _check(self, holds: bool, complaint: str) -> None:
        if not holds:
            msg = f"rule {self.name!r}: {complaint}"
            raise ConfigError(msg)

    def _check_decision(self) -> None:
        known = self.alarm is None or self.alarm in self.answers
        self._check(known, f"alarm {self.alarm!r} is none of its answers {self.answers!r}")
        self._check(self.alarm is not None or not self.delay_s, "delay_s is for alarms, but it has none")
        self._check(self.content is None or bool(self.content.strip()), "content is an empty question; give None")
        in_words = bool(self.answers) or self.content is None
        self._check(in_words, "its question is answered in words already, so it cannot have a content question too")
        self._check(0 < self.threshold <= 1, f"threshold {self.threshold} is not in (0, 1]")
        self._check(
            0 <= self.clears_below <= self.threshold,
            f"clear_below {self.clear_below} is not between 0 and threshold {self.threshold}",
        )
        scale, shift = self.calibration
        self._check(0 < scale < math.inf, f"calibration's scale {scale} is not above 0, so it would turn answers round")
        self._check(math.isfinite(shift), f"calibration's shift {shift} is no number")

    def _check_footage(self) -> None:
        for name in ("look_back_s", "resolution_s"):
            given = getattr(self, name)
            self._check(given is None or 0 < given < math.inf, f"{name} {given} is not above 0; or give None")
        for name in ("min_footage_s", "delay_s", "hold_s", "cooldown_s"):
            self._check(0 <= getattr(self, name) < math.inf, f"{name} {getattr(self, name)} is not 0 or more")

    def _check_times(self) -> None:
        if isinstance(self.schedule, timedelta):
            self._check(self.schedule > timedelta(0), f"schedule {self.schedule} is not longer than nothing")
        for start, end in self.quiet:
            self._check(start.tzinfo is None and end.tzinfo is None, "quiet takes times of day without a zone")
            self._check(start != end, f"quiet from {start} to {start} is empty; for a whole day leave the rule out")
        try:
            _ = self.zone
        except (ZoneInfoNotFoundError, ValueError, OSError) as e:
            msg = f"rule {self.name!r}: unknown timezone {self.timezone!r}; give an IANA name such as 'Europe/Paris'"
            raise ConfigError(msg) from e

    @property
    def zone(self) -> tzinfo:
        """The zone in which crontab and quiet hours are meant."""
        # UTC must not need a time zone database, which small containers lack.
        return UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)

    @property
    def opens_from(self) -> float:
        """Probability from which an event opens: any, for a rule without an alarm."""
        return 0.0 if self.alarm is None else self.threshold

    @property
    def clears_below(self) -> float:
        """Probability below which an open event closes."""
        return self.threshold if self.clear_below is None else self.clear_below

    @property
    def searches(self) -> bool:
        """Whether what it asks about is searched for within the footage looked at."""
        return self.locates and self.alarm is not None

    def calibrated(self, probability: float) -> float:
        """What a probability is worth, after ``calibration``."""
        scale, shift = self.calibration
        if (scale, shift) == (1.0, 0.0):
            return probability
        sure = min(max(probability, _EDGE), 1 - _EDGE)
        return 0.5 + 0.5 * math.tanh((scale * math.log(sure / (1 - sure)) + shift) / 2)  # never overflows

    def is_quiet(self, at: datetime) -> bool:
        """Whether a moment lies in quiet hours, by the clock on the wall: daylight saving moves them along."""
        local = at.astimezone(self.zone).time()
        return any(
            start <= local < end if start < end else local >= start or local < end  # over midnight
            for start, end in self.quiet
        )

    def has_footage(self, memory: Span, window: Span) -> bool:
        """Whether the memory reaches back as far as ``min_footage_s`` wants."""
        return window.end_s - memory.start_s >= self.min_footage_s

    def look_back(self, memory: Span, window: Span, asked_until_s: float | None = None) -> Span:
        """The footage that an answer at the close of a window is about, as far as it is still in memory.

        Args:
            memory: what is in memory.
            window: the newest window; all of it is looked at, however short ``look_back_s`` is.
            asked_until_s: up to where a rule that searches has been asked before.
        """
        oldest_s = min(memory.start_s, window.start_s)  # the clock may have jumped back
        if self.searches and asked_until_s is not None:
            oldest_s = max(oldest_s, asked_until_s)
        wanted_s = oldest_s if self.look_back_s is None else window.end_s - self.look_back_s
        return Span(min(max(oldest_s, wanted_s), window.start_s), window.end_s)

    def query(self, span: Span | None) -> Query:
        """The question about a span, or about everything in memory."""
        return Query(self.question, self.answers, span)
