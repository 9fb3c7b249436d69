"""Choices: how questions with options are put, and the phrasings of the benchmarks on our own footage.

Training imports them from here, so that a model is asked as it was taught.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

from videoxl_stream.errors import ConfigError
from videoxl_stream.training.footage.vocabulary import COLOURS, SYMBOLS, brand_name

LAST_BRAND = "Which brand was advertised last?"
RETRIEVAL = "Which brand was advertised?"
COLOUR = "Which {colour} symbol was shown?"
ORDERING = "In which order were the ads shown?"
COUNT_ADS = "How many ads were shown?"
COUNT_BRAND = "How many times was {brand} shown?"
COUNTS = tuple(map(str, range(10)))
NONE = brand_name(0)


def letters(count: int) -> tuple[str, ...]:
    """The letters of so many options: A, B, C, ...

    Raises:
        ConfigError: there are fewer than 2 or more than 26.
    """
    if not 2 <= count <= len(ascii_uppercase):
        msg = f"a choice needs 2 to {len(ascii_uppercase)} options, not {count}; change the question's options"
        raise ConfigError(msg)
    return tuple(ascii_uppercase[:count])


def letters_prompt(question: str, options: Sequence[str]) -> str:
    """A question that is to be answered with the letter of one of its options."""
    lines = (f"{letter}. {option}" for letter, option in zip(letters(len(options)), options, strict=True))
    return "\n".join((question, *lines, "Answer with the letter."))


def rotations(options: Sequence[str]) -> list[tuple[str, ...]]:
    """The options as often as there are options, each time moved on by one place."""
    return [(*options[start:], *options[:start]) for start in range(len(options))]


def colour_question(colour: int) -> tuple[str, tuple[str, ...]]:
    """The question for what was shown in a colour, an index into COLOURS, and its answers; the last is ``"none"``."""
    named = COLOURS[colour]
    return COLOUR.format(colour=named), (*(f"a {named} {symbol}" for symbol in SYMBOLS), NONE)


def brand_of(colour: int, symbol: int) -> int:
    """The brand 1..20 of indices into COLOURS and SYMBOLS."""
    return 1 + colour * len(SYMBOLS) + symbol


def order_of(brands: Sequence[int]) -> str:
    """Brands in the order in which they were shown, ``"a red circle, a blue cross, a green square"``."""
    return ", ".join(map(brand_name, brands))


def count_question(brand: int) -> str:
    """The question for how often a brand was shown; its answers are COUNTS."""
    return COUNT_BRAND.format(brand=brand_name(brand))
