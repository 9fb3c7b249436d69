"""Every example runs as its first lines say, on footage of a few seconds."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.calling import call
from tests.connectors.clips import every, write_video
from videoxl_stream.events import ExhibitKind
from videoxl_stream.pipelines.embedded_rules import QUESTIONS
from videoxl_stream.queries import Span
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ScriptedModel

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples").iterdir() if path.suffix in {".py", ".yaml"})
DOOR = "Is the door open?"
MODEL = ScriptedModel({DOOR: [Span(20, 24)], **{QUESTIONS[kind]: [Span(8, 16)] for kind in ("fire", "intrusion")}})


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as ``make demo`` leaves it, with thirty seconds at two frames a second."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "demo").mkdir()
    write_video(tmp_path / "demo" / "site-38.mp4", every(500, 60))
    return tmp_path


def example(name: str, function: str) -> Callable[..., Any]:
    return runpy.run_path(str(ROOT / "examples" / name))[function]  # type: ignore[no-any-return]


def command(path: Path) -> list[str]:
    """The first command that an example's own text gives."""
    [line, *_] = re.findall(r"^(?:#  | {4})\s*(.*examples/.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return shlex.split(line)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_its_command_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, *arguments = command(path)
    if program == "videoxl-stream":
        told = call(*(argument.replace("examples/", f"{ROOT}/examples/") for argument in arguments))
        assert told.exit_code == 0, told.output
        assert "gate" in told.stdout
        return
    assert (program, arguments[0]) == ("python", f"examples/{path.name}")
    monkeypatch.setattr(sys, "argv", arguments)
    runpy.run_path(str(path), run_name="__main__")


def test_all_are_short_and_listed() -> None:
    table = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[(.*?)\]\((.*?)\)", table, re.MULTILINE) == [
        (name, name) for name in re.findall(r"^\| \[(.*?)\]", table, re.MULTILINE)
    ]
    assert sorted(re.findall(r"^\| \[(.*?)\]", table, re.MULTILINE)) == [path.name for path in EXAMPLES]
    assert {path.name: num for path in EXAMPLES if (num := len(path.read_text().splitlines())) >= 70} == {}


def test_a_site_is_the_same_in_python_and_in_yaml(place: Path) -> None:
    found = []
    for definition in ("site.py:pipeline", "site.yaml"):
        assert call("run", f"{ROOT}/examples/{definition}").exit_code == 0
        with EventStore("sqlite:///events.db", create=False) as store:
            found.append((store.events(), store.exhibits()))
        (place / "events.db").unlink()
    assert found[0] == found[1]
    assert {event.rule for event in found[0][0]} == {"count"}
    assert {exhibit.kind for exhibit in found[0][1]} == set(ExhibitKind)


def test_a_file_is_watched_and_reported(place: Path) -> None:
    watch_file = example("watch_file.py", "watch_file")
    [event] = watch_file(place / "demo" / "site-38.mp4", DOOR, place, MODEL)
    assert (event.start_s, event.end_s) == (20, 24)
    assert watch_file(place / "demo" / "site-38.mp4", DOOR, place, MODEL) == [event]
    with EventStore(f"sqlite:///{place / 'events.db'}", create=False) as store:
        assert store.events() == [event]
        [clip] = store.exhibits(event_id=event.id, kind=ExhibitKind.CLIP)
    page = (place / "report.html").read_text(encoding="utf-8")
    assert DOOR in page
    assert clip.path in page


def test_the_memory_is_asked_about_any_moment() -> None:
    answers = list(example("ask_memory.py", "answers")("demo/site-38.mp4", DOOR, 10.0, MODEL))
    assert [(span.start_s, answer, round(fire, 1)) for span, answer, fire in answers] == [
        (0, "no (10%)", 0.9),
        (10, "no (10%)", 0.9),
        (20, "yes (90%)", 0.1),
    ]


def test_a_sink_of_ones_own_is_told(place: Path) -> None:
    example("own_sink.py", "watch_into")(place / "out.jsonl", "demo/site-38.mp4", MODEL)
    lines = [json.loads(line) for line in (place / "out.jsonl").read_text().splitlines()]
    assert [(line["rule"], line["status"]) for line in lines] == [
        ("fire", "opened"),
        ("fire", "updated"),
        ("fire", "closed"),
    ]


def test_a_source_of_ones_own_is_resumed() -> None:
    source = example("own_source.py", "Ball")(10.0)
    opened = source.open()
    frames = [opened.read(1.0) for _ in range(6)]
    resumed, again = source.open(opened.position()).read(1.0), opened.read(1.0)
    assert (resumed.index, resumed.time_s, resumed.utc) == (again.index, again.time_s, again.utc)
    assert (resumed.image == again.image).all()
    assert not (resumed.image == frames[0].image).all()


def test_zones_are_drawn_and_masks_hide(place: Path) -> None:
    [event] = example("zones_and_masks.py", "guard")("demo/site-38.mp4", place, MODEL)
    assert (event.stream_id, event.rule, event.start_s, event.end_s) == ("gate", "intrusion", 8, 16)
    with EventStore(f"sqlite:///{place / 'events.db'}", create=False) as store:
        [picture] = store.exhibits(event_id=event.id, kind=ExhibitKind.PICTURE)
    shown = np.asarray(Image.open(place / "evidence" / picture.path)).astype(int)
    height, width, _ = shown.shape
    assert np.abs(shown[: height // 5, : width // 5] - 128).max() < 12  # under the mask
    assert shown[: height // 5, width // 2 :].max() < 100
    zone = shown[int(height * 0.6) :, int(width * 0.55) :]
    assert (zone[..., 0] - zone[..., 2]).max() > 80  # its yellow outline
