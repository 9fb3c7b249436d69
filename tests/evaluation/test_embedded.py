"""Everything promised of the embedded model: which seeds, what counts as reached, whose records are taken."""

from __future__ import annotations

import json
import math
import pickle
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.calling import call
from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation import needle
from videoxl_stream.evaluation.embedded import calibration_part, ingest, leakage_part, run
from videoxl_stream.evaluation.embedded.calibration_part import ALL, CalibrationPart, count, error_interval, error_of
from videoxl_stream.evaluation.embedded.figure import Figure
from videoxl_stream.evaluation.embedded.ingest_part import IngestPart
from videoxl_stream.evaluation.embedded.leakage_part import LATER, LeakagePart
from videoxl_stream.evaluation.embedded.needle_part import NeedlePart
from videoxl_stream.evaluation.embedded.page import page, write_report
from videoxl_stream.evaluation.embedded.part import Work, differing
from videoxl_stream.evaluation.embedded.plan import CHOSEN_BY, LEAST_TRAINED_ON, full, quick
from videoxl_stream.evaluation.embedded.run import Run
from videoxl_stream.evaluation.embedded.summary import rows
from videoxl_stream.evaluation.embedded.target import Bound, Row, Target
from videoxl_stream.evaluation.embedded.targets import TARGETS, loss, worst_kind
from videoxl_stream.evaluation.leakage import VIEWS, Pair
from videoxl_stream.evaluation.provenance import revision
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.reliability import Reliability
from videoxl_stream.model.weights import embedded_path
from videoxl_stream.pipelines.embedded_rules import QUESTIONS
from videoxl_stream.training.recipe import Recipe

RECIPES = Path(run.__file__).parents[2] / "training" / "recipes"
DOCS = Path(__file__).parents[2] / "docs"


def seeds_of(part: Any) -> set[int]:
    if isinstance(part, NeedlePart):
        return set(part.grid.seeds)
    if isinstance(part, IngestPart | LeakagePart):
        return set(range(part.first_seed, part.first_seed + 10_000))
    return set(part.seeds)


# ---- the plan


def test_nothing_is_measured_on_seeds_that_were_trained_on_or_chosen_by() -> None:
    seeds = set[int]().union(*map(seeds_of, full().values()))
    assert max(seeds) < LEAST_TRAINED_ON <= min(Recipe.load(path).first_stream_seed for path in RECIPES.glob("*.json"))
    assert seeds.isdisjoint(CHOSEN_BY)
    assert {2000, 2039, 3000, 3039, 4000, 4009} <= set(CHOSEN_BY)


def test_the_smoke_run_has_the_same_parts() -> None:
    assert list(quick()) == list(full())
    assert [type(part) for part in quick().values()] == [type(part) for part in full().values()]
    assert {part for target in TARGETS for part in target.parts} == set(full())


def test_parts_can_be_sent_to_another_process(tmp_path: Path) -> None:
    for part in full().values():
        assert pickle.loads(pickle.dumps(part)) == part
    work = Work("m", "abc", tmp_path, tmp_path)
    assert pickle.loads(pickle.dumps(work)) == work


def test_unseen_looks_are_compared_with_the_same_seeds_seen() -> None:
    for parts in (full(), quick()):
        for name in ("needle", "events", "vnbench"):
            assert seeds_of(parts[f"{name}-unseen"]) <= seeds_of(parts[name])
        seen, unseen = (parts[name] for name in ("needle", "needle-unseen"))
        assert isinstance(seen, NeedlePart)
        assert isinstance(unseen, NeedlePart)
        assert set(unseen.grid.lengths) <= set(seen.grid.lengths)


@pytest.mark.parametrize("name", [name for name, part in full().items() if isinstance(part, NeedlePart)])
def test_the_command_for_another_machine_tries_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    part, given = full()[name], list[Any]()
    assert isinstance(part, NeedlePart)
    monkeypatch.setattr(needle, "measure", lambda *arguments: given.extend(arguments))
    python, _, module, *words = shlex.split(part.command("somewhere", "weights"))
    needle.main(words)
    assert (python, module) == ("python", "videoxl_stream.evaluation.needle")
    assert given[0] == "weights"
    made = Record("needle", {"revision": "abc"}, {**asdict(given[1]), "size": [144, 256]})
    assert differing(part, made, "abc") == []


# ---- figures


def needles(ratio_1: list[bool], ratio_8: list[bool]) -> Record:
    made = Record("needle", {}, {"lengths": [80], "ratios": [1, 8], "depths": [0.5]})
    for ratio, answers in ((1, ratio_1), (8, ratio_8)):
        for seed, right in enumerate(answers):
            made.add([f"needle, ratio {ratio}"], f"needle/{ratio}/80/0.5/card", str(seed), right)
            made.add([f"none shown, ratio {ratio}"], f"none/{ratio}/80", str(seed), above=True)
    return made


def test_what_a_ratio_loses_is_told_in_points_of_the_same_questions() -> None:
    found = loss(needles([True] * 10, [True] * 8 + [False] * 2), 8)
    assert found.value == pytest.approx(2 / 20)
    assert found.n == 20
    assert -0.1 < found.low < found.value < found.high < 0.4
    assert loss(needles([True, False], [True, True]), 8).value == pytest.approx(-1 / 4)
    assert not loss(needles([True], []), 8).known


def test_a_change_is_of_what_both_have() -> None:
    first = {"a": (1.0, 1.0), "b": (1.0, 1.0), "c": (0.0, 1.0)}
    found = Figure.change(first, {"b": (0.0, 1.0), "a": (1.0, 1.0), "d": (1.0, 1.0)})
    assert (found.value, found.n) == (-0.5, 2)


@pytest.mark.parametrize(
    ("bound", "value", "reached"),
    [
        (Bound("least", 0.95), 0.95, "yes"),
        (Bound("least", 0.95), 0.949, "no"),
        (Bound("most", 0.05), 0.05, "yes"),
        (Bound("most", 0.05), 0.051, "no"),
        (Bound("most", 0.05), math.nan, "not measured"),
        (None, 0.3, "reported"),
    ],
)
def test_a_row_says_whether_it_is_reached(bound: Bound | None, value: float, reached: str) -> None:
    target = Target("this", ["part"], lambda _: Figure(value, 3), "share", bound)
    row = Row.of(target, {"part": Record("m", {}, {})})
    assert row.reached == row.cells[-1] == row.to_json()["reached"] == reached
    json.dumps(row.to_json(), allow_nan=False)
    assert Row.of(target, {}).figure is None


def test_unseen_looks_may_lie_ten_points_below() -> None:
    target = next(t for t in TARGETS if t.parts == ["vnbench", "vnbench-unseen"] and "retrieval" in t.what)
    seen, unseen = (Record("vnbench", {}, {}) for _ in range(2))
    for number in range(20):
        seen.add(["retrieval"], "ret", str(number), above=True)
        unseen.add(["retrieval"], "ret", str(number), above=number >= 3)
    assert Row.of(target, {"vnbench": seen, "vnbench-unseen": unseen}).cells[1:3] == ["≥ -10.0 points", "-15.0 points"]
    assert Row.of(target, {"vnbench": seen, "vnbench-unseen": seen}).reached == "yes"


# ---- calibration


def verdicts(said: float) -> dict[str, list[tuple[bool, float]]]:
    return {kind: [(True, said), (False, said)] * 5 for kind in QUESTIONS}


def test_the_error_of_a_calibration_has_an_interval_over_clips() -> None:
    clips = [[(True, 0.9)] * 8 + [(False, 0.9)] * 2, [(True, 0.9)] * 4 + [(False, 0.9)] * 6]
    low, high = error_interval(clips)
    assert low < 0.12
    assert high == pytest.approx(0.5)
    assert low <= Reliability.of([pair for clip in clips for pair in clip]).ece <= high
    one = Reliability.of(clips[0]).ece
    assert list(error_interval(clips[:1])) == pytest.approx([one, one])


def test_calibration_is_of_the_rules_as_shipped() -> None:
    made = Record("verdicts", {}, {})
    count(made, [verdicts(0.5), verdicts(0.9)])
    assert list(made.values[error_of("fire, uncalibrated")]) == pytest.approx([0.2, 20])
    assert made.values[error_of("fire")][0] != made.values[error_of("fire, uncalibrated")][0]
    assert made.values[error_of(ALL)][1] == 20 * len(QUESTIONS)
    assert made.details["true"]["fire"] == 10
    worst = max(made.values[error_of(kind)][0] for kind in QUESTIONS)
    assert worst_kind(made).value == worst
    assert Figure.of_value(made, error_of("fire")).low > 0


# ---- a run


@dataclass
class Counted:
    """A part that only counts how often it was run."""

    title: str = "counted"
    measure: str = "vnbench"
    settings: Mapping[str, Any] = field(default_factory=lambda: {"seeds": (1, 2)})
    runs: int = 0

    def run(self, work: Work) -> Record:
        self.runs += 1
        made = Record(self.measure, work.named, self.settings, {"torch": "2"}, {"cpus": 2})
        made.add(["retrieval"], "ret", "1", above=True)
        return made


def test_parts_that_are_done_are_not_done_again(tmp_path: Path) -> None:
    parts = {"vnbench": Counted(), "vnbench-unseen": Counted()}
    first = Run(parts, "embedded", tmp_path)
    first.measure(["vnbench"])
    assert first.missing == ["vnbench-unseen"]
    second = Run(parts, "embedded", tmp_path)
    second.measure(list(parts))
    assert [part.runs for part in parts.values()] == [1, 1]
    assert second.missing == []
    assert second.records["vnbench"].value("retrieval") == 1


def test_figures_are_the_same_before_and_after_they_are_saved(tmp_path: Path) -> None:
    class Long(Counted):
        def run(self, work: Work) -> Record:
            record = super().run(work)
            record.values["calibration error"] = (0.0004999996, 3)  # .000 as it is, .001 as it is saved
            return record

    run = Run({"a": Long("m")}, "embedded", tmp_path)
    run.measure(["a"])
    assert run.records == Run({"a": Long("m")}, "embedded", tmp_path).records


def test_a_record_from_elsewhere_is_taken_if_it_is_of_the_same(tmp_path: Path) -> None:
    part, known = Counted(), revision(embedded_path())
    made = Record("vnbench", {"name": "weights", "revision": known}, {"seeds": [1, 2], "more": 3})
    made.add(["retrieval"], "ret", "1", above=False)
    made.save(tmp_path / "vnbench" / "vnbench.json")
    one = Run({"vnbench": part}, "embedded", tmp_path)
    one.measure(["vnbench"])
    assert (part.runs, one.records["vnbench"].value("retrieval")) == (0, 0)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"settings": {"seeds": [1, 3]}}, r"seeds is \[1, 3\], not \[1, 2\]"),
        ({"model": {"revision": "abc"}}, "model revision is 'abc'"),
        ({"measure": "needle"}, "measure is 'needle'"),
    ],
)
def test_a_record_of_something_else_is_refused_before_anything_runs(
    changed: dict[str, Any], said: str, tmp_path: Path
) -> None:
    made = Record("vnbench", {"revision": revision(embedded_path())}, {"seeds": [1, 2]})
    replace(made, **changed).save(tmp_path / "vnbench" / "vnbench.json")
    with pytest.raises(ConfigError, match=f"{said}.*--out"):
        Run({"vnbench": Counted()}, "embedded", tmp_path)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Counted]:
    parts = {"vnbench": Counted(), "vnbench-unseen": Counted()}
    for plan in ("full", "quick"):
        monkeypatch.setattr(run, plan, lambda: parts)
    return parts


def test_docs_are_written_only_of_a_whole_run_of_the_shipped_model(
    tmp_path: Path, counted: dict[str, Counted], capsys: pytest.CaptureFixture[str]
) -> None:
    docs, page = tmp_path / "docs", tmp_path / "docs" / "embedded.md"
    docs.mkdir()
    by_hand = docs / "training.md"
    by_hand.write_text("by hand")
    run.measure(out=tmp_path / "a", docs=docs, names=["vnbench"])
    assert "not measured yet: vnbench-unseen" in capsys.readouterr().err
    run.measure(out=tmp_path / "b", docs=docs, small=True)
    run.measure(str(embedded_path()), tmp_path / "c", docs=docs)
    assert not page.exists()
    assert all((tmp_path / one / "report" / "embedded.md").exists() for one in ("a", "b/quick", "c"))
    run.measure(out=tmp_path / "a", docs=docs)
    assert "| retrieval, by letters | ≥ 90.0 % | 100.0 % |" in page.read_text()
    assert "keep no figure" not in page.read_text()
    assert by_hand.read_text() == "by hand"
    assert "items" not in json.loads((docs / "embedded.json").read_text())["parts"]["vnbench"]
    assert [part.runs for part in counted.values()] == [4 - 1, 3]


def test_wrong_input_is_refused_at_once(tmp_path: Path, counted: dict[str, Counted]) -> None:
    for wrong, said in (
        (["--parts", "needles"], "no part 'needles'"),
        (["--model", "nowhere"], "no model 'nowhere'"),
        (["--device", "tpuu"], "no device"),
    ):
        done = call("eval", "embedded", "--out", tmp_path / "out", *wrong)
        assert (done.exit_code, said in done.output) == (2, True)
    with pytest.raises(ConfigError, match="--jobs 1"):
        run.measure(jobs=0)
    assert not (tmp_path / "out").exists()
    assert [part.runs for part in counted.values()] == [0, 0]


def test_streams_that_are_compared_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int]] = []

    def compared(place: int, *, streams: Sequence[tuple[str, int]], model: str) -> Pair:
        kind, seed = streams[place]
        seen.append((kind, seed))
        quiet = dict.fromkeys(VIEWS, 0.1)
        after = quiet | {"the event": 0.9, LATER[0]: 0.6 if len(seen) == 1 else 0.1}
        return Pair(kind, seed, 2.0, after, quiet, quiet)

    monkeypatch.setattr(leakage_part, "_compare", compared)
    part, work = LeakagePart("leakage", 960_000, 2, ("fire", "ad")), Work("m", "abc", tmp_path, tmp_path, jobs=1)
    made = part.run(work)
    assert len(set(seen)) == 4
    assert made.value(f"fire, {LATER[0]}: turned to yes") == 0.5
    assert made.value(f"{LATER[0]}: change") == pytest.approx(0.5 / 4)
    assert made.value("event seen") == 1
    again = replace(part, num_streams=3).run(work)
    assert len(seen) == len(set(seen)) == 6
    assert len(again.of(f"{LATER[0]}: change")) == 6


def test_clips_whose_verdicts_are_known_are_not_watched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def watched(seed: int, *, model: str, duration_s: float) -> dict[str, list[tuple[bool, float]]]:
        seen.append(seed)
        return verdicts(0.5)

    monkeypatch.setattr(calibration_part, "_verdicts", watched)
    part, work = CalibrationPart("calibration", (7, 8), 10.0), Work("m", "abc", tmp_path, tmp_path, jobs=1)
    first, again = part.run(work), part.run(work)
    assert seen == [7, 8]
    assert first.values == again.values
    assert first.values[error_of("fire, uncalibrated")] == (0, 20)
    with pytest.raises(ConfigError, match=r"duration_s was 10\.0 and is 20\.0"):
        replace(part, duration_s=20.0).run(work)


# ---- the page


def test_the_page_says_what_is_not_measured() -> None:
    text = page({}, {}, picture=False)
    assert text.count("| not measured |") >= len([target for target in TARGETS if target.bound])
    assert "training.md" in text


def test_the_page_links_only_to_files_that_are_there() -> None:
    for name in ("training.md", "evaluation.md", "footage.md"):
        assert (DOCS / name).exists()
        assert f"({name})" in page({}, {}, picture=False)


# ---- ingest


def test_ingest_holds_the_slots_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "_WARM_UP", 1)
    found = ingest.measure("embedded", 50, 3, 970_000)
    assert (found.slots, found.window_frames, len(found.window_s)) == (40, 10, 3)
    assert found.peak_bytes > 10**8
    assert found.interval[0] <= found.fps <= found.interval[1]


def test_the_interval_of_a_median_is_of_its_neighbours() -> None:
    times = [0.1 + 0.001 * number for number in range(101)]
    found = ingest.Ingest(100, 10, times, 0.0, 1, 0.0, {}, {})
    assert found.fps == pytest.approx(10 / 0.15)
    assert list(found.interval) == pytest.approx([10 / 0.161, 10 / 0.139], rel=0.01)


def test_an_ingest_that_fails_says_why(tmp_path: Path) -> None:
    part = IngestPart("ingest", (5,), 1, 970_000)
    with pytest.raises(ConfigError, match="a budget of 5 slots cannot hold one window"):
        part.run(Work("embedded", "abc", tmp_path, tmp_path))


# ---- all of it


@pytest.mark.slow
def test_the_smoke_run_measures_every_row_and_leaves_docs_alone(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    done = call("eval", "embedded", "--quick", "--out", tmp_path / "run", "--docs", docs, "--jobs", "1")
    assert done.exit_code == 0, done.output
    assert list(docs.iterdir()) == []
    parts = quick()
    records = Run(parts, "embedded", tmp_path / "run" / "quick").records
    assert list(records) == list(parts)
    unknown = [row.target.what for row in rows(records) if row.figure is None or not row.figure.known]
    assert all("events" in what or "abandoned" in what or "before it" in what for what in unknown), unknown
    text = write_report(parts, records, tmp_path / "again", small=True).read_text()
    assert "keep no figure" in text
    assert text == (tmp_path / "run" / "quick" / "report" / "embedded.md").read_text()
    content = json.loads((tmp_path / "again" / "embedded.json").read_text())
    assert len(content["targets"]) == len(TARGETS)
    assert (tmp_path / "again" / "embedded.json").stat().st_size < 300_000
    assert isinstance(parts["calibration"], CalibrationPart)
