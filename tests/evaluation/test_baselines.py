"""Baselines see what they can see, and nothing else."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.evaluation.baselines import Baselines, Hysteresis, fit, logits
from videoxl_stream.evaluation.traces import Trace
from videoxl_stream.queries import Span
from videoxl_stream.testing import ScriptedSource
from videoxl_stream.training.footage.clips import Truth
from videoxl_stream.training.footage.scenes import Occurrence
from videoxl_stream.training.footage.vocabulary import KINDS

TIMES = np.arange(0.0, 40.0, 0.5)


def clip(number: int, start_s: float, end_s: float) -> tuple[Trace, Truth]:
    """Pictures turn red, and change fast, while it burns."""
    burning = (start_s <= TIMES) & (end_s > TIMES)
    colour = np.stack([0.3 + 0.4 * burning, np.full(len(TIMES), 0.4), np.full(len(TIMES), 0.2)], axis=1)
    name = f"site-{number}"
    trace = Trace(name, TIMES, colour, np.where(burning, 0.11, 0.01))
    return trace, Truth(f"{name}.mp4", number, "site", 40.0, (Occurrence("fire", start_s, end_s, {}),))


CLIPS = [clip(1, 5.0, 12.0), clip(2, 20.0, 30.0)]


def test_an_event_opens_high_closes_low_and_outlives_a_short_pause() -> None:
    times, values = np.arange(0.0, 4.0, 0.5), np.array([0, 5, 2, 0, 3, 5, 0, 0])
    assert Hysteresis(4, 1, 0).spans(times, values) == [Span(0.5, 1.5), Span(2.5, 3.0)]
    assert Hysteresis(4, 1, 1).spans(times, values) == [Span(0.5, 3.0)]
    assert Hysteresis(9, 1, 1).spans(times, values) == []


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=40),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([0.0, 1.0, 5.0]),
)
def test_events_are_apart_in_order_and_begin_where_it_is_high(
    values: list[float], one: float, other: float, hold_s: float
) -> None:
    limits = Hysteresis(max(one, other), min(one, other), hold_s)
    times = np.arange(len(values)) / 2
    spans = limits.spans(times, np.array(values))
    assert all(span.end_s > span.start_s for span in spans)
    assert all(first.end_s <= second.start_s for first, second in pairwise(spans))
    assert all(values[int(span.start_s * 2)] >= limits.opens for span in spans)
    high = [time_s for time_s, value in zip(times, values, strict=True) if value >= limits.opens]
    assert all(any(span.start_s <= time_s < span.end_s for span in spans) for time_s in high)


def test_what_colour_and_difference_tell_is_learnt(tmp_path: Path) -> None:
    fitted = fit(CLIPS)
    fitted.save(tmp_path / "fitted.json")
    assert Baselines.load(tmp_path / "fitted.json") == fitted
    trace, truth = clip(3, 8.0, 19.0)
    fire = truth.occurrences[0]
    for way in ("difference", "colour"):
        assert [one.span for one in fitted.claims(trace)[way]] == [Span(fire.start_s, fire.end_s)], way
    burning = logits(fitted.weights["fire"], trace)
    assert burning[20] > 0 > burning[0]


def test_always_says_that_everything_happens_all_the_time() -> None:
    claims = fit(CLIPS).claims(CLIPS[0][0])["always"]
    assert sorted(one.kind for one in claims) == sorted(KINDS)
    assert {one.span for one in claims} == {Span(0.0, 40.0)}


def test_the_fitted_numbers_are_of_every_kind() -> None:
    fitted = Baselines.load()
    assert set(fitted.difference) == set(fitted.weights) == set(fitted.colour) == set(KINDS)
    assert all(each.clears <= each.opens for each in (*fitted.difference.values(), *fitted.colour.values()))


def test_a_trace_is_mean_colour_and_change() -> None:
    trace = Trace.of(ScriptedSource([0.0, 0.5, 1.0]))
    assert (trace.times_s.tolist(), trace.colour.shape, trace.difference.shape) == ([0.0, 0.5, 1.0], (3, 3), (3,))
    assert trace.difference[0] == 0
    frames = []
    with_frames = ScriptedSource([0.0, 0.5, 1.0]).open()
    for _ in range(3):
        frame = with_frames.read(1.0)
        assert frame is not None
        frames.append(frame.image.astype(float) / 255)
    assert trace.colour[1] == pytest.approx(frames[1].mean(axis=(0, 1)))
    assert trace.difference[2] == pytest.approx(np.abs(frames[2] - frames[1]).mean())
