"""Streams: however footage arrives and whatever is asked meanwhile, memory and answers are those of one run."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.model.streams import QUERIES, assert_same, filled, probabilities
from videoxl_stream.errors import ConfigError, NotInMemoryError
from videoxl_stream.frames import Image
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.queries import Query, Span

COMMON = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@COMMON
@given(
    num_frames=st.integers(1, 47),
    cuts=st.lists(st.integers(0, 47), max_size=6),
    ratio=st.sampled_from([2, 3, 8, 16]),
    budget=st.sampled_from([None, 20, 33]),
)
def test_any_cutting_gives_the_same_memory(
    model: VideoXL, footage: list[Image], num_frames: int, cuts: list[int], ratio: int, budget: int | None
) -> None:
    frames = footage[:num_frames]
    whole = filled(model, frames, ratio=ratio, budget=budget)
    pieces = filled(model, frames, [min(cut, num_frames) for cut in cuts], ratio=ratio, budget=budget)
    assert_same(whole, pieces)
    if num_frames * 4 >= ratio:
        np.testing.assert_allclose(probabilities(model, whole), probabilities(model, pieces), atol=1e-5)


@COMMON
@given(num_frames=st.integers(1, 33), budget=st.sampled_from([None, 25]))
def test_parallel_equals_step_by_step(
    model: VideoXL, footage: list[Image], num_frames: int, budget: int | None
) -> None:
    parallel = filled(model, footage[:num_frames], budget=budget)
    model.network.parallel = False
    try:
        steps = filled(model, footage[:num_frames], budget=budget)
    finally:
        model.network.parallel = True
    assert_same(parallel, steps)


def test_questions_change_nothing(model: VideoXL, footage: list[Image]) -> None:
    asked, quiet = (filled(model, footage[:24], budget=20) for _ in range(2))
    before = [t.clone() for t in asked.beacon_states()]
    probabilities(model, asked)
    list(model.answer(asked, "What is the man doing?", max_new_tokens=5))
    assert all(torch.equal(a, b) for a, b in zip(before, asked.beacon_states(), strict=True))
    assert asked.pending.num_tokens == quiet.pending.num_tokens == 16
    for memory in (asked, quiet):
        model.append(memory, footage[24:40], [float(i) for i in range(24, 40)])
    assert_same(asked, quiet)


@COMMON
@given(num_frames=st.integers(21, 47), budget=st.sampled_from([None, 20, 23]))
def test_a_question_amid_a_window_equals_the_offline_run(
    model: VideoXL, footage: list[Image], num_frames: int, budget: int | None
) -> None:
    amid, offline = (filled(model, footage[:num_frames], budget=budget) for _ in range(2))
    waiting = amid.pending.num_tokens
    model.close_window(offline)
    queries = [*QUERIES, Query("Describe.", ("a", "no"), Span(num_frames - 12, num_frames - 1))]
    np.testing.assert_allclose(probabilities(model, amid, queries), probabilities(model, offline, queries), atol=1e-5)
    assert amid.pending.num_tokens == waiting


def test_a_fork_of_a_fork_stands_alone(model: VideoXL, footage: list[Image]) -> None:
    memory = filled(model, footage[:30], budget=20)
    expected = probabilities(model, filled(model, footage[:34], [30], budget=20))
    fork = memory.fork()
    model.append(fork, footage[30:34], [30.0, 31.0, 32.0, 33.0])
    np.testing.assert_allclose(probabilities(model, fork), expected, atol=1e-5)
    assert memory.pending.num_tokens == 0


def test_vision_runs_once_per_frame(model: VideoXL, footage: list[Image], monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    encode = model.encode

    def counted(frames: Sequence[Image]) -> torch.Tensor:
        encoded.append(len(frames))
        return encode(frames)

    monkeypatch.setattr(model, "encode", counted)
    memory = filled(model, footage[:27], cuts=[3, 4, 15])
    probabilities(model, memory)
    list(model.answer(memory, "Describe.", max_new_tokens=2))
    assert sum(encoded) == 27


def test_two_streams_never_touch(model: VideoXL, footage: list[Image]) -> None:
    alone = filled(model, footage[:25])
    one, other = model.open_memory(), model.open_memory(ratio=2)
    for start in range(0, 25, 5):
        times = [float(i) for i in range(start, start + 5)]
        model.append(one, footage[start : start + 5], times)
        model.append(other, footage[30 + start : 35 + start], times)
        probabilities(model, other)
    assert_same(one, alone)


def test_save_and_load_is_exact(model: VideoXL, footage: list[Image], tmp_path: Path) -> None:
    path = tmp_path / "memory.safetensors"
    for budget in (None, 20):
        memory = filled(model, footage[:37], budget=budget)
        model.save_memory(memory, path)
        loaded = model.load_memory(path)
        assert loaded.prefix_ids == memory.prefix_ids != []
        expected, found = memory.beacon_states(), loaded.beacon_states()
        assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
        assert (probabilities(model, memory) == probabilities(model, loaded)).all()
        for each in (memory, loaded):
            model.append(each, footage[37:50], [float(i) for i in range(37, 50)])
        assert (probabilities(model, memory) == probabilities(model, loaded)).all()


def test_an_answer_goes_on_while_the_memory_grows(model: VideoXL, footage: list[Image]) -> None:
    expected = "".join(model.answer(filled(model, footage[:30], budget=20), "Describe.", max_new_tokens=12))
    memory = filled(model, footage[:30], budget=20)
    words = model.answer(memory, "Describe.", max_new_tokens=12)
    heard = next(words)
    model.append(memory, footage[30:50], [float(i) for i in range(30, 50)])
    assert heard + "".join(words) == expected
    assert_same(memory, filled(model, footage[:50], [30], budget=20))


def test_a_gap_or_a_jump_back_closes_the_window(model: VideoXL, footage: list[Image]) -> None:
    times = [0.0, 1, 2, 100, 101, 102, 50, 51]
    memory = filled(model, footage[:8], times=times)
    assert [(c.start_s, c.end_s, c.num_raw) for c in memory.chunks] == [(0, 2, 12), (100, 102, 12)]
    assert memory.pending.num_tokens == 8
    assert memory.span == Span(0, np.nextafter(102, 103))
    assert_same(memory, filled(model, footage[:8], cuts=[2, 3, 5, 7], times=times))


def test_unusable_input_adds_nothing(model: VideoXL, footage: list[Image]) -> None:
    memory = filled(model, footage[:12])
    kept = (memory.next, memory.pending.num_tokens)
    bad: Iterator[tuple[list[Image], list[float]]] = iter(
        [
            (footage[:2], [1.0]),
            (footage[:1], [float("nan")]),
            ([*footage[:1], footage[0][..., 0]], [20.0, 21.0]),
            ([footage[0].astype(np.float32)], [20.0]),
        ]
    )
    for frames, times in bad:
        with pytest.raises(ConfigError):
            model.append(memory, frames, times)
    assert (memory.next, memory.pending.num_tokens) == kept


def test_asking_for_what_is_not_there_says_what_is(model: VideoXL, footage: list[Image]) -> None:
    with pytest.raises(NotInMemoryError, match="no footage"):
        model.verdicts(model.open_memory(), QUERIES)
    memory = filled(model, footage[:40], budget=10)
    with pytest.raises(NotInMemoryError, match=r"holds 20\.0 s to 39\.0 s"):
        model.verdicts(memory, [Query("Describe.", span=Span(0, 5))])
    with pytest.raises(NotInMemoryError):
        model.answer(memory, "Describe.", span=Span(100, 200))


def test_what_has_left_is_told_from_what_never_came(model: VideoXL, footage: list[Image]) -> None:
    memory = filled(model, footage[:40], budget=10)
    with pytest.raises(NotInMemoryError, match="no longer in memory"):
        model.verdicts(memory, [Query("Describe.", span=Span(3, 4))])
    with pytest.raises(NotInMemoryError, match="is not in memory"):
        model.verdicts(memory, [Query("Describe.", span=Span(60, 61))])
    with pytest.raises(NotInMemoryError, match="is not in memory"):
        model.verdicts(filled(model, footage[:20], times=[50.0 + i for i in range(20)]), [Query("?", span=Span(3, 4))])


@COMMON
@given(num_frames=st.integers(1, 47), cut=st.integers(0, 47), budget=st.sampled_from([None, 20]))
def test_frames_encoded_before_give_the_same_memory(
    model: VideoXL, footage: list[Image], num_frames: int, cut: int, budget: int | None
) -> None:
    times = [float(i if i < 30 else i + 60) for i in range(num_frames)]  # a gap closes a window
    whole = filled(model, footage[:num_frames], times=times, budget=budget)
    features, memory = model.encode(footage[:num_frames]), model.open_memory(budget=budget)
    for part in (slice(0, cut), slice(cut, num_frames)):
        model.append_encoded(memory, features[part], times[part])
    assert_same(whole, memory)
    assert whole.pending.num_tokens == memory.pending.num_tokens


def test_features_of_another_tower_are_refused(model: VideoXL, footage: list[Image]) -> None:
    memory, features = model.open_memory(), model.encode(footage[:3])
    for wrong, times in ((features[..., :-1], 3), (features[:, :-1], 3), (features, 2)):
        with pytest.raises(ConfigError):
            model.append_encoded(memory, wrong, [float(i) for i in range(times)])
    assert memory.pending.num_tokens == 0


@pytest.mark.parametrize(("ratio", "budget"), [(None, 4), (None, 0), (0, None), (41, None)])
def test_impossible_memories_are_refused_at_once(model: VideoXL, ratio: int | None, budget: int | None) -> None:
    with pytest.raises(ConfigError):
        model.open_memory(ratio=ratio, budget=budget)
