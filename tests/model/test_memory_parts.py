"""A memory dumped in parts and put together again is the same memory; a missing part costs only what it held."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.model.streams import QUERIES, filled, probabilities
from videoxl_stream.errors import MemoryFormatError
from videoxl_stream.frames import Image
from videoxl_stream.model.memory import VideoMemory
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.queries import Span

COMMON = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def parts_of(
    model: VideoXL, memory: VideoMemory, footage: list[Image], times: list[float], cuts: list[int], *, close: bool
) -> list[bytes]:
    """Fill a memory append by append, and dump what came after each."""
    parts, mark = [], 0
    for start, stop in pairwise([0, *sorted(cuts), len(times)]):
        model.append(memory, footage[start:stop], times[start:stop])
        if close:
            model.close_window(memory)
        parts.append(model.dump_memory(memory, mark))
        mark = memory.held.stop
    return parts


@COMMON
@given(
    num_frames=st.integers(1, 47),
    cuts=st.lists(st.integers(1, 46), max_size=5, unique=True),
    gaps=st.lists(st.integers(1, 46), max_size=2, unique=True),
    ratio=st.sampled_from([2, 3, 8, 16]),
    budget=st.sampled_from([None, 20, 33]),
    close=st.booleans(),
)
def test_parts_make_the_memory_again(
    model: VideoXL,
    footage: list[Image],
    num_frames: int,
    cuts: list[int],
    gaps: list[int],
    ratio: int,
    budget: int | None,
    close: bool,
) -> None:
    times = [float(i + 60 * sum(gap <= i for gap in gaps)) for i in range(num_frames)]
    memory = model.open_memory(ratio=ratio, budget=budget)
    parts = parts_of(model, memory, footage, times, [cut for cut in cuts if cut < num_frames], close=close)
    again = model.open_memory(ratio=ratio, budget=budget)
    model.restore_memory(again, parts)
    assert model.dump_memory(again) == model.dump_memory(memory)
    for each in (memory, again):
        model.append(each, footage[47:], [500.0 + i for i in range(17)])
    assert model.dump_memory(again) == model.dump_memory(memory)
    assert (probabilities(model, again) == probabilities(model, memory)).all()


def test_a_part_costs_what_is_new(model: VideoXL, footage: list[Image]) -> None:
    memory = model.open_memory(ratio=8)
    parts = parts_of(model, memory, footage, [float(i) for i in range(60)], [10, 20, 30, 40, 50], close=True)
    assert max(map(len, parts[1:])) < 1.1 * min(map(len, parts[1:]))
    assert len(model.dump_memory(memory)) > 4 * len(parts[-1])


@COMMON
@given(
    lost=st.sets(st.integers(0, 4), min_size=1, max_size=4),
    ratio=st.sampled_from([3, 8]),
    budget=st.sampled_from([None, 40]),
)
def test_both_sides_of_a_hole_are_used(
    model: VideoXL, footage: list[Image], lost: set[int], ratio: int, budget: int | None
) -> None:
    times = [float(i) for i in range(60)]
    memory = model.open_memory(ratio=ratio, budget=budget)
    parts = parts_of(model, memory, footage, times, [10, 20, 30, 40, 50], close=True)
    again = model.open_memory(ratio=ratio, budget=budget)
    model.restore_memory(again, [part for number, part in enumerate(parts) if number not in lost])
    kept = [chunk for chunk in memory.chunks if int(chunk.start_s // 10) not in lost]
    assert [(c.start_s, c.end_s, c.num_slots) for c in again.chunks] == [
        (c.start_s, c.end_s, c.num_slots) for c in kept
    ]
    assert again.held.stop == memory.held.stop
    assert len(again.held) == sum(chunk.num_slots for chunk in kept)
    was = np.concatenate([np.arange(c.first, c.first + c.num_slots) - memory.first for c in kept])
    for one, other in zip(again.beacon_states(), memory.beacon_states(), strict=True):
        torch.testing.assert_close(one, other[:, :, was], atol=2e-5, rtol=1e-5)
    newest = Span(50, 61)
    model.append(again, footage[60:63], [60.0, 61.0, 62.0])
    assert again.find(newest).stop == again.held.stop
    assert np.isfinite(probabilities(model, again)).all()
    if len(memory.chunks) > len(kept):
        assert again.forget(Span(0, 1))
        assert again.span is None


def test_with_a_hole_the_view_behind_it_is_the_same(model: VideoXL, footage: list[Image]) -> None:
    memory = model.open_memory(ratio=8)
    parts = parts_of(model, memory, footage, [float(i) for i in range(60)], [10, 20, 30, 40, 50], close=True)
    again = model.open_memory(ratio=8)
    model.restore_memory(again, [*parts[:2], *parts[3:]])
    for span in (Span(30, 60), Span(0, 20)):
        asked = [replace(query, span=span) for query in QUERIES]
        np.testing.assert_allclose(probabilities(model, again, asked), probabilities(model, memory, asked), atol=1e-6)


def test_after_forgetting_a_part_says_so(model: VideoXL, footage: list[Image]) -> None:
    memory = filled(model, footage[:50])
    parts = [model.dump_memory(memory)]
    memory.forget(Span(22, 23))
    parts.append(model.dump_memory(memory, memory.held.stop))
    again = model.open_memory()
    model.restore_memory(again, parts)
    assert model.dump_memory(again) == model.dump_memory(memory)
    assert b"21.0" not in parts[-1]


def test_a_smaller_budget_keeps_the_newest(model: VideoXL, footage: list[Image]) -> None:
    memory = filled(model, footage[:50], ratio=8)
    again = model.open_memory(ratio=8, budget=25)
    model.restore_memory(again, [model.dump_memory(memory)])
    reference = filled(model, footage[:50], ratio=8, budget=25)
    assert list(again.chunks) == list(reference.chunks)
    assert again.evicted == reference.evicted
    while memory.num_slots > 25:
        memory.evict()
    np.testing.assert_allclose(probabilities(model, again), probabilities(model, memory), atol=1e-6)


@pytest.mark.parametrize("cut", [0, 7, 100, -1])
def test_a_torn_part_is_told_and_fills_nothing(model: VideoXL, footage: list[Image], cut: int) -> None:
    part = model.dump_memory(filled(model, footage[:20]))
    memory = model.open_memory()
    empty = model.dump_memory(memory)
    with pytest.raises(MemoryFormatError, match="cannot be read"):
        model.restore_memory(memory, [part, part[:cut]])
    assert model.dump_memory(memory) == empty


def test_another_ratio_or_prompt_is_refused(model: VideoXL, footage: list[Image]) -> None:
    part = model.dump_memory(filled(model, footage[:20], ratio=8))
    for memory in (model.open_memory(ratio=4), model.open_memory(ratio=8, system="Be brief.")):
        with pytest.raises(MemoryFormatError, match="open the memory with those"):
            model.restore_memory(memory, [part])
        assert memory.held == range(0)
