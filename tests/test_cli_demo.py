"""The demo command leaves files that agree with one another and with the screen."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from videoxl_stream.cli import app
from videoxl_stream.events import Status
from videoxl_stream.store import EventStore
from videoxl_stream.training.footage.clips import Truth, truth_path


def test_the_demo_agrees_with_itself_and_can_be_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    out = tmp_path / "demo"
    out.mkdir()
    (out / "summary.json").write_text("of an earlier run")
    (out / "events.db").write_text("of an earlier run")
    (out / "notes.txt").write_text("of the user")
    result = CliRunner().invoke(app, ["demo", "--out", str(out), "--seconds", "30", "--seed", "3", "--seed", "10"])
    assert result.exit_code == 0, result.output

    summary = json.loads((out / "summary.json").read_text())
    with EventStore(f"sqlite:///{out / 'events.db'}", create=False) as store:
        events = store.events()
    page = (out / "report.html").read_text()
    truths = [Truth.load(truth_path(out / f"{style}.mp4")) for style in ("site", "channel")]
    assert summary["found"] == len(events) > 0
    assert summary["true"] == sum(len(truth.occurrences) for truth in truths) > 0
    assert sorted(re.findall(r'<tr id="(\w+)"', page)) == sorted(event.id for event in events)
    assert page.count("data:image/jpeg") == len(events)
    assert page.count('<rect class="mark"') == summary["true"]
    assert summary["found"] == sum(counts["found"] for counts in summary["kinds"].values())
    assert all(event.status == Status.CLOSED for event in events)
    assert all(event.answer.startswith("yes, ") for event in events if event.rule == "ad")
    assert (summary["seed"], summary["footage_s"]) == (3, {"site": 30.0, "channel": 30.0})
    assert summary["seconds"]["total"] > 0
    total = next(line for line in result.output.splitlines() if "│ all" in line)
    numbers = [summary[name] for name in ("true", "found", "matched")]
    assert [int(cell) for cell in re.findall(r"│ (\d+) ", total)] == numbers
    assert (out / "notes.txt").read_text() == "of the user"
    assert "Loading weights" not in result.output + result.stderr
