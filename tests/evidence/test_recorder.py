from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.evidence.footage import FPS, HEIGHT, START, WIDTH, decoded, event, film, frame, packets_of, picture
from tests.evidence.watching import clip_of, half_a_minute, jpeg, life, of_kind, run, shown
from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Exhibit, ExhibitKind, Status
from videoxl_stream.evidence import Evidence
from videoxl_stream.frames import Packet
from videoxl_stream.regions import Point, Regions

TOP: list[Point] = [(0, 0), (1, 0), (1, 0.5), (0, 0.5)]  # all that the square ever touches


@pytest.fixture
def packets() -> list[Packet]:
    """Packets with a keyframe every second."""
    return half_a_minute()


def test_a_clip_shows_an_event_with_its_rolls(tmp_path: Path, packets: list[Packet]) -> None:
    evidence = Evidence(tmp_path, pre_roll_s=3, post_roll_s=2).open("site", "cam")
    clip = clip_of(run(evidence, life(10, 14), packets))
    before = decoded(film(num=30 * FPS))
    after = shown(tmp_path, clip)
    assert clip.start_s <= 7
    assert clip.start_s > 5.5  # the keyframe before
    assert clip.end_s == pytest.approx(16, abs=0.31)
    assert len(after) == pytest.approx((clip.end_s - clip.start_s) * FPS)
    first = round(clip.start_s * FPS)
    for number, (at, image) in enumerate(after):
        assert at == pytest.approx(number / FPS, abs=1e-3)
        assert np.array_equal(image, before[first + number][1])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    start_s=st.floats(1, 25),
    lasts_s=st.floats(1, 15),
    rolls_s=st.tuples(st.floats(0, 8), st.floats(0, 8)),
    max_clip_s=st.floats(9, 40),
    with_packets=st.booleans(),
)
def test_a_clip_covers_what_was_asked_as_far_as_it_is_held(
    tmp_path: Path,
    start_s: float,
    lasts_s: float,
    rolls_s: tuple[float, float],
    max_clip_s: float,
    with_packets: bool,
) -> None:
    evidence = Evidence(
        tmp_path, pre_roll_s=rolls_s[0], post_roll_s=rolls_s[1], max_clip_s=max_clip_s, thumbnails=False
    )
    end_s = min(29.0, start_s + lasts_s)
    noted = {float(round(end_s)): event(start_s, end_s, status=Status.CLOSED)}
    clip = clip_of(run(evidence.open("site", "cam"), noted, half_a_minute() if with_packets else ()))
    from_s, step_s = max(0.0, start_s - rolls_s[0]), (1 / FPS if with_packets else 0.5)
    until_s = min(30.0, end_s + rolls_s[1], start_s - rolls_s[0] + max_clip_s)
    assert from_s - 1 - step_s <= clip.start_s <= from_s + step_s
    assert until_s - 1e-6 <= clip.end_s + step_s
    assert clip.end_s <= until_s + 4 * step_s  # what the last pictures lean on is in it too
    times = [at for at, _ in shown(tmp_path, clip)]
    assert times[0] == 0
    assert times[-1] + step_s == pytest.approx(clip.end_s - clip.start_s, abs=0.01)
    assert np.allclose(np.diff(times), step_s, atol=0.002)


def test_an_exhibit_says_what_is_on_disk(tmp_path: Path, packets: list[Packet]) -> None:
    exhibits = run(Evidence(tmp_path).open("the site", "yard/1"), life(10, 12), packets)
    assert {exhibit.kind for exhibit in exhibits} == set(ExhibitKind)
    for exhibit in exhibits:
        assert exhibit.path.startswith("the=20site/yard=2F1/2026-03-0")
        assert (exhibit.pipeline, exhibit.stream_id) == ("the site", "yard/1")
        assert (tmp_path / exhibit.path).stat().st_size == exhibit.num_bytes > 0
        assert exhibit.start.utcoffset() == timedelta(0)
        assert abs(exhibit.start - START - timedelta(seconds=exhibit.start_s)) < timedelta(milliseconds=1)
        assert abs(exhibit.end - START - timedelta(seconds=exhibit.end_s)) < timedelta(milliseconds=1)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {exhibit.path for exhibit in exhibits}
    assert len(files) == len(exhibits)
    of_event = [exhibit for exhibit in exhibits if exhibit.kind != ExhibitKind.THUMBNAIL]
    assert {exhibit.event_id for exhibit in of_event} == {event(0, 1).id}
    # The event began on the second day; the stream did on the first.
    assert {exhibit.path.split("/")[2] for exhibit in of_event} == {"2026-03-02"}
    assert {exhibit.path.split("/")[2] for exhibit in exhibits} == {"2026-03-01", "2026-03-02"}


def test_a_clip_is_written_when_its_post_roll_is_over_and_not_before(tmp_path: Path, packets: list[Packet]) -> None:
    evidence = Evidence(tmp_path, post_roll_s=4, thumbnails=False).open("site", "cam")
    evidence.add(packets)
    evidence.see([frame(10.0)])
    assert [exhibit.kind for exhibit in evidence.note(event(8, 9))] == [ExhibitKind.PICTURE]
    assert evidence.advance(20) == []  # it is still going on
    assert evidence.note(event(8, 18, status=Status.CLOSED, revision=1)) == []
    assert evidence.advance(21.9) == []
    clip = clip_of(evidence.advance(22))
    assert clip.end_s == pytest.approx(22, abs=0.31)
    assert evidence.advance(30) == evidence.finish() == []


def test_a_clip_of_an_endless_event_has_an_end(tmp_path: Path, packets: list[Packet]) -> None:
    evidence = Evidence(tmp_path, pre_roll_s=2, max_clip_s=8).open("site", "cam")
    events = {at: event(5, at, status=Status.UPDATED, revision=round(at) - 6) for at in np.arange(6.0, 28.0).tolist()}
    exhibits = run(evidence, events, packets)
    clip = clip_of(exhibits)
    assert clip.start_s == pytest.approx(3, abs=1)
    assert clip.end_s == pytest.approx(11, abs=0.31)
    assert len(of_kind(exhibits, ExhibitKind.PICTURE)) == 1
    assert evidence.counts.failed == 0


def test_two_events_at_once_have_two_clips(tmp_path: Path, packets: list[Packet]) -> None:
    evidence = Evidence(tmp_path).open("site", "cam")
    events = {**life(10, 14, window=1), **{at + 0.0: each for at, each in life(11.0, 15.0, window=2).items()}}
    clips = of_kind(run(evidence, events, packets), ExhibitKind.CLIP)
    assert len({clip.path for clip in clips}) == len({clip.event_id for clip in clips}) == 2


def test_the_picture_is_what_the_model_saw_in_the_middle(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path, thumbnails=False).open("site", "cam")
    for at in range(10):
        evidence.see([frame(float(at), np.full((HEIGHT, WIDTH, 3), 20 * at, np.uint8))])
    [exhibit] = evidence.note(event(2, 8))
    assert (exhibit.start_s, exhibit.start) == (5, START + timedelta(seconds=5))
    assert np.abs(jpeg(tmp_path, exhibit).astype(int) - 100).max() <= 2


def test_every_window_has_a_small_thumbnail(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path).open("site", "cam")
    large = [frame(float(at), picture(at, height=360, width=640)) for at in range(5)]
    [exhibit] = evidence.see(large)
    assert (exhibit.kind, exhibit.event_id, exhibit.start_s) == (ExhibitKind.THUMBNAIL, None, 2)
    assert exhibit.path == "site/cam/2026-03-01/thumbnails/235952-00000002.jpg"
    assert jpeg(tmp_path, exhibit).shape == (90, 160, 3)
    assert exhibit.num_bytes < 5000


def test_thumbnails_can_be_left_out(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path, thumbnails=False).open("site", "cam")
    assert evidence.see([frame(0.0)]) == []
    assert list(tmp_path.iterdir()) == []


def test_without_packets_the_pictures_are_encoded_at_their_times(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path, pre_roll_s=3, post_roll_s=2).open("site", "cam")
    clip = clip_of(run(evidence, life(10, 14)))
    assert (clip.start_s, clip.end_s) == (7, 16)
    after = shown(tmp_path, clip)
    assert [at for at, _ in after] == pytest.approx(np.arange(0, 9, 0.5).tolist(), abs=1e-3)
    for at, image in after:
        assert np.abs(image.astype(int) - picture(round((7 + at) * FPS))).mean() < 8


def test_seconds_of_pictures_cost_kilobytes(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path, thumbnails=False).open("site", "cam")
    evidence.see([frame(float(at), picture(at, height=720, width=1280)) for at in range(10)])
    assert 0 < evidence.num_bytes < 300_000  # raw it would be 27 MB


def test_packets_that_no_container_takes_are_encoded(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path).open("site", "cam")
    made = film("wmv2", "asf", num=200, options={"g": "10"})
    clip = clip_of(run(evidence, life(8, 10), packets_of(made, "wmv2"), end_s=20))
    assert clip.path.endswith(".mp4")
    assert len(shown(tmp_path, clip)) > 100


def test_a_clip_ends_where_the_next_file_is_encoded_differently(tmp_path: Path) -> None:
    first, second = packets_of(film(num=120)), packets_of(film(num=120, width=64), start_s=12.0)
    evidence = Evidence(tmp_path).open("site", "cam")
    exhibits = run(evidence, {**life(9, 13, window=1), **life(12, 14, window=2)}, [*first, *second])
    one, other = sorted(of_kind(exhibits, ExhibitKind.CLIP), key=lambda clip: clip.start_s)
    assert one.end_s == pytest.approx(12)
    assert other.start_s == pytest.approx(12)
    assert {image.shape for _, image in shown(tmp_path, one)} == {(64, 96, 3)}
    assert {image.shape for _, image in shown(tmp_path, other)} == {(64, 64, 3)}


def test_a_replay_writes_the_same_files_again(tmp_path: Path, packets: list[Packet]) -> None:
    def go() -> tuple[list[Exhibit], dict[Path, bytes]]:
        exhibits = run(Evidence(tmp_path).open("site", "cam", Regions(masks=[TOP])), life(10, 14), packets)
        exhibits += run(Evidence(tmp_path).open("site", "cam 2"), life(10, 14), packets)
        return exhibits, {path: path.read_bytes() for path in tmp_path.rglob("*.*")}

    first, again = go(), go()
    assert first == again
    assert len(first[1]) == 64


def test_what_is_planned_is_written_where_time_jumps_back(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path, pre_roll_s=3, thumbnails=False).open("site", "cam")
    for at in range(100, 110):
        evidence.see([frame(float(at))])
    evidence.note(event(106, 108))
    clip = clip_of(evidence.see([frame(0.0)]))
    assert (clip.start_s, clip.end_s) == (103, 110)
    evidence.note(event(105, 106, window=2))
    evidence.see([frame(1.0)])
    assert evidence.counts.failed == 0
    assert clip_of([*evidence.finish(), clip]).start_s == 103  # nothing is left of the footage before
    assert evidence.counts.failed == 1


def test_the_end_of_a_stream_writes_what_is_planned(tmp_path: Path, packets: list[Packet]) -> None:
    evidence = Evidence(tmp_path).open("site", "cam")
    evidence.add(packets)
    evidence.see([frame(29.0)])
    evidence.note(event(27, 29))
    assert clip_of(evidence.finish()).end_s == pytest.approx(30, abs=0.01)


def test_an_event_that_outlived_a_restart_gets_a_clip_if_it_has_none(tmp_path: Path, packets: list[Packet]) -> None:
    later = {
        15.0: event(12, 15, status=Status.UPDATED, revision=3),
        17.0: event(12, 16, status=Status.CLOSED, revision=4),
    }
    exhibits = run(Evidence(tmp_path).open("site", "cam"), later, packets)
    assert len(of_kind(exhibits, ExhibitKind.CLIP)) == len(of_kind(exhibits, ExhibitKind.PICTURE)) == 1
    exhibits = run(Evidence(tmp_path).open("site", "cam"), later, packets)
    assert of_kind(exhibits, ExhibitKind.CLIP) == of_kind(exhibits, ExhibitKind.PICTURE) == []


def test_an_event_far_back_is_shown_whole_within_reach(tmp_path: Path, packets: list[Packet]) -> None:
    evidence = Evidence(tmp_path, reach_s=20, pre_roll_s=2).open("site", "cam")
    clip = clip_of(run(evidence, {29.0: event(10, 12, status=Status.CLOSED)}, packets))
    assert clip.start_s <= 8
    near = Evidence(tmp_path, reach_s=1, pre_roll_s=2).open("site", "cam")
    assert run(near, {}, packets)
    assert near.num_bytes < evidence.num_bytes / 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"pre_roll_s": -1}, "pre_roll_s is -1"),
        ({"post_roll_s": float("nan")}, "post_roll_s is nan"),
        ({"reach_s": -0.1}, "reach_s is"),
        ({"max_clip_s": 5}, "leaves no room"),
        ({"picture_quality": 0}, "1 to 95"),
        ({"picture_quality": 100}, "1 to 95"),
        ({"ring_bytes": 0}, "ring_bytes is 0"),
    ],
)
def test_a_definition_that_cannot_work_is_refused(wrong: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        Evidence(tmp_path, **wrong)


def test_describing_evidence_touches_nothing(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path / "later")
    evidence.open("site", "cam").finish()
    assert evidence == Evidence(tmp_path / "later")
    assert list(tmp_path.iterdir()) == []
    assert START.tzinfo is UTC
