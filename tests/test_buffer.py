from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.buffer import BufferLimits, DropPolicy, FrameBuffer, Window
from videoxl_stream.errors import ConfigError
from videoxl_stream.frames import Frame
from videoxl_stream.queries import Span

START = datetime(2026, 1, 1, tzinfo=UTC)
FRAME_BYTES = 2 * 2 * 3


def frame(index: int, time_s: float | None = None) -> Frame:
    time_s = float(index) if time_s is None else time_s
    return Frame("cam", index, time_s, START + timedelta(seconds=time_s), np.zeros((2, 2, 3), np.uint8))


def take_all(buffer: FrameBuffer) -> list[Window]:
    windows = []
    while (window := buffer.take()) is not None:
        windows.append(window)
    return windows


def indices(windows: list[Window]) -> list[list[int]]:
    return [[frame.index for frame in window.frames] for window in windows]


def feed(buffer: FrameBuffer, times: list[float]) -> list[Window]:
    """Put all frames as a pipeline would, taking windows whenever the buffer refuses, then end."""
    windows = []
    for index, time_s in enumerate(times):
        while not buffer.put(frame(index, time_s)):
            window = buffer.take()
            assert window is not None, "a full buffer must be able to make room"
            windows.append(window)
    buffer.end()
    return windows + take_all(buffer)


def test_cuts_full_windows_and_a_short_last_one() -> None:
    windows = feed(FrameBuffer(4), [0, 1, 2, 3, 4, 5])
    assert indices(windows) == [[0, 1, 2, 3], [4, 5]]
    assert [window.short for window in windows] == [False, True]


def test_a_window_in_the_making_is_not_given_away() -> None:
    buffer = FrameBuffer(3)
    buffer.put(frame(0))
    buffer.put(frame(1))
    assert buffer.take() is None
    buffer.put(frame(2))
    assert buffer.take() is not None


def test_a_gap_closes_the_window_early() -> None:
    windows = feed(FrameBuffer(4, BufferLimits(gap_s=2)), [0, 1, 10, 11, 12, 13])
    assert indices(windows) == [[0, 1], [2, 3, 4, 5]]
    assert [window.short for window in windows] == [True, False]


def test_a_jump_back_closes_the_window_early() -> None:
    assert indices(feed(FrameBuffer(4), [5, 6, 0, 1])) == [[0, 1], [2, 3]]


def test_a_gap_between_two_full_windows_makes_no_short_one() -> None:
    windows = feed(FrameBuffer(2), [0, 1, 100, 101])
    assert indices(windows) == [[0, 1], [2, 3]]
    assert not any(window.short for window in windows)


def test_the_span_ends_one_spacing_behind_the_last_frame() -> None:
    [window] = feed(FrameBuffer(4), [10, 12, 14, 16])
    assert (window.span.start_s, window.span.end_s) == (10, 18)
    assert (window.start, window.end) == (START + timedelta(seconds=10), START + timedelta(seconds=18))


def test_a_lone_frame_has_a_span_that_holds_it() -> None:
    [window] = feed(FrameBuffer(4), [7])
    assert window.span.start_s == 7 < window.span.end_s


def test_the_window_knows_where_the_source_goes_on() -> None:
    buffer = FrameBuffer(2)
    for index in range(3):
        buffer.put(frame(index), {"next": index + 1})
    window = buffer.take()
    assert window is not None
    assert window.resume == {"next": 2}


def test_wait_refuses_only_when_a_window_can_be_taken() -> None:
    buffer = FrameBuffer(2, BufferLimits(max_bytes=3 * FRAME_BYTES, policy="wait"))
    assert [buffer.put(frame(index)) for index in range(4)] == [True, True, True, False]
    buffer.take()
    assert buffer.put(frame(3))


def test_drop_oldest_keeps_what_is_fresh() -> None:
    buffer = FrameBuffer(2, BufferLimits(max_bytes=3 * FRAME_BYTES, policy="drop_oldest"))
    assert all(buffer.put(frame(index)) for index in range(6))
    buffer.end()
    assert indices(take_all(buffer)) == [[3, 4], [5]]
    assert buffer.counts.dropped == 3


def test_drop_newest_keeps_what_came_first() -> None:
    buffer = FrameBuffer(2, BufferLimits(max_s=2, policy="drop_newest"))
    assert all(buffer.put(frame(index)) for index in range(6))
    buffer.end()
    assert indices(take_all(buffer)) == [[0, 1], [2]]
    assert buffer.counts.dropped == 3


def test_the_silence_of_a_gap_fills_nothing() -> None:
    buffer = FrameBuffer(2, BufferLimits(max_s=10, policy="drop_oldest"))
    for index, time_s in enumerate([0, 1, 1000, 1001]):
        buffer.put(frame(index, time_s))
    assert buffer.counts.dropped == 0


def test_a_window_that_can_never_fit_is_refused_with_the_size_it_needs() -> None:
    buffer = FrameBuffer(4, BufferLimits(max_bytes=3 * FRAME_BYTES))
    with pytest.raises(ConfigError, match=f"at least {4 * FRAME_BYTES}"):
        buffer.put(frame(0))


def test_no_frame_is_accepted_after_the_end() -> None:
    buffer = FrameBuffer(4)
    buffer.end()
    with pytest.raises(ConfigError, match="after the end"):
        buffer.put(frame(0))


@pytest.mark.parametrize("wrong", [{"max_s": 0}, {"max_bytes": -1}, {"gap_s": float("nan")}, {"policy": "guess"}])
def test_limits_that_cannot_work_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong)).split("_", maxsplit=1)[0]):
        BufferLimits(**wrong)  # type: ignore[arg-type]


def test_a_window_needs_a_frame() -> None:
    with pytest.raises(ConfigError, match="window_frames"):
        FrameBuffer(0)


steps = st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0, 7.0, 100.0, -2.0]), max_size=60)


@given(steps, st.integers(1, 7), st.sampled_from(DropPolicy), st.integers(7, 20), st.floats(0.5, 30), st.data())
def test_counts_always_add_up_and_bounds_hold(
    steps: list[float], window_frames: int, policy: DropPolicy, max_frames: int, max_s: float, data: st.DataObject
) -> None:
    limits = BufferLimits(max_s=max_s, max_bytes=max_frames * FRAME_BYTES, policy=policy)
    buffer = FrameBuffer(window_frames, limits)
    time_s, accepted, taken = 0.0, 0, 0
    for index, step_s in enumerate(steps):
        time_s += step_s
        accepted += buffer.put(frame(index, time_s))
        if data.draw(st.booleans()):
            window = buffer.take()
            taken += len(window.frames) if window else 0
        counts = buffer.counts
        assert (counts.accepted, counts.taken) == (accepted, taken)
        assert counts.accepted == counts.taken + counts.dropped + counts.held
        assert buffer.held_bytes == counts.held * FRAME_BYTES <= limits.max_bytes
    buffer.end()
    taken += sum(len(window.frames) for window in take_all(buffer))
    assert (buffer.counts.held, buffer.held_bytes) == (0, 0)
    assert buffer.counts.dropped == accepted - taken
    if policy == DropPolicy.WAIT:
        assert buffer.counts.dropped == 0


@given(steps, st.integers(1, 7))
def test_wait_loses_nothing_and_no_window_spans_a_break(steps: list[float], window_frames: int) -> None:
    times = [sum(steps[: index + 1]) for index in range(len(steps))]
    windows = feed(FrameBuffer(window_frames, BufferLimits(max_s=3, gap_s=5)), times)
    assert [index for window in indices(windows) for index in window] == list(range(len(times)))
    for window in windows:
        inside = [later.time_s - earlier.time_s for earlier, later in pairwise(window.frames)]
        assert all(0 <= step_s <= 5 for step_s in inside)
        assert window.short == (len(window.frames) < window_frames)


@given(steps, st.integers(1, 7), st.lists(st.booleans(), min_size=60, max_size=60))
def test_windows_do_not_depend_on_when_they_are_taken(
    steps: list[float], window_frames: int, moments: list[bool]
) -> None:
    times = [sum(steps[: index + 1]) for index in range(len(steps))]
    at_once = feed(FrameBuffer(window_frames), times)
    buffer, early = FrameBuffer(window_frames), []
    for index, time_s in enumerate(times):
        buffer.put(frame(index, time_s))
        if moments[index]:
            early += take_all(buffer)
    buffer.end()
    assert indices(early + take_all(buffer)) == indices(at_once)


def test_what_waits_can_be_looked_at_and_goes_on_waiting() -> None:
    buffer = FrameBuffer(4)
    assert buffer.waiting() == []
    for index, time_s in enumerate([0, 1, 100, 101, 102, 103, 104]):
        buffer.put(frame(index, time_s))
    windows = buffer.waiting()
    assert indices(windows) == [[0, 1], [2, 3, 4, 5], [6]]
    assert [window.short for window in windows] == [True, False, True]
    assert buffer.counts.held == 7


def test_forgotten_frames_leave_a_gap() -> None:
    buffer = FrameBuffer(4, BufferLimits(gap_s=2))
    for index in range(7):
        buffer.put(frame(index, index))
    assert buffer.forget(Span(2, 5)) == 3
    assert indices(buffer.waiting()) == [[0, 1], [5, 6]]
    assert (buffer.counts.dropped, buffer.counts.held) == (3, 4)
    assert buffer.held_bytes == sum(one.num_bytes for window in buffer.waiting() for one in window.frames)
    assert buffer.forget(Span(50, 60)) == 0
    assert buffer.gap_s == 2
