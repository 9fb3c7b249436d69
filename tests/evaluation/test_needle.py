"""The needle runner: each haystack watched once, each answer counted where it belongs, and gone said plainly."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.cli.calling import call
from videoxl_stream.errors import ConfigError, NotInMemoryError
from videoxl_stream.evaluation import needle_trial
from videoxl_stream.evaluation.choices import WHICH_LAST
from videoxl_stream.evaluation.finished import Finished
from videoxl_stream.evaluation.haystack import DEPTHS, Haystack, one_each, several
from videoxl_stream.evaluation.heatmap import draw, grid_of
from videoxl_stream.evaluation.needle import main, run, slots_of
from videoxl_stream.evaluation.needle_grid import Grid, mode_of
from videoxl_stream.evaluation.needle_record import tables
from videoxl_stream.evaluation.needle_trial import NO_LONGER, NeedleTrial
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.subject import Subject, config_7b, random_model
from videoxl_stream.frames import Image
from videoxl_stream.model.configuration import VideoXLConfig
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.queries import Query, Span, Verdict
from videoxl_stream.training.footage.vocabulary import brand_name

GRID = Grid(lengths=(20, 40), ratios=(8, 16), seeds=(4, 5))


class Memory:
    """The numbers of the frames that a ``Knower`` holds."""

    def __init__(self, budget: int | None) -> None:
        self.budget, self.frames, self.num_bytes = budget, list[float](), 8

    @property
    def span(self) -> Span:
        return Span(self.frames[0], self.frames[-1] + 0.1)


class Knower:
    """Sees nothing, but is told which needles there are, and answers from those in its memory."""

    window_frames = 10
    network = SimpleNamespace(config=SimpleNamespace(text=SimpleNamespace(beacon_window=10), image_size=16))

    def __init__(self, *, knows: bool = True, plain: bool = True) -> None:
        self.knows, self.plain, self.encoded = knows, plain, 0
        self.shown: dict[float, str] = {}

    def encode(self, frames: Sequence[Image]) -> Tensor:
        self.encoded += len(frames)
        return torch.zeros(len(frames), 1, 1)

    def open_memory(self, *, ratio: int | None = None, budget: int | None = None) -> Memory:
        return Memory(budget)

    def append_encoded(self, memory: Memory, features: Tensor, timestamps: Sequence[float]) -> None:
        memory.frames += timestamps
        if memory.budget is not None:
            memory.frames = memory.frames[-memory.budget :]

    def verdicts(self, memory: Memory, queries: Sequence[Query]) -> list[Verdict]:
        return [self._verdict(memory, query) for query in queries]

    def _verdict(self, memory: Memory, query: Query) -> Verdict:
        held = [t for t in memory.frames if query.span is None or query.span.start_s <= t < query.span.end_s]
        if not held:
            msg = "it is no longer in memory" if self.plain else "what?"
            raise NotInMemoryError(msg)
        said = next((self.shown[t] for t in held if self.knows and self.shown.get(t) in query.answers), "none")
        return Verdict(query, tuple(0.9 if answer == said else 0.025 for answer in query.answers))


@pytest.fixture
def knower(monkeypatch: pytest.MonkeyPatch) -> Knower:
    """A model that is told of the needles as they are planned."""
    model = Knower()

    def told(seed: int, num_frames: int, depths: Sequence[float]) -> tuple[Any, int]:
        needles, absent = several(seed, num_frames, depths)
        model.shown = {needle.frame / 2: brand_name(needle.brand) for needle in needles}
        return needles, absent

    monkeypatch.setattr(needle_trial, "several", told)
    monkeypatch.setattr(
        Haystack, "pictures", lambda _, frames, device: iter([np.zeros((2, 2, 3), np.uint8)] * len(frames))
    )
    return model


def subject(model: Any) -> Subject:
    return Subject(model, "knower", "abc")


def test_who_knows_is_right_everywhere(knower: Knower, tmp_path: Path) -> None:
    made = run(subject(knower), GRID, Finished(tmp_path, {}), "cpu")
    assert {made.value(name) for name in made.scores} == {1.0}
    assert len(made.of("needle, ratio 8")) == len(made.of("needle, ratio 16")) == 2 * 2 * 4
    assert len(made.of("none shown, ratio 8, 40 frames")) == 2
    assert sum(len(made.of(f"needle, ratio 8, 20 frames, depth {d:g}")) for d in DEPTHS if _asked(made, d)) == 8
    assert made.values["ratio 8: calibration error"][0] == pytest.approx(0.1)


def _asked(made: Record, depth: float) -> bool:
    return f"needle, ratio 8, 20 frames, depth {depth:g}" in made.scores


def test_who_sees_nothing_finds_nothing(knower: Knower, tmp_path: Path) -> None:
    knower.knows = False
    made = run(subject(knower), GRID, Finished(tmp_path, {}), "cpu")
    assert made.value("needle, ratio 8") == 0
    assert made.value("none shown, ratio 8") == 1


def test_every_frame_is_encoded_once_for_all_ratios_and_questions(knower: Knower, tmp_path: Path) -> None:
    run(subject(knower), GRID, Finished(tmp_path, {}), "cpu")
    assert knower.encoded == 2 * (20 + 40)
    run(subject(knower), GRID, Finished(tmp_path, {}), "cpu")
    assert knower.encoded == 2 * (20 + 40)
    more = replace(GRID, lengths=(20, 40, 60), seeds=(4, 5, 6))
    told: list[tuple[int, int]] = []
    run(subject(knower), more, Finished(tmp_path, {}), "cpu", lambda done, total: told.append((done, total)))
    assert knower.encoded == 3 * (20 + 40 + 60)
    assert told == [(number, 9) for number in range(1, 10)]


def test_single_needles_cost_one_more_frame_for_each_depth(
    knower: Knower, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Forking(Memory):
        def fork(self) -> Forking:
            twin = Forking(None)
            twin.frames = list(self.frames)
            return twin

    monkeypatch.setattr(knower, "open_memory", lambda ratio, budget=None: Forking(budget))
    knower.knows = False
    made = run(subject(knower), replace(GRID, mode="single"), Finished(tmp_path, {}), "cpu")
    assert knower.encoded == 2 * (20 + 40) + 4 * 5
    assert len(made.of("needle, ratio 8")) == 2 * 2 * 5
    assert made.value("none shown, ratio 16") == 1


def test_what_has_left_must_be_said_plainly(knower: Knower, tmp_path: Path) -> None:
    grid = replace(GRID, lengths=(40,), mode="streamed", budget_frames=20)
    made = run(subject(knower), grid, Finished(tmp_path / "plain", {}), "cpu")
    kept, gone = made.of("needle, ratio 8"), made.of("gone and said so, ratio 8")
    assert len(kept) + len(gone) == 2 * 4
    assert kept
    assert gone
    assert {made.value(name) for name in made.scores} == {1.0}
    assert all(
        cell.split("/")[3] in {"0.5", "0.75", "1"} for cell in made.scores and made.items if cell[:6] == "needle"
    )
    knower.plain = False
    vague = run(subject(knower), grid, Finished(tmp_path / "vague", {}), "cpu")
    assert vague.value("gone and said so, ratio 8") == 0
    assert vague.value("needle, ratio 8") == 1


def test_a_grid_that_cannot_be_tried_is_refused_at_once() -> None:
    bad: list[dict[str, Any]] = [
        {"lengths": ()},
        {"lengths": (64, 64)},
        {"ratios": (0,)},
        {"lengths": (19,)},
        {"depths": (0.5, 2.0)},
        {"fps": 0.0},
        {"looks": "unheard"},
        {"mode": "streamed"},
        {"budget_frames": 10},
        {"mode": "streamed", "budget_frames": 20},
        {"mode": "single", "budget_frames": 10},
        {"depths": tuple(place / 10 for place in range(11)), "lengths": (256,)},
    ]
    for changed in bad:
        with pytest.raises(ConfigError):
            replace(GRID, **changed)
    replace(GRID, mode="single", depths=tuple(place / 10 for place in range(11)), lengths=(256,))
    assert [mode_of(single=s, budget_frames=b) for s, b in ((False, None), (True, None), (False, 3))] == [
        "several",
        "single",
        "streamed",
    ]


def test_the_tables_and_the_heatmap_hold_the_grid(knower: Knower, tmp_path: Path, require_service: Any) -> None:
    made = run(subject(knower), replace(GRID, seeds=tuple(range(10))), Finished(tmp_path, {}), "cpu")
    made = Record.load(_saved(made, tmp_path / "needle.json"))
    assert grid_of(made, 8).tolist() == [[1.0, 1.0]] * 5
    assert len(tables(made)) == 4
    require_service(find_spec("matplotlib") is not None, "install the extra dev, which has matplotlib")
    draw(made, tmp_path / "needle.png")
    assert (tmp_path / "needle.png").read_bytes()[:4] == b"\x89PNG"


def _saved(made: Record, path: Path) -> Path:
    made.save(path)
    return path


def test_a_heatmap_of_something_else_is_refused() -> None:
    with pytest.raises(ConfigError, match="no heatmap"):
        grid_of(Record("vnbench", {}, {}), 8)


# ---- with the model that ships


@pytest.fixture(scope="module")
def embedded() -> VideoXL:
    return VideoXL.from_pretrained("embedded")


@pytest.mark.parametrize("ratio", [8, 16])
def test_forks_give_what_watching_anew_gives(embedded: VideoXL, ratio: int) -> None:
    trial = NeedleTrial(embedded, (0.0, 0.6, 1.0), (ratio,), size=(36, 64))
    found = [each for each in trial.single(5, 47)["ratios"][str(ratio)]["answers"] if each["what"] == "needle"]
    for needle, answer in zip(one_each(5, 47, (0.0, 0.6, 1.0)), found, strict=True):
        memory = embedded.open_memory(ratio=ratio)
        haystack = Haystack(5, 47, (needle,), size=(36, 64))
        embedded.append(memory, list(haystack.pictures(range(47))), [frame / 2 for frame in range(47)])
        names = (*(brand_name(brand) for brand in range(1, 21)), "none")
        [verdict] = embedded.verdicts(memory, [Query(WHICH_LAST, names)])
        assert verdict.answer == answer["said"]
        assert verdict.probability(verdict.answer) == pytest.approx(answer["probability"], abs=2e-4)


def test_under_a_budget_the_shipped_model_says_what_has_left(embedded: VideoXL) -> None:
    trial = NeedleTrial(embedded, DEPTHS, (8, 16), size=(36, 64))
    found = trial.streamed(4, 60, [slots_of(embedded, 30, ratio) for ratio in (8, 16)])
    for answers in (ratio["answers"] for ratio in found["ratios"].values()):
        gone = [answer for answer in answers if answer["what"] == "gone"]
        assert gone
        assert all(answer["right"] and NO_LONGER in answer["said"] for answer in gone)
        kept = {answer["depth"] for answer in answers if answer["what"] == "needle"}
        assert kept.isdisjoint(answer["depth"] for answer in gone)


def test_the_command_goes_on_and_refuses_other_settings(tmp_path: Path) -> None:
    asked = ["eval", "needle", "--out", tmp_path, "--lengths", "20", "--seeds", "4-5", "--ratios"]
    first = call(*asked, "8")
    assert first.exit_code == 0, first.output
    made = Record.load(tmp_path / "needle.json")
    assert made.model["name"] == "embedded"
    assert len(str(made.model["revision"])) == 64
    assert made.settings["seeds"] == [4, 5]
    assert made.times[0]["memory_bytes"] > 0
    kept = (tmp_path / "pieces" / "20-4.json").stat().st_mtime_ns
    main(["--out", str(tmp_path), "--lengths", "20", "--seeds", "4-5", "--ratios", "8"])
    assert (tmp_path / "pieces" / "20-4.json").stat().st_mtime_ns == kept
    refused = call(*asked, "16")
    assert refused.exit_code == 2
    assert "ratios was [8] and is [16]" in refused.output
    assert "--out" in refused.output
    for wrong in (
        ["--ratios", "1000"],
        ["--lengths", "64,x"],
        ["--seeds", "9-3"],
        ["--model", "nowhere"],
        ["--device", "tpuu"],
    ):
        assert call("eval", "needle", "--out", tmp_path / "other", *wrong).exit_code == 2
    assert not (tmp_path / "other").exists()


# ---- of the true size


def tiny() -> VideoXLConfig:
    config = config_7b().to_dict()
    config["vision_config"] |= {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    config["vision_config"] |= {"num_attention_heads": 2, "image_size": 56}
    config["text_config"] |= {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "vocab_size": 700}
    config["text_config"] |= {"num_attention_heads": 2, "num_key_value_heads": 1, "beacon_window": 40}
    del config["text_config"]["layer_types"]
    return VideoXLConfig(**config)


def test_random_weights_are_timed_and_not_scored(tmp_path: Path) -> None:
    model = random_model(tiny())
    made = run(Subject(model, "random-7b", "none", random=True), GRID, Finished(tmp_path, {}), "cpu")
    assert made.scores == {}
    assert "mean nothing" in made.details["note"]
    assert made.model["answers_mean_nothing"]
    assert [(row["num_frames"], row["ratio"]) for row in made.times] == [(20, 8), (20, 16), (40, 8), (40, 16)]
    assert all(row["encode_fps"] > 0 and row["memory_bytes"] > 0 for row in made.times)
    assert len(tables(made)) == 1


def test_the_true_size_is_that_of_the_release() -> None:
    config = config_7b()
    assert (config.tokens_per_frame, config.text.size_of_head, config.text.beacon_window) == (144, 128, 1440)
    with torch.device("meta"):
        from videoxl_stream.model.network import VideoXLForConditionalGeneration

        weights = sum(p.numel() for p in VideoXLForConditionalGeneration(config).parameters())
    assert 8.0e9 < weights < 8.6e9


def test_the_true_size_is_for_a_gpu() -> None:
    with pytest.raises(ConfigError, match="--device cuda"):
        random_model(config_7b())


def test_a_needle_run_needs_neither_pydantic_nor_pyav() -> None:
    import subprocess

    code = (
        "import sys; sys.modules['pydantic'] = sys.modules['av'] = None\n"
        "import videoxl_stream.evaluation.needle, videoxl_stream.evaluation.side_by_side"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_settings_are_those_on_which_a_haystack_depends() -> None:
    assert json.loads(json.dumps(GRID.settings())) == {
        "ratios": [8, 16],
        "depths": list(DEPTHS),
        "mode": "several",
        "budget_frames": None,
        "fps": 2.0,
        "looks": "seen",
    }
