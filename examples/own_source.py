"""Watch pictures of your own making, here of a ball: anything that has pictures and times will do.

    python examples/own_source.py 120

A source is a cheap description; ``open`` gives what is read.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import numpy as np

from videoxl_stream import EndOfStream, Frame, watch
from videoxl_stream.interfaces import Connection, Position

FPS, START = 2, datetime(2026, 1, 1, tzinfo=UTC)


class Ball:
    """A ball that goes around. Delivery: every picture once. Resume: exact."""

    stream_id, live = "ball", False  # it waits to be read

    def __init__(self, seconds: float) -> None:
        self.num_frames = int(seconds * FPS)

    def open(self, resume: Position | None = None, *, packets: bool = False) -> OpenBall:
        """Begin, or go on where ``position`` said."""
        return OpenBall(self.num_frames, resume)


class OpenBall:
    """The ball on its way; ``position`` is the number of the next picture."""

    def __init__(self, num_frames: int, resume: Position | None) -> None:
        self.sampled_away, self.connection = 0, Connection()  # nothing is passed over, and it is never lost
        self.expected_frames, self._index = num_frames, int(resume["next"]) if resume else 0

    def read(self, timeout_s: float) -> Frame | None:
        """Draw the next picture; never wait."""
        if self._index >= self.expected_frames:
            raise EndOfStream
        time_s = self._index / FPS
        y, x = np.mgrid[-54:54, -96:96]
        ball = np.hypot(x - 60 * np.cos(time_s), y - 30 * np.sin(time_s)) < 10
        image = np.where(ball[..., None], (230, 120, 20), (70, 90, 70)).astype(np.uint8)  # (height, width, 3)
        self._index += 1
        return Frame("ball", self._index - 1, time_s, START + timedelta(seconds=time_s), image)

    def packets(self) -> tuple[()]:
        """Nothing is encoded; evidence clips are made of the pictures."""
        return ()

    def position(self) -> Position:
        """Where the next read begins."""
        return {"next": self._index}

    def acknowledge(self, position: Position) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing is held."""


if __name__ == "__main__":
    for event in watch(Ball(seconds=float(sys.argv[1])), ["count", "fire"], events=None):
        print(event, event.answer)
