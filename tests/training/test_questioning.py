"""Questions as tokens: what their words have to know."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from videoxl_stream.evaluation.choices import LETTERS
from videoxl_stream.model.prompts import IGNORE_INDEX
from videoxl_stream.training.footage.tokenizer import build_tokenizer
from videoxl_stream.training.footage.vocabulary import brand_name
from videoxl_stream.training.objective import Texts
from videoxl_stream.training.questioning import TOPICS, quiz

TOKENIZER = build_tokenizer()
SHOWN = {5: 3, 20: 7, 33: 12, 41: 7}  # frame -> brand


@pytest.fixture(scope="module")
def texts() -> Texts:
    brands = torch.zeros(1, 60, dtype=torch.int64)
    for frame, brand in SHOWN.items():
        brands[0, frame] = brand
    return quiz(brands, 64, TOKENIZER, np.random.default_rng(1), 10)


def _text(ids: torch.Tensor) -> str:
    return str(TOKENIZER.decode(ids))


def test_a_mark_stands_behind_each_option_and_says_whether_it_is_right(texts: Texts) -> None:
    lettered = 0
    for place, topic in enumerate(texts.topics[0]):
        ids, labels, marks = (column[0, place] for column in (texts.ids, texts.labels, texts.marks))
        places = (marks != IGNORE_INDEX).nonzero()[:, 0].tolist()
        if topic < 0 or not TOPICS[topic].endswith("letter"):
            assert not places
            continue
        lettered += 1
        answer = _text(labels[labels != IGNORE_INDEX][:1])
        assert [_text(ids[place]) for place in places] == ["\n"] * 4
        assert marks[places].tolist() == [letter == answer for letter in LETTERS]
        assert [line[0] for line in _text(ids[: places[-1]]).split("\n")[-4:]] == list(LETTERS)
    assert lettered >= 4


def test_a_brand_that_is_named_knows_which_ad_it_was(texts: Texts) -> None:
    known = set()
    for place, (first, last) in enumerate(texts.ranges[0].tolist()):
        within = [brand for frame, brand in SHOWN.items() if first <= frame < last]
        ids, mentions = texts.ids[0, place], texts.mentions[0, place]
        for token in (mentions != IGNORE_INDEX).nonzero()[:, 0].tolist():
            named, number = _text(ids[token - 2 : token + 1]).strip(), int(mentions[token])
            known.add(number)
            brand = next(brand for brand in range(1, 21) if brand_name(brand) == named)
            assert within.count(brand) <= 1
            assert number == (list(SHOWN.values())[number - 1] == brand and number if brand in within else 0)
    assert known >= {0, 1, 2, 3}
