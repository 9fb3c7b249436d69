"""Questions at moments: three formats read, and each answered from what came before it alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.calling import call
from tests.connectors.clips import every, write_video
from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.finished import Finished
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.streaming import count, run
from videoxl_stream.evaluation.timed_questions import TimedQuestion, read
from videoxl_stream.queries import Span
from videoxl_stream.testing import ScriptedModel

FIRE = "Is there a fire?"


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_our_own_form(tmp_path: Path) -> None:
    asked = {"video": "a.mp4", "time_s": 5, "question": FIRE, "answer": "no"}
    full = asked | {"options": ["no", "maybe"], "task": "fire", "span_s": [1, 4]}
    found = read(written(tmp_path / "q.json", [asked, full]))
    assert found.form == "ours"
    assert found.asked[0] == TimedQuestion("a.mp4", 5.0, FIRE, ("yes", "no"), 1)
    assert found.asked[1] == TimedQuestion("a.mp4", 5.0, FIRE, ("no", "maybe"), 0, "fire", "", Span(1, 4))


def test_the_form_of_ovo_bench(tmp_path: Path) -> None:
    entries = [
        {"id": 0, "task": "EPM", "video": "x/a.mp4", "realtime": 215, "question": "Who?", "answer": "he",
         "options": ["she", "he"], "gt": 1},
        {"id": 1, "task": "REC", "video": "b.mp4", "activity": "jump",
         "test_info": [{"realtime": 5, "count": 1}, {"realtime": 9.5, "count": 12}]},
        {"id": 2, "task": "SSR", "video": "b.mp4", "test_info": [{"realtime": 3, "type": 1, "step": "stir"}]},
        {"id": 3, "task": "CRR", "video": "b.mp4", "question": "Who wins?", "answer": "he",
         "test_info": [{"realtime": 4, "type": 0}]},
    ]  # fmt: skip
    found = read(written(tmp_path / "q.json", entries))
    assert found.form == "OVO-Bench"
    assert [(q.task, q.group, q.time_s, q.options[q.right]) for q in found.asked] == [
        ("EPM", "backward", 215, "he"),
        ("REC", "forward", 5, "1"),
        ("REC", "forward", 9.5, "12"),
        ("SSR", "forward", 3, "yes"),
        ("CRR", "forward", 4, "no"),
    ]
    assert found.asked[1].question == "How many times did they jump?"


def test_the_form_of_streaming_bench(tmp_path: Path) -> None:
    choice = {
        "task_type": "Clips Summarize", "question": "Which?", "time_stamp": "00:03:26", "answer": "B",
        "options": ["A. one. More", "B. two", "C. three", "D. four"], "required_ability": "episodic memory",
    }  # fmt: skip
    proactive = {"task_type": "Active Output", "question": "When?", "time_stamp": "0:00:20"}
    content = [{"time": "[0:00:00 - 0:00:10]", "questions": [choice, proactive], "video_path": "./videos/s.mp4"}]
    found = read(written(tmp_path / "q.json", content))
    assert found.form == "StreamingBench"
    assert found.left_out == 1
    expected = TimedQuestion(
        "./videos/s.mp4", 206.0, "Which?", ("one. More", "two", "three", "four"), 1, "Clips Summarize"
    )
    assert found.asked == (expected,)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ([{"video": "a", "time_s": 5, "question": FIRE}], "entry 0, .* no 'answer'"),
        ([{"video": "a", "time_s": 5, "question": FIRE, "answer": "maybe"}], "none of the options"),
        ([{"video": "a", "time_s": 0, "question": FIRE, "answer": "no"}], "before any footage"),
        ([{"video": "a", "time_s": 5, "question": FIRE, "answer": "no", "span_s": [4, 1]}], "start_s < end_s"),
        ([{"task": "EPM", "video": "a", "realtime": 3, "question": "?", "options": ["a", "b"], "gt": 2}], "entry 0"),
        ([{"questions": [{"time_stamp": "x", "options": ["a", "b"], "answer": "A"}], "video_path": "v"}], "entry 0"),
        ([{"questions": [{"question": "When?"}], "video_path": "v"}], "no question with options"),
        ([], "no list"),
        ({"a": 1}, "no list"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_entry(tmp_path: Path, content: object, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        read(written(tmp_path / "q.json", content))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    (tmp_path / "videos").mkdir()
    return write_video(tmp_path / "videos" / "a.mp4", every(500, 40))


def asked_at(time_s: float, right: str, **more: Any) -> TimedQuestion:
    return TimedQuestion("a.mp4", time_s, FIRE, ("yes", "no"), ("yes", "no").index(right), **more)


def scored(model: ScriptedModel, asked: list[TimedQuestion], video: Path, out: Path, **ways: Any) -> Record:
    made = Record("stream", {}, {})
    finished = Finished(out, {})
    count(made, list(run(model, asked, {"a.mp4": video}, finished, "options", fps=2.0, **ways)))
    return made


def test_a_question_knows_only_what_came_before_it(video: Path, tmp_path: Path) -> None:
    model = ScriptedModel({FIRE: [Span(10.0, 10.4)]})  # one frame
    asked = [asked_at(15, "yes", task="late"), asked_at(10, "no", task="early"), asked_at(10.2, "yes", task="then")]
    made = scored(model, asked, video, tmp_path / "out")
    assert {made.value(name) for name in made.scores} == {1.0}
    assert made.scores.keys() == {"all", "task early", "task then", "task late"}
    assert len(model.calls) == 3
    scored(model, asked, video, tmp_path / "out")
    assert len(model.calls) == 3


def test_footage_is_shown_once_for_all_questions(video: Path, tmp_path: Path) -> None:
    class Counting(ScriptedModel):
        frames = 0

        def append(self, memory: Any, frames: Any, timestamps: Any) -> None:
            self.frames += len(frames)
            super().append(memory, frames, timestamps)

    model = Counting()
    scored(model, [asked_at(at, "no") for at in (3, 6, 9, 12)], video, tmp_path / "out")
    assert model.frames == 24


def test_what_has_left_counts_as_wrong_and_is_counted_apart(video: Path, tmp_path: Path) -> None:
    model = ScriptedModel({FIRE: [Span(1.0, 2.0)]}, window_frames=4)
    asked = [asked_at(15, "yes", span=Span(1, 2)), asked_at(4, "yes", span=Span(1, 2))]
    made = scored(model, asked, video, tmp_path / "out", budget=8)
    assert made.details["not in memory"] == 1
    assert made.value("all") == 0.5
    assert made.values["answers: calibration error"][1] == 1


def test_the_command_scores_by_task(video: Path, tmp_path: Path) -> None:
    asked = [{"video": "a.mp4", "time_s": at, "question": FIRE, "answer": "no", "task": "fire"} for at in (4, 8)]
    questions = written(tmp_path / "q.json", asked)
    done = call("eval", "stream", "--questions", questions, "--videos", video.parent, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "ours: 2 questions, 0 not in memory" in done.output
    made = Record.load(tmp_path / "out" / "stream.json")
    assert (len(made.of("task fire")), made.settings["fps"]) == (2, 2.0)
