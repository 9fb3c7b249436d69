"""Rules of each usual kind, for models that understand plain questions; ``dataclasses.replace`` fits them to a site.

The small embedded model knows only what it was taught: its rules are in ``embedded_rules``.
"""

from __future__ import annotations

from datetime import timedelta

from videoxl_stream.events import Severity
from videoxl_stream.rules import Rule

# A whole window and its pieces are judged by the same numbers; the distance between them and the hold keep a
# wavering answer from ringing twice.
_THRESHOLD, _CLEAR_BELOW, _HOLD_S = 0.6, 0.4, 2.0
_DAY_S = 24 * 3600.0


def anomaly(
    question: str = "Does anything abnormal or dangerous happen in this video?",
    *,
    name: str = "anomaly",
    content: str | None = "What abnormal or dangerous thing happens?",
    severity: Severity = Severity.CRITICAL,
) -> Rule:
    """Something that should not happen, and what it is.

    Args:
        question: to be answered by yes or no; the more it says what to look for, the better.
        name: of the rule.
        content: asked in words about each event; None asks nothing more.
        severity: of the events.
    """
    return Rule(
        name=name,
        question=question,
        content=content,
        threshold=_THRESHOLD,
        clear_below=_CLEAR_BELOW,
        hold_s=_HOLD_S,
        cooldown_s=30.0,
        severity=severity,
    )


def ad(*, name: str = "ad") -> Rule:
    """An advertisement inserted into a programme, and what it is for: Video-XL's own question, in two parts."""
    return Rule(
        name=name,
        question="Does this video contain any inserted advertisement?",
        content="Which is the content of the ad?",
        threshold=_THRESHOLD,
        clear_below=_CLEAR_BELOW,
        hold_s=_HOLD_S,
        severity=Severity.INFO,
    )


def question(name: str, text: str, *, content: str | None = None, severity: Severity = Severity.WARNING) -> Rule:
    """Any question of one's own that yes or no answers; yes is an event.

    Args:
        name: of the rule.
        text: the question.
        content: asked in words about each event; None asks nothing more.
        severity: of the events.
    """
    return Rule(
        name=name,
        question=text,
        content=content,
        threshold=_THRESHOLD,
        clear_below=_CLEAR_BELOW,
        hold_s=_HOLD_S,
        severity=severity,
    )


def count(name: str, text: str, *, most: int = 10, every: timedelta | str = timedelta(minutes=1)) -> Rule:
    """A number, again and again: each answer is an event of its own, about the newest window.

    Args:
        name: of the rule.
        text: the question, such as "How many people are there?".
        most: the largest number that is told apart from larger ones.
        every: how often, or by which crontab.
    """
    return Rule(
        name=name,
        question=text,
        answers=(*map(str, range(most)), f"{most} or more"),
        alarm=None,
        schedule=every,
        look_back_s=1.0,  # shorter than a window, which is always looked at whole
        severity=Severity.INFO,
    )


def summary(
    text: str = "Describe what happened in this video.",
    *,
    name: str = "summary",
    schedule: timedelta | str = "0 8 * * *",
    timezone: str = "UTC",
    look_back_s: float = _DAY_S,
) -> Rule:
    """What happened, in words, as an event's content.

    Args:
        text: what is asked.
        name: of the rule.
        schedule: how often, or by which crontab; every day at eight by default.
        timezone: in which the crontab is meant.
        look_back_s: how much footage it is about, as far as the memory's budget still holds it.
    """
    return Rule(
        name=name,
        question=text,
        answers=(),
        alarm=None,
        schedule=schedule,
        timezone=timezone,
        look_back_s=look_back_s,
        severity=Severity.INFO,
    )
