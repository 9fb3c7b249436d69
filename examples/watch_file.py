"""Watch a video file for one thing, store what is found with clips and pictures, and write a report.

    python examples/watch_file.py demo/site-38.mp4 "Is there a fire?"

Leaves events.db, the folder evidence and report.html in the folder given by --out (default: the current one). Run it
twice: the same events are found and nothing is stored twice. --model takes a folder with Video-XL's weights instead of
the small model that comes along.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from videoxl_stream import Event, EventStore, Evidence, watch
from videoxl_stream.names import EMBEDDED, Model
from videoxl_stream.reports import Report, write_html


def watch_file(video: Path, question: str, out: Path, model: Model = EMBEDDED) -> list[Event]:
    """Ask the question about all of the video; the events found, in their final form."""
    evidence = Evidence(out / "evidence", pre_roll_s=2.0, post_roll_s=2.0)
    with EventStore(f"sqlite:///{out / 'events.db'}") as store:
        found = {event.id: event for event in watch(video, question, model=model, events=store, evidence=evidence)}
        report = Report.of(store, title=video.name, note=question)
        write_html(out / "report.html", report, evidence=out / "evidence")
    return list(found.values())


def main() -> None:
    """Read the command line and print the events."""
    parser = argparse.ArgumentParser(description="Watch a video file for one thing.")
    parser.add_argument("video", type=Path)
    parser.add_argument("question")
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--out", type=Path, default=Path())
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for event in watch_file(given.video, given.question, given.out, given.model):
        print(f"{event.start_s:7.1f} s to {event.end_s:7.1f} s: {event.answer} ({event.probability:.0%})")


if __name__ == "__main__":
    main()
