"""How choices are put: letters, rotations, and the phrasings that training takes over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.choices import (
    brand_of,
    colour_question,
    count_question,
    lettered,
    letters,
    rotations,
)
from videoxl_stream.training.footage.vocabulary import BRANDS, COLOURS, SYMBOLS, brand_name


def test_the_prompt_is_the_one_that_is_taught() -> None:
    prompt = lettered("Which brand was advertised?", ["a red circle", "a blue cross", "a b", "none"])
    assert prompt == (
        "Which brand was advertised?\nA. a red circle\nB. a blue cross\nC. a b\nD. none\nAnswer with the letter."
    )


def test_phrasings() -> None:
    assert colour_question(0) == (
        "Which red symbol was shown?",
        ("a red circle", "a red square", "a red triangle", "a red cross", "none"),
    )
    assert count_question(1) == "How many times was a red circle shown?"


@given(st.lists(st.text(min_size=1), min_size=2, max_size=6, unique=True))
def test_each_option_stands_once_at_each_place(options: list[str]) -> None:
    found = rotations(options)
    assert all(sorted(each) == sorted(options) for each in found)
    assert all(sorted(column) == sorted(options) for column in zip(*found, strict=True))


@pytest.mark.parametrize("count", [0, 1, 27])
def test_too_few_or_many_options_are_refused(count: int) -> None:
    with pytest.raises(ConfigError, match="2 to 26"):
        letters(count)


def test_brands_and_their_parts_belong_together() -> None:
    names = [brand_name(brand_of(c, s)) for c in range(len(COLOURS)) for s in range(len(SYMBOLS))]
    assert names == [f"a {brand}" for brand in BRANDS]
