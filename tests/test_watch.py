from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

import videoxl_stream.watching
from tests.connectors.clips import every, write_video
from videoxl_stream import ConfigError, Event, EventStore, FileSource, Rule, SourceOpenError, VideoXL, watch
from videoxl_stream.events import ExhibitKind
from videoxl_stream.model.weights import embedded_path
from videoxl_stream.names import Where, find_rules, find_sources, is_embedded, known_rules, usual_fps
from videoxl_stream.pipelines.embedded_rules import QUESTIONS
from videoxl_stream.queries import Span
from videoxl_stream.testing import ScriptedModel, ScriptedSource

ROOT = Path(__file__).parent.parent
DOOR = "Is the back door open?"
MODEL = ScriptedModel({DOOR: [Span(20, 24)]})


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of forty seconds at two frames a second, grey as the second."""
    folder = tmp_path_factory.mktemp("footage")
    for name in ("hall", "yard"):
        write_video(folder / f"{name}.mp4", every(500, 80))
    return folder


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'events.db'}"


def test_a_question_about_a_file(footage: Path, url: str, tmp_path: Path) -> None:
    found = list(watch(footage / "hall.mp4", DOOR, model=MODEL, events=url, evidence=tmp_path / "proof"))
    assert [(event.rule, event.stream_id, event.status) for event in found] == [
        ("is-the-back-door-open", "hall", "opened"),
        ("is-the-back-door-open", "hall", "closed"),
    ]
    assert (found[-1].start_s, found[-1].end_s) == (20, 24)
    with EventStore(url, create=False) as store:
        assert store.events() == [found[-1]]
        kinds = {exhibit.kind for exhibit in store.exhibits(event_id=found[-1].id)}
    assert kinds == {ExhibitKind.CLIP, ExhibitKind.PICTURE}


def test_events_can_be_kept_nowhere_or_in_an_open_store(footage: Path, url: str) -> None:
    [_, gone] = watch(footage / "hall.mp4", DOOR, model=MODEL, events=None)
    with EventStore(url) as store:
        [_, kept] = watch(footage / "hall.mp4", DOOR, model=MODEL, events=store)
        assert store.events() == [kept] == [gone]


def test_whoever_stops_listening_loses_nothing(footage: Path, url: str, tmp_path: Path) -> None:
    watching = watch(footage / "hall.mp4", DOOR, model=MODEL, events=url, evidence=tmp_path / "proof")
    opened = next(watching)
    watching.close()
    with EventStore(url, create=False) as store:
        assert store.events() == [opened]
        kinds = {exhibit.kind for exhibit in store.exhibits(event_id=opened.id)}
    assert kinds == {ExhibitKind.CLIP, ExhibitKind.PICTURE}


def test_the_embedded_model_is_known_however_it_was_loaded() -> None:
    loaded = VideoXL.from_pretrained("embedded")
    for model in (loaded, embedded_path(), str(embedded_path())):
        assert (usual_fps(model), find_rules("fire", model)) == (2.0, find_rules("fire", "embedded"))
    assert not is_embedded(MODEL)


def test_it_goes_on_where_it_stopped(footage: Path, url: str) -> None:
    first = watch(footage / "hall.mp4", DOOR, model=MODEL, events=url)
    opened = next(first)
    first.close()
    rest = list(watch(footage / "hall.mp4", DOOR, model=MODEL, events=url, resume=True))
    assert [event.status for event in rest] == ["closed"]
    assert rest[0].id == opened.id


@pytest.mark.parametrize(
    ("given", "streams"),
    [
        ("{folder}/hall.mp4", ["hall"]),
        ("file://{folder}/hall.mp4", ["hall"]),
        ("{folder}", ["footage0"]),
        ("{folder}/*.mp4", ["footage0"]),
        (["{folder}/hall.mp4", "{folder}/yard.mp4"], ["hall", "yard"]),
        ({"in": "{folder}/hall.mp4", "out": "{folder}/hall.mp4"}, ["in", "out"]),
    ],
)
def test_sources_are_found(footage: Path, given: str | list[str] | dict[str, str], streams: list[str]) -> None:
    where: str | Iterable[str] | Mapping[str, str]
    if isinstance(given, str):
        where = given.format(folder=footage)
    elif isinstance(given, list):
        where = [each.format(folder=footage) for each in given]
    else:
        where = {name: each.format(folder=footage) for name, each in given.items()}
    assert [source.stream_id for source in find_sources(where)] == streams


def test_sources_may_be_ones_own(footage: Path) -> None:
    own: list[Where] = [ScriptedSource([0.0]), FileSource(footage / "hall.mp4")]
    assert find_sources(own) == own
    assert find_sources(own[0]) == own[:1]
    assert find_sources({"scripted": own[0]}) == own[:1]


@pytest.mark.parametrize(
    ("sample_fps", "model", "expected"),
    [
        (None, "embedded", 2.0),
        (None, "weights", 1.0),
        (None, MODEL, 1.0),
        ("all", MODEL, None),
        ("keyframes", MODEL, "keyframes"),
        (5.0, "embedded", 5.0),
    ],
)
def test_sampling_fits_the_model(footage: Path, sample_fps: object, model: object, expected: object) -> None:
    [source] = find_sources(footage / "hall.mp4", sample_fps=sample_fps, model=model)  # type: ignore[arg-type]
    assert isinstance(source, FileSource)
    assert source.sample_fps == expected


def test_every_known_name_gives_a_rule_of_that_name() -> None:
    for model in ("embedded", MODEL):
        known = list(known_rules(model))
        assert [rule.name for rule in find_rules(known, model)] == known
        assert {*QUESTIONS, "summary", "count"} <= set(known)


def test_rules_of_the_embedded_model_are_those_it_was_measured_with() -> None:
    [taught] = find_rules("fire", "embedded")
    [other] = find_rules(["fire"], MODEL)
    [phrased] = find_rules("Is something burning?", "embedded")
    assert taught.question == other.question
    assert (taught.hold_s, taught.look_back_s) != (other.hold_s, other.look_back_s)
    assert (phrased.threshold, phrased.look_back_s, phrased.name) == (
        taught.threshold,
        taught.look_back_s,
        "is-something-burning",
    )


def test_what_lasts_is_asked_so_by_every_model() -> None:
    [rule] = find_rules("abandoned", MODEL)
    assert (rule.locates, rule.look_back_s, rule.min_footage_s) == (False, 60, 60)


def test_rules_may_be_ones_own() -> None:
    rule = Rule(name="x", question="Is it?")
    assert find_rules(rule, MODEL) == find_rules([rule], "embedded") == [rule]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Is there a red car?", "is-there-a-red-car"),
        ("Есть кто-нибудь?", "есть-кто-нибудь"),
        ("???", "question"),
        ("Is " + "very " * 50 + "long?", "is-" + "-".join(["very"] * 11) + "-ve"),
    ],
)
def test_a_question_names_its_rule(text: str, name: str) -> None:
    [rule] = find_rules(text, MODEL)
    assert (rule.name, rule.question) == (name, text)


@pytest.mark.parametrize(
    ("source", "rules", "options", "complaint"),
    [
        ("hall.mp4", ["fier"], {}, "did you mean 'fire'"),
        ("hall.mp4", "anomaly", {}, "known here are intrusion, fire"),
        ("hall.mp4", "Is there a red car?", {}, "never taught"),
        ("hall.mp4", "Is something burnin?", {}, "did you mean 'Is something burning?'"),
        ("hall.mp4", ["fire", "fire"], {}, "several rules are called"),
        ("hall.mp4", [], {}, "nothing to watch"),
        ([], "fire", {}, "nothing to watch"),
        ("hall.mp4", "fire", {"model": "embeded"}, "did you mean 'embedded'"),
        ("hall.mp4", "fire", {"model": Path("weights")}, "no model 'weights'"),
        ("hall.mp4", Rule(name="x", question="x?", schedule="often"), {}, "no crontab"),
        ("hall.mp4", "fire", {"sample_fps": -1}, "sample_fps"),
        (["hall.mp4", "hall.mp4"], "fire", {}, "give a mapping"),
        ("rtps://camera/1", "fire", {}, "no source for rtps"),
        (ScriptedSource([]), "fire", {"sample_fps": 2.0}, "leave sample_fps"),
        ({"gate": ScriptedSource([])}, "fire", {}, "a name of its own"),
    ],
)
def test_what_cannot_work_is_said_at_once(
    footage: Path, monkeypatch: pytest.MonkeyPatch, source: Where, rules: str, options: dict[str, str], complaint: str
) -> None:
    monkeypatch.chdir(footage)
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        watch(source, rules, **options)  # type: ignore[arg-type]


def test_a_missing_file_is_said_before_anything_heavy_is_loaded(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom videoxl_stream import SourceOpenError, watch\n"
        "try:\n    watch('nowhere.mp4', 'fire')\nexcept SourceOpenError as e:\n    print(e)\n"
        "sys.exit('torch' in sys.modules)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "there is no file nowhere.mp4" in done.stdout
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SourceOpenError, match="no video in"):
        watch(tmp_path, "fire")


def test_the_package_gives_the_function_whatever_was_imported_before() -> None:
    assert callable(watch)
    assert watch is videoxl_stream.watching.watch


def test_an_event_is_a_line(footage: Path) -> None:
    [opened, closed] = watch(ScriptedSource([float(s) for s in range(40)]), DOOR, model=MODEL, events=None)
    assert str(opened) == "2026-01-01 00:00:20 scripted is-the-back-door-open opened 90%"
    assert str(closed) == "2026-01-01 00:00:24 scripted is-the-back-door-open closed 90%"
    said = Event.model_validate({**closed.model_dump(), "content": "a door", "end": closed.end + timedelta(days=1)})
    assert str(said).endswith("01-02 00:00:24 scripted is-the-back-door-open closed 90%: a door")
