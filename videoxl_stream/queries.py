"""What is asked of a memory, and what comes back."""

from __future__ import annotations

import math
from dataclasses import dataclass

from videoxl_stream.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of stream time, in seconds; ``start_s`` included, ``end_s`` not.

    Raises:
        ConfigError: the span is empty, reversed or not a number.
    """

    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        """Refuse a span that can never hold a frame."""
        if math.isnan(self.start_s) or math.isnan(self.end_s) or self.end_s <= self.start_s:
            msg = f"span [{self.start_s}, {self.end_s}) is empty; give start_s < end_s, both in seconds"
            raise ConfigError(msg)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s

    def iou(self, other: Span) -> float:
        """Intersection over union of two spans, 0 to 1."""
        shared = min(self.end_s, other.end_s) - max(self.start_s, other.start_s)
        return max(0.0, shared) / (self.duration_s + other.duration_s - max(0.0, shared))


@dataclass(frozen=True, slots=True)
class Query:
    """One question with the answers it may have.

    Args:
        text: the question as a person would ask it, without chat markup.
        answers: at least two different answers; their probabilities will sum to one.
        span: the footage to look at; None means everything in memory.

    Raises:
        ConfigError: the question is empty or the answers are fewer than two or repeat.
    """

    text: str
    answers: tuple[str, ...] = ("yes", "no")
    span: Span | None = None

    def __post_init__(self) -> None:
        """Refuse a question whose verdict would mean nothing."""
        if not self.text.strip():
            msg = "a query needs a question; its text is empty"
            raise ConfigError(msg)
        if len(self.answers) < 2 or len(set(self.answers)) != len(self.answers) or "" in self.answers:
            msg = f"query {self.text!r} needs two or more different, non-empty answers, got {self.answers!r}"
            raise ConfigError(msg)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The probability of each listed answer, in the order of ``query.answers``; they sum to one."""

    query: Query
    probabilities: tuple[float, ...]

    @property
    def answer(self) -> str:
        """The likeliest answer."""
        return max(zip(self.probabilities, self.query.answers, strict=True), key=lambda pair: pair[0])[1]

    def probability(self, answer: str) -> float:
        """Probability of one of the listed answers.

        Raises:
            ConfigError: the answer is not among those the query listed.
        """
        try:
            return self.probabilities[self.query.answers.index(answer)]
        except ValueError as e:
            msg = f"{answer!r} is not an answer of {self.query.text!r}; choose from {self.query.answers!r}"
            raise ConfigError(msg) from e
