"""The demo's command: what it writes agrees with what it shows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from videoxl_stream.cli import app
from videoxl_stream.evaluation.scoreboard import GROUPS
from videoxl_stream.evaluation.trial import WAYS
from videoxl_stream.events import Status
from videoxl_stream.store import EventStore
from videoxl_stream.training.footage.clips import Truth, truth_path


def test_the_demo_agrees_with_itself_and_can_be_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    out = tmp_path / "demo"
    (out / "evidence" / "demo").mkdir(parents=True)
    for name in ("summary.json", "events.db", "site-3.mp4", "evidence/demo/old.jpg"):
        (out / name).write_text("of an earlier run")
    (out / "notes.txt").write_text("of the user")
    result = CliRunner().invoke(app, ["demo", "--out", str(out), "--seconds", "30", "--seed", "10"])
    assert result.exit_code == 0, result.output

    summary = json.loads((out / "summary.json").read_text())
    with EventStore(f"sqlite:///{out / 'events.db'}", create=False) as store:
        events, exhibits = store.events(), store.exhibits()
    page = (out / "report.html").read_text()
    truths = [Truth.load(truth_path(out / f"{style}-10.mp4")) for style in ("site", "channel")]
    assert summary["found"] == len(events) > 0
    assert summary["true"] == sum(len(truth.occurrences) for truth in truths) > 0
    assert summary["found"] == summary["ways"]["model"]["all"]["found"]
    assert set(summary["ways"]) == set(WAYS)
    assert all(set(rows) == set(GROUPS) for rows in summary["ways"].values())
    assert all(event.status == Status.CLOSED for event in events)
    assert {shown.event_id for shown in exhibits if shown.event_id} == {event.id for event in events}
    assert all((out / "evidence" / shown.path).is_file() for shown in exhibits)
    assert "true" in page
    assert all(event.rule in page for event in events)
    assert (summary["seeds"], summary["footage_s"]) == ([10], {"site-10": 30.0, "channel-10": 30.0})
    assert summary["seconds"]["total"] > 0
    total = next(line for line in result.output.splitlines() if re.match(r"\s*all\s", line))
    assert [int(cell) for cell in total.split()[1:4]] == [summary[name] for name in ("true", "found", "matched")]
    assert not (out / "site-3.mp4").exists()
    assert not (out / "evidence" / "demo" / "old.jpg").exists()
    assert (out / "notes.txt").read_text() == "of the user"
    assert "Loading weights" not in result.output + result.stderr
