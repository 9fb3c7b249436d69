from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.calling import call
from tests.connectors.clips import every, write_video
from videoxl_stream.errors import ConfigError
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.pipelines import ad_detection, daily_summary, surveillance
from videoxl_stream.pipelines.embedded_rules import QUESTIONS
from videoxl_stream.pipelines.ready_made import NAMES, path_of, ready_made
from videoxl_stream.queries import Span
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ScriptedModel, ScriptedSource

MODULES = {"surveillance": surveillance, "ad_detection": ad_detection, "daily_summary": daily_summary}
NIGHT = datetime(2026, 1, 1, 22, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ten seconds of footage, where everything is kept."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    write_video(tmp_path / "hall.mp4", every(500, 20))
    return tmp_path


def outcome(pipeline: Pipeline) -> dict[str, Any]:
    """Everything that can be seen of a pipeline and its run."""
    found = pipeline.run()
    proof = {path: path.read_bytes() for path in Path("evidence").rglob("*") if path.is_file()}
    return {
        "name": pipeline.name,
        "rules": pipeline.rules,
        "sources": [vars(source) for source in pipeline.sources],
        "counts": pipeline.counts,
        "found": found,
        "proof": proof,
    }


@pytest.mark.parametrize("name", NAMES)
def test_yaml_and_python_are_the_same(name: str) -> None:
    make: Callable[..., Pipeline] = getattr(MODULES[name], name)
    with EventStore("sqlite://") as ours, EventStore("sqlite://") as theirs:
        from_yaml = outcome(ready_made(name).changed(source=["hall.mp4"]).pipeline(store=ours))
        assert outcome(make("hall.mp4", theirs)) == from_yaml
    assert from_yaml["proof"]
    assert ready_made(name).retention.retention == MODULES[name].RETENTION
    assert ready_made(name).budget == MODULES[name].BUDGET


def test_a_ready_made_pipeline_runs_by_its_name(place: Path) -> None:
    told = call("run", "surveillance", "--source", "hall.mp4", "--events", "sqlite:///here.db")
    assert told.exit_code == 0, told.output
    assert (place / "here.db").exists()
    assert list((place / "evidence").rglob("*.jpg"))


def test_a_wrong_name_is_told() -> None:
    with pytest.raises(ConfigError, match="did you mean 'surveillance'"):
        ready_made("surveilance")
    assert "FILE.yaml, FILE.py:NAME, or one of" in call("run", "something").stderr


@pytest.mark.parametrize("name", NAMES)
def test_each_can_be_checked_and_needs_a_source(name: str) -> None:
    checked = call("config", "check", name)
    assert (checked.exit_code, str(path_of(name)) in checked.stdout) == (0, True)
    assert "there is no source" in call("run", name).stderr


def test_a_day_is_reported(place: Path) -> None:
    """From half past ten at night to half past two; a fire before midnight and one after."""
    model = ScriptedModel({QUESTIONS["fire"]: [Span(1800, 1860), Span(9000, 9060)]}, window_frames=10)
    source = ScriptedSource([float(at) for at in range(0, 4 * 3600, 6)], stream_id="gate", start=NIGHT)
    with EventStore("sqlite://") as store:
        daily_summary.daily_summary(source, store, model=model, rules="fire", evidence=None).run()
        hourly = store.events(rule="summary")
        assert [(event.end_s - event.start_s) for event in hourly[1:]] == [3600] * 3
        before = daily_summary.daily_report(store, date(2026, 1, 1), place / "before.html")
        after = daily_summary.daily_report(store, date(2026, 1, 2), place / "after.html", evidence="nowhere")
        east = daily_summary.daily_report(store, date(2026, 1, 2), place / "east.html", timezone="Asia/Tokyo")
        pages = {path.stem: path.read_text(encoding="utf-8") for path in (before, after, east)}
    assert {name: re.findall(r"<title>fire: ([^,]*),", page) for name, page in pages.items()} == {
        "before": ["2026-01-01 23:00:00"],
        "after": ["2026-01-02 01:00:00"],
        "east": ["2026-01-02 08:00:00", "2026-01-02 10:00:00"],
    }
    assert "Thursday, 2026-01-01" in pages["before"]
    assert pages["east"].count("no (10%)") == len(hourly) == 4


def test_a_day_needs_a_zone(place: Path) -> None:
    with EventStore("sqlite://") as store, pytest.raises(ConfigError, match="unknown timezone 'Mars'"):
        daily_summary.daily_report(store, date(2026, 1, 1), place / "x.html", timezone="Mars", pipeline=None)
