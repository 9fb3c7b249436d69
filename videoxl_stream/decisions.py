"""From answers to events: how one opens, goes on and closes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from videoxl_stream.events import Event, Status, event_id
from videoxl_stream.queries import Span, Verdict
from videoxl_stream.rules import Rule
from videoxl_stream.stored import Stored

Say = Callable[[str, Span], str | None]
"""Answers a question about a span in words; None where the span has left the memory."""

_TICK_S = 1e-3  # times closer than this are the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The close of one window of one stream: when rules are asked.

    Args:
        pipeline: name of the pipeline.
        stream_id: name of the stream.
        window: index of the window.
        span: the window, in stream time.
        end: aware UTC of its end.
        earlier: where the windows before it began, in stream time, the newest last.
    """

    pipeline: str
    stream_id: str
    window: int
    span: Span
    end: datetime
    earlier: Sequence[float] = ()

    def window_at(self, time_s: float) -> int:
        """Index of the window that holds a moment of stream time, as far back as is known."""
        if time_s >= self.span.start_s or not self.earlier:
            return self.window
        back = (number for number, start_s in enumerate(reversed(self.earlier), 1) if start_s <= time_s)
        return self.window - next(back, len(self.earlier))

    def utc(self, time_s: float) -> datetime:
        """UTC of a moment of stream time, as the two clocks stood when the window closed."""
        return self.end - timedelta(seconds=self.span.end_s - time_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What was said about one piece of footage at one moment.

    Args:
        moment: when the rule was asked.
        span: the footage it stands for, in stream time.
        probability: calibrated probability of the rule's alarm; of the likeliest answer for a rule without one.
        verdict: the answer as the model gave it; None for a rule that is answered in words.
    """

    moment: Moment
    span: Span
    probability: float
    verdict: Verdict | None = None

    @property
    def end(self) -> datetime:
        """UTC of the span's end."""
        return self.moment.utc(self.span.end_s)


@dataclass(frozen=True, slots=True)
class RuleState(Stored):
    """All that one rule remembers of one stream between two moments; plain data, so that it can be stored.

    Args:
        open: the event that is going on, as last emitted.
        begun: the event that will open if it lasts for the rule's ``delay_s``.
        rests_until: UTC before which no other event opens.
        opened: index of the window in which the newest event opened.
        window: index of the window at which the rule was last asked.
        until_s: stream time up to which it has been decided.
        probability: of the newest sighting; it stands for footage that nobody asks about.
    """

    open: Event | None = None
    begun: Event | None = None
    rests_until: datetime | None = None
    opened: int = -1
    window: int = -1
    until_s: float | None = None
    probability: float = 0.0

    def forget(self, span: Span) -> RuleState:
        """The state without an event that is going on and has to do with a span; it will be heard of no more."""

        def kept(event: Event | None) -> Event | None:
            clear = event is None or event.end_s < span.start_s or event.start_s >= span.end_s
            return event if clear else None

        return replace(self, open=kept(self.open), begun=kept(self.begun))


def decide(rule: Rule, state: RuleState, sightings: Iterable[Sighting]) -> tuple[RuleState, list[Event]]:
    """Turn what was said at one moment into what happened.

    An event begins with the first sighting that reaches ``threshold`` and ends with the last that has not fallen
    below ``clear_below``; it opens once it has lasted for ``delay_s`` and closes once it has been clear for longer
    than ``hold_s``. It carries the highest probability seen. For a rule without an alarm each sighting is an event,
    opened and closed at once.

    At most one event begins in a window, which names it. What happens a second time
    within one window opens an event of its own only if it goes on into the next.

    Args:
        rule: what was asked.
        state: from the decision before.
        sightings: all of one moment, in order of time. What the same window has decided already is passed over.

    Returns:
        the state to keep for the next moment, and the events to emit: of each event at most its opening or its
        newest revision, and its close.
    """
    events: list[Event] = []
    for sighting in sightings:
        if sighting.moment.window == state.window and sighting.span.end_s <= (state.until_s or 0.0):
            continue
        state = _decide_one(rule, state, sighting, events)
        state = replace(
            state,
            window=sighting.moment.window,
            until_s=sighting.span.end_s,
            probability=sighting.probability,
        )
    return state, events


def stand(rule: Rule, state: RuleState, moment: Moment) -> tuple[RuleState, list[Event]]:
    """Let the newest verdict stand for a window that nobody asks about: what is going on goes on, nothing opens."""
    if state.open is None or rule.schedule is not None:
        return state, []
    return decide(rule, state, [Sighting(moment=moment, span=moment.span, probability=state.probability)])


def close(rule: Rule, state: RuleState) -> tuple[RuleState, list[Event]]:
    """End the event that is going on, if any, as when the stream ends.

    Returns:
        the state to keep, in which the cooldown now runs, and the closed event, if there was one.
    """
    events: list[Event] = []
    return _close(rule, state, events), events


def describe(rule: Rule, state: RuleState, events: Sequence[Event], say: Say) -> tuple[RuleState, list[Event]]:
    """Ask what events are about, if the rule wants to know: when they open, and when they close about all of it.

    An alarm thus says at once what it saw, and its close says it of the whole event. What has left the memory by
    then keeps the content it had.
    """
    question = rule.question if not rule.answers else rule.content
    if question is None:
        return state, list(events)
    told: list[Event] = []
    for event in events:
        before = told[-1].content if told and told[-1].id == event.id else event.content
        said = None if event.status == Status.UPDATED else say(question, Span(event.start_s, event.end_s))
        told.append(event.model_copy(update={"content": before if said is None else said}))
    if state.open is not None and told and told[-1].id == state.open.id:
        state = replace(state, open=told[-1])
    return state, told


def _decide_one(rule: Rule, state: RuleState, sighting: Sighting, events: list[Event]) -> RuleState:
    clear = sighting.probability < rule.clears_below
    if state.open is not None:
        if not clear:
            return _extend(state, state.open, sighting, events)
        return state if _holds(rule, state.open, sighting) else _close(rule, state, events)
    if rule.is_quiet(sighting.end):
        return replace(state, begun=None)
    if state.begun is None:
        return _open(rule, state, _begin(rule, state, sighting), events)
    if not clear:
        return _open(rule, state, state.begun.model_copy(update=_longer(state.begun, sighting)), events)
    return state if _holds(rule, state.begun, sighting) else replace(state, begun=None)


def _holds(rule: Rule, event: Event, sighting: Sighting) -> bool:
    """Whether an event outlives a sighting of nothing; a clock that jumped back ends it."""
    return 0 < sighting.span.end_s - event.end_s <= rule.hold_s + _TICK_S


def _window(rule: Rule, sighting: Sighting) -> int:
    """The window that names an event: where an alarm was located, but of a record the one at whose close it was."""
    moment = sighting.moment
    return moment.window if rule.alarm is None else moment.window_at(sighting.span.start_s)


def _begin(rule: Rule, state: RuleState, sighting: Sighting) -> Event | None:
    """What a sighting is the beginning of, if of anything."""
    moment, span, verdict = sighting.moment, sighting.span, sighting.verdict
    window = _window(rule, sighting)
    resting = state.rests_until is not None and sighting.end < state.rests_until
    if sighting.probability < rule.opens_from or resting or window <= state.opened:
        return None
    return Event(
        id=event_id(moment.pipeline, moment.stream_id, rule.name, window),
        status=Status.OPENED if rule.alarm is not None else Status.CLOSED,
        pipeline=moment.pipeline,
        stream_id=moment.stream_id,
        rule=rule.name,
        severity=rule.severity,
        window=window,
        start=moment.utc(span.start_s),
        end=sighting.end,
        start_s=span.start_s,
        end_s=span.end_s,
        question=rule.question,
        answer=rule.alarm or ("" if verdict is None else verdict.answer),
        probability=min(1.0, sighting.probability),
    )


def _open(rule: Rule, state: RuleState, begun: Event | None, events: list[Event]) -> RuleState:
    """Emit what has begun once it has lasted long enough."""
    if begun is None or begun.end_s - begun.start_s < rule.delay_s - _TICK_S:
        return replace(state, begun=begun)
    events.append(begun)
    return replace(state, open=begun if rule.alarm is not None else None, begun=None, opened=begun.window)


def _extend(state: RuleState, event: Event, sighting: Sighting, events: list[Event]) -> RuleState:
    return _revise(state, event, events, status=Status.UPDATED, **_longer(event, sighting))


def _longer(event: Event, sighting: Sighting) -> dict[str, Any]:
    """What a sighting changes in an event that goes on."""
    # A clock that jumped back must not make an event end before it began.
    return {
        "end": max(event.end, sighting.end),
        "end_s": max(event.end_s, sighting.span.end_s),
        "probability": max(event.probability, min(1.0, sighting.probability)),
    }


def _close(rule: Rule, state: RuleState, events: list[Event]) -> RuleState:
    if state.open is None:
        return state
    state = _revise(state, state.open, events, status=Status.CLOSED)
    rests = events[-1].end + timedelta(seconds=rule.cooldown_s) if rule.cooldown_s else None
    return replace(state, open=None, rests_until=rests)


def _revise(state: RuleState, event: Event, events: list[Event], *, status: Status, **changes: Any) -> RuleState:
    """Emit the next revision; if one was emitted at this moment that nobody needs now, in its place."""
    revision = event.revision + 1
    opening = event.status == Status.OPENED
    if events and events[-1].id == event.id and not (opening and status == Status.CLOSED):
        events.pop()
        status, revision = Status.OPENED if opening else status, event.revision
    revised = event.model_copy(update={"status": status, "revision": revision, **changes})
    events.append(revised)
    return replace(state, open=revised)
