from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from videoxl_stream.errors import ConfigError
from videoxl_stream.frames import Frame, Image
from videoxl_stream.motion import MotionGate, OpenMotionGate

HEIGHT, WIDTH = 180, 320


def window(*images: Image) -> list[Frame]:
    return [
        Frame("cam", index, float(index), datetime(2026, 1, 1, tzinfo=UTC), image) for index, image in enumerate(images)
    ]


def scene(
    seed: int = 0, *, noise: float = 5.0, light: float = 1.0, walker: int | None = None, value: int = 200
) -> Image:
    """A scene of grey tiles under sensor noise, and someone 12 by 40 pixels in it."""
    tiles = np.random.default_rng(7).uniform(30, 120, (HEIGHT // 20, WIDTH // 20, 1)).repeat(20, 0).repeat(20, 1)
    picture = np.broadcast_to(tiles * light, (HEIGHT, WIDTH, 3)).copy()
    if walker is not None:
        picture[70:110, walker : walker + 12] = value
    picture += np.random.default_rng(seed).normal(0, noise, picture.shape)
    return picture.round().clip(0, 255).astype(np.uint8)


def opened() -> OpenMotionGate:
    gate = MotionGate().open()
    assert not gate.still(window(scene()))
    return gate


def test_the_first_window_is_never_still() -> None:
    assert not MotionGate().open().still(window(scene(), scene(1)))


def test_noise_is_no_motion() -> None:
    gate = opened()
    assert all(gate.still(window(*(scene(10 * at + seed, noise=10) for seed in range(4)))) for at in range(1, 20))


def test_a_change_of_light_is_no_motion() -> None:
    gate = opened()
    assert gate.still(window(scene(1, light=1.2), scene(2, light=1.5)))
    assert gate.still(window(scene(3, light=0.6)))


def test_somebody_in_a_single_frame_is_motion() -> None:
    gate = opened()
    assert not gate.still(window(scene(1), scene(2), scene(3, walker=100), scene(4)))


def test_somebody_who_walks_on_is_motion_and_who_stays_is_not() -> None:
    gate = opened()
    assert not gate.still(window(scene(1, walker=100)))
    assert not gate.still(window(scene(2, walker=140)))
    assert gate.still(window(scene(3, walker=140)))
    assert not gate.still(window(scene(4)))  # has left


def test_slow_change_adds_up() -> None:
    """Each window differs too little from the one before, but not from the last that was taken in."""
    gate = opened()
    values = range(70, 140)
    still = [gate.still(window(scene(at, noise=0, walker=100, value=value))) for at, value in enumerate(values)]
    assert 2 <= still.count(False) < len(values) / 3


def test_a_higher_threshold_sees_less() -> None:
    coarse = MotionGate(threshold=200).open()
    coarse.still(window(scene()))
    assert coarse.still(window(scene(1, walker=100)))


def test_colour_alone_is_motion() -> None:
    red, blue = np.zeros((2, HEIGHT, WIDTH, 3), np.uint8)
    red[60:90, 60:90, 0], blue[60:90, 60:90, 2] = 250, 250
    gate = MotionGate().open()
    gate.still(window(red))
    assert not gate.still(window(blue))


def test_black_pictures_are_still_and_light_in_them_is_not() -> None:
    black = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    lit = black.copy()
    lit[:30, :30] = 100
    gate = MotionGate().open()
    gate.still(window(black))
    assert gate.still(window(black))
    assert not gate.still(window(lit))


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (9, 16), (37, 53), (181, 321)])
def test_any_size_will_do(size: tuple[int, int]) -> None:
    gate = MotionGate().open()
    image = np.full((*size, 3), 50, np.uint8)
    gate.still(window(image))
    assert gate.still(window(image))
    image[: size[0] // 2 + 1, : size[1] // 3 + 1] = 255
    assert not gate.still(window(image))


def test_another_size_of_picture_is_motion() -> None:
    gate = opened()
    assert not gate.still(window(scene()[:5, :5]))


def test_each_stream_has_a_state_of_its_own() -> None:
    gate = MotionGate()
    one, other = gate.open(), gate.open()
    one.still(window(scene()))
    assert not other.still(window(scene()))


@pytest.mark.parametrize("wrong", [{"threshold": 0.0}, {"threshold": float("nan")}, {"rows": 0}, {"columns": -1}])
def test_a_gate_that_cannot_work_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))} is"):
        MotionGate(**wrong)


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one frame"):
        MotionGate().open().still([])
