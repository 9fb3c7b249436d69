from __future__ import annotations

import runpy
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from videoxl_stream.queries import Span
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ScriptedModel

EXAMPLE = Path(__file__).parents[2] / "examples" / "watch_file.py"
QUESTION = "Is the door open?"


def test_the_example_watches_stores_and_reports(tmp_path: Path) -> None:
    video = tmp_path / "door.mp4"
    with av.open(video, "w") as container:
        stream = container.add_stream("libx264", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for second in range(100):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), second, np.uint8), format="rgb24")
            frame.pts, frame.time_base = second, Fraction(1)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    watch = runpy.run_path(str(EXAMPLE))["watch"]
    model = ScriptedModel({QUESTION: [Span(40, 45)]})
    [event] = watch(video, QUESTION, model, tmp_path)
    assert (event.start_s, event.end_s) == (40, 45)
    assert watch(video, QUESTION, model, tmp_path) == [event]
    with EventStore(f"sqlite:///{tmp_path / 'events.db'}", create=False) as store:
        assert store.events() == [event]
    assert QUESTION in (tmp_path / "report.html").read_text(encoding="utf-8")
