"""Checkpoints that are damaged, unsafe or of another kind: each is refused in words that name file and remedy."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.model.conftest import GOLDEN
from videoxl_stream.errors import CheckpointError
from videoxl_stream.model.weights import load_network, load_tokenizer

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
NORM = "model.norm.weight"
HEADER = 14_288  # bytes of the recorded file's header


def edit_config(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / "config.json").read_text())
    kept = {key: value for key, value in (content | changes).items() if value is not None}
    (folder / "config.json").write_text(json.dumps(kept))


def edit_tensors(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    (folder / WEIGHTS).unlink()
    save_file(tensors, folder / WEIGHTS)


def shard(folder: Path) -> None:
    """Cut the weights into two files with an index."""
    tensors = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    names = sorted(tensors)
    halves = {"model-1-of-2.safetensors": names[::2], "model-2-of-2.safetensors": names[1::2]}
    for file, half in halves.items():
        save_file({name: tensors[name] for name in half}, folder / file)
    write_index(folder, {name: file for file, half in halves.items() for name in half})


def write_index(folder: Path, listed: object) -> None:
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": listed}))


def truncate(folder: Path, size: int) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:size])


def lose_a_shard(folder: Path) -> None:
    shard(folder)
    (folder / "model-2-of-2.safetensors").unlink()


def index_of(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        shutil.copy(folder / WEIGHTS, folder.parent / "outside.safetensors")
        write_index(folder, {NORM: name})

    return damage


def repeat_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    shard(folder)
    names = load_file(folder / "model-1-of-2.safetensors").keys() | {sorted(tensors)[1]}
    save_file({name: tensors[name] for name in names}, folder / "model-1-of-2.safetensors")


def only_a_pickle(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / "pytorch_model.bin").write_bytes(b"never opened")


def pickle_in_disguise(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(pickle.dumps({"model.norm.weight": 1}))


def other_shape(folder: Path) -> None:
    edit_tensors(folder, lambda tensors: tensors.update({NORM: torch.ones(65)}))


def text(name: str, content: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_text(content)


def config(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: edit_config(folder, **changes)


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no folder": (shutil.rmtree, "is no folder; give"),
    "no config": (lambda folder: (folder / "config.json").unlink(), r"config\.json is missing; give"),
    "config garbage": (text("config.json", '{"hidden'), r"config\.json is not readable JSON .*; copy"),
    "config not utf-8": (lambda f: (f / "config.json").write_bytes(b"\xff\xfe{}"), r"config\.json is not readable"),
    "config a list": (text("config.json", "[]"), r"config\.json holds no JSON object; copy"),
    "another model": (
        text("config.json", '{"model_type": "llama", "hidden_size": 64, "vocab_size": 9}'),
        r"config\.json has no mm_hidden_size, beacon_window: this is no Video-XL .*'llama'.*; give",
    ),
    "plain LLaVA": (config(beacon_window=None), r"config\.json has no beacon_window.*; give"),
    "an unknown variant": (config(beacon_pos="append"), r"sets beacon_pos='append', only 'interleave'.*; give"),
    "pooling unknown": (config(mm_spatial_pool_mode="conv"), r"config\.json describes no network.*'conv'.*; copy"),
    "a word for a number": (config(hidden_size="wide"), r"config\.json describes no network that can.*; copy"),
    "heads that do not divide": (config(num_attention_heads=5), r"config\.json"),
    "layer out of reach": (config(mm_vision_select_layer=-9), r"vision_select_layer -9 is no hidden state"),
    "our layout, damaged": (
        text("config.json", '{"model_type": "videoxl", "text_config": 3}'),
        r"config\.json describes no network.*; copy",
    ),
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), rf"holds no {WEIGHTS} and no {INDEX}; give"),
    "only a pickle": (only_a_pickle, r"pytorch_model\.bin is a pickle.*; convert it to safetensors"),
    "pickle in disguise": (pickle_in_disguise, rf"{WEIGHTS} is damaged, cut short or no safetensors.*; copy"),
    "shard missing": (lose_a_shard, r"lacks model-2-of-2\.safetensors.*; copy"),
    "index garbage": (text(INDEX, "{"), rf"{INDEX} is not readable JSON.*; copy"),
    "index empty": (lambda folder: write_index(folder, {}), rf"{INDEX} has no weight_map.*; copy"),
    "index of numbers": (lambda folder: write_index(folder, {NORM: 3}), rf"{INDEX} has no weight_map.*; copy"),
    "index climbs out": (index_of("../outside.safetensors"), rf"{INDEX} names '\.\./outside.*not opened; get"),
    "index is absolute": (index_of("/outside.safetensors"), rf"{INDEX} names '/outside.*not opened; get"),
    "index of a pickle": (index_of("pytorch_model.bin"), rf"{INDEX} names 'pytorch_model\.bin'.*not opened; get"),
    "tensor twice": (repeat_a_tensor, r"twice, in model-1-of-2\.safetensors and model-2-of-2\.safetensors; copy"),
    "tensor missing": (
        lambda folder: edit_tensors(folder, lambda tensors: tensors.pop(NORM)),
        r"1 missing \(first: model\.language_model\.norm\.weight\); copy",
    ),
    "tensor left over": (
        lambda folder: edit_tensors(folder, lambda tensors: tensors.update(extra=torch.ones(1))),
        r"1 left over \(first: extra\); copy",
    ),
    "other shape": (other_shape, r"1 of another shape \(first: model\.language_model\.norm\.weight\); copy"),
    "generation garbage": (text("generation_config.json", "no"), r"generation_config\.json is not readable JSON"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_told_with_file_and_remedy(released: Path, name: str) -> None:
    damage, words = DAMAGE[name]
    damage(released)
    with pytest.raises(CheckpointError, match=words) as caught:
        load_network(released)
    assert released.name in str(caught.value)


@pytest.mark.parametrize("size", [0, 1, 8, 9, HEADER // 2, HEADER + 8, HEADER + 5000, -1000, -1])
def test_a_file_cut_short_is_named(released: Path, size: int) -> None:
    truncate(released, size)
    with pytest.raises(CheckpointError, match=rf"{WEIGHTS} is damaged, cut short .*; copy this file again"):
        load_network(released)


def test_the_tower_config_is_read_only_from_inside_the_folder(released: Path) -> None:
    """A path of the trainers' machine is no place to look; only its last part is, beside the weights."""
    edit_config(released, mm_vision_tower="/somewhere/else/clip")
    assert load_network(released).config.vision.num_attention_heads == 2
    (released.parent / "config.json").write_text("a trap")
    edit_config(released, mm_vision_tower="..")
    assert load_network(released).config.vision.num_hidden_layers == 3  # read off the tensors


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), "has no tokenizer.json, nor vocab.json"),
        (text("tokenizer.json", "{"), "no usable tokenizer .*; copy"),
    ],
)
def test_a_broken_tokenizer_is_named(released: Path, damage: Callable[[Path], Any], words: str) -> None:
    damage(released)
    with pytest.raises(CheckpointError, match=words):
        load_tokenizer(released)


def test_vocabulary_and_merges_do_as_tokenizer(released: Path) -> None:
    expected = load_tokenizer(released)
    model = json.loads((released / "tokenizer.json").read_text())["model"]
    (released / "tokenizer.json").unlink()
    (released / "vocab.json").write_text(json.dumps(model["vocab"]))
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    (released / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    prompt = "<|im_start|>user\nWho is at the gate?  42<|im_end|>\n"
    assert load_tokenizer(released).encode(prompt) == expected.encode(prompt)


def test_no_code_beside_a_tokenizer_is_run(released: Path) -> None:
    file = released / "tokenizer_config.json"
    content = json.loads(file.read_text()) | {"auto_map": {"AutoTokenizer": ["trap.Trap", "trap.Trap"]}}
    file.write_text(json.dumps(content))
    (released / "trap.py").write_text("raise SystemExit('run')")
    assert load_tokenizer(released).encode("a") == load_tokenizer(GOLDEN / "tiny_tokenizer").encode("a")
