"""Watching a camera in a test: until something has come, or holds, with patience for a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.rtsp_servers import PATIENCE_S
from videoxl_stream.connectors.open_camera import OpenCamera
from videoxl_stream.frames import Frame


def watch(opened: OpenCamera, until: Callable[[list[Frame]], bool]) -> list[Frame]:
    """Read until something holds of the frames that came."""
    frames: list[Frame] = []
    deadline = time.monotonic() + PATIENCE_S
    while not until(frames):
        assert time.monotonic() < deadline, f"{len(frames)} frames came, and {opened.connection}"
        frame = opened.read(0.1)
        if frame is not None:
            frames.append(frame)
    return frames


def some(opened: OpenCamera, num: int) -> list[Frame]:
    """The next frames."""
    return watch(opened, lambda frames: len(frames) >= num)


def until_down(opened: OpenCamera, *words: str) -> list[Frame]:
    """Read until it is down for a reason that holds some words; what came before."""
    return watch(opened, lambda _: not opened.connection.up and all(word in opened.connection.reason for word in words))


def is_up(opened: OpenCamera) -> Callable[[list[Frame]], bool]:
    """Whether it is connected."""
    return lambda _: opened.connection.up
