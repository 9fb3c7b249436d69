"""A warm start: tokens keep their rows, whatever their numbers are now."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from videoxl_stream.errors import CheckpointError
from videoxl_stream.model.pictures import PictureProcessor
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.queries import Query
from videoxl_stream.training.embedded import build_network
from videoxl_stream.training.footage.tokenizer import build_tokenizer
from videoxl_stream.training.recipe import Recipe
from videoxl_stream.training.warm_start import carry_over

TINY = dataclasses.replace(
    Recipe(), image_size=32, patch_size=8, vision_width=32, vision_layers=1, vision_heads=2,
    text_width=32, text_layers=1, text_heads=2, text_kv_heads=1, text_mlp=48, ratios=(2, 4), ratio_shares=(0.5, 0.5),
)  # fmt: skip
FEW_WORDS = ["Is there a fire?", "yes", "no", "system", "user", "assistant", "fire", "crowd"]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, VideoXL, PreTrainedTokenizerFast]:
    """A saved run that knew few words, and what it was."""
    folder = tmp_path_factory.mktemp("earlier")
    tokenizer = build_tokenizer(FEW_WORDS, 300)
    network = build_network(TINY, tokenizer).eval()
    model = VideoXL(network, tokenizer, PictureProcessor(TINY.image_size, "squash"))
    model.save_pretrained(folder)
    return folder, model, tokenizer


def test_known_tokens_keep_their_rows_and_new_ones_stay_random(
    earlier: tuple[Path, VideoXL, PreTrainedTokenizerFast],
) -> None:
    folder, model, before = earlier
    tokenizer = build_tokenizer()
    network = build_network(dataclasses.replace(TINY, seed=2), tokenizer)
    fresh = {name: weights.clone() for name, weights in network.state_dict().items()}
    carry_over(folder, network, tokenizer)
    known = {token: number for token, number in tokenizer.get_vocab().items() if token in before.get_vocab()}
    unknown = [number for token, number in tokenizer.get_vocab().items() if token not in known]
    moved = [token for token, number in known.items() if before.get_vocab()[token] != number]
    assert unknown
    assert moved, "a token whose number changed shows that rows follow tokens"
    for name in ("embed_tokens", "lm_head"):
        (old,), (new,), (random,) = (
            [w for key, w in state.items() if key.split(".")[-2] == name]
            for state in (model.network.state_dict(), network.state_dict(), fresh)
        )
        for token, number in known.items():
            assert torch.equal(new[number], old[before.get_vocab()[token]]), token
        assert torch.equal(new[unknown], random[unknown])


def test_everything_else_is_copied(earlier: tuple[Path, VideoXL, PreTrainedTokenizerFast]) -> None:
    folder, model, _ = earlier
    network = build_network(dataclasses.replace(TINY, seed=2), build_tokenizer())
    carry_over(folder, network, build_tokenizer())
    old = model.network.state_dict()
    for name, weights in network.state_dict().items():
        if not name.endswith((".embed_tokens.weight", "lm_head.weight")):
            assert torch.equal(weights, old[name]), name


@pytest.mark.parametrize(
    "other",
    [dataclasses.replace(TINY, text_mlp=64), dataclasses.replace(TINY, vision_width=64),
     dataclasses.replace(TINY, text_width=64)],
    ids=["text_mlp", "vision_width", "text_width"],
)  # fmt: skip
def test_another_size_is_refused(earlier: tuple[Path, VideoXL, PreTrainedTokenizerFast], other: Recipe) -> None:
    network = build_network(other, build_tokenizer())
    with pytest.raises(CheckpointError, match="same sizes"):
        carry_over(earlier[0], network, build_tokenizer())


def test_new_layers_change_nothing_at_first(earlier: tuple[Path, VideoXL, PreTrainedTokenizerFast]) -> None:
    folder, model, before = earlier
    deeper = dataclasses.replace(TINY, text_layers=3, new_layers=(0, 2), seed=2)
    network = build_network(deeper, before).eval()
    carry_over(folder, network, before, deeper.new_layers)
    with torch.no_grad():  # rows of no token are random, and take their share of probability
        network.lm_head.weight.copy_(model.network.lm_head.weight)
    frames = list(np.random.default_rng(1).integers(0, 256, (25, 32, 32, 3), dtype=np.uint8))
    found = []
    for each in (model, VideoXL(network, before, PictureProcessor(TINY.image_size, "squash"))):
        memory = each.open_memory(ratio=2)
        each.append(memory, frames, [float(second) for second in range(len(frames))])
        each.close_window(memory)
        (verdict,) = each.verdicts(memory, [Query("Is there a fire?")])
        found.append(verdict.probability("yes"))
    assert found[1] == pytest.approx(found[0], abs=1e-5)


@pytest.mark.parametrize("new_layers", [(), (1,), (0, 5)])
def test_a_deeper_network_must_say_which_layers_are_new(
    earlier: tuple[Path, VideoXL, PreTrainedTokenizerFast], new_layers: tuple[int, ...]
) -> None:
    network = build_network(dataclasses.replace(TINY, text_layers=3), build_tokenizer())
    with pytest.raises(CheckpointError, match="new_layers"):
        carry_over(earlier[0], network, build_tokenizer(), new_layers)
