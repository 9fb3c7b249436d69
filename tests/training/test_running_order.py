"""The running order: each ad's place, the one before it, and how often its brand was shown."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.training.footage.quizzes import MOST_NUMBERED
from videoxl_stream.training.footage.showings import Showings
from videoxl_stream.training.running_order import OrderHead, RunningOrder

STREAMS = st.lists(st.tuples(st.sampled_from([0, 0, 1, 2, 20]), st.integers(1, 3)), min_size=1, max_size=30)


@given(STREAMS)
def test_it_is_what_one_counts_ad_by_ad(runs: list[tuple[int, int]]) -> None:
    brands = torch.tensor([[brand for brand, length in runs for _ in range(length)]])
    order, showings = RunningOrder.of(brands), Showings.of(brands[0].numpy())
    shown = showings.brand.tolist()
    for place, (brand, first, stop) in enumerate(zip(shown, showings.first, showings.stop, strict=True)):
        for frame in range(first, stop):
            assert order.previous[0, frame] == (shown[place - 1] if place else 0)
            assert order.number[0, frame] == min(place + 1, MOST_NUMBERED)
            assert order.times[0, frame] == min(shown[: place + 1].count(brand), MOST_NUMBERED)


def test_a_stream_without_ads_teaches_nothing() -> None:
    vectors = torch.randn(2, 5, 8, requires_grad=True)
    loss = OrderHead(8).loss(vectors, torch.zeros(2, 5, dtype=torch.int64))
    assert loss == 0
    loss.backward()
    assert vectors.grad is not None
    assert not vectors.grad.any()
