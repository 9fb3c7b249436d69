"""One JSON for a run: what is written is read, and what is finished is not done again."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from videoxl_stream.errors import CheckpointError, ConfigError
from videoxl_stream.evaluation.finished import Finished
from videoxl_stream.evaluation.provenance import hardware, revision, versions
from videoxl_stream.evaluation.record import Record
from videoxl_stream.model.weights import embedded_path


def record() -> Record:
    made = Record("needle", {"name": "m", "revision": "abc"}, {"ratios": [8], "seeds": [1, 2]}, versions(), hardware())
    for seed, right in enumerate((True, True, False)):
        made.add(["all", "shallow"], "needle/8/64/0", str(seed), right)
    made.add(["all", "deep"], "needle/8/64/1", "0", False)
    made.add(["fire: F1"], "fire/F1", "seed 1", 2.0, 3.0)
    made.add(["empty"], "empty", "seed 1", 0.0, 0.0)
    made.add_reliability("answers", [(True, 0.9), (False, 0.9), (True, 0.6)])
    return made


def test_figures_are_of_the_items_of_their_cells(tmp_path: Path) -> None:
    made = record()
    assert (made.value("all"), made.value("shallow"), made.value("deep")) == (0.5, 2 / 3, 0)
    assert len(made.of("all")) == 4
    content = made.to_json()
    assert content["scores"]["all"]["n"] == 4
    assert content["scores"]["all"]["low"] < 0.5 < content["scores"]["all"]["high"]
    assert content["scores"]["empty"]["value"] is None
    assert content["values"]["answers: calibration error"]["n"] == 3
    assert content["details"]["reliability"]["answers"]["ece"] == pytest.approx(0.4)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    made, path = record(), tmp_path / "deep" / "needle.json"
    made.save(path)
    again = Record.load(path)
    assert again.to_json() == made.to_json()
    assert math.isnan(again.value("empty"))
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99, "measure": "needle"}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(ConfigError, match="an eval command wrote"):
        Record.load(tmp_path / "other.json")


def test_a_finished_piece_is_kept(tmp_path: Path) -> None:
    finished = Finished(tmp_path, {"ratios": (8, 16)})
    assert finished.get("64-1") is None
    assert finished.put("64-1", {"answers": (1, 2)}) == {"answers": [1, 2]}
    assert Finished(tmp_path, {"ratios": [8, 16]}).get("64-1") == {"answers": [1, 2]}


def test_another_setting_is_refused_by_name(tmp_path: Path) -> None:
    Finished(tmp_path, {"ratios": [99]})  # finished nothing
    Finished(tmp_path, {"ratios": [8, 16], "fps": 2.0, "old": 1}).put("1", {})
    with pytest.raises(ConfigError, match=r"ratios was \[8, 16\] and is \[8\]; old was 1 and is None.*--out"):
        Finished(tmp_path, {"ratios": [8], "fps": 2.0})


def test_a_damaged_piece_says_so(tmp_path: Path) -> None:
    finished = Finished(tmp_path, {})
    finished.put("1", {})
    (tmp_path / "pieces" / "1.json").write_text("{")
    with pytest.raises(ConfigError, match="delete it"):
        finished.get("1")


def test_a_revision_is_of_the_bytes(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    found = revision(embedded_path(), lambda done, total: told.append((done, total)))
    assert len(found) == 64
    assert told[-1][0] == told[-1][1]
    for path in embedded_path().glob("*.safetensors"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        (tmp_path / path.name).write_bytes(content)
    (tmp_path / "config.json").write_bytes((embedded_path() / "config.json").read_bytes())
    assert revision(tmp_path) != found
    with pytest.raises(CheckpointError, match="no safetensors"):
        revision(tmp_path / "nothing")


def test_what_it_ran_with_is_told() -> None:
    assert {"python", "torch", "transformers"} <= versions().keys()
    assert hardware()["device"] == "cpu"
    json.dumps(hardware())
