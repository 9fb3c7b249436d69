"""Asking: all rules that are due at once, closer where one may have seen something; and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from videoxl_stream.buffer import Window
from videoxl_stream.decisions import Moment, RuleState, Sighting
from videoxl_stream.errors import NotInMemoryError
from videoxl_stream.interfaces import Memory, MemoryT, VideoModel
from videoxl_stream.localise import Search, cells
from videoxl_stream.queries import Query, Span, Verdict
from videoxl_stream.rules import Rule

_MOST_QUERIES = 64  # in one call: the cost of a call grows with the square of its text


@dataclass(frozen=True, slots=True)
class Look:
    """One rule being asked at one moment.

    Args:
        rule: what is asked.
        moment: when.
        search: where; a rule that does not search has one cell, all that it looks at.
        verdicts: what was said about each span so far.
    """

    rule: Rule
    moment: Moment
    search: Search
    verdicts: dict[Span, Verdict] = field(default_factory=dict)

    @classmethod
    def over(cls, edges: Sequence[float], rule: Rule, state: RuleState, moment: Moment) -> Look:
        """Begin; where something is going on, it is looked at closely how long it does.

        Args:
            edges: of what is looked at, see ``edges_at``.
            rule: what is asked.
            state: what the rule remembers.
            moment: when.
        """
        search = Search(edges, rule.threshold, rule.clears_below, look_closer=bool(state.open or state.begun))
        if not rule.answers:
            search.tell([1.0])  # words have no probability
        return cls(rule, moment, search)

    @property
    def queries(self) -> list[Query]:
        """What to ask in this pass; nothing once all is said."""
        everything = not self.rule.searches and self.rule.look_back_s is None
        return [self.rule.query(None if everything else span) for span in self.search.wanted]

    def tell(self, verdicts: Sequence[Verdict]) -> None:
        """Take the answers to ``queries``, in their order."""
        self.verdicts.update(zip(self.search.wanted, verdicts, strict=True))
        self.search.tell([certainty(self.rule, verdict) for verdict in verdicts])

    @property
    def sightings(self) -> list[Sighting]:
        """What stands for each piece, in order of time. The state of things at a close stands for the window."""
        now = self.rule.alarm is not None and not self.rule.locates
        return [
            Sighting(
                moment=self.moment,
                span=self.moment.span if now else span,
                probability=probability,
                verdict=self.verdicts.get(span),
            )
            for span, probability in self.search.found
        ]


def certainty(rule: Rule, verdict: Verdict) -> float:
    """Calibrated probability of a rule's alarm, or of the likeliest answer where it has none."""
    return rule.calibrated(verdict.probability(rule.alarm)) if rule.alarm is not None else max(verdict.probabilities)


def edges_at(memory: Memory, rule: Rule, state: RuleState, moment: Moment) -> list[float]:
    """Where the footage that a rule looks at is cut into the cells that it can be located in."""
    span = rule.look_back(memory.span or moment.span, moment.span, state.until_s)
    resolution_s = rule.resolution_s if rule.searches else None
    return cells([] if resolution_s is None else memory.starts(span), span, resolution_s)


def ask_rules(
    model: VideoModel[Any], memory: Memory, asked: Sequence[tuple[Rule, RuleState]], moment: Moment
) -> list[list[Sighting]]:
    """Ask rules at the close of a window.

    Args:
        model: answers.
        memory: holds the window.
        asked: rules that are due, with what they remember.
        moment: the close.

    Returns:
        for each rule its sightings, in order of time; none where the memory does not reach back far enough yet.

    Raises:
        ModelError: the model refused a question.
    """
    held = memory.span or moment.span
    looks = {
        i: Look.over(edges_at(memory, rule, state, moment), rule, state, moment)
        for i, (rule, state) in enumerate(asked)
        if rule.has_footage(held, moment.span)
    }
    pursue(model, memory, list(looks.values()))
    return [looks[i].sightings if i in looks else [] for i in range(len(asked))]


def pursue(model: VideoModel[Any], memory: Memory, looks: Sequence[Look]) -> None:
    """Ask until all is said; each pass of all looks together is one call of the model."""
    while queries := [query for look in looks for query in look.queries]:
        verdicts = iter(_verdicts(model, memory, queries))
        for look in looks:
            if wanted := look.queries:
                look.tell([next(verdicts) for _ in wanted])


def take_in(model: VideoModel[Any], memory: Memory, window: Window) -> None:
    """Let a model see a window."""
    images = [frame.image for frame in window.frames]
    model.append(memory, images, [frame.time_s for frame in window.frames])
    if window.short:
        model.close_window(memory)


def on_the_side(model: VideoModel[MemoryT], memory: MemoryT, waiting: Sequence[Window]) -> MemoryT:
    """The memory as it would be with windows that it has not taken in yet; itself it does not change."""
    if not waiting:
        return memory
    fork = memory.fork()
    for window in waiting:
        take_in(model, fork, window)
    return fork


def say(model: VideoModel[Any], memory: Memory, question: str, span: Span) -> str | None:
    """Answer in words; None where the span has left the memory."""
    try:
        return "".join(model.answer(memory, question, span=span)).strip()
    except NotInMemoryError:
        return None


def _verdicts(model: VideoModel[Any], memory: Memory, queries: Sequence[Query]) -> list[Verdict]:
    return [
        verdict
        for start in range(0, len(queries), _MOST_QUERIES)
        for verdict in model.verdicts(memory, queries[start : start + _MOST_QUERIES])
    ]
