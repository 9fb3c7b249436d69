"""Events and evidence to store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from videoxl_stream.events import Event, Exhibit, ExhibitKind, Severity, Status, event_id

START = datetime(2026, 1, 1, tzinfo=UTC)


def event(window: int = 0, revision: int = 0, **changes: object) -> Event:
    start_s = window * 10.0
    fields: dict[str, object] = {
        "id": event_id("site", str(changes.get("stream_id", "gate")), "fire", window),
        "revision": revision,
        "status": Status.OPENED if revision == 0 else Status.UPDATED,
        "pipeline": "site",
        "stream_id": "gate",
        "rule": "fire",
        "severity": Severity.WARNING,
        "window": window,
        "start": START + timedelta(seconds=start_s),
        "end": START + timedelta(seconds=start_s + 10 + revision),
        "start_s": start_s,
        "end_s": start_s + 10 + revision,
        "question": "Is there a fire?",
        "answer": "yes",
        "probability": 0.9,
    }
    return Event.model_validate(fields | changes)


def exhibit(
    window: int = 0,
    kind: ExhibitKind = ExhibitKind.CLIP,
    *,
    stream_id: str = "gate",
    num_bytes: int = 100,
    **changes: object,
) -> Exhibit:
    """The file of one window's event, or thumbnail, of ten seconds."""
    start_s = window * 10.0
    fields: dict[str, object] = {
        "path": f"{stream_id}/{kind}/{window:04}.bin",
        "kind": kind,
        "pipeline": "site",
        "stream_id": stream_id,
        "event_id": None if kind == ExhibitKind.THUMBNAIL else event(window, stream_id=stream_id).id,
        "start": START + timedelta(seconds=start_s),
        "end": START + timedelta(seconds=start_s + 10),
        "start_s": start_s,
        "end_s": start_s + 10,
        "num_bytes": 100,
    }
    return Exhibit.model_validate(fields | changes)
