"""VNBench: its format, the rule of four rotations, one look at each video, and clips of our own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.calling import call
from tests.connectors.clips import every, write_video
from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.choices import letters, rotations
from videoxl_stream.evaluation.film import find_videos
from videoxl_stream.evaluation.finished import Finished
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.vnbench import Sample, Scoring, count, read, run
from videoxl_stream.evaluation.vnbench_clips import KINDS, Kind, Plan, make
from videoxl_stream.queries import Query, Verdict
from videoxl_stream.testing import ScriptedModel
from videoxl_stream.training.footage.clips import ClipFormat
from videoxl_stream.training.footage.vocabulary import BRANDS, brand_name

OPTIONS = ("one", "two", "three", "four")


def entries(video: str, question: str, kind: str, gt: str = "two") -> list[dict[str, Any]]:
    """As in VNBench's own file."""
    return [
        {
            "video": f"./VNBench_new/{video}.mp4",
            "question": question,
            "options": list(options),
            "needle_time": [3.0] if kind.startswith("ret") else [[1, 2], 3],
            "gt": gt,
            "gt_option": letters(4)[options.index(gt)],
            "length": 12.0,
            "type": kind,
            "try": number,
        }
        for number, options in enumerate(rotations(OPTIONS))
    ]


class Choosing(ScriptedModel):
    """Chooses the answer that a table says for each question, or the first letter."""

    def __init__(self, says: dict[str, str], *, always: str = "") -> None:
        super().__init__()
        self.says, self.always, self.opened = says, always, 0

    def open_memory(self, **chosen: Any) -> Any:
        self.opened += 1
        return super().open_memory(**chosen)

    def verdicts(self, memory: Any, queries: Sequence[Query]) -> list[Verdict]:
        return [self._chosen(super(Choosing, self).verdicts(memory, [query])[0].query) for query in queries]

    def _chosen(self, query: Query) -> Verdict:
        text, *lines = query.text.split("\n")
        said = self.says.get(text, "")
        if lines:
            said = next((line[0] for line in lines if line[3:] == said), self.always)
        return Verdict(query, tuple(0.7 if answer == said else 0.1 for answer in query.answers))


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.json"
    found = [
        *entries("a", "Which?", "ret_edit"),
        *entries("a", "In which order?", "ord_insert1"),
        *entries("b", "How many?", "cnt_edit1"),
        *entries("b", "How many of them?", "cnt_edit2"),
    ]
    path.write_text(json.dumps(found))
    (tmp_path / "videos").mkdir()
    for name in "ab":
        write_video(tmp_path / "videos" / f"{name}.mp4", every(500, 9))
    return path


def scored(model: ScriptedModel, questions: Path, out: Path, scoring: Scoring = "letters") -> Record:
    samples = read(questions)
    videos = find_videos(questions.parent / "videos", {sample.video for sample in samples})
    made = Record("vnbench", {}, {})
    count(made, list(run(model, samples, videos, Finished(out, {}), scoring, fps=2.0)))
    return made


def test_who_knows_is_right_by_letters_and_by_options(questions: Path, tmp_path: Path) -> None:
    says = dict.fromkeys(("Which?", "In which order?", "How many?"), "two") | {"How many of them?": "three"}
    for scoring in get_args(Scoring):
        made = scored(Choosing(says), questions, tmp_path / scoring, scoring)
        assert (made.value("retrieval"), made.value("ordering"), made.value("counting")) == (1, 1, 0.5)
        assert made.value("counting: cnt_edit1") == 1
        assert made.value("all") == 0.75
        assert made.details["means"] == {"retrieval": 1, "ordering": 1, "counting": 0.5, "overall": 2.5 / 3}
        assert made.values["answers: calibration error"][1] == (16 if scoring == "letters" else 4)


def test_always_the_same_letter_is_right_in_a_quarter_of_tries_and_in_no_sample(
    questions: Path, tmp_path: Path
) -> None:
    made = scored(Choosing({}, always="B"), questions, tmp_path)
    assert made.value("single tries") == 0.25
    assert made.value("all") == 0


def test_each_video_is_watched_once_and_not_again_later(questions: Path, tmp_path: Path) -> None:
    model = Choosing({})
    first = scored(model, questions, tmp_path)
    assert model.opened == 2
    assert scored(model, questions, tmp_path).to_json()["items"] == first.to_json()["items"]
    assert model.opened == 2


def broken(questions: Path, change: Any) -> None:
    content = json.loads(questions.read_text())
    questions.write_text(json.dumps(change(content)))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda c: c[:-1], "comes 3 times"),
        (lambda c: [*c[:-1], c[-1] | {"options": ["two", "x", "y", "z"], "gt_option": "A"}], "same options"),
        (lambda c: [c[0] | {"gt": "five"}, *c[1:]], "entry 0 has options"),
        (lambda c: [c[0] | {"gt_option": "C"}, *c[1:]], "entry 0 says 'C'"),
        (lambda c: [c[0] | {"type": "dance"}, *c[1:]], "'dance'"),
        (lambda c: [{"video": "a"}], "entry 0 must have"),
        (lambda c: [c[0] | {"options": ["two", "two", "x", "y"]}, *c[1:]], "exactly one"),
        (lambda c: {}, "no list"),
    ],
)
def test_a_file_that_breaks_the_rule_is_refused(questions: Path, change: Any, match: str) -> None:
    broken(questions, change)
    with pytest.raises(ConfigError, match=match):
        read(questions)


def test_videos_that_are_missing_are_named_before_any_is_watched(questions: Path, tmp_path: Path) -> None:
    (tmp_path / "videos" / "b.mp4").unlink()
    with pytest.raises(ConfigError, match=r"1 of 2 videos are not in .*b\.mp4"):
        scored(Choosing({}), questions, tmp_path)
    with pytest.raises(ConfigError, match="no folder"):
        find_videos(tmp_path / "nowhere", {"a"})
    (tmp_path / "outside.mp4").touch()
    with pytest.raises(ConfigError, match="outside"):
        find_videos(tmp_path / "videos", {"../outside.mp4"})


def test_the_command_says_what_rotation_is_worth(questions: Path, tmp_path: Path) -> None:
    arguments = ["--questions", questions, "--videos", tmp_path / "videos", "--out", tmp_path / "out"]
    done = call("eval", "vnbench", *arguments, "--score", "options")
    assert done.exit_code == 0, done.output
    assert "the order in which they stand cannot matter" in done.output
    made = Record.load(tmp_path / "out" / "vnbench.json")
    assert made.settings["score"] == "options"
    assert set(made.scores) > {"all", "retrieval", "ordering", "counting", "single tries"}
    assert call("eval", "vnbench", *arguments).exit_code == 2  # by letters, in the same folder


# ---- clips of our own


@given(st.sampled_from(KINDS), st.integers(0, 10**6), st.floats(30, 300))
def test_a_plan_is_of_hard_options_and_shows_what_is_right(kind: Kind, seed: int, duration_s: float) -> None:
    plan = Plan.of(kind, seed, duration_s)
    assert plan == Plan.of(kind, seed, duration_s)
    assert len(set(plan.options)) == 4
    shown = [brand_name(insert.brand) for insert in plan.inserts]
    times = [moment for insert in plan.inserts for moment in (insert.start_s, insert.end_s)]
    assert all(earlier < later for earlier, later in pairwise([0.0, *times, duration_s]))
    assert all(insert.end_s - insert.start_s >= 1.4 for insert in plan.inserts)
    right, *wrong = plan.options
    if kind == "retrieval":
        assert right in shown
        assert all(option not in shown for option in wrong)
        colour, symbol = right.split()[1:]
        assert any(colour in option for option in wrong)
        assert any(symbol in option for option in wrong) or plan.kind == "ret_colour"
    elif kind == "ordering":
        assert right == ", ".join(shown)
        assert {frozenset(option.split(", ")) for option in wrong} == {frozenset(shown)}
    else:
        asked = plan.question.removeprefix("How many times was ").removesuffix(" shown?")
        assert int(right) == (len(shown) if plan.kind == "cnt_ads" else shown.count(asked))
        assert max(abs(int(option) - int(right)) for option in wrong) <= 6


@given(st.sampled_from(KINDS), st.integers(0, 1000))
def test_the_right_option_stands_once_at_each_place(kind: Kind, seed: int) -> None:
    found = list(Plan.of(kind, seed, 60.0).entries(60.0))
    assert sorted(each["gt_option"] for each in found) == list("ABCD")
    assert [each["try"] for each in found] == [0, 1, 2, 3]
    assert all(each["options"]["ABCD".index(each["gt_option"])] == each["gt"] for each in found)


def test_no_place_and_no_number_gives_the_answer_away() -> None:
    plans = [Plan.of("counting", seed, 60.0) for seed in range(1, 600, 2)]
    for each in (plans, [Plan.of("counting", seed, 60.0) for seed in range(0, 600, 2)]):
        ranks = [sorted(plan.options).index(plan.options[0]) for plan in each]
        assert all(0.05 < ranks.count(rank) / len(ranks) < 0.5 for rank in range(4))
    assert {plan.kind for kind in KINDS for plan in (Plan.of(kind, 1, 60.0), Plan.of(kind, 2, 60.0))} == {
        "ret_brand",
        "ret_colour",
        "ord_3",
        "ord_4",
        "cnt_ads",
        "cnt_brand",
    }
    assert len({plan.question for plan in plans}) == len(BRANDS)


def test_what_is_made_is_read_and_not_made_again(tmp_path: Path) -> None:
    sparse = ClipFormat(fps=2, width=64, height=36)
    told: list[tuple[int, int]] = []
    path = make(
        tmp_path, KINDS, [4, 7], duration_s=30.0, encoding=sparse, on_done=lambda *done: told.append(done), jobs=2
    )
    assert told == [(3, 6), (6, 6)]
    samples = read(path)
    assert [sample.group for sample in samples] == ["retrieval"] * 2 + ["ordering"] * 2 + ["counting"] * 2
    found = find_videos(tmp_path / "videos", {sample.video for sample in samples})
    assert len(found) == 6
    before = {name: path.stat().st_mtime_ns for name, path in found.items()}
    make(tmp_path, ["retrieval"], [4, 7], duration_s=30.0, encoding=sparse)
    assert {name: path.stat().st_mtime_ns for name, path in found.items()} == before
    assert len(read(tmp_path / "questions.json")) == 2
    make(tmp_path, ["retrieval"], [4], duration_s=31.0, encoding=sparse)
    assert found["ret_brand-4.mp4"].stat().st_mtime_ns > before["ret_brand-4.mp4"]


def test_clips_too_short_are_refused() -> None:
    with pytest.raises(ConfigError, match="30 s or more"):
        Plan.of("ordering", 1, 10.0)


def test_groups_are_told_by_the_type() -> None:
    assert Sample("v", "q", "cnt_insert", ()).group == "counting"
