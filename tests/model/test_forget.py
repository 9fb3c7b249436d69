"""Forgetting on request: a memory that gave up a span is one that never saw it, and what came later."""

from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.model.streams import QUERIES, assert_same, filled, probabilities
from videoxl_stream.errors import ModelError, NotInMemoryError
from videoxl_stream.frames import Image
from videoxl_stream.model.chunks import Chunk
from videoxl_stream.model.memory import VideoMemory
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.queries import Span

COMMON = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LATER = [500.0 + i for i in range(17)]


def seconds(num_frames: int, gaps: list[int]) -> list[float]:
    """A frame a second, with a minute left out before each of some frames."""
    return [float(i + 60 * sum(gap <= i for gap in gaps)) for i in range(num_frames)]


def touches(chunk: Chunk, span: Span) -> bool:
    return chunk.start_s < span.end_s and chunk.end_s >= span.start_s


def filled_before(
    model: VideoXL, footage: list[Image], times: list[float], end_s: float, ratio: int, budget: int | None
) -> VideoMemory:
    """A memory of the footage before a moment at which a window began."""
    num = sum(time_s < end_s for time_s in times)
    memory = filled(model, footage[:num], times=times[:num], ratio=ratio, budget=budget)
    model.close_window(memory)
    return memory


@COMMON
@given(
    num_frames=st.integers(1, 47),
    gaps=st.lists(st.integers(1, 46), max_size=3, unique=True),
    ratio=st.sampled_from([2, 3, 8, 16]),
    budget=st.sampled_from([None, 20, 33]),
    start=st.integers(0, 46),
    length=st.sampled_from([0.5, 3.0, 200.0]),
)
def test_a_memory_that_forgot_is_one_that_never_saw(
    model: VideoXL,
    footage: list[Image],
    num_frames: int,
    gaps: list[int],
    ratio: int,
    budget: int | None,
    start: int,
    length: float,
) -> None:
    times = seconds(num_frames, gaps)
    first_s = times[min(start, num_frames - 1)]
    span = Span(first_s, first_s + length)
    everything = filled(model, footage[:num_frames], times=times, ratio=ratio).chunks
    kept = list(takewhile(lambda chunk: not touches(chunk, span), everything))
    memory = filled(model, footage[:num_frames], times=times, ratio=ratio, budget=budget)
    held, waiting = list(memory.chunks), np.concatenate([*memory.pending.times, np.zeros(0)])
    gone = len(kept) < len(everything)
    assert memory.forget(span) == ((gone and bool(held)) or bool((waiting >= first_s).any()))
    assert list(memory.chunks) == ([] if gone and not kept else [chunk for chunk in held if chunk in kept])
    if not gone or not memory.chunks:
        return
    reference = filled_before(model, footage, times, everything[len(kept)].start_s, ratio, budget)
    while reference.first < memory.first:
        reference.evict()
    for each in (memory, reference):
        model.append(each, footage[-len(LATER) :], LATER)
    assert_same(memory, reference)
    np.testing.assert_allclose(probabilities(model, memory), probabilities(model, reference), atol=1e-6)


@COMMON
@given(num_frames=st.integers(11, 47), budget=st.sampled_from([None, 20]), ratio=st.sampled_from([3, 8]))
def test_a_memory_that_forgot_everything_begins_anew(
    model: VideoXL, footage: list[Image], num_frames: int, budget: int | None, ratio: int
) -> None:
    memory = filled(model, footage[:num_frames], ratio=ratio, budget=budget)
    assert memory.forget(Span(0, 1))
    assert (memory.span, memory.num_slots, memory.pending.num_tokens, memory.last_s) == (None, 0, 0, None)
    assert not memory.forget(Span(0, 100))
    with pytest.raises(NotInMemoryError, match="no footage"):
        model.verdicts(memory, QUERIES)
    model.append(memory, footage[20:37], LATER)
    fresh = filled(model, footage[20:37], times=LATER, ratio=ratio, budget=budget)
    np.testing.assert_allclose(probabilities(model, memory), probabilities(model, fresh), atol=1e-6)


def test_nothing_of_what_was_forgotten_is_stored(model: VideoXL, footage: list[Image]) -> None:
    memory = filled(model, footage[:47], budget=20)
    model.verdicts(memory, QUERIES)
    start = memory.chunks[2].start_s
    memory.forget(Span(start, start + 1))
    slots = memory.slots
    used = np.zeros(len(slots.ids), dtype=bool)
    used[slots.places(np.arange(memory.first, memory.next))] = True
    used[slots.capacity : slots.scratch_start] = True
    empty = torch.from_numpy(np.flatnonzero(~used))
    assert memory.num_slots == 10
    assert not slots.keys[:, :, empty].any()
    assert not slots.values[:, :, empty].any()
    assert np.isnan(slots.times[:, ~used]).all()
    assert (slots.ids[~used] < 0).all()
    assert memory.span == Span(memory.chunks[0].start_s, np.nextafter(memory.chunks[-1].end_s, np.inf))


def test_what_has_left_was_seen_by_what_stayed(model: VideoXL, footage: list[Image], tmp_path: Path) -> None:
    path = tmp_path / "gate.memory"
    memory = filled(model, footage[:47], budget=10)
    model.save_memory(memory, path)
    assert memory.chunks[0].start_s > 5
    for each in (memory, model.load_memory(path)):
        assert not each.forget(Span(-50, 0))
        assert each.forget(Span(5, 6))
        assert each.span is None
        model.append(each, footage[:12], [float(i) for i in range(60, 72)])
        assert not each.forget(Span(5, 6))


def test_a_saved_memory_forgets_as_well(model: VideoXL, footage: list[Image], tmp_path: Path) -> None:
    path = tmp_path / "gate.memory"
    memory = filled(model, footage[:37], budget=20)
    model.save_memory(memory, path)
    loaded = model.load_memory(path)
    assert memory.forget(Span(22, 23))
    assert loaded.forget(Span(22, 23))
    model.save_memory(loaded, path)
    for each in (memory, loaded, model.load_memory(path)):
        assert [(chunk.start_s, chunk.end_s) for chunk in each.chunks] == [(0, 9), (10, 19)]
        model.append(each, footage[37:57], [*LATER, 600.0, 601.0, 602.0])
        assert (probabilities(model, each) == probabilities(model, memory)).all()


def test_pending_frames_are_forgotten(model: VideoXL, footage: list[Image]) -> None:
    memory = filled(model, footage[:24])
    assert not memory.forget(Span(24, 30))
    assert memory.pending.num_tokens == 16
    assert memory.forget(Span(21.5, 22.5))
    assert memory.pending.num_tokens == 0
    assert_same(memory, filled(model, footage[:20]))
    assert memory.span == Span(0, np.nextafter(19, 20))


def test_an_answer_that_is_being_given_is_not_disturbed(model: VideoXL, footage: list[Image]) -> None:
    memory, other = (filled(model, footage[:30]) for _ in range(2))
    expected = "".join(model.answer(other, "Describe.", max_new_tokens=12))
    words = model.answer(memory, "Describe.", max_new_tokens=12)
    heard = next(words)
    assert memory.forget(Span(12, 13))
    assert heard + "".join(words) == expected
    assert_same(memory, filled(model, footage[:10]))


def test_a_fork_cannot_forget(model: VideoXL, footage: list[Image]) -> None:
    with pytest.raises(ModelError, match="it came from"):
        filled(model, footage[:12]).fork().forget(Span(0, 1))
