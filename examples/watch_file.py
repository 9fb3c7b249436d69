"""Watch a video file for one thing, store what is found, and write a report.

    python examples/watch_file.py gate.mp4 "Is there a person at the gate?"

Leaves events.db and report.html in the folder given by --out (default: the current one). Run it twice: the same
events are found and nothing is stored twice. --model takes a folder with Video-XL's weights instead of the small
model that comes along.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from videoxl_stream import Event, EventStore, FileSource, Pipeline, Rule, Severity, VideoXL
from videoxl_stream.interfaces import VideoModel
from videoxl_stream.reports import Report, write_html


def watch(video: Path, question: str, model: VideoModel[Any], out: Path) -> list[Event]:
    """Ask the question at every window's close."""
    rule = Rule(
        name="watched for",
        question=question,
        threshold=0.7,
        clear_below=0.4,  # a wavering answer rings once
        severity=Severity.WARNING,
    )
    with EventStore(f"sqlite:///{out / 'events.db'}") as store:
        source = FileSource(video, sample_fps=1.0)
        pipeline = Pipeline(sources=[source], model=model, rules=[rule], store=store, name="watch-file")
        found = pipeline.run()
        write_html(out / "report.html", Report.of(store, title=video.name, note=question))
    return found


def main() -> None:
    """Read the command line and print the events."""
    parser = argparse.ArgumentParser(description="Watch a video file for one thing.")
    parser.add_argument("video", type=Path)
    parser.add_argument("question")
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--out", type=Path, default=Path())
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for event in watch(given.video, given.question, VideoXL.from_pretrained(given.model), given.out):
        print(f"{event.start_s:7.1f} s to {event.end_s:7.1f} s: {event.answer} ({event.probability:.0%})")


if __name__ == "__main__":
    main()
