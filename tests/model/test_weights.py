"""Checkpoints that are whole: released and our own layout, whatever they are called, give the same network."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoModelForImageTextToText

from tests.model.conftest import GOLDEN
from tests.model.test_checkpoint import INDEX, WEIGHTS, edit_config, edit_tensors, shard
from videoxl_stream.errors import CheckpointError
from videoxl_stream.model.configuration import VideoXLConfig
from videoxl_stream.model.network import VideoXLForConditionalGeneration
from videoxl_stream.model.released import our_name
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.model.weights import compare, load_network, network_config

PROMPT = torch.tensor([[3, 7, 9, 11, -200, 30, 31, 32]])
RELEASED_7B = {
    "model_type": "qwen2",
    "vocab_size": 152064,
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "beacon_window": 1440,
    "beacon_ratio": [2, 4, 8],
    "beacon_param": ["q", "k", "v"],
    "mm_hidden_size": 1024,
    "mm_vision_tower": "/a/trainer/clip-vit-large-patch14-336",
    "mm_vision_select_layer": -2,
    "torch_dtype": "bfloat16",
}


def logits(network: VideoXLForConditionalGeneration) -> Tensor:
    pixels = torch.randn(13, 3, 56, 56, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found: Tensor = network(PROMPT, pixel_values=pixels, ratios=[4]).logits
    return found


@pytest.fixture(scope="module")
def expected() -> Tensor:
    return logits(load_network(GOLDEN / "model_a"))


def test_every_released_name_has_its_place(tmp_path: Path) -> None:
    """903 tensors of the 7B release: none missing, none left over, each of the shape that the network has."""
    content = json.loads((GOLDEN / "checkpoint_names_7b.json").read_text())
    shapes = {name: tuple(shape) for name, shape in content["tensors"].items()}
    assert len(shapes) == 903
    config, wanted = network_config(tmp_path, RELEASED_7B, shapes)
    found = {our_name(name): shape for name, shape in shapes.items()}
    assert len(found) == 903
    assert not any(compare(wanted, found).values())
    assert sum(torch.Size(shape).numel() for shape in wanted.values()) == 8_398_200_832
    assert (config.image_size, config.tokens_per_frame, config.vision.num_attention_heads) == (336, 144, 16)


@pytest.mark.parametrize("model_type", ["qwen2", "llava_qwen", "anything"])
def test_the_released_layout_is_known_by_its_keys(released: Path, expected: Tensor, model_type: str) -> None:
    edit_config(released, model_type=model_type, mm_vision_tower="/a/trainers/path/clip")
    assert torch.equal(logits(load_network(released)), expected)


def test_the_released_layout_in_shards(released: Path, expected: Tensor) -> None:
    shard(released)
    assert torch.equal(logits(load_network(released)), expected)


def test_the_tower_is_read_off_the_tensors_where_its_config_is_missing(released: Path) -> None:
    """All but the number of heads, which no shape tells: CLIP's are 64 wide, those of this tiny tower are not."""
    known = load_network(released).config.vision.to_dict()
    shutil.rmtree(released / "clip")
    read = load_network(released).config.vision.to_dict()
    different = {key for key in known if known[key] != read[key]}
    assert different == {"num_attention_heads", "architectures", "projection_dim"}  # the last two are not used


@pytest.mark.parametrize("max_shard_size", ["50GB", "200KB"])
def test_our_own_layout_is_an_exact_copy(model: VideoXL, expected: Tensor, tmp_path: Path, max_shard_size: str) -> None:
    model.network.save_pretrained(tmp_path, max_shard_size=max_shard_size)
    assert (tmp_path / INDEX).exists() == (max_shard_size == "200KB")
    assert not list(tmp_path.glob("*.bin"))
    assert torch.equal(logits(load_network(tmp_path)), expected)
    assert isinstance(AutoConfig.from_pretrained(tmp_path), VideoXLConfig)
    for loader in (VideoXLForConditionalGeneration, AutoModel, AutoModelForImageTextToText):
        network = loader.from_pretrained(tmp_path)
        assert type(network) is VideoXLForConditionalGeneration
        assert network.config.text.to_dict() == model.network.config.text.to_dict()
        assert torch.equal(logits(network), expected)


def test_everything_of_a_model_is_in_its_folder(model: VideoXL, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    copy = VideoXL.from_pretrained(tmp_path)
    assert copy.fingerprint == model.fingerprint
    assert copy.tokenizer.get_vocab() == model.tokenizer.get_vocab()
    assert vars(copy.pictures) == vars(model.pictures)
    assert copy.network.generation_config.eos_token_id == model.network.generation_config.eos_token_id


def test_precision_is_the_checkpoints_own_or_what_is_asked_for(released: Path) -> None:
    edit_tensors(released, lambda tensors: tensors.update({n: t.bfloat16() for n, t in tensors.items()}))
    assert load_network(released).dtype == torch.float32
    assert load_network(released, dtype=torch.bfloat16).dtype == torch.bfloat16
    assert load_network(released, device="meta").dtype == torch.bfloat16


def test_a_tied_head_is_stored_once(released: Path, tmp_path: Path) -> None:
    edit_config(released, tie_word_embeddings=True)
    edit_tensors(released, lambda tensors: tensors.pop("lm_head.weight"))
    network = load_network(released)
    assert torch.equal(network.lm_head.weight, network.text.embed_tokens.weight)
    network.save_pretrained(tmp_path / "ours")
    assert "lm_head.weight" not in load_file(tmp_path / "ours" / WEIGHTS)
    assert torch.equal(logits(load_network(tmp_path / "ours")), logits(network))


def without_beacons(tensors: dict[str, Tensor]) -> None:
    for name in [name for name in tensors if "beacon_" in name]:
        del tensors[name]


@pytest.mark.parametrize("eos", [2, [5, 2]])
def test_beacons_can_be_made_where_there_are_none(released: Path, eos: Any) -> None:
    edit_tensors(released, without_beacons)
    edit_config(released, eos_token_id=eos, **dict.fromkeys(("beacon_window", "beacon_ratio", "beacon_param")))
    with pytest.raises(CheckpointError, match="has no beacon_window"):
        load_network(released)
    text = load_network(released, init_beacons=True).text
    end = eos if isinstance(eos, int) else eos[0]
    assert torch.equal(text.beacon_embed_tokens.weight[0], text.embed_tokens.weight[end])
    layer: Any
    for layer in text.layers:
        for letter in "qkv":
            own, ordinary = (getattr(layer.self_attn, f"{kind}{letter}_proj") for kind in ("beacon_", ""))
            assert torch.equal(own.weight, ordinary.weight)
            assert torch.equal(own.bias, ordinary.bias)
            assert own.weight.data_ptr() != ordinary.weight.data_ptr()


def test_beacons_that_are_there_are_kept_and_half_of_them_are_no_start(released: Path, expected: Tensor) -> None:
    assert torch.equal(logits(load_network(released, init_beacons=True)), expected)
    edit_tensors(released, lambda tensors: tensors.pop("model.beacon_embed_tokens.weight"))
    with pytest.raises(CheckpointError, match="1 missing"):
        load_network(released, init_beacons=True)


def test_training_goes_on_from_loaded_weights(released: Path) -> None:
    """Tensors are mapped from the file: writing to parameters must leave the file as it was."""
    before = (released / WEIGHTS).read_bytes()
    network = load_network(released)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1.0)
    assert (released / WEIGHTS).read_bytes() == before
