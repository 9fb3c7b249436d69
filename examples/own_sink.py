"""Hand events on to something of your own: here a file with one JSON document a line.

    python examples/own_sink.py demo/site-38.mp4 events.jsonl

A sink is anything with ``write(event)``; it is told after the event is stored. ``append`` could as well send a message.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from videoxl_stream import Event, EventStore, Pipeline, Severity
from videoxl_stream.names import EMBEDDED, Model, find_rules, find_sources, load_model


class JSONLines:
    """Writes each event, and each later revision of it, as a line; leaves out what is not loud enough."""

    def __init__(self, path: Path, least: Severity = Severity.INFO) -> None:
        self._path = path
        self._wanted = set(list(Severity)[list(Severity).index(least) :])

    def write(self, event: Event) -> None:
        """Append one event; after a restart one may come twice, with the same id and revision."""
        if event.severity in self._wanted:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(event.model_dump_json() + "\n")


def watch_into(out: Path, video: str, model: Model = EMBEDDED) -> None:
    """Watch for fire and falls, and write what is found."""
    with EventStore("sqlite://") as store:
        Pipeline(
            sources=find_sources(video, model=model),
            model=load_model(model),
            rules=find_rules(["fire", "fall"], model),
            store=store,
            sinks=[JSONLines(out, least=Severity.WARNING)],
        ).run()


def main() -> None:
    """Read the command line and watch."""
    parser = argparse.ArgumentParser(description="Write events as JSON lines.")
    parser.add_argument("video")
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    watch_into(given.out, given.video)


if __name__ == "__main__":
    main()
