"""Watch all streams of a topic of Kafka, and write what is found to another.

    python examples/kafka_frames.py localhost:9092 frames events --seconds 2

Send footage with: videoxl-stream frames produce gate.mp4 --to kafka://localhost:9092/frames
"""

from __future__ import annotations

import argparse
import time
from contextlib import closing

from videoxl_stream import Delivery, EventStore, KafkaEventSink, KafkaSource, Pipeline
from videoxl_stream.names import EMBEDDED, Model, find_rules, load_model


def watch_topic(servers: str, frames: str, events: str, *, seconds: float, model: Model = EMBEDDED) -> int:
    """Watch for a while, resumed where an earlier run stopped; say how many frames were seen."""
    sinks = {"kafka": KafkaEventSink(servers, events)}
    with EventStore("sqlite:///kafka_events.db") as store, closing(Delivery(store, sinks)) as delivery:
        delivery.start()
        pipeline = Pipeline(
            sources=[],
            feeds=[KafkaSource(servers, frames, group="example")],
            model=load_model(model),
            rules=find_rules(["fire", "fall"], model),
            store=store,
            outbox=list(sinks),  # kept until the broker has them, whatever fails
        )
        with pipeline:
            pipeline.open(resume=True)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                if found := pipeline.step():
                    delivery.wake()
                    print(*found, sep="\n")
            return sum(counts.read for counts in pipeline.counts.values())


def main() -> None:
    """Read the command line and watch."""
    parser = argparse.ArgumentParser(description="Watch a topic.")
    parser.add_argument("servers", help="host:port of one broker or several, with commas between")
    parser.add_argument("frames", help="topic to read")
    parser.add_argument("events", help="topic to write")
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    print(watch_topic(given.servers, given.frames, given.events, seconds=given.seconds), "frames seen")


if __name__ == "__main__":
    main()
