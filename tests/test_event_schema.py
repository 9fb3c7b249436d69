"""What was written as version 1 can be read for ever, and the committed schema says how it looks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.cli.calling import call
from videoxl_stream.events import Event, event_schema

ROOT = Path(__file__).parent.parent
FIXTURES = sorted((ROOT / "tests" / "fixtures" / "events" / "v1").glob("*.json"))
# As version 1 was first written. Whoever changes one of these needs version 2, and readers of both.
VERSION_1 = {
    "version": "integer",
    "id": "string",
    "revision": "integer",
    "status": "#/$defs/Status",
    "pipeline": "string",
    "stream_id": "string",
    "rule": "string",
    "severity": "#/$defs/Severity",
    "window": "integer",
    "start": "string",
    "end": "string",
    "start_s": "number",
    "end_s": "number",
    "question": "string",
    "answer": "string",
    "content": ["string", "null"],
    "probability": "number",
}


def kind(field: dict[str, Any]) -> object:
    options = [each["type"] for each in field.get("anyOf", [])]
    return options or field.get("type") or field["$ref"]


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_what_was_written_can_be_read(path: Path) -> None:
    written = json.loads(path.read_text(encoding="utf-8"))
    event = Event.model_validate_json(path.read_text(encoding="utf-8"))
    again = json.loads(event.model_dump_json())
    assert {name: again[name] for name in written} == written
    assert event.version == 1


def test_there_is_a_fixture_of_each_state() -> None:
    events = [Event.model_validate_json(path.read_text(encoding="utf-8")) for path in FIXTURES]
    assert {event.status for event in events} == {"opened", "updated", "closed"}
    assert {event.severity for event in events} == {"info", "warning", "critical"}


def test_the_committed_schema_is_that_of_the_code() -> None:
    committed = json.loads((ROOT / "docs" / "event.schema.json").read_text(encoding="utf-8"))
    assert committed == event_schema() == json.loads(call("events", "schema").stdout), (
        "write it anew: videoxl-stream events schema > docs/event.schema.json"
    )


def test_no_field_of_version_1_changes() -> None:
    schema = event_schema()
    assert {name: kind(field) for name, field in schema["properties"].items()} == VERSION_1
    assert schema["properties"]["version"]["const"] == 1
    assert set(schema["required"]) == set(VERSION_1) - {"version", "revision", "content"}  # these have defaults
    assert schema["$defs"]["Status"]["enum"] == ["opened", "updated", "closed"]
    assert schema["$defs"]["Severity"]["enum"] == ["info", "warning", "critical"]


@pytest.mark.parametrize("name", sorted(set(VERSION_1) - {"version", "revision", "content"}))
def test_a_field_that_is_renamed_breaks_what_was_written(name: str) -> None:
    written = json.loads(FIXTURES[0].read_text(encoding="utf-8"))
    written[f"{name}_renamed"] = written.pop(name)
    with pytest.raises(ValidationError):
        Event.model_validate(written)
