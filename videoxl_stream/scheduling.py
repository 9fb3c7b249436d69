"""Which rule is due, told by the stream's own clock.

Only the arithmetic of APScheduler's triggers is used, never its threads: a stream says what time it is, so a
backlog or a replay asks the same questions at the same footage as a live run. APScheduler 3.x is spoken to here
and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from videoxl_stream.errors import ConfigError
from videoxl_stream.rules import Rule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = timedelta(microseconds=1)


class _Trigger(Protocol):
    """What is used of an APScheduler trigger."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None: ...


class Schedule:
    """When each rule of one stream is asked.

    A rule is due at the close of the first window that ends at or after its time. Times that passed unasked, in a
    gap or before a restart, are made up for by one question, not by many. A clock that jumps back starts the
    schedule afresh from there.

    Args:
        rules: the rules of the stream.
        asked: the stream time in UTC up to which each rule's times are done, from an earlier ``asked``.

    Raises:
        ConfigError: a rule's crontab cannot be read.
    """

    def __init__(self, rules: Sequence[Rule], asked: Mapping[str, datetime] | None = None) -> None:
        self._rules = tuple(rules)
        self._triggers = {rule.name: _trigger(rule) for rule in rules}
        self._asked = {name: at for name, at in (asked or {}).items() if name in self._triggers}
        self._fired: set[str] = set()

    @property
    def asked(self) -> dict[str, datetime]:
        """Up to which UTC each rule's times are done; keep it to go on from there after a restart."""
        return dict(self._asked)

    def fire(self, name: str) -> None:
        """Make a rule due at the next window's close, whatever its schedule says; that stays as it is.

        Raises:
            ConfigError: there is no such rule.
        """
        if name not in self._triggers:
            msg = f"there is no rule {name!r}; the rules are {sorted(self._triggers)}"
            raise ConfigError(msg)
        self._fired.add(name)

    def due(self, start: datetime, end: datetime) -> list[Rule]:
        """Say which rules to ask at the close of a window, and count them as asked.

        Args:
            start: aware UTC of the window's start.
            end: aware UTC of its end.
        """
        due = [rule for rule in self._rules if self._is_due(rule.name, start, end) or rule.name in self._fired]
        self._fired.clear()
        return due

    def _is_due(self, name: str, start: datetime, end: datetime) -> bool:
        trigger = self._triggers[name]
        if trigger is None:
            return True
        since = self._asked.setdefault(name, start - _INSTANT)
        if since > end:
            since = self._asked[name] = start - _INSTANT
        fire = trigger.get_next_fire_time(None, since + _INSTANT)
        if fire is None or fire > end:
            return False
        self._asked[name] = end
        return True


def _trigger(rule: Rule) -> _Trigger | None:
    if rule.schedule is None:
        return None
    if isinstance(rule.schedule, timedelta):
        # Aligned to the epoch rather than to the first frame: nothing has to be remembered over a restart.
        trigger = IntervalTrigger(seconds=rule.schedule.total_seconds(), start_date=_EPOCH, timezone=UTC)
        return cast("_Trigger", trigger)
    try:
        return cast("_Trigger", CronTrigger.from_crontab(rule.schedule, timezone=rule.zone))
    except ValueError as e:
        msg = (
            f"rule {rule.name!r}: {rule.schedule!r} is no crontab ({e}); give five fields such as '*/10 * * * *', "
            "a timedelta, or None for every window"
        )
        raise ConfigError(msg) from e
