"""Events for tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.connectors.kafka.footage import START
from videoxl_stream.events import Event, Severity, Status, event_id


def occurrence(number: int, revision: int = 0, **changes: Any) -> Event:
    at = START + timedelta(seconds=number)
    usual: dict[str, Any] = {
        "id": event_id("site", "gate", "fire", number),
        "revision": revision,
        "status": Status.OPENED,
        "pipeline": "site",
        "stream_id": "gate",
        "rule": "fire",
        "severity": Severity.CRITICAL,
        "window": number,
        "start": at,
        "end": at,
        "start_s": float(number),
        "end_s": float(number),
        "question": "Is there a fire?",
        "answer": "yes",
        "probability": 0.9,
    }
    return Event(**{**usual, **changes})
