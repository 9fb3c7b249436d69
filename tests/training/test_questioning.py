"""Questions as tokens: what is learnt behind them, and amid them."""

from __future__ import annotations

import numpy as np
import torch

from videoxl_stream.evaluation.choices import LETTERS
from videoxl_stream.model.prompts import IGNORE_INDEX
from videoxl_stream.training.footage.tokenizer import build_tokenizer
from videoxl_stream.training.questioning import TOPICS, quiz


def test_a_hint_stands_behind_each_option_and_says_whether_it_is_right() -> None:
    tokenizer, brands = build_tokenizer(), torch.zeros(1, 60, dtype=torch.int64)
    brands[0, [5, 20, 33]] = torch.tensor([3, 7, 12])
    texts, lettered = quiz(brands, 48, tokenizer, np.random.default_rng(1), 10), 0
    for ids, labels, hints, topic in zip(
        *(t[0] for t in (texts.ids, texts.labels, texts.hints, texts.topics)), strict=True
    ):
        places = (hints != IGNORE_INDEX).nonzero()[:, 0].tolist()
        if topic < 0 or not TOPICS[topic].endswith("letter"):
            assert not places
            continue
        lettered += 1
        answer = tokenizer.decode(labels[labels != IGNORE_INDEX][:1])
        assert [tokenizer.decode(ids[place]) for place in places] == ["\n"] * 4
        assert [tokenizer.decode(hints[place]) for place in places] == [
            "yes" if letter == answer else "no" for letter in LETTERS
        ]
        lines = [line[0] for line in str(tokenizer.decode(ids[: places[-1]])).split("\n")[-4:]]
        assert lines == list(LETTERS)
    assert lettered >= 4
