from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.evidence.ring import Need, PacketRing
from videoxl_stream.frames import Codec, Packet

ONE, OTHER = Codec("h264", b"1", 16, 16), Codec("h264", b"2", 16, 16)
PLENTY = 10**9


def packet(
    time_s: float, *, key: bool = False, decode_s: float | None = None, size: int = 1, codec: Codec = ONE
) -> Packet:
    return Packet(time_s, time_s if decode_s is None else decode_s, 1.0, key, bytes(size), codec)


def seconds(start: int, end: int, *, every: int = 4, codec: Codec = ONE) -> list[Packet]:
    """A packet a second, a keyframe ``every`` few."""
    return [packet(float(at), key=at % every == 0, codec=codec) for at in range(start, end)]


def ring(keep_s: float = 10.0, max_s: float = 1000.0, max_bytes: int = PLENTY) -> PacketRing:
    return PacketRing(keep_s=keep_s, max_s=max_s, max_bytes=max_bytes)


def times(packets: list[Packet]) -> list[float]:
    return [each.time_s for each in packets]


def test_what_comes_before_the_first_keyframe_is_passed_over() -> None:
    held = ring()
    held.add(seconds(2, 10))
    assert times(held.packets) == [4, 5, 6, 7, 8, 9]


def test_whole_groups_leave_once_nobody_can_ask_for_them() -> None:
    held = ring(keep_s=10)
    held.add(seconds(0, 41))
    assert times(held.packets) == list(range(28, 41))  # the newest keyframe is at 40, and 30 is within a group
    assert held.lost_groups == 0


def test_a_clip_in_the_making_keeps_its_footage() -> None:
    held = ring(keep_s=4)
    held.add(seconds(0, 10))
    need = Need(held.run_at(8.0) or 0, 6.0)
    for start in range(10, 100, 10):
        held.add(seconds(start, start + 10), [need])
    assert times(held.cut(need, 50.0)) == list(range(4, 50))
    held.add([])
    assert held.packets[0].time_s == 92


@pytest.mark.parametrize(("max_s", "max_bytes", "oldest"), [(1000.0, 10, 32), (9.0, PLENTY, 28)])
def test_a_bound_wins_over_a_need_and_the_loss_is_counted(max_s: float, max_bytes: int, oldest: int) -> None:
    held = ring(keep_s=100.0, max_s=max_s, max_bytes=max_bytes)
    held.add(seconds(0, 40), [Need(0, 0.0)])
    assert times(held.packets) == list(range(oldest, 40))
    assert held.lost_groups == oldest / 4


def test_keyframes_that_are_far_apart_lose_nothing() -> None:
    held = ring(keep_s=10.0, max_s=20.0)
    packets = seconds(0, 4)
    packets += [replace(packet, keyframe=False) for packet in seconds(4, 100)]
    held.add(packets, [Need(0, 0.0)])
    assert times(held.packets) == list(range(100))
    held.add(seconds(100, 119), [Need(0, 0.0)])
    assert (held.packets[0].time_s, held.lost_groups) == (0, 0)
    held.add(seconds(119, 130), [Need(0, 0.0)])
    assert (held.packets[0].time_s, held.lost_groups) == (108, 3)


def test_a_bound_that_cuts_the_seconds_to_be_kept_counts_as_loss() -> None:
    held = ring(keep_s=20, max_bytes=12)
    held.add(seconds(0, 24))
    assert held.lost_groups == 3
    enough = ring(keep_s=4, max_bytes=12)
    enough.add(seconds(0, 24))
    assert enough.lost_groups == 0


def test_a_group_that_is_too_large_alone_goes_and_the_next_keyframe_begins_anew() -> None:
    held = ring(max_bytes=3)
    held.add(seconds(0, 6))
    assert times(held.packets) == [4, 5]


def test_a_cut_begins_at_the_keyframe_before_and_ends_before_the_end() -> None:
    held = ring(keep_s=100)
    held.add(seconds(0, 40))
    assert times(held.cut(Need(0, 10.0), 20.0)) == list(range(8, 20))
    assert times(held.cut(Need(0, 8.0), 8.5)) == [8]
    assert times(held.cut(Need(0, 38.5), 60.0)) == [36, 37, 38, 39]
    assert held.cut(Need(0, 50.0), 51.0) == []
    assert held.cut(Need(0, -5.0), -1.0) == []


def test_pictures_shown_before_the_first_keyframe_are_left_out() -> None:
    """An open group of pictures: 3 and 2 lean on the group before."""
    held = ring()
    held.add(
        [packet(4.0, key=True, decode_s=0), packet(2.0, decode_s=1), packet(3.0, decode_s=2), packet(5.0, decode_s=5)]
    )
    assert times(held.cut(Need(0, 4.0), 10.0)) == [4, 5]


def test_a_cut_has_no_hole_before_its_last_picture() -> None:
    held = ring()
    # decoding order I0 P4 B1 B2 B3, and asked until 2.
    order = [packet(0.0, key=True, decode_s=-2), packet(4.0, decode_s=-1)]
    held.add([*order, *(packet(float(at), decode_s=at - 1.0) for at in (1, 2, 3))])
    assert sorted(times(held.cut(Need(0, 0.0), 2.0))) == [0, 1, 2, 3, 4]


def test_a_change_of_codec_is_never_crossed() -> None:
    held = ring(keep_s=100)
    held.add(seconds(0, 20))
    held.add([packet(20.0, codec=OTHER), packet(21.0, codec=OTHER)])  # cannot be decoded: no keyframe
    held.add(seconds(24, 40, codec=OTHER))
    before, after = held.run_at(19.0), held.run_at(30.0)
    assert before is not None
    assert after is not None
    assert times(held.cut(Need(before, 10.0), 30.0)) == list(range(8, 20))
    assert times(held.cut(Need(after, 10.0), 30.0)) == list(range(24, 30))
    assert 20.0 not in times(held.packets)


def test_the_same_codec_in_another_object_goes_on() -> None:
    held = ring(keep_s=100)
    held.add(seconds(0, 8))
    held.add(seconds(8, 16, codec=Codec("h264", b"1", 16, 16)))
    assert times(held.cut(Need(0, 0.0), 16.0)) == list(range(16))


def test_a_jump_back_in_time_begins_another_run() -> None:
    held = ring(keep_s=100)
    held.add(seconds(100, 120))
    held.add(seconds(100, 120))
    assert held.run_at(110.0) == 1
    assert times(held.cut(Need(0, 100.0), 200.0)) == list(range(100, 120))
    assert times(held.cut(Need(1, 100.0), 200.0)) == list(range(100, 120))


def test_old_groups_leave_after_a_jump_back_too() -> None:
    held = ring(keep_s=10)
    held.add(seconds(1000, 1020))
    held.add(seconds(0, 40))
    assert times(held.packets) == list(range(24, 40))  # the newest keyframe is at 36, and 26 is within a group


def test_an_empty_ring_has_nothing_to_give() -> None:
    held = ring()
    assert held.run_at(0.0) is None
    assert held.cut(Need(0, 0.0), 1.0) == []
    assert held.held_s == 0


@dataclass(frozen=True)
class Step:
    forward_s: float
    key: bool
    size: int
    codec: Codec


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from([0.0, 0.5, 1.0, 1.0, 1.0, 7.0, -20.0]),
        st.booleans(),
        st.integers(0, 9),
        st.sampled_from([ONE] * 8 + [OTHER]),
    ),
    max_size=120,
)


def play(steps: list[Step]) -> list[Packet]:
    now_s, packets = 100.0, []
    for step in steps:
        now_s += step.forward_s
        packets.append(packet(now_s, key=step.key, size=step.size, codec=step.codec))
    return packets


@given(STEPS, st.integers(1, 60), st.floats(1, 50), st.floats(0, 20), st.integers(1, 9))
def test_any_sequence_is_held_aligned_and_within_bounds(
    steps: list[Step], max_bytes: int, max_s: float, keep_s: float, at_once: int
) -> None:
    held = PacketRing(keep_s=keep_s, max_s=max_s, max_bytes=max_bytes)
    packets = play(steps)
    for start in range(0, len(packets), at_once):
        held.add(packets[start : start + at_once], [Need(0, 100.0)])
        now = held.packets
        assert held.num_bytes == sum(len(each.data) for each in now) <= max_bytes
        assert held.spare_s <= max_s
        assert not now or now[0].keyframe
        assert now == [each for each in packets if any(each is other for other in now)]
        for before, after in pairwise(now):
            if after.codec != before.codec or after.decode_s < before.decode_s:
                assert after.keyframe


@given(STEPS, st.floats(0, 30))
def test_without_bounds_in_the_way_it_reaches_back_far_enough(steps: list[Step], keep_s: float) -> None:
    forward = [Step(abs(step.forward_s), step.key, step.size, ONE) for step in steps]
    packets = play(forward)
    held = ring(keep_s=keep_s, max_s=PLENTY)
    held.add(packets)
    keys = [each.time_s for each in packets if each.keyframe]
    if not keys:
        assert held.packets == []
        return
    wanted = max((at for at in keys if at <= keys[-1] - keep_s), default=keys[0])
    assert held.packets[0].time_s <= wanted
    assert held.packets[-1] is packets[-1]
    assert held.lost_groups == 0


@given(STEPS, st.floats(90, 200), st.floats(0, 50))
def test_a_cut_holds_all_that_was_asked_for_of_what_is_held(steps: list[Step], start_s: float, lasts_s: float) -> None:
    held = ring(keep_s=PLENTY, max_s=PLENTY)
    held.add(play(steps))
    run = held.run_at(start_s)
    if run is None:
        return
    cut = held.cut(Need(run, start_s), start_s + lasts_s)
    if cut:
        assert cut[0].keyframe
        assert len({each.codec for each in cut}) == 1
        assert all(sooner.decode_s <= later.decode_s for sooner, later in pairwise(cut))
        own = [each for each in held.packets if any(each is other for other in cut)]
        assert [each.time_s for each in own] == times(cut)
        # Nothing between the first and the last is missing.
        places = [place for place, each in enumerate(held.packets) if any(each is other for other in cut)]
        assert places == list(range(places[0], places[-1] + 1))
        assert cut[-1].time_s < start_s + lasts_s
        assert any(each.time_s >= start_s for each in cut)
