"""A live source that a test holds in its hands."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue

import numpy as np

from videoxl_stream.errors import EndOfStream
from videoxl_stream.frames import Frame
from videoxl_stream.interfaces import Connection, Position

START = datetime(2026, 1, 1, tzinfo=UTC)


class Camera:
    """Gives what it is given. Delivery: each frame once. Resume: goes on with time."""

    live = True
    sampled_away = 0
    expected_frames = None

    def __init__(self, stream_id: str = "gate", sample_fps: float | None = None) -> None:
        self.stream_id = stream_id
        self.sample_fps = sample_fps
        self.connection = Connection()
        self.acknowledged: list[Position] = []
        self.closed = 0
        self.frames: SimpleQueue[Frame | None] = SimpleQueue()
        self._read = 0
        self._idle = threading.Event()

    def open(self, resume: Position | None = None, *, packets: bool = False) -> Camera:
        self.opened_at = resume
        return self

    def give(self, *times: float) -> None:
        """Hand frames over, and wait until they have been read."""
        for time_s in times:
            image = np.zeros((8, 8, 3), np.uint8)
            self.frames.put(Frame(self.stream_id, 0, time_s, START + timedelta(seconds=time_s), image))
        self._idle.clear()
        assert self._idle.wait(30)

    def end(self) -> None:
        self.frames.put(None)

    def read(self, timeout_s: float) -> Frame | None:
        try:
            frame = self.frames.get(timeout=0.01)
        except Empty:
            self._idle.set()
            return None
        if frame is None:
            raise EndOfStream
        self._read += 1
        return frame

    def packets(self) -> tuple[()]:
        return ()

    def position(self) -> Position:
        return {"read": self._read}

    def acknowledge(self, position: Position) -> None:
        self.acknowledged.append(position)

    def close(self) -> None:
        self.closed += 1
