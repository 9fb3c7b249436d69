"""Questions about the ads of a stream, free and with four options, as benchmarks put them and training learns them."""

from __future__ import annotations

from collections.abc import Sequence

LETTERS = ("A", "B", "C", "D")
WHICH = "Which brand was advertised?"
WHICH_OF_COLOUR = "Which {colour} symbol was shown?"
ORDER = "In which order were the ads shown?"
HOW_MANY = "How many ads were shown?"
HOW_OFTEN = "How many times was {brand} shown?"


def lettered(question: str, options: Sequence[str]) -> str:
    """A question with its options, to be answered with a letter."""
    lines = [f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=True)]
    return "\n".join([question, *lines, "Answer with the letter."])


def rotations(options: Sequence[str]) -> list[tuple[str, ...]]:
    """All circular rotations, the first as given (VNBench, arXiv 2406.09367, section 3)."""
    return [(*options[turn:], *options[:turn]) for turn in range(len(options))]
