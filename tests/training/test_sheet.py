"""Strips of pictures: every row has something to show, and it is what its name says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from videoxl_stream.training.footage.examples import EXAMPLES, KIND_EXAMPLES, Example
from videoxl_stream.training.footage.sheet import contact_sheet, encoded, left_behind, render, save_strips
from videoxl_stream.training.footage.vocabulary import KINDS


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_every_row_shows_other_streams(example: Example) -> None:
    one, two = render(example, 0, 2, (36, 64))
    assert one.shape == (36, 64, 3)
    assert one.dtype == np.uint8
    assert (one != two).any()


def test_every_kind_has_a_row() -> None:
    assert {example.name.partition(":")[0] for example in KIND_EXAMPLES} == set(KINDS)


def test_a_bag_is_put_down_lies_there_and_is_gone() -> None:
    before, soon, counts, after = (picture.astype(int) for picture in left_behind(0, (108, 192)))
    assert (np.abs(soon - before).max(axis=-1) > 40).any()
    assert (np.abs(counts - after).max(axis=-1) > 40).any()


@pytest.mark.parametrize("low", [False, True])
def test_pictures_come_out_of_clips_of_either_bit_rate(low: bool) -> None:
    one, two = encoded(0, 2, (36, 64), low=low)
    assert one.shape == two.shape == (36, 64, 3)
    assert (one != two).any()


def test_strips_are_written_by_name_and_shown_on_one_sheet(tmp_path: Path) -> None:
    grey = np.full((9, 16, 3), 120, dtype=np.uint8)
    found = {"no fire: steam": [grey, grey], "after 60 s (event), taken": [grey]}
    paths = save_strips(found, tmp_path / "strips")
    assert [path.name for path in paths] == ["no-fire-steam.jpg", "after-60-s-event-taken.jpg"]
    with Image.open(paths[0]) as strip:
        assert strip.size == (34, 9)
    assert contact_sheet(found).size == (34, 2 * (9 + 14))
