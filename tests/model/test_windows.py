"""The arithmetic of windows: beacons and raw tokens share each window, and carried rests add up over all of them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.conftest import GOLDEN
from videoxl_stream.errors import ConfigError
from videoxl_stream.model.layout import Layout, Past
from videoxl_stream.model.windows import RatioDraw, Window, cut


@st.composite
def any_window(draw: st.DrawFn) -> Window:
    ratio = draw(st.integers(1, 40))
    return Window(draw(st.integers(1, 300)), ratio, draw(st.integers(0, ratio - 1)))


@given(any_window())
def test_beacons_and_raw_tokens_share_a_window(window: Window) -> None:
    places = np.concatenate((window.beacon_index(), window.raw_index()))
    assert sorted(places) == list(range(window.num_tokens))
    assert len(window.beacon_index()) == window.num_beacons
    assert len(window.raw_index()) == window.num_raw
    assert window.num_raw + window.carry == window.num_beacons * window.ratio + window.carry_out


@given(any_window())
def test_a_beacon_stands_right_behind_the_last_token_it_stands_for(window: Window) -> None:
    first, last = window.covered()
    assert (window.raw_index()[last] + 1 == window.beacon_index()).all()
    assert (first <= last).all()
    assert (first[1:] == last[:-1] + 1).all()  # nothing between two beacons is left out or counted twice
    if window.num_beacons:
        assert first[0] == 0
        assert last[0] == window.ratio - window.carry - 1
        assert window.num_raw - 1 - last[-1] == window.carry_out


@given(st.lists(st.integers(1, 90), min_size=1, max_size=12), st.integers(1, 40))
def test_carrying_the_rest_equals_one_long_window(sizes: list[int], ratio: int) -> None:
    carry, start, found = 0, 0, []
    for size in sizes:
        window = Window(size, ratio, carry)
        found.append(window.last_raw() + start)
        carry, start = window.carry_out, start + size
    whole = Window(sum(sizes), ratio)
    assert np.concatenate(found).tolist() == whole.last_raw().tolist()
    assert carry == whole.carry_out


@given(st.integers(0, 400), st.integers(1, 60), st.integers(1, 40), st.integers(0, 400))
def test_cutting_leaves_nothing_out(num_raw: int, window: int, ratio: int, before: int) -> None:
    windows = cut(num_raw, window, [ratio], RatioDraw(0), carry=before % ratio)
    assert sum(w.num_raw for w in windows) == num_raw
    assert all(w.num_raw == window for w in windows[:-1])
    assert all(0 < w.num_raw <= window for w in windows)
    expected = (before % ratio + num_raw) // ratio
    assert sum(w.num_beacons for w in windows) == expected


@given(st.lists(any_window(), max_size=6), st.integers(0, 5), st.integers(0, 4), st.integers(1, 3))
def test_a_layout_holds_every_token_once(windows: list[Window], prefix: int, texts: int, text_tokens: int) -> None:
    layout = Layout(prefix, windows, texts, text_tokens)
    places = [*range(prefix), *layout.beacons, *layout.raw, *range(layout.text_start, layout.num_tokens)]
    assert sorted(places) == list(range(layout.num_tokens))
    order = layout.order()
    assert (order == len(layout.raw)).sum() == layout.num_slots
    assert order[order < len(layout.raw)].tolist() == list(range(len(layout.raw)))


@given(
    st.lists(st.integers(0, 9), max_size=12), st.lists(st.integers(1, 9), max_size=5), st.one_of(st.none(), st.just(9))
)
def test_a_window_sees_whole_chunks_within_the_budget(sizes: list[int], before: list[int], budget: int | None) -> None:
    while budget is not None and sum(before) > budget:
        before = before[1:]
    past = Past(100, 100 + sum(before), tuple(before), budget)
    layout = Layout(0, [Window(max(1, size), 1) if size else Window(1, 2) for size in sizes], past=past)
    edges = set(np.cumsum([100, *before, *sizes]).tolist())
    for view, size in zip(layout.views, sizes, strict=True):
        assert {view.first, view.stop} <= edges
        assert budget is None or view.stop + size - view.first <= budget
    assert budget is not None or all(view.first == 100 for view in layout.views)


@pytest.mark.parametrize("ratios", [[2, 4, 8], [4]])
def test_the_draw_gives_what_the_original_drew(ratios: list[int]) -> None:
    """Two sequences on one object, in order: the second goes on where the first left the generator."""
    draw = RatioDraw(42)
    for name in ("a_mix_seq1_f25", "a_mix_seq2_f31"):
        case = json.loads((GOLDEN / name / "case.json").read_text())
        windows = cut(case["n_visual_tokens"], case["beacon_window"], ratios, draw)
        if len(ratios) > 1:
            assert [w.ratio for w in windows] == case["ratios_drawn_prompt"]
            steps = [step for step in case["trace"] if step["ratio"]]
            assert [w.beacon_index().tolist() for w in windows] == [step["beacon_slots"] for step in steps]
        else:
            assert {w.ratio for w in windows} == {4}


def test_one_ratio_takes_nothing_from_the_generator() -> None:
    one, other = RatioDraw(42), RatioDraw(42)
    for _ in range(5):
        one(40, [8])
    assert [one(40, [2, 4, 8]) for _ in range(20)] == [other(40, [2, 4, 8]) for _ in range(20)]


def test_impossible_windows_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"none of the ratios \[3, 7\] divides a window of 40 tokens; pin one"):
        RatioDraw(0)(40, [3, 7])
    for wrong in ((0, 2, 0), (4, 0, 0), (4, 2, 2), (4, 2, -1)):
        with pytest.raises(ConfigError, match="cannot be compressed"):
            Window(*wrong)
