"""Matching of what was found with what is true."""

from __future__ import annotations

from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.evaluation.matching import MIN_IOU, Counts, Happening, Score, match, score
from videoxl_stream.queries import Span


def happening(start_s: float, end_s: float, kind: str = "fire", stream_id: str = "site") -> Happening:
    return Happening(stream_id, kind, Span(start_s, end_s))


@st.composite
def happenings(draw: st.DrawFn) -> Happening:
    start = draw(st.integers(0, 20))
    end = start + draw(st.integers(1, 20))
    return happening(start, end, draw(st.sampled_from(["fire", "fall"])), draw(st.sampled_from(["site", "yard"])))


LISTS = st.lists(happenings(), max_size=4)


def fits(one: Happening, other: Happening) -> bool:
    return (one.stream_id, one.kind) == (other.stream_id, other.kind) and one.span.iou(other.span) >= MIN_IOU


def most(true: list[Happening], found: list[Happening]) -> int:
    """The size of the largest matching, by trying all."""
    for size in range(min(len(true), len(found)), 0, -1):
        for some in combinations(true, size):
            for others in permutations(found, size):
                if all(fits(one, other) for one, other in zip(some, others, strict=True)):
                    return size
    return 0


@given(LISTS, LISTS)
def test_pairs_fit_are_one_to_one_and_as_many_as_can_be(true: list[Happening], found: list[Happening]) -> None:
    pairs = match(true, found)
    assert all(fits(true[index], found[claim]) for index, claim in pairs)
    assert len({index for index, _ in pairs}) == len({claim for _, claim in pairs}) == len(pairs)
    assert len(pairs) == most(true, found)


@given(LISTS, LISTS)
def test_truth_and_claims_can_change_places(true: list[Happening], found: list[Happening]) -> None:
    there, back = score(true, found), score(found, true)
    assert there.total.matched == back.total.matched
    assert there.total.precision == back.total.recall
    assert there.total.f1 == back.total.f1


@given(LISTS, LISTS, st.randoms(use_true_random=False))
def test_order_does_not_matter(true: list[Happening], found: list[Happening], random: object) -> None:
    shuffled = sorted(found, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert score(true, shuffled) == score(true, found)


@given(LISTS, LISTS)
def test_one_more_claim_never_matches_less(true: list[Happening], found: list[Happening]) -> None:
    counts = [score(true, found[:size]).total.matched for size in range(len(found) + 1)]
    assert counts == sorted(counts)


@given(LISTS)
def test_the_truth_itself_scores_one(true: list[Happening]) -> None:
    total = score(true, true).total
    assert (total.precision, total.recall, total.f1) == (1.0, 1.0, 1.0)


@given(LISTS, LISTS)
def test_kinds_add_up_and_shares_agree(true: list[Happening], found: list[Happening]) -> None:
    total = score(true, found).total
    assert (total.true, total.found) == (len(true), len(found))
    if total.precision + total.recall:
        harmonic = 2 * total.precision * total.recall / (total.precision + total.recall)
        assert total.f1 == pytest.approx(harmonic if true or found else 1.0)


def test_taking_the_best_pair_first_would_lose_one() -> None:
    # The long claim fits the second true one best, but is the only partner of the first.
    true = [happening(0, 10), happening(10, 30)]
    found = [happening(0, 30), happening(22, 32)]
    assert true[1].span.iou(found[0].span) > true[0].span.iou(found[0].span)
    assert match(true, found) == [(0, 0), (1, 1)]


def test_a_long_chain_of_exchanges_is_followed_to_its_end() -> None:
    size = 1200
    true = [happening(10 * number, 10 * number + 10) for number in range(size)]
    found = [happening(10 * number + 5, 10 * number + 15) for number in range(-1, size - 1)]
    assert len(match(true[1:] + true[:1], found)) == size


def test_half_of_a_long_event_counts_and_a_quarter_does_not() -> None:
    assert match([happening(0, 20)], [happening(0, 10)]) == [(0, 0)]
    assert match([happening(0, 20)], [happening(0, 5)]) == []


def test_other_streams_and_kinds_do_not_match() -> None:
    assert match([happening(0, 10)], [happening(0, 10, stream_id="yard"), happening(0, 10, kind="fall")]) == []


def test_counts_add_up_over_clips() -> None:
    one, other = Score({"fire": Counts(2, 1, 1)}), Score({"fire": Counts(1, 1, 1), "ad": Counts(0, 1, 0)})
    assert (one + other).kinds == {"fire": Counts(3, 2, 2), "ad": Counts(0, 1, 0)}
    assert (one + other).total == Counts(3, 3, 2)
    assert Counts(3, 2, 1).to_json() == {
        "true": 3,
        "found": 2,
        "matched": 1,
        "precision": 0.5,
        "recall": 0.3333,
        "f1": 0.4,
    }


def test_nothing_found_where_nothing_is_true_is_perfect_and_else_worth_nothing() -> None:
    nothing = score([], []).total
    assert (nothing.precision, nothing.recall, nothing.f1) == (1.0, 1.0, 1.0)
    for wrong in (Counts(true=1), Counts(found=1)):
        assert (wrong.precision, wrong.recall, wrong.f1) == (0.0, 0.0, 0.0)
