from __future__ import annotations

import pytest

from tests.cameras import Camera
from videoxl_stream.daemon.admission import Admission, Needs, machine_bytes
from videoxl_stream.errors import ConfigError
from videoxl_stream.testing import ScriptedModel, ScriptedSource

MIB = 2**20
NEEDS = Needs(
    memory_bytes=50 * MIB,
    buffer_bytes=100 * MIB,
    ring_bytes=0,
    window_frames=10,
    window_s=0.5,
    is_endless=False,
)


def cameras(num: int, fps: float = 2.0) -> list[Camera]:
    return [Camera(f"camera-{number}", sample_fps=fps) for number in range(num)]


def test_what_fits_is_let_in() -> None:
    Admission(max_bytes=450 * MIB, max_load=0.31).check(cameras(3), NEEDS)


def test_too_much_memory_is_refused_with_the_sum() -> None:
    with pytest.raises(ConfigError) as refused:
        Admission(max_bytes=450 * MIB).check(cameras(4), NEEDS)
    assert "4 x (50 MiB memory + 100 MiB waiting frames) = 600 MiB, more than the 450 MiB" in str(refused.value)
    assert "At most 3 do" in str(refused.value)


def test_a_topic_needs_room_for_one_stream_at_least() -> None:
    admission = Admission(max_bytes=450 * MIB)
    admission.check(cameras(2), NEEDS, topics=["kafka://broker/frames"])
    for more in ({"topics": ["kafka://broker/frames"]}, {"topics": ["kafka://broker/frames"], "beside": 2}):
        with pytest.raises(ConfigError, match="streams do not fit"):
            admission.check(cameras(3), NEEDS, **more)


def test_streams_of_topics_that_are_watched_count_where_a_camera_is_added() -> None:
    admission = Admission(max_bytes=450 * MIB)
    admission.check(cameras(1), NEEDS, topics=["kafka://broker/frames"], beside=2)
    with pytest.raises(ConfigError, match="4 streams do not fit"):
        admission.check(cameras(2), NEEDS, topics=["kafka://broker/frames"], beside=2)


def test_why_one_more_does_not_fit_is_told_with_the_sum() -> None:
    admission = Admission(max_bytes=450 * MIB)
    assert admission.refusal(3, NEEDS) == ""
    assert "4 x (50 MiB memory + 100 MiB waiting frames) = 600 MiB" in admission.refusal(4, NEEDS)


def test_too_much_for_the_model_is_refused_with_the_sum() -> None:
    with pytest.raises(ConfigError) as refused:
        Admission(max_bytes=10**12, max_load=0.3).check(cameras(4), NEEDS)
    assert "takes the model 0.500 s, so together they need 0.40 of its time, more than max_load=0.3" in str(
        refused.value
    )


def test_files_wait_and_cost_no_load() -> None:
    sources = [ScriptedSource([], stream_id=str(number)) for number in range(4)]
    Admission(max_bytes=10**12, max_load=0.01).check(sources, NEEDS)


def test_nothing_live_may_remember_without_an_end() -> None:
    needs = Needs.of(ScriptedModel(), limits=None, evidence=None, budget=None)
    Admission().check([ScriptedSource([])], needs)
    with pytest.raises(ConfigError, match="give a budget"):
        Admission().check(cameras(1), needs)
    with pytest.raises(ConfigError, match=r"kafka://broker/frames has no end.*give a budget"):
        Admission().check([], needs, topics=["kafka://broker/frames"])


def test_what_a_stream_takes_is_measured() -> None:
    needs = Needs.of(ScriptedModel(window_frames=6), limits=None, evidence=None, budget=64)
    assert (needs.window_frames, needs.is_endless) == (6, False)
    assert needs.window_s > 0
    assert needs.buffer_bytes == 512 * MIB
    assert machine_bytes() > MIB


@pytest.mark.parametrize("wrong", [{"max_bytes": 0}, {"max_load": -1.0}])
def test_limits_that_nothing_can_keep_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="above 0"):
        Admission(**wrong)  # type: ignore[arg-type]
