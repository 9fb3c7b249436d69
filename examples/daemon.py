"""A site that runs for months, in Python: cameras, durable memory, events handed on, health pages.

    python examples/daemon.py demo/site-38.mp4

Give ``rtsp://user:password@camera/stream`` for a camera. Ctrl-C or SIGTERM ends it; started again, it goes on from the
last chunk of memory. docs/daemon.md has the same as a YAML file.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from videoxl_stream import Daemon, Delivery, Durability, EventStore, Evidence, Health, Pipeline, Retention
from videoxl_stream.connectors import open_sink
from videoxl_stream.names import EMBEDDED, Model, find_rules, find_sources, load_model

KEPT = Retention(events=timedelta(days=90), budget_bytes=20 * 2**30)


def watch_on(urls: list[str], folder: Path, model: Model = EMBEDDED) -> None:
    """Watch until told to stop, or until there is no more."""
    folder.mkdir(exist_ok=True)
    with EventStore(f"sqlite:///{folder}/events.db") as store:
        pipeline = Pipeline(
            sources=find_sources(urls, model=model),
            model=load_model(model),
            rules=find_rules(["fire", "intrusion"], model),
            store=store,
            budget=4096,  # a quarter of an hour, however long the stream
            evidence=Evidence(folder / "evidence"),
            durability=Durability(folder / "memory"),
            outbox=["log"],  # every event waits there until the sink of this name has taken it
        )
        evidence = folder / "evidence"
        Daemon(
            pipeline,
            delivery=Delivery(store, {"log": open_sink(folder / "events.jsonl")}),
            upkeep=lambda: print(store.apply(KEPT, evidence if evidence.is_dir() else None, datetime.now(UTC))),
            health=Health(port=0),  # any that is free, which the log says; give your monitor a fixed one
        ).run()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    watch_on(sys.argv[1:], Path("live"))
