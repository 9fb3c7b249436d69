"""What an owner of weights is told: every check, whether it passes, and what to do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from tests.model.test_checkpoint import (
    DAMAGE,
    INDEX,
    NORM,
    WEIGHTS,
    edit_config,
    edit_tensors,
    lose_a_shard,
    only_a_pickle,
    other_shape,
    shard,
    text,
    truncate,
)
from videoxl_stream.cli import app
from videoxl_stream.model.verify import Check, try_out, verify
from videoxl_stream.model.video_xl import VideoXL

ALL = (
    "config, weight files, complete, index, tensor names, tensor shapes, parameters, precision, numbers, tokenizer, "
    "chat markup, vocabulary, generation, preprocessing"
).split(", ")


def checks(folder: Path) -> dict[str, Check]:
    return {check.name: check for check in verify(folder)}


def not_passed(folder: Path) -> dict[str, bool | None]:
    return {name: check.ok for name, check in checks(folder).items() if not check.ok}


def test_a_whole_checkpoint_passes_every_check(released: Path) -> None:
    found = checks(released)
    assert list(found) == ALL
    assert not_passed(released) == {}
    assert found["config"].found.startswith("released layout, model_type 'llava_qwen'")
    assert found["parameters"].found == "253,408"
    assert found["precision"].found == "float32 (117 tensors)"
    shard(released)
    assert not_passed(released) == {}
    assert checks(released)["index"].found.startswith("117 tensors")


def test_our_own_layout_passes_too(model: VideoXL, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    assert not_passed(tmp_path) == {}
    assert checks(tmp_path)["config"].found.startswith("our own layout")


def break_number(value: float, dtype: torch.dtype = torch.float32) -> Callable[[Path], None]:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        tensors[NORM] = tensors[NORM].to(dtype)
        tensors[NORM][-1] = value

    return lambda folder: edit_tensors(folder, change)


def wrong_index(folder: Path) -> None:
    shard(folder)
    content = json.loads((folder / INDEX).read_text())
    listed = content["weight_map"]
    listed[NORM] = next(file for file in listed.values() if file != listed[NORM])
    (folder / INDEX).write_text(json.dumps(content))


def other_tokenizer(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = json.loads((folder / "tokenizer.json").read_text())
        change(content)
        (folder / "tokenizer.json").write_text(json.dumps(content))
        (folder / "tokenizer_config.json").write_text("{}")
        (folder / "special_tokens_map.json").unlink()

    return damage


def add_token(content: dict[str, Any]) -> None:
    content["model"]["vocab"]["new"] = 511


NEED_WEIGHTS = {"index", "tensor names", "tensor shapes", "parameters", "precision", "numbers"}
NEED_CONFIG = {"vocabulary", "generation", "preprocessing"}
FAULTS: dict[str, tuple[Callable[[Path], Any], set[str], set[str]]] = {
    "no config": (DAMAGE["no config"][0], {"config"}, NEED_CONFIG | {"tensor names", "tensor shapes"}),
    "another model": (DAMAGE["another model"][0], {"config"}, NEED_CONFIG | {"tensor names", "tensor shapes"}),
    "only a pickle": (only_a_pickle, {"weight files"}, NEED_WEIGHTS | NEED_CONFIG | {"complete"}),
    "a shard missing": (lose_a_shard, {"weight files"}, NEED_WEIGHTS | NEED_CONFIG | {"complete"}),
    "cut short": (lambda folder: truncate(folder, -1), {"complete"}, NEED_WEIGHTS | NEED_CONFIG),
    "index wrong": (wrong_index, {"index"}, set()),
    "names": (lambda f: edit_tensors(f, lambda t: t.update(x=t.pop(NORM))), {"tensor names"}, set()),
    "shape": (other_shape, {"tensor shapes"}, set()),
    "NaN": (break_number(float("nan")), {"numbers"}, set()),
    "infinity": (break_number(float("-inf"), torch.bfloat16), {"numbers"}, set()),
    "integers": (break_number(1, torch.int8), {"precision"}, set()),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), {"tokenizer"}, {"chat markup", "vocabulary"}),
    "no markup": (other_tokenizer(lambda c: c.update(added_tokens=[])), {"chat markup"}, set()),
    "too many ids": (other_tokenizer(add_token), {"vocabulary"}, set()),
    "generation": (text("generation_config.json", '{"eos_token_id": 600}'), {"generation"}, set()),
    "preprocessing": (text("preprocessor_config.json", "[]"), {"preprocessing"}, set()),
    "preprocessing, fit": (text("preprocessor_config.json", '{"fit": "zoom"}'), {"preprocessing"}, set()),
    "preprocessing, mean": (text("preprocessor_config.json", '{"image_mean": [1]}'), {"preprocessing"}, set()),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found_and_the_rest_is_still_checked(released: Path, name: str) -> None:
    damage, failed, left_open = FAULTS[name]
    damage(released)
    found = checks(released)
    assert list(found) == ALL
    assert {check.name for check in found.values() if check.ok is False} == failed
    assert {check.name for check in found.values() if check.ok is None} == left_open
    assert all(check.remedy for check in found.values() if check.ok is False)


def test_all_faults_are_told_at_once(released: Path) -> None:
    break_number(float("nan"))(released)
    edit_config(released, beacon_pos="append")
    (released / "tokenizer.json").unlink()
    assert {name for name, ok in not_passed(released).items() if ok is False} == {"config", "numbers", "tokenizer"}


def test_trying_it_out_answers_a_question(released: Path) -> None:
    check = try_out(released)
    assert check.ok, check
    (released / WEIGHTS).unlink()
    check = try_out(released)
    assert check.ok is False
    assert check.remedy == "give a checkpoint folder"


def test_the_command_passes_only_if_all_is_right(released: Path) -> None:
    run = CliRunner().invoke
    done = run(app, ["verify", str(released), "--run"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "all is right" in done.stdout
    assert "it says" in done.stdout
    truncate(released, 100)
    done = run(app, ["verify", str(released)], env={"COLUMNS": "200"})
    assert done.exit_code == 1
    assert "10 of 14 checks did not pass" in done.stdout
    assert "copy these files again" in done.stdout
    assert "tokens" in done.stdout  # what can still be checked is


def test_the_embedded_model_is_named_by_its_name() -> None:
    done = CliRunner().invoke(app, ["verify", "embedded"])
    assert done.exit_code == 0, done.output
