"""Questions about footage as padded token sequences."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from videoxl_stream.model.prompts import END_OF_TURN, IGNORE_INDEX, around_footage
from videoxl_stream.training.footage.phrases import Catalogue
from videoxl_stream.training.footage.questions import Asker, Questions
from videoxl_stream.training.footage.vocabulary import KINDS
from videoxl_stream.training.objective import FrameLabels, Texts

_MULTIPLE = 4


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
    return _padded(drawn, len(channel), per_stream, questions, answers, window)


def _padded(
    drawn: Questions,
    num_streams: int,
    per_stream: int,
    questions: list[list[int]],
    answers: list[list[int]],
    window: int,
) -> Texts:
    columns = (drawn.stream, drawn.topic, drawn.question, drawn.answer, drawn.first, drawn.last)
    rows = list(zip(*(t.tolist() for t in columns), strict=True))
    longest = max((len(questions[q]) + len(answers[a]) for _, _, q, a, *_ in rows), default=_MULTIPLE)
    width = -(-longest // _MULTIPLE) * _MULTIPLE
    ids = torch.zeros(num_streams, per_stream, width, dtype=torch.int64)
    labels = torch.full_like(ids, IGNORE_INDEX)
    ranges = np.tile(np.array([0, window]), (num_streams, per_stream, 1))
    taken = [0] * num_streams
    topics = np.full((num_streams, per_stream), -1)
    for stream, topic, question, answer, first, last in rows:
        place, asked, said = taken[stream], questions[question], answers[answer]
        taken[stream] += 1
        ids[stream, place, : len(asked) + len(said)] = torch.tensor([*asked, *said])
        labels[stream, place, len(asked) : len(asked) + len(said)] = torch.tensor(said)
        ranges[stream, place], topics[stream, place] = (first, last), topic
    return Texts(ids, labels, ranges, topics)
