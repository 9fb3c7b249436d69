"""Saved memories that are damaged, strange or foreign are refused in words that name file and remedy."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from tests.model.streams import filled
from videoxl_stream.errors import MemoryFormatError
from videoxl_stream.frames import Image
from videoxl_stream.model.video_xl import VideoXL

State = dict[str, Any]
Tensors = dict[str, torch.Tensor]


def rewrite(path: Path, change: Callable[[State, Tensors], Any]) -> None:
    with safe_open(path, framework="pt") as file:
        state = json.loads(file.metadata()["memory"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    changed = change(state, tensors)
    path.unlink()
    save_file(tensors, path, {"memory": json.dumps(changed if isinstance(changed, list | str) else state)})


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def other_tensors(path: Path) -> None:
    path.unlink()
    save_file({"x": torch.ones(1)}, path)


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "missing": lambda path: path.unlink(),
    "a folder": a_folder,
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "other tensors": other_tensors,
    "no state": lambda path: rewrite(path, lambda state, tensors: state.clear()),
    "a list": lambda path: rewrite(path, lambda state, tensors: []),
    "no version": lambda path: rewrite(path, lambda state, tensors: state.pop("version")),
    "later version": lambda path: rewrite(path, lambda state, tensors: state.update(version=99)),
    "other weights": lambda path: rewrite(path, lambda state, tensors: state.update(fingerprint="0")),
    "no chunks": lambda path: rewrite(path, lambda state, tensors: state.pop("chunks")),
    "odd chunks": lambda path: rewrite(path, lambda state, tensors: state.update(chunks=[{"first": 0}])),
    "negative budget": lambda path: rewrite(path, lambda state, tensors: state.update(budget=-1)),
    "words for numbers": lambda path: rewrite(path, lambda state, tensors: state.update(next="many")),
    "fewer slots": lambda path: rewrite(path, lambda state, tensors: state.update(next=state["next"] + 3)),
    "no keys": lambda path: rewrite(path, lambda state, tensors: tensors.pop("keys")),
    "other heads": lambda path: rewrite(path, lambda state, tensors: tensors.update(keys=torch.ones(1, 1, 20, 4))),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_told(model: VideoXL, footage: list[Image], tmp_path: Path, name: str) -> None:
    path = tmp_path / "gate.memory"
    model.save_memory(filled(model, footage[:23]), path)
    DAMAGE[name](path)
    with pytest.raises(MemoryFormatError, match=r"gate\.memory .*; (ingest the footage again|update|load those)"):
        model.load_memory(path)


def test_a_crash_amid_saving_leaves_the_old_file(
    model: VideoXL, footage: list[Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gate.memory"
    memory = filled(model, footage[:23])
    model.save_memory(memory, path)
    before = path.read_bytes()

    def broken(*_: Any) -> None:
        msg = "power cut"
        raise OSError(msg)

    model.append(memory, footage[23:40], [float(i) for i in range(23, 40)])
    monkeypatch.setattr("videoxl_stream.model.memory_file.os.fsync", broken)
    with pytest.raises(OSError, match="power cut"):
        model.save_memory(memory, path)
    assert path.read_bytes() == before
    assert model.load_memory(path).next == 10
