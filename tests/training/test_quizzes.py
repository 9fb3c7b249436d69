"""Quizzes: what they say of the ads shown is true, and every option but the right one is wrong."""

from __future__ import annotations

import itertools
import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from videoxl_stream.evaluation.choices import FIRST, HOW_MANY, ORDER, WHICH, lettered, rotations
from videoxl_stream.training.footage.quizzes import TOPICS, Quiz, draw_quizzes, in_order, likenesses, misorders
from videoxl_stream.training.footage.showings import Showings
from videoxl_stream.training.footage.vocabulary import BRANDS, brand_name

SPELT = st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 6, 6, 11, 20]), st.integers(1, 4)), min_size=1, max_size=12)


def _frames(spelt: list[tuple[int, int]]) -> np.ndarray:
    return np.repeat([brand for brand, _ in spelt], [length for _, length in spelt])


def _seen(brands: np.ndarray, quiz: Quiz) -> list[int]:
    """Brands in order within the quiz's frames, in plain Python."""
    inside = [0, *brands[quiz.first : quiz.last].tolist()]
    return [now for before, now in itertools.pairwise(inside) if now and now != before]


@settings(max_examples=150, deadline=None)
@given(SPELT, st.integers(0, 2**32 - 1))
def test_answers_are_true(spelt: list[tuple[int, int]], seed: int) -> None:
    brands = _frames(spelt)
    for quiz in draw_quizzes(brands, 8, 4, np.random.default_rng(seed)):
        assert 0 <= quiz.first < quiz.last
        shown = _seen(brands, quiz)
        right = [option for option in _options(quiz) if _is_true(quiz.question, option, shown)]
        assert right == [_chosen(quiz)]


def _options(quiz: Quiz) -> list[str]:
    return list(quiz.options) or [quiz.answer]


def _chosen(quiz: Quiz) -> str:
    return quiz.options[quiz.marks.index(True)] if quiz.options else quiz.answer


def _is_true(question: str, answer: str, shown: list[int]) -> bool:  # noqa: PLR0911 - one for each question
    names = [brand_name(brand) for brand in shown]
    if question == WHICH:
        return answer in (names or ["none"])
    if question == ORDER:
        return answer == ", ".join(names)
    if question == HOW_MANY:
        return answer == str(len(shown))
    if found := re.fullmatch("Which (.*) symbol was shown.", question):
        return answer in ({name for name in names if found[1] in name} or {"none"})
    if question == FIRST:
        return answer == names[0]
    if found := re.fullmatch("Which brand was shown right after (.*).", question):
        return answer == dict(itertools.pairwise([*names, "none"]))[found[1]]
    if found := re.fullmatch("Was (.*) shown before (.*).", question):
        return answer == ("yes" if names.index(found[1]) < names.index(found[2]) else "no")
    found = re.fullmatch("How many times was (.*) shown.", question)
    assert found is not None, question
    return answer == str(names.count(found[1]))


def test_every_topic_is_drawn() -> None:
    rng = np.random.default_rng(0)
    drawn: set[int] = set()
    for _ in range(60):
        brands = np.zeros(60, dtype=np.int64)
        brands[rng.choice(30, 4, replace=False) * 2] = rng.integers(1, 21, 4)
        drawn |= {quiz.topic for quiz in draw_quizzes(brands, 8, 10, rng)}
    single = np.zeros(40, dtype=np.int64)
    single[7] = 5
    drawn |= {quiz.topic for _ in range(20) for quiz in draw_quizzes(single, 8, 10, rng)}
    assert drawn == set(range(len(TOPICS)))


def test_an_ad_that_is_cut_off_is_not_asked_about() -> None:
    showings = Showings.of(np.array([0, 3, 3, 3, 0, 7, 0]))
    assert showings.within(0, 2) is None
    assert showings.within(0, 3) == [3]
    assert showings.within(4, 7) == [7]


@given(st.integers(1, len(BRANDS)))
def test_likenesses_are_all_other_brands_the_likest_first(brand: int) -> None:
    others = likenesses(brand)
    assert sorted([brand, *others]) == list(range(1, len(BRANDS) + 1))
    words = set(brand_name(brand).split())
    assert all(len(words & set(brand_name(other).split())) == 2 for other in others[:6])


@given(st.permutations([1, 5, 9, 14]), st.integers(0, 1000))
def test_wrong_orders_differ_from_the_truth_and_each_other(shown: list[int], seed: int) -> None:
    orders = [in_order(order) for order in (shown, *misorders(shown, np.random.default_rng(seed)))]
    assert len(set(orders)) == 4


def test_letters_and_rotations() -> None:
    assert lettered("Which?", ["a", "b", "c", "d"]) == "Which?\nA. a\nB. b\nC. c\nD. d\nAnswer with the letter."
    turned = rotations(["a", "b", "c", "d"])
    assert turned[1] == ("b", "c", "d", "a")
    assert [sorted(each) for each in turned] == [["a", "b", "c", "d"]] * 4
