"""Questions and quizzes about footage as padded token sequences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from videoxl_stream.model.prompts import END_OF_TURN, IGNORE_INDEX, around_footage
from videoxl_stream.training.footage.phrases import TOPICS as QUESTION_TOPICS
from videoxl_stream.training.footage.phrases import Catalogue
from videoxl_stream.training.footage.questions import UNCLEAR, Asker
from videoxl_stream.training.footage.quizzes import TOPICS as QUIZ_TOPICS
from videoxl_stream.training.footage.quizzes import Quiz, draw_quizzes
from videoxl_stream.training.footage.vocabulary import BRANDS, KINDS, brand_name
from videoxl_stream.training.objective import FrameLabels, Texts

TOPICS = (*QUESTION_TOPICS, *QUIZ_TOPICS)
_MULTIPLE = 8
_BREAKS_BEFORE_OPTIONS = 2  # one behind the footage, one behind the question


@dataclass(frozen=True, slots=True)
class Row:
    """One text of a batch: whose, about what, as ids, which frames [first, last) it sees; see Texts for the rest."""

    stream: int
    topic: int
    question: list[int]
    answer: list[int]
    first: int
    last: int
    marks: Mapping[int, int] = field(default_factory=dict)
    mentions: Mapping[int, int] = field(default_factory=dict)


@lru_cache(maxsize=4)
def _sequences(tokenizer: PreTrainedTokenizerFast) -> tuple[Catalogue, list[list[int]], list[list[int]]]:
    """The catalogue, and the ids of each question in its markup and of each answer with its end."""
    catalogue, template = Catalogue.build(), around_footage()[1]
    questions = [tokenizer.encode(template.format(question)) for question in catalogue.questions]
    answers = [tokenizer.encode(answer + END_OF_TURN) for answer in catalogue.answers]
    return catalogue, questions, answers


def ask(
    labels: FrameLabels,
    channel: torch.Tensor,
    per_stream: int,
    tokenizer: PreTrainedTokenizerFast,
    rng: np.random.Generator,
    window: int,
) -> Texts:
    """Draw about ``per_stream`` questions of each stream; places left over teach nothing.

    Args:
        labels: (streams, frames).
        channel: whether each stream is a broadcast, (streams,) bool.
        per_stream: texts per stream.
        tokenizer: the model's.
        rng: where chance comes from.
        window: frames of a window; questions see whole windows.
    """
    catalogue, questions, answers = _sequences(tokenizer)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    kinds = {kind: labels.kinds[..., i] for i, kind in enumerate(KINDS)}
    drawn = Asker(catalogue, window).ask(kinds, labels.brands, labels.people, channel, per_stream, generator)
    columns = (drawn.stream, drawn.topic, drawn.question, drawn.answer, drawn.first, drawn.last)
    numbers = zip(*(column.tolist() for column in columns), strict=True)
    rows = (Row(stream, topic, questions[q], answers[a], first, last) for stream, topic, q, a, first, last in numbers)
    return _padded(rows, len(channel), per_stream, window)


def quiz(
    brands: torch.Tensor,
    per_stream: int,
    tokenizer: PreTrainedTokenizerFast,
    rng: np.random.Generator,
    window: int,
    *,
    with_options: bool | None = None,
) -> Texts:
    """Draw up to ``per_stream`` quizzes about the ads of each stream.

    Args:
        brands: of each frame, (streams, frames), 0 for none.
        per_stream: texts per stream.
        tokenizer: the model's.
        rng: where chance comes from.
        window: frames of a window; quizzes see whole windows.
        with_options: only such, or only others; None for both, as long as the longest.
    """
    template = around_footage()[1]
    rows = (
        _row(stream, one, template, tokenizer)
        for stream, shown in enumerate(brands.numpy())
        for one in draw_quizzes(shown, per_stream, window, rng, with_options=with_options)
    )
    return _padded(rows, len(brands), per_stream, window)


def _row(stream: int, one: Quiz, template: str, tokenizer: PreTrainedTokenizerFast) -> Row:
    """A quiz with what its words have to know."""
    asked = tokenizer.encode(template.format(one.text))
    answer = tokenizer.encode(one.answer + END_OF_TURN)
    newline, brands = _words(tokenizer)
    breaks = [place for place, token in enumerate(asked) if token == newline][_BREAKS_BEFORE_OPTIONS:]
    marks = {place: int(right) for place, right in zip(breaks, one.marks, strict=False)}
    mentions = {
        place: number
        for place, pair in enumerate(pairwise([*asked, *answer]), start=1)
        if pair in brands and (number := one.numbers.get(brands[pair], 0)) != UNCLEAR
    }
    topic = len(QUESTION_TOPICS) + one.topic
    return Row(stream, topic, asked, answer, one.first, one.last, marks, mentions)


@lru_cache(maxsize=4)
def _words(tokenizer: PreTrainedTokenizerFast) -> tuple[int, dict[tuple[int, int], int]]:
    """The line break, and the two last tokens of each brand's name."""
    (newline,) = tokenizer.encode("\n")
    named = {number: tokenizer.encode(f" {brand_name(number)}") for number in range(1, len(BRANDS) + 1)}
    return newline, {(ids[-2], ids[-1]): number for number, ids in named.items()}


def _padded(texts: Iterable[Row], num_streams: int, per_stream: int, window: int) -> Texts:
    rows = list(texts)
    longest = max((len(row.question) + len(row.answer) for row in rows), default=_MULTIPLE)
    width = -(-longest // _MULTIPLE) * _MULTIPLE
    ids = torch.zeros(num_streams, per_stream, width, dtype=torch.int64)
    labels, marks, mentions = (torch.full_like(ids, IGNORE_INDEX) for _ in range(3))
    ranges = np.tile(np.array([0, window]), (num_streams, per_stream, 1))
    taken = [0] * num_streams
    topics = np.full((num_streams, per_stream), -1)
    for row in rows:
        stream, place, asked, said = row.stream, taken[row.stream], row.question, row.answer
        taken[stream] += 1
        ids[stream, place, : len(asked) + len(said)] = torch.tensor([*asked, *said])
        labels[stream, place, len(asked) : len(asked) + len(said)] = torch.tensor(said)
        for column, known in ((marks, row.marks), (mentions, row.mentions)):
            for token, value in known.items():
                column[stream, place, token] = value
        ranges[stream, place], topics[stream, place] = (row.first, row.last), row.topic
    return Texts(ids, labels, marks, mentions, ranges, topics)
