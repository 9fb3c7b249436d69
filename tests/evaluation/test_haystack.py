"""Haystacks: needles where they should be, and nothing else that could be taken for one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.haystack import DEPTHS, Haystack, check_depths, one_each, several
from videoxl_stream.training.footage.vocabulary import COLOURS

SEEDS = st.integers(0, 10**6)


@given(SEEDS, st.integers(20, 5000))
def test_needles_have_different_colours_and_lie_where_they_should(seed: int, num_frames: int) -> None:
    needles, absent = several(seed, num_frames, DEPTHS)
    colours = [needle.colour for needle in needles]
    assert len(needles) == 4
    assert sorted([*colours, absent]) == list(range(len(COLOURS)))
    assert len({needle.frame for needle in needles}) == 4
    for needle in (*needles, *one_each(seed, num_frames, DEPTHS)):
        assert 0 <= needle.frame < num_frames
        assert abs(needle.frame - needle.depth * (num_frames - 1)) <= 0.02 * (num_frames - 1) + 0.5
    assert several(seed, num_frames, DEPTHS) == (needles, absent)


def test_each_depth_is_left_out_equally_often_in_both_styles() -> None:
    for style in (0, 1):
        left = [set(DEPTHS) - {n.depth for n in several(seed, 64, DEPTHS)[0]} for seed in range(style, 20, 2)]
        assert sorted(depth for each in left for depth in each) == sorted(DEPTHS * 2)


@pytest.mark.parametrize(
    ("depths", "num_frames"), [((0.0, 0.01), 64), ((-0.1,), 64), ((0.5, 1.1), 64), ((), 64), (DEPTHS, 19)]
)
def test_depths_that_cannot_be_told_apart_are_refused(depths: tuple[float, ...], num_frames: int) -> None:
    with pytest.raises(ConfigError):
        check_depths(depths, num_frames)


def test_more_depths_than_colours_take_single_needles() -> None:
    depths = [place / 10 for place in range(11)]
    with pytest.raises(ConfigError, match="--single"):
        several(1, 256, depths)
    assert len(one_each(1, 256, depths)) == 11


@settings(max_examples=6)
@given(SEEDS)
def test_only_the_needles_are_ads(seed: int) -> None:
    needles, _ = several(seed, 40, DEPTHS)
    haystack = Haystack(seed, 40, needles)
    brands = haystack.scenario.batch.brands((torch.arange(40.0).view(1, -1) + 0.5) / haystack.fps)[0].tolist()
    assert {frame: brand for frame, brand in enumerate(brands) if brand} == {n.frame: n.brand for n in needles}


@pytest.mark.parametrize("seed", [4, 5])
def test_a_frame_looks_the_same_alone_and_differs_only_where_a_needle_is(seed: int) -> None:
    [needle] = one_each(seed, 20, [0.5])
    size = (36, 64)
    plain = list(Haystack(seed, 20, (), size=size).pictures(range(20)))
    shown = list(Haystack(seed, 20, (needle,), size=size).pictures(range(20)))
    [alone] = Haystack(seed, 20, (needle,), size=size).pictures([needle.frame])
    differing = [frame for frame in range(20) if (plain[frame] != shown[frame]).any()]
    assert differing == [needle.frame]
    np.testing.assert_array_equal(alone, shown[needle.frame])
    assert plain[0].shape == (36, 64, 3)
    [unseen] = Haystack(seed, 20, (), size=size, looks="unseen").pictures([0])
    assert (unseen != plain[0]).any()
