"""Inserts: seen in as many frames as they last, ads wherever they are, clear of other ads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from videoxl_stream.errors import ConfigError
from videoxl_stream.training.footage.channel_plan import STICKER
from videoxl_stream.training.footage.insert_plan import Insert, InsertRates
from videoxl_stream.training.footage.painter import Painter
from videoxl_stream.training.footage.scenes import Rates, Scenario, sample_batch
from videoxl_stream.training.footage.showings import Showings

NOTHING = Rates({}, quiet=1.0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 0.5, exclude_max=True), st.sampled_from([0.0, 1.0]))
def test_an_insert_of_half_a_second_is_seen_in_one_frame_of_two_a_second(
    seed: int, offset: float, channel: float
) -> None:
    rates = InsertRates(counts=(0.0, 0.0, 0.0, 1.0), lengths_s=(0.5,))
    batch = sample_batch(seed, 4, 60.0, Rates({}, quiet=1.0, channel=channel), inserts=rates)
    times = (torch.arange(120) / 2 + offset).expand(4, -1)
    assert batch.labels(times)["ad"].sum(dim=1).tolist() == [3] * 4
    assert ((batch.brands(times) > 0) == batch.labels(times)["ad"]).all()


def test_inserts_stay_clear_of_ads() -> None:
    rates = Rates({"ad": 2.0}, quiet=0.0, channel=1.0, spread=(1.0,))
    batch = sample_batch(3, 16, 120.0, rates, inserts=InsertRates(counts=(*[0.0] * 9, 1.0)))
    times = (torch.arange(1200) / 10).expand(16, -1)
    inserted, ad = batch.inserts.at(times).seen, batch.events["ad"].at(times).seen
    assert inserted.any()
    assert not (inserted & ad).any()


def test_inserts_keep_a_pause_however_long_they_are() -> None:
    rates = InsertRates(counts=(*[0.0] * 8, 1.0), lengths_s=(0.5, 3.0))
    batch = sample_batch(5, 32, 120.0, NOTHING, inserts=rates)
    times = (torch.arange(1200) / 10).expand(32, -1)
    for brands in batch.brands(times).numpy():
        assert len(Showings.of(brands).brand) == 8


def test_in_streams_that_repeat_one_brand_any_number_of_times_is_as_likely() -> None:
    batch = sample_batch(6, 400, 120.0, NOTHING, inserts=InsertRates(repeats=1.0, lengths_s=(1.0,)))
    times = (torch.arange(480) / 4).expand(400, -1)
    shown = [Showings.of(brands).brand.tolist() for brands in batch.brands(times).numpy()]
    numbers = np.bincount([len(brands) for brands in shown], minlength=9)
    assert numbers[0] == 0
    assert numbers[1:].min() > 25
    assert np.mean([max(map(brands.count, brands)) >= 3 for brands in shown if len(brands) >= 6]) > 0.6


def test_given_inserts_are_where_they_belong_and_change_the_picture() -> None:
    inserts = (Insert(20.0, 21.0, 7, STICKER), Insert(5.0, 5.5, 3))
    with_them, without = (Scenario.of(1000, "site", 60.0, NOTHING, inserts=given) for given in (inserts, ()))
    assert [(one.kind, one.start_s, one.end_s) for one in with_them.occurrences] == [
        ("ad", 5.0, 5.5),
        ("ad", 20.0, 21.0),
    ]
    assert [one.attributes["form"] for one in with_them.occurrences] == ["card", "sticker"]
    times = torch.tensor([[5.2, 5.6, 20.5]])
    seen, bare = (Painter()(scenario.batch.draw(times), 54, 96)[0].float() for scenario in (with_them, without))
    changed = (seen - bare).abs().amax(dim=-1) > 20
    assert changed[0].float().mean() > 0.8
    assert not changed[1].any()
    assert 0.005 < changed[2].float().mean() < 0.2


def test_inserts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="end after it begins"):
        Insert(3.0, 3.0, 1)
    with pytest.raises(ConfigError, match="brand"):
        Insert(3.0, 4.0, 21)
