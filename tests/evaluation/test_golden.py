"""Parity with the original: every recorded case passes, and the command tells when one does not."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.golden import Case, Result, find_cases, main, run_cases

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = find_cases([GOLDEN])


def up_to(case: Case) -> list[Case]:
    """A case and those of its sequence that come before it, which leave their mark on the network."""
    name, number = case.sequence
    return [other for other in CASES if other.sequence[0] == name and other.sequence[1] <= number]


def damaged(tmp_path: Path, name: str, change: Callable[[Path], None]) -> Path:
    """A copy of a case, with the model it belongs to, after ``change``."""
    for folder in (name, "model_a"):
        shutil.copytree(GOLDEN / folder, tmp_path / folder)
    change(tmp_path / name)
    return tmp_path / name


def rewrite(file: str, **changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps(content | changes))

    return change


def add_to_logits(value: float) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        tensors = load_file(folder / "tensors.safetensors")
        tensors["logits"][0, 0] += value
        (folder / "tensors.safetensors").unlink()
        save_file(tensors, folder / "tensors.safetensors")

    return change


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_recorded_case_passes(case: Case) -> None:
    *_, result = run_cases(up_to(case))
    assert result.name == case.name
    assert result.faults == []
    assert result.passed


def test_all_recorded_kinds_are_there() -> None:
    kinds = {"inference", "text_only", "train_loss", "clip_preprocess", "anyres_preprocess", "tokenisation", "model"}
    assert {case.kind for case in CASES} == kinds
    assert len(CASES) == 33


def test_sequences_run_in_order_however_they_are_given() -> None:
    folders = [GOLDEN / "a_mix_seq2_f31", GOLDEN / "a_r4_f1", GOLDEN / "a_mix_seq1_f25", GOLDEN / "a_mix_seq2_f31"]
    assert [case.name for case in find_cases(folders)] == ["a_mix_seq1_f25", "a_mix_seq2_f31", "a_r4_f1"]


def test_ten_comes_after_nine_in_a_sequence(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        (tmp_path / f"b_seq{number}_f1").mkdir()
        (tmp_path / f"b_seq{number}_f1" / "case.json").write_text("{}")
    assert [case.sequence[1] for case in find_cases([tmp_path])] == [1, 9, 10]


def test_the_second_of_a_sequence_needs_the_first() -> None:
    """Ratios are drawn by a generator that lives as long as the network."""
    second = find_cases([GOLDEN / "a_mix_seq2_f31"])
    (result,) = run_cases(second)
    assert any(fault.startswith("windows") for fault in result.faults)


def test_the_command_passes_a_whole_folder_of_cases(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(GOLDEN / name) for name in ("a_r2_f7", "a_text_only", "tokenisation")]) == 0
    out = capsys.readouterr().out
    assert "3 of 3 cases pass" in out
    assert "a_r2_f7" in out


def cut_short(folder: Path) -> None:
    file = folder / "tensors.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "one number": (add_to_logits(0.05), "logits, steps: error"),
    "not a number": (add_to_logits(float("nan")), "logits, steps: error nan"),
    "a token": (rewrite("case.json", generated=[1, 2, 3]), "greedy tokens, steps"),
    "unknown kind": (rewrite("case.json", kind="smell"), "kind 'smell' is unknown"),
    "no model": (rewrite("case.json", model_dir="../nowhere"), "CheckpointError"),
    "nothing recorded": (rewrite("case.json", trace=None), "TypeError"),
    "no tensors": (lambda folder: (folder / "tensors.safetensors").unlink(), "FileNotFoundError"),
    "cut short": (cut_short, "SafetensorError"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_case_that_fails_is_named_and_the_others_still_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    change, words = FAULTS[name]
    folder = damaged(tmp_path, "a_r2_f7", change)
    assert main([str(folder), str(GOLDEN / "tokenisation")]) == 1
    out = capsys.readouterr().out
    assert "1 of 2 cases pass" in out
    (result,) = run_cases(find_cases([folder]))
    assert any(words in fault for fault in result.faults), result.faults


def test_a_folder_without_cases_is_a_fault_of_the_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "holds no case.json" in capsys.readouterr().out
    assert main([str(tmp_path / "nowhere")]) == 2
    for content in ("{", "[]"):
        (tmp_path / "case.json").write_text(content)
        assert main([str(tmp_path)]) == 2
    with pytest.raises(ConfigError, match="holds no case"):
        find_cases([GOLDEN / "model_a" / "clip"])


def test_a_comparison_passes_only_within_the_tolerance() -> None:
    expected = torch.tensor([3.0, -200.0])
    for error, passes in ((0.019, True), (0.021, False), (float("nan"), False)):
        result = Result("x")
        result.close("numbers", expected + torch.tensor([error, 0.0]), expected)
        assert result.passed is passes
    result = Result("x")
    result.close("numbers", torch.zeros(3), torch.zeros(2))
    assert not result.passed
    assert not Result("nothing compared").passed
