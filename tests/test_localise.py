from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.localise import Search, cells, localise
from videoxl_stream.queries import Query, Span
from videoxl_stream.testing import ScriptedMemory, ScriptedModel

QUESTION = "Is there a fire?"
YES, CLEAR = 0.6, 0.3


def told(edges: Sequence[float], answers: Mapping[tuple[int, int], float], **how: bool) -> list[tuple[Span, float]]:
    """What a search finds whose answers are listed; what is not listed must not be asked."""
    search = Search(edges, YES, CLEAR, **how)
    while wanted := search.wanted:
        search.tell([answers[int(span.start_s), int(span.end_s)] for span in wanted])
    return search.found


def test_what_is_clearly_not_there_is_asked_about_once() -> None:
    assert told(range(9), {(0, 8): 0.1}) == [(Span(0, 8), 0.1)]


def test_only_what_may_hold_it_is_halved() -> None:
    answers = {(0, 4): 0.9, (0, 2): 0.2, (2, 4): 0.8, (2, 3): 0.7, (3, 4): 0.1}
    assert told(range(5), answers) == [(Span(0, 2), 0.2), (Span(2, 3), 0.7), (Span(3, 4), 0.1)]


def test_where_neither_half_alarms_the_verdict_of_the_whole_stands_for_all_of_it() -> None:
    assert told(range(5), {(0, 4): 0.9, (0, 2): 0.5, (2, 4): 0.4}) == [(Span(0, 4), 0.9)]


def test_where_both_halves_are_clear_a_doubt_stands_for_all_of_it() -> None:
    assert told(range(5), {(0, 4): 0.5, (0, 2): 0.2, (2, 4): 0.1}) == [(Span(0, 4), 0.5)]


def test_a_half_that_is_surer_than_the_whole_is_right() -> None:
    assert told(range(3), {(0, 2): 0.4, (0, 1): 0.8, (1, 2): 0.2}) == [(Span(0, 1), 0.8), (Span(1, 2), 0.2)]


def test_what_is_going_on_is_looked_at_closely_once() -> None:
    answers = {(0, 4): 0.1, (0, 2): 0.5, (2, 4): 0.1, (0, 1): 0.4, (1, 2): 0.2}
    expected = [(Span(0, 1), 0.4), (Span(1, 2), 0.2), (Span(2, 4), 0.1)]
    assert told(range(5), answers, look_closer=True) == expected
    assert told([0, 4], {(0, 4): 0.1}, look_closer=True) == [(Span(0, 4), 0.1)]


def watched(num_frames: int) -> tuple[ScriptedModel, ScriptedMemory]:
    model = ScriptedModel()
    memory = model.open_memory()
    memory.pending = [float(second) for second in range(num_frames)]
    return model, memory


spans = st.tuples(st.integers(0, 40), st.integers(1, 12)).map(lambda pair: Span(pair[0], pair[0] + pair[1]))


@given(st.integers(1, 40), st.lists(spans, max_size=4))
def test_it_finds_what_a_scan_of_every_cell_finds_in_few_calls(num_frames: int, fires: list[Span]) -> None:
    model, memory = watched(num_frames)
    model.truth[QUESTION] = fires

    def ask(asked: Sequence[Span]) -> list[float]:
        verdicts = model.verdicts(memory, [Query(QUESTION, span=span) for span in asked])
        return [verdict.probability("yes") for verdict in verdicts]

    edges = cells(memory.starts(Span(0, num_frames)), Span(0, num_frames), 1.0)
    found = localise(ask, edges, YES, CLEAR)
    burning = {
        s for span, probability in found if probability >= YES for s in range(int(span.start_s), int(span.end_s))
    }
    [*scanned] = ask([Span(second, second + 1) for second in range(num_frames)])
    assert burning == {second for second, probability in enumerate(scanned) if probability >= YES}
    assert len(model.calls) - 1 <= 1 + math.ceil(math.log2(num_frames))
    if not burning:
        assert len(model.calls) - 1 == 1


@given(st.lists(st.floats(0, 1), min_size=200, max_size=200), st.integers(1, 60), st.booleans())
def test_pieces_cover_the_whole_and_an_alarm_is_never_lost(answers: list[float], num_cells: int, closer: bool) -> None:
    """Whatever a model says, however it contradicts itself."""
    search, said = Search(range(num_cells + 1), YES, CLEAR, look_closer=closer), iter(answers)
    asked: list[tuple[Span, float]] = []
    while wanted := search.wanted:
        asked += zip(wanted, said, strict=False)
        search.tell([probability for _, probability in asked[-len(wanted) :]])
    found = search.found
    assert [found[0][0].start_s, found[-1][0].end_s] == [0, num_cells]
    assert all(one.end_s == other.start_s for (one, _), (other, _) in pairwise(found))
    assert set(found) <= set(asked)
    if asked[0][1] >= YES:
        assert max(probability for _, probability in found) >= YES


@given(st.lists(st.integers(0, 400), max_size=60), st.floats(0.2, 5), st.integers(0, 20))
def test_every_cell_begins_with_footage(ticks: list[int], resolution_s: float, start: int) -> None:
    times, span = sorted({tick / 10 for tick in ticks}), Span(start, 40)
    edges = cells(times, span, resolution_s)
    assert (edges[0], edges[-1]) == (span.start_s, span.end_s)
    assert edges == sorted(set(edges))
    assert set(edges[1:-1]) <= set(times)
    inside = [time_s for time_s in times if time_s in edges[1:-1]]
    assert all(later - sooner > 0 for sooner, later in pairwise(inside))
    assert len(edges) - 1 <= math.ceil((span.duration_s + 1e-3) / resolution_s) + 1


def test_cells_are_about_as_long_as_asked_and_may_be_the_whole() -> None:
    times = [step / 2 for step in range(10)]
    assert cells(times, Span(0, 5), 1.0) == [0, 1, 2, 3, 4, 5]
    assert cells(times, Span(0, 5), 2.0) == [0, 2, 4, 5]
    assert cells(times, Span(0, 5), None) == [0, 5]
    assert cells([], Span(0, 5), 1.0) == [0, 5]
    # Frames that come a little early or late, or seldom, move the cuts and leave no cell empty.
    assert cells([0.0, 0.9, 2.1, 3.0, 9.0], Span(0, 10), 1.0) == [0, 2.1, 3, 9, 10]
