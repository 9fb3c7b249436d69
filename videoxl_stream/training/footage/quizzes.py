"""Quizzes: which ads were shown, in which order and how often, asked freely or with four options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from videoxl_stream.evaluation.choices import (
    BEFORE,
    FIRST,
    HOW_MANY,
    HOW_OFTEN,
    LETTERS,
    NEXT,
    ORDER,
    WHICH,
    WHICH_OF_COLOUR,
    lettered,
)
from videoxl_stream.training.footage.dice import Array
from videoxl_stream.training.footage.questions import UNCLEAR
from videoxl_stream.training.footage.showings import Showings
from videoxl_stream.training.footage.vocabulary import BRANDS, COLOURS, SYMBOLS, brand_name

TOPICS = (
    "which", "colour", "order", "ads", "times", "which: letter", "order: letter", "ads: letter", "times: letter",
    "first", "next", "before",
)  # fmt: skip
MOST_ADS, MOST_IN_ORDER, MOST_NUMBERED = 9, 5, 9
_TRIES = 6
_WEIGHTS = (0.02, 0.1, 0.12, 0.05, 0.09, 0.04, 0.26, 0.05, 0.1, 0.01, 0.08, 0.08)
_LETTERED = np.array([topic.endswith("letter") for topic in TOPICS])
_WHOLE, _SO_FAR = 0.5, 0.3
_ABSENT = 0.2
_FAR = 0.3  # of questions about order have an option that is far from right
_THREE = 0.4  # of what could be asked with options about the order of three is: that of more takes longer to learn


@dataclass(frozen=True, slots=True)
class Quiz:
    """A question about the frames [first, last) of one stream, with its answer; a letter if there are options.

    ``numbers`` says which ad of the whole stream each brand shown there was, UNCLEAR for several or a late one.
    """

    topic: int
    question: str
    answer: str
    options: tuple[str, ...]
    first: int
    last: int
    numbers: Mapping[int, int]

    @property
    def text(self) -> str:
        """What is asked, with the options behind it."""
        return lettered(self.question, self.options) if self.options else self.question

    @property
    def marks(self) -> list[bool]:
        """Which options are right."""
        return [letter == self.answer for letter, _ in zip(LETTERS, self.options, strict=False)]


Asked = tuple[str, str, tuple[str, ...]]
"""Question, answer and options, if there are any."""
Ask = Callable[[Sequence[int], np.random.Generator], Asked | None]


def draw_quizzes(
    brands: Array, count: int, window: int, rng: np.random.Generator, *, with_options: bool | None = None
) -> list[Quiz]:
    """Draw up to ``count`` quizzes of one stream; what is unclear or has no answer is left out.

    Args:
        brands: brand of each frame, 0 for none, (frames,).
        count: how many.
        window: frames of a window; questions see whole windows.
        rng: where chance comes from.
        with_options: only such, or only others; None for both.
    """
    showings, drawn = Showings.of(brands), list[Quiz]()
    weights = np.array(_WEIGHTS) if with_options is None else np.where(_LETTERED == with_options, _WEIGHTS, 0.0)
    weights /= weights.sum()
    for _ in range(_TRIES * count):
        if len(drawn) == count:
            break
        topic = int(rng.choice(len(TOPICS), p=weights))
        first, last = _stretch(len(brands), window, rng)
        shown = showings.within(first, last)
        asked = None if shown is None else _ASK[topic](shown, rng)
        if asked is not None:
            drawn.append(Quiz(topic, *asked, first, last, _numbers(showings, first, last)))
    return drawn


def _numbers(showings: Showings, first: int, last: int) -> dict[int, int]:
    found: dict[int, int] = {}
    for number in showings.seen(first, last).nonzero()[0].tolist():
        brand = int(showings.brand[number])
        found[brand] = UNCLEAR if brand in found or number >= MOST_NUMBERED else number + 1
    return found


def _stretch(frames: int, window: int, rng: np.random.Generator) -> tuple[int, int]:
    """Everything, everything so far, or any windows."""
    windows, chance = max(frames // window, 1), rng.random()
    last = windows if chance < _WHOLE else 1 + int(rng.integers(windows))
    first = 0 if chance < _WHOLE + _SO_FAR else int(rng.integers(last))
    return first * window, last * window


def _which(shown: Sequence[int], rng: np.random.Generator) -> Asked | None:
    if len(set(shown)) > 1 or (not shown and rng.random() > _ABSENT):
        return None
    return WHICH, brand_name(shown[0] if shown else 0), ()


def _colour(shown: Sequence[int], rng: np.random.Generator) -> Asked | None:
    """Ask for the symbol of a colour that was shown in one symbol only, or not at all."""
    by_colour = [{brand for brand in shown if _colour_of(brand) == colour} for colour in range(len(COLOURS))]
    wanted = int(rng.random() > _ABSENT) if shown else 0
    fitting = [colour for colour, found in enumerate(by_colour) if len(found) == wanted]
    if not fitting or (not shown and rng.random() > _ABSENT):
        return None
    colour = fitting[int(rng.integers(len(fitting)))]
    return WHICH_OF_COLOUR.format(colour=COLOURS[colour]), brand_name(next(iter(by_colour[colour]), 0)), ()


def _order(shown: Sequence[int], _: np.random.Generator) -> Asked | None:
    if not 2 <= len(shown) <= MOST_IN_ORDER or len(set(shown)) < len(shown):
        return None
    return ORDER, in_order(shown), ()


def _ads(shown: Sequence[int], rng: np.random.Generator) -> Asked | None:
    if len(shown) > MOST_ADS or (not shown and rng.random() > _ABSENT):
        return None
    return HOW_MANY, str(len(shown)), ()


def _times(shown: Sequence[int], rng: np.random.Generator) -> Asked | None:
    """Ask how often a brand was shown; one that is like another that was shown is the best that was not."""
    if not shown or len(shown) > MOST_ADS:
        return None
    # Brands that were shown more often are asked about more often: most are shown once.
    brand = shown[int(rng.integers(len(shown)))]
    if rng.random() < _ABSENT:
        brand = likenesses(brand)[int(rng.integers(2))]
    return HOW_OFTEN.format(brand=brand_name(brand)), str(list(shown).count(brand)), ()


def _which_letter(shown: Sequence[int], rng: np.random.Generator) -> Asked | None:
    if not shown:
        return None
    brand = shown[int(rng.integers(len(shown)))]
    others = [other for other in likenesses(brand) if other not in shown]
    if len(others) < len(LETTERS) - 1:
        return None
    return _with_letters(WHICH, brand_name(brand), [brand_name(other) for other in others], rng)


def _order_letter(shown: Sequence[int], rng: np.random.Generator) -> Asked | None:
    if len(shown) < 3 or _order(shown, rng) is None or (len(shown) == 3 and rng.random() > _THREE):
        return None
    return _with_letters(ORDER, in_order(shown), [in_order(other) for other in misorders(shown, rng)], rng)


def _ads_letter(shown: Sequence[int], rng: np.random.Generator) -> Asked | None:
    return _number_letter(_ads(shown, rng), rng)


def _times_letter(shown: Sequence[int], rng: np.random.Generator) -> Asked | None:
    return _number_letter(_times(shown, rng), rng)


def _number_letter(asked: Asked | None, rng: np.random.Generator) -> Asked | None:
    if asked is None:
        return None
    return _with_letters(asked[0], asked[1], [str(number) for number in near_numbers(int(asked[1]), rng)], rng)


def _first(shown: Sequence[int], _: np.random.Generator) -> Asked | None:
    return (FIRST, brand_name(shown[0]), ()) if shown else None


def _next(shown: Sequence[int], rng: np.random.Generator) -> Asked | None:
    """Ask what came after a brand that was shown once; after the last nothing did."""
    once = [place for place, brand in enumerate(shown) if list(shown).count(brand) == 1]
    if not once or len(shown) < 2:
        return None
    place = once[int(rng.integers(len(once)))]
    follower = shown[place + 1] if place + 1 < len(shown) else 0
    return NEXT.format(brand=brand_name(shown[place])), brand_name(follower), ()


def _before(shown: Sequence[int], rng: np.random.Generator) -> Asked | None:
    """Ask about two brands, each shown once."""
    once = [brand for brand in shown if list(shown).count(brand) == 1]
    if len(once) < 2:
        return None
    one, other = (once[place] for place in rng.permutation(len(once))[:2].tolist())
    asked = BEFORE.format(brand=brand_name(one), other=brand_name(other))
    return asked, "yes" if once.index(one) < once.index(other) else "no", ()


_ASK: tuple[Ask, ...] = (
    _which, _colour, _order, _ads, _times, _which_letter, _order_letter, _ads_letter, _times_letter,
    _first, _next, _before,
)  # fmt: skip


def _with_letters(question: str, truth: str, others: Sequence[str], rng: np.random.Generator) -> Asked:
    options = [truth, *others[: len(LETTERS) - 1]]
    options = [options[place] for place in rng.permutation(len(options))]
    return question, LETTERS[options.index(truth)], tuple(options)


def _colour_of(brand: int) -> int:
    return (brand - 1) // len(SYMBOLS)


def in_order(shown: Sequence[int]) -> str:
    """Brands 1..20 as an answer, ``"a red circle, a blue cross"``."""
    return ", ".join(brand_name(brand) for brand in shown)


def likenesses(brand: int) -> list[int]:
    """Other brands, those first that share colour or symbol, in turn, with a brand."""
    colour, symbol = divmod(brand - 1, len(SYMBOLS))
    others = [other for other in range(1, len(BRANDS) + 1) if other != brand]
    same_colour = [other for other in others if divmod(other - 1, len(SYMBOLS))[0] == colour]
    same_symbol = [other for other in others if divmod(other - 1, len(SYMBOLS))[1] == symbol]
    mixed = [other for pair in zip(same_colour, same_symbol, strict=False) for other in pair]
    return [*mixed, *(other for other in others if other not in mixed)]


def swapped(shown: Sequence[int], rng: np.random.Generator) -> list[list[int]]:
    """Wrong orders of three or more brands, shuffled: two neighbours exchanged, or the first and the last."""
    pairs = [*((place, place + 1) for place in range(len(shown) - 1)), (0, len(shown) - 1)]
    wrong = []
    for number in rng.permutation(len(pairs)):
        one, other = pairs[number]
        order = list(shown)
        order[one], order[other] = order[other], order[one]
        wrong.append(order)
    return wrong


def misorders(shown: Sequence[int], rng: np.random.Generator) -> list[list[int]]:
    """Three wrong orders of three or more brands, of which two or, mostly, all are nearly right."""
    wrong = swapped(shown, rng)[: len(LETTERS) - 1 - int(rng.random() < _FAR)]
    while len(wrong) < len(LETTERS) - 1:
        other = [shown[number] for number in rng.permutation(len(shown))]
        if other != list(shown) and other not in wrong:
            wrong.append(other)
    return wrong


def near_numbers(number: int, rng: np.random.Generator) -> list[int]:
    """Three other numbers, of four that follow one another with it."""
    lowest = max(0, number - int(rng.integers(len(LETTERS))))
    return [other for other in range(lowest, lowest + len(LETTERS)) if other != number]
