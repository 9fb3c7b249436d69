"""Questions about the ads of a stream, free and with options, as benchmarks put them and training learns them."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

from videoxl_stream.errors import ConfigError
from videoxl_stream.training.footage.vocabulary import COLOURS, SYMBOLS, brand_name

LETTERS = ("A", "B", "C", "D")
WHICH = "Which brand was advertised?"
WHICH_LAST = "Which brand was advertised last?"
WHICH_OF_COLOUR = "Which {colour} symbol was shown?"
ORDER = "In which order were the ads shown?"
FIRST = "Which brand was shown first?"
NEXT = "Which brand was shown right after {brand}?"
BEFORE = "Was {brand} shown before {other}?"
HOW_MANY = "How many ads were shown?"
HOW_OFTEN = "How many times was {brand} shown?"
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


def lettered(question: str, options: Sequence[str]) -> str:
    """A question with its options, to be answered with a letter.

    Raises:
        ConfigError: there are fewer than 2 or more than 26 options.
    """
    lines = [f"{letter}. {option}" for letter, option in zip(letters(len(options)), options, strict=True)]
    return "\n".join([question, *lines, "Answer with the letter."])


def rotations(options: Sequence[str]) -> list[tuple[str, ...]]:
    """All circular rotations, the first as given (VNBench, arXiv 2406.09367, section 3)."""
    return [(*options[turn:], *options[:turn]) for turn in range(len(options))]


def colour_question(colour: int) -> tuple[str, tuple[str, ...]]:
    """The question for what was shown in a colour, an index into COLOURS, and its answers; the last is ``"none"``."""
    named = COLOURS[colour]
    return WHICH_OF_COLOUR.format(colour=named), (*(f"a {named} {symbol}" for symbol in SYMBOLS), NONE)


def brand_of(colour: int, symbol: int) -> int:
    """The brand 1..20 of indices into COLOURS and SYMBOLS."""
    return 1 + colour * len(SYMBOLS) + symbol


def count_question(brand: int) -> str:
    """The question for how often a brand was shown; its answers are COUNTS."""
    return HOW_OFTEN.format(brand=brand_name(brand))
