"""Receive events from a topic of Kafka, each once, and do something about the loud ones.

    python examples/kafka_consumer.py localhost:9092 events --seconds 2

An event counts as done when the loop asks for the next one; if this program dies before, the event comes again.
"""

from __future__ import annotations

import argparse
import time

from videoxl_stream import Event, EventConsumer, Severity


def handle(event: Event) -> str:
    """Say what is to be done; the same event may come twice after a crash, with the same id and revision."""
    if event.severity == Severity.CRITICAL and event.status == "opened":
        return f"ALARM {event}"
    return f"note {event}"


def receive(servers: str, topic: str, *, group: str, seconds: float) -> list[str]:
    """Receive for a while; without an end of one's own it is ``for event in events``."""
    told = []
    with EventConsumer(servers, topic, group=group) as events:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for event in events.poll(timeout_s=0.5):
                told.append(handle(event))
                print(told[-1])
        print(f"{events.counts.given} events, {events.counts.repeated} repeated; {events.connection.reason or 'up'}")
    return told


def main() -> None:
    """Read the command line and receive."""
    parser = argparse.ArgumentParser(description="Receive events.")
    parser.add_argument("servers", help="host:port of one broker or several, with commas between")
    parser.add_argument("topic")
    parser.add_argument("--group", default="alarms", help="readers of one group share the events")
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    receive(given.servers, given.topic, group=given.group, seconds=given.seconds)


if __name__ == "__main__":
    main()
