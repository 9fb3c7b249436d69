from __future__ import annotations

import json
import re
from dataclasses import fields
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.cli.calling import call
from tests.connectors.clips import every, write_video
from videoxl_stream import (
    ConfigError,
    Event,
    EventStore,
    Evidence,
    FileSource,
    MotionGate,
    Pipeline,
    Regions,
    Rule,
    Site,
    SourceOpenError,
    StoreError,
    Zone,
)
from videoxl_stream.buffer import BufferLimits
from videoxl_stream.config import json_schema
from videoxl_stream.config.parts import WatchedRule
from videoxl_stream.events import Severity
from videoxl_stream.names import find_rules
from videoxl_stream.queries import Span
from videoxl_stream.store import Retention
from videoxl_stream.testing import ScriptedModel

ROOT = Path(__file__).parent.parent
START = datetime(2026, 1, 1, 8, tzinfo=UTC)
WHOLE = """
name: yard
model: embedded
ratio: 8
budget: 1000
system: You watch.
events: ${STORE}
evidence: {folder: "${FOLDER}", pre_roll_s: 2, post_roll_s: 1.5, thumbnails: false}
retention: {events_days: 30, severities_days: {critical: 365}, rules_days: {door: 1.5}, budget_bytes: 20GB}
gate: {threshold: 2}
limits: {max_s: 30, policy: wait}
sources:
  - hall.mp4
  - url: ${CAMERAS}/hall.mp4
    stream_id: gate
    sample_fps: 2
    start: 2026-01-01T08:00:00Z
    zones: [{name: door, corners: [[0, 0], [1, 0], [1, 1]], colour: [255, 0, 0]}]
    masks: [[[0, 0], [0.5, 0], [0.5, 0.5]]]
rules:
  - fire
  - Is something burning?
  - {use: fall, threshold: 0.75, every_s: 10}
  - name: door
    question: Is the door open?
    answers: [yes, no, ajar]
    alarm: yes
    crontab: 0 8 * * *
    quiet: [[22:00, 06:30]]
    calibration: [2, 0.5]
    resolution_s: null
    severity: critical
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place where it all runs: one video of forty seconds at two frames a second."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("FOLDER", "proof")
    monkeypatch.setenv("CAMERAS", str(tmp_path))
    monkeypatch.setenv("STORE", f"sqlite:///{tmp_path / 'site.db'}")
    write_video(tmp_path / "hall.mp4", every(500, 80))
    return tmp_path


def site(folder: Path, text: str) -> Path:
    path = folder / "site.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def in_python(store: EventStore, model: ScriptedModel) -> Pipeline:
    [fire, burning, fall] = find_rules(["fire", "Is something burning?", "fall"], "embedded")
    door = Rule(
        name="door",
        question="Is the door open?",
        answers=("yes", "no", "ajar"),
        schedule="0 8 * * *",
        quiet=((time(22), time(6, 30)),),
        calibration=(2.0, 0.5),
        resolution_s=None,
        severity=Severity.CRITICAL,
    )
    fall = Rule(
        **{
            **{f.name: getattr(fall, f.name) for f in fields(fall)},
            "threshold": 0.75,
            "schedule": timedelta(seconds=10),
        }
    )
    zone = Zone("door", [(0, 0), (1, 0), (1, 1)], (255, 0, 0))
    return Pipeline(
        sources=[
            FileSource("hall.mp4", sample_fps=2),
            FileSource(Path.cwd() / "hall.mp4", sample_fps=2, stream_id="gate", start=START),
        ],
        model=model,
        rules=[fire, burning, fall, door],
        store=store,
        name="yard",
        system="You watch.",
        ratio=8,
        budget=1000,
        limits=BufferLimits(max_s=30),
        regions={"gate": Regions([zone], [[(0, 0), (0.5, 0), (0.5, 0.5)]])},
        gate=MotionGate(threshold=2),
        evidence=Evidence("python", pre_roll_s=2, post_roll_s=1.5, thumbnails=False),
    )


class Watched(ScriptedModel):
    """Writes down with what memories are opened, and what is shown."""

    def __init__(self) -> None:
        truth = {"Is there a fire?": [Span(10, 20)], "Is the door open?": [Span(0, 40)]}
        super().__init__(truth, window_frames=10, sure=0.99999)
        self.opened: list[dict[str, Any]] = []
        self.pixels = 0

    def open_memory(self, **asked: Any) -> Any:
        self.opened.append(asked)
        return super().open_memory(**asked)

    def append(self, memory: Any, frames: Any, timestamps: Any) -> None:
        self.pixels += sum(int(frame.sum()) for frame in frames)
        super().append(memory, frames, timestamps)


def outcome(pipeline: Pipeline, model: Watched, folder: Path) -> tuple[Any, ...]:
    """Everything that can be seen of a pipeline and its run."""
    found = pipeline.run()
    sources = [vars(source) for source in pipeline.sources]
    proof = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return pipeline.name, pipeline.rules, sources, pipeline.counts, found, model.opened, model.pixels, proof


def test_yaml_and_python_give_the_same_pipeline(folder: Path) -> None:
    seen, meant = Watched(), Watched()
    described = Site.from_yaml(site(folder, WHOLE)).pipeline(model=seen)
    with EventStore("sqlite://") as store, described.store:
        ours = outcome(described, seen, folder / "proof")
        theirs = outcome(in_python(store, meant), meant, folder / "python")
        assert described.store.name == f"sqlite:///{folder / 'site.db'}"
    assert ours == theirs
    assert {event.rule for event in ours[4]} == {"fire", "door"}
    assert ours[-1]


def test_retention_says_how_long(folder: Path) -> None:
    kept = Site.from_yaml(site(folder, WHOLE)).retention.retention
    assert kept == Retention(
        events=timedelta(days=30),
        severities={Severity.CRITICAL: timedelta(days=365)},
        rules={"door": timedelta(days=1.5)},
        budget_bytes=20 * 10**9,
    )


def test_a_rule_in_yaml_has_every_field_of_a_rule() -> None:
    ours = {name: field.default for name, field in WatchedRule.model_fields.items()}
    theirs = {field.name: field.default for field in fields(Rule) if field.name not in {"name", "question", "schedule"}}
    assert {name: ours[name] for name in theirs} == theirs
    assert set(ours) - set(theirs) == {"use", "ask", "every_s", "crontab", "name", "question"}


@pytest.mark.parametrize("text", ["retention: {}\nrules: [fire]", "rules:\n- fire\n", '{"rules": [{"use": "fire"}]}'])
def test_little_need_be_said(folder: Path, text: str) -> None:
    assert Site.from_yaml(site(folder, text)) == Site.model_validate({"rules": ["fire"]})


@pytest.mark.parametrize(
    ("word", "meant"),
    [("yes", "yes"), ("off", "off"), ("22:00", "22:00"), ("2026-01-01", "2026-01-01"), ("1_000", "1_000"), ("~", None)],
)
def test_words_mean_what_they_say(folder: Path, word: str, meant: str | None) -> None:
    assert Site.from_yaml(site(folder, f"rules: [fire]\nsystem: {word}")).system == meant


def test_anchors_may_be_used(folder: Path) -> None:
    text = "rules: [&a {use: fire, hold_s: 1e1}, {<<: *a, use: fall}]"
    assert [rule.hold_s for rule in Site.from_yaml(site(folder, text)).rules] == [10, 10]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rules: [fire]\nretension: {}", "site.yaml:2: retension: there is no such field; did you mean 'retention'?"),
        ("rules: [fire]\ngate:\n  tresh: 1", "site.yaml:3: gate.tresh: there is no such field"),
        ("rules: [fire]\ngate:\n  threshold: -1", "site.yaml:3: gate: threshold is -1.0; give a number above 0"),
        ("rules: [fire]\nevidence: {}", "site.yaml:2: evidence.folder: this is missing"),
        ("rules:\n- fire\n- {use: fall, hold_s: long}", "site.yaml:3: rules.1.hold_s: Input should be a valid number"),
        ("rules:\n- {use: fall, ask: 'Is it?'}", "rules.0: give a ready-made rule to use, a question to ask, or"),
        ("rules:\n- {name: x}", "rules.0: give a ready-made rule to use, a question to ask, or"),
        ("rules:\n- {use: fall, every_s: 1, crontab: '* * * * *'}", "rules.0: give every_s or crontab, not both"),
        ("rules: []", "site.yaml:1: rules: give one at least"),
        ("name: x\nname: y", "site.yaml:2: 'name' stands here again; it was given in line 1 already"),
        ("rules: [fire", "site.yaml:1: expected ',' or ']'"),
        ("rules:\n- {ask: Is it?}", "perhaps with quotes around a text"),
        ("rules: fire", "site.yaml:1: rules: give a list"),
        ("a: " + "[" * 5000, "this is no YAML"),
        ("", "site.yaml:1: give fields with their values"),
        (
            "rules: [fire]\nsources:\n- url: x\n  zones: [{name: a, corners: [[0, 0]]}]",
            "sources.0.zones.0: zone 'a' has",
        ),
        (
            "rules: [fire]\nsources: [{url: x, start: 2026-01-01T00:00:00}]",
            "sources.0.start: Input should have timezone",
        ),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("rules: [fire]\nbudget: .inf", "budget: Input should be a valid integer"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(folder: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        Site.from_yaml(site(folder, text))


def test_all_that_is_wrong_is_said_at_once(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Site.from_yaml(site(folder, "rules: []\nbudget: 0\n"))
    assert str(caught.value).count("\n") == 1
    with pytest.raises(ConfigError) as other:
        Site.from_yaml(site(folder, "rules: [{use: fall, hold_s: long}]"))
    assert "\n" not in str(other.value)


def test_a_file_that_is_none() -> None:
    with pytest.raises(ConfigError, match=re.escape("nowhere.yaml cannot be read (No such file or directory)")):
        Site.from_yaml("nowhere.yaml")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rules: [fier]", "rules.0: no rule is called 'fier' (did you mean 'fire'?)"),
        ("rules:\n- fire\n- {use: fall, threshold: 2}", "site.yaml:4: rules.1: rule 'fall': threshold 2.0"),
        ("rules: [{use: fall, crontab: often}]", "rules.0: rule 'fall': 'often' is no crontab"),
        ("rules: [fire, {use: fire, hold_s: 3}]", "several rules are called fire"),
        ("rules: [fire]\nmodel: weights", "there is no model 'weights'"),
        ("rules: [fire]\nevidence: {folder: '${NOWHERE}'}", "the variable NOWHERE is not set"),
        ("rules: [fire]\nmodel: ${NOWHERE}", "the variable NOWHERE is not set"),
        ("rules: [fire]\nevents: sqlite:///${NOWHERE}/events.db", "the variable NOWHERE is not set"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_loaded(folder: Path, text: str, complaint: str) -> None:
    path = site(folder, f"sources: [hall.mp4]\n{text}")
    result = call("config", "check", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr
    with pytest.raises(ConfigError):
        Site.from_yaml(path).pipeline()
    assert not (folder / "events.db").exists()


@pytest.mark.parametrize(
    ("source", "error", "complaint"),
    [
        ("nowhere.mp4", SourceOpenError, "sources.0: there is no file nowhere.mp4"),
        ("'${NOWHERE}/1'", ConfigError, "sources.0: the variable NOWHERE is not set"),
        ("{url: hall.mp4, zones: [&z {name: a, corners: [[0, 0], [1, 0], [1, 1]]}, *z]}", ConfigError, "come twice"),
        ("hall.mp4, hall.mp4", ConfigError, "several sources are called hall; give each a stream_id"),
    ],
)
def test_a_source_that_cannot_work(folder: Path, source: str, error: type[Exception], complaint: str) -> None:
    described = Site.from_yaml(site(folder, f"rules: [fire]\nsources: [{source}]\nevents: 'sqlite://'"))
    with pytest.raises(error, match=re.escape(complaint)):
        described.check()


def test_a_camera_is_given_the_time_that_is_said(folder: Path) -> None:
    camera = "sources: [{url: 'rtsp://gate/1', %s}]\nrules: [fire]"
    Site.from_yaml(site(folder, camera % "open_timeout_s: 2, stall_timeout_s: 1.5")).check()
    with pytest.raises(ConfigError, match="greater than 0"):
        Site.from_yaml(site(folder, camera % "stall_timeout_s: 0"))
    a_file = Site.from_yaml(site(folder, "sources: [{url: hall.mp4, open_timeout_s: 2}]\nrules: [fire]"))
    with pytest.raises((ConfigError, TypeError), match="open_timeout_s"):
        a_file.check()


def test_a_site_without_sources_cannot_run() -> None:
    with pytest.raises(ConfigError, match="there is no source"):
        Site.model_validate({"rules": ["fire"]}).pipeline()


def test_a_store_that_cannot_be_opened(folder: Path) -> None:
    described = Site.from_yaml(site(folder, "rules: [fire]\nsources: [hall.mp4]\nevents: nonsense"))
    with pytest.raises(StoreError, match="URL cannot be read"):
        described.pipeline(model=ScriptedModel())


def test_credentials_are_not_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "hunter2")
    text = "rules: [fire]\nevents: postgresql://me:${PASSWORD}@db/x\nsources: ['gopher://me:${PASSWORD}@gate/1']"
    described = Site.from_yaml(site(folder, text))
    assert "hunter2" not in described.model_dump_json()
    with pytest.raises(ConfigError) as caught:
        described.check()
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigError) as other:
        Site.from_yaml(site(folder, "rules: [fire]\nsources: [{url: 'rtsp://me:hunter2@gate/1', fps: 1}]"))
    assert "hunter2" not in f"{other.value}{other.value.__cause__}"
    assert "hunter2" not in repr(
        Site.model_validate({"rules": ["fire"], "events": "x://me:hunter2@y", "sources": ["x://hunter2@z"]})
    )


def test_a_site_does_not_change() -> None:
    described = Site.model_validate({"rules": ["fire"]})
    with pytest.raises(ValidationError):
        described.name = "other"


def test_the_committed_schema_is_that_of_the_code() -> None:
    committed = json.loads((ROOT / "docs" / "pipeline.schema.json").read_text(encoding="utf-8"))
    assert committed == json_schema() == json.loads(call("config", "schema").stdout), (
        "write it anew: videoxl-stream config schema > docs/pipeline.schema.json"
    )


def test_the_schema_explains_every_field_and_allows_no_other() -> None:
    schema = json_schema()
    parts = [part for part in (schema, *schema["$defs"].values()) if part["type"] == "object"]
    assert len(parts) == 12
    assert all(part["additionalProperties"] is False for part in parts)
    unexplained = [name for part in parts for name, field in part["properties"].items() if not field["description"]]
    assert unexplained == []


def test_a_run_of_a_file_tells_what_it_does(folder: Path) -> None:
    path = site(folder, "rules: [fire]\nevents: ${STORE}\nevidence: {folder: '${FOLDER}'}\nsources: [hall.mp4]")
    result = call("run", path)
    assert result.exit_code == 0, result.output
    row = next(line for line in result.stdout.splitlines() if line.startswith("│ hall"))
    assert [cell.strip() for cell in row.strip("│").split("│")][:7] == ["hall", "0", "80", "80", "0", "0", "0"]
    assert "events are in sqlite:///" in result.stdout
    assert list((folder / "proof").rglob("*.jpg"))


def test_a_run_begins_with_what_is_too_old(folder: Path) -> None:
    source = "sources: [{url: hall.mp4, start: 2020-01-01T00:00:00Z}]"
    text = f"rules: [{{use: count, every_s: 20}}]\n{source}\nevents: ${{STORE}}\nretention: {{events_days: 30}}"
    path = site(folder, text)
    assert "deleted" not in call("run", path).stdout
    with EventStore(f"sqlite:///{folder / 'site.db'}") as store:
        found = store.events()
    assert found
    assert f"deleted, as retention says: {len(found)} events, 0B of evidence" in call("run", path).stdout


def test_options_change_a_file_for_once(folder: Path) -> None:
    path = site(folder, "rules: [fire]\nsources: [nowhere.mp4]\nevents: sqlite:///nowhere/events.db")
    result = call("run", path, "--source", "hall.mp4", "--events", "sqlite:///here.db")
    assert result.exit_code == 0, result.output
    assert (folder / "here.db").exists()
    (folder / "my.py").write_text("")
    refused = call("run", "my.py:pipeline", "--source", "hall.mp4")
    assert "leave --source out" in refused.stderr


def test_check_says_that_all_is_well(folder: Path) -> None:
    result = call("config", "check", site(folder, WHOLE))
    assert (result.exit_code, result.stderr) == (0, "")
    assert "is fine: 2 sources, 4 rules" in result.stdout


def test_an_event_of_a_site_carries_its_name(folder: Path) -> None:
    described = Site.from_yaml(site(folder, WHOLE))
    with EventStore("sqlite://") as store:
        found: list[Event] = described.pipeline(model=Watched(), store=store).run()
    assert {event.pipeline for event in found} == {"yard"}
