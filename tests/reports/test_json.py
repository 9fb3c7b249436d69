from __future__ import annotations

import json
from pathlib import Path

from tests.reports.samples import NASTY, START, event, exhibit_of, gap, summary
from videoxl_stream.events import Event, Severity
from videoxl_stream.reports import Mark, Report, write_json


def test_programs_read_all_of_a_report(tmp_path: Path) -> None:
    found = [event(30, content=NASTY), event(90, rule="fall", severity=Severity.CRITICAL)]
    mark = Mark("gate", "fire", START, found[0].end, "true")
    report = Report.of_events([*found, gap(40, 20), summary(0, "Quiet.")], marks=[mark], timezone="Asia/Kolkata")
    report = report.model_copy(update={"exhibits": (exhibit_of(found[0]),)})
    data = json.loads(write_json(tmp_path / "r.json", report).read_text(encoding="utf-8"))
    assert (data["version"], data["timezone"]) == (1, "Asia/Kolkata")
    assert [Event.model_validate(each) for each in data["events"]] == found
    assert [each["content"] for each in data["summaries"]] == ["Quiet."]
    assert data["rules"][0] == {
        "rule": "fall",
        "total": 1,
        "severities": {"critical": 1, "warning": 0, "info": 0},
        "going_on": 0,
        "total_s": 10.0,
        "longest_s": 10.0,
    }
    assert data["exhibits"][0]["path"] == exhibit_of(found[0]).path
    assert data["marks"][0]["label"] == "true"
    assert [(each["gaps"], each["missing_s"]) for each in data["streams"]] == [(1, 20.0)]


def test_the_schema_names_every_field() -> None:
    schema = Report.model_json_schema(mode="serialization")
    data = json.loads(Report.of_events([event(0)]).model_dump_json())
    assert set(data) == set(schema["properties"]) == set(schema["required"]) | set(data)
    assert schema["properties"]["version"]["const"] == 1
