from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.cli.calling import call
from tests.cli.interrupt import interrupted, running
from videoxl_stream.events import Event

SITE = """
from neighbour import question
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.queries import Span
from videoxl_stream.rules import Rule
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ScriptedModel, ScriptedSource
from videoxl_stream.errors import SourceReadError

model = ScriptedModel({{question: [Span(9, 14)]}})

def make(script=range(30)):
    return Pipeline(
        sources=[ScriptedSource([float(s) if isinstance(s, int) else s for s in script], stream_id="gate")],
        model=model,
        rules=[Rule(name="fire", question=question)],
        store=EventStore("{url}"),
    )

pipeline = make()

def broken():
    return make([*range(20), SourceReadError("cable cut; plug it in")])
"""


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'events.db'}"


@pytest.fixture
def site(tmp_path: Path, url: str) -> Path:
    (tmp_path / "neighbour.py").write_text("question = 'Is there a fire?'\n")
    path = tmp_path / "my_site.py"
    path.write_text(SITE.format(url=url))
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty seconds of grey at one frame a second."""
    path = tmp_path_factory.mktemp("videos") / "hall.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for second in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 99, np.uint8), format="rgb24")
            frame.pts, frame.time_base = second, Fraction(1)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_run_watches_and_tells(site: Path, url: str) -> None:
    result = call("run", f"{site}:pipeline")
    assert result.exit_code == 0
    assert "2026-01-01 00:00:09 gate fire opened 90%" in result.stdout
    assert "2026-01-01 00:00:14 gate fire closed 90%" in result.stdout
    assert url in result.stdout


def test_run_takes_a_function_that_makes_a_pipeline(site: Path) -> None:
    assert call("run", f"{site}:make").exit_code == 0


def test_run_tells_of_a_broken_stream_after_the_rest_is_stored(site: Path, url: str) -> None:
    result = call("run", f"{site}:broken")
    assert result.exit_code == 2
    assert "error: cable cut; plug it in" in result.stderr
    assert len(json.loads(call("events", "list", "--store", url, "--json").stdout)) == 1


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [
        ("{site}:nothing", "defines no 'nothing'; it defines"),
        ("{site}:model", "no Pipeline"),
        ("{site}", "FILE.py:name"),
        ("elsewhere.py:pipeline", "there is no file elsewhere.py"),
    ],
)
def test_run_says_what_is_wrong_with_its_argument(site: Path, reference: str, complaint: str) -> None:
    result = call("run", reference.format(site=site))
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr


def test_events_are_listed_for_people_and_for_programs(site: Path, url: str) -> None:
    call("run", f"{site}:pipeline")
    [event] = [
        Event.model_validate(item) for item in json.loads(call("events", "list", "--store", url, "--json").stdout)
    ]
    assert (event.rule, event.start_s, event.end_s) == ("fire", 9, 14)
    table = call("events", "list", "--store", url).stdout
    assert all(word in table for word in ("2026-01-01 00:00:09", "5.0", "gate", "fire", "closed", "90%"))


@pytest.mark.parametrize(
    ("narrowed", "num"),
    [
        (("--rule", "fall"), 0),
        (("--stream", "gate", "--status", "closed"), 1),
        (("--since", "2026-01-01T00:00:17"), 0),
        (("--until", "2026-01-02", "--limit", "1"), 1),
    ],
)
def test_events_are_narrowed(site: Path, url: str, narrowed: tuple[str, ...], num: int) -> None:
    call("run", f"{site}:pipeline")
    assert len(json.loads(call("events", "list", "--store", url, "--json", *narrowed).stdout)) == num


def test_a_store_that_is_not_there_is_not_made(url: str, tmp_path: Path) -> None:
    result = call("events", "list", "--store", url)
    assert result.exit_code == 2
    assert "there is no event store" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_ask_answers_about_the_whole_video(site: Path, video: Path) -> None:
    result = call("ask", video, "Is there a fire?", "--model", f"{site}:model")
    assert (result.exit_code, result.stdout) == (0, "yes (90%)\n")


@pytest.mark.parametrize(("at", "answer"), [("9", "no (10%)\n"), ("9.5", "yes (90%)\n")])
def test_ask_knows_only_what_came_before(site: Path, video: Path, at: str, answer: str) -> None:
    assert call("ask", video, "Is there a fire?", "--model", f"{site}:model", "--at", at).stdout == answer


def test_ask_needs_footage(site: Path, video: Path) -> None:
    result = call("ask", video, "Is there a fire?", "--model", f"{site}:model", "--at", "0")
    assert result.exit_code == 2
    assert "later --at" in result.stderr


def test_ask_answers_about_what_is_left_of_a_truncated_video(site: Path, video: Path, tmp_path: Path) -> None:
    with av.open(video) as source, av.open(tmp_path / "front.mp4", "w", options={"movflags": "faststart"}) as front:
        stream = front.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                front.mux(packet)
    data = (tmp_path / "front.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[:-50])
    result = call("ask", tmp_path / "cut.mp4", "Is there a fire?", "--model", f"{site}:model")
    assert (result.exit_code, result.stdout) == (0, "yes (90%)\n")
    assert "warning" in result.stderr


def test_a_missing_video_is_one_line(site: Path) -> None:
    result = call("ask", "nowhere.mp4", "Is there a fire?", "--model", f"{site}:model")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: there is no file nowhere.mp4")


def test_a_missing_model_is_one_line(video: Path, tmp_path: Path) -> None:
    result = call("ask", video, "Is there a fire?", "--model", tmp_path / "weights")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from videoxl_stream.cli import app; app(['--help'], standalone_mode=False); "
        "sys.exit(' '.join({'torch', 'av', 'sqlalchemy', 'transformers'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(command in done.stdout for command in ("run", "ask", "events", "store"))


def test_ctrl_c_stops_cleanly(site: Path) -> None:
    endless = site.with_name("endless.py")
    endless.write_text(
        "from itertools import repeat\nfrom my_site import make\n\nclass Slow(list):\n"
        "    def __len__(self): return 10**9\n"
        "    def __getitem__(self, at): return float(at)\n\n"
        "pipeline = make()\npipeline.sources[0].script = Slow([0.0])\n"
    )
    with running("run", f"{endless}:pipeline") as process:
        assert process.stdout is not None
        assert "opened" in process.stdout.readline()
        code, output, errors = interrupted(process)
    assert (code, errors) == (0, "")
    assert "events are in" in output
