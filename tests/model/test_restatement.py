"""Other sizes than the recorded ones, against a plain restatement of the original: no cache, no tricks.

Every step rotates all keys anew at positions 0, 1, 2, ... over sink, beacons and current tokens, one window after
another, as FACTS about the original say; heads, windows, ratios (with carry) and beacon projections vary.
"""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from videoxl_stream.model.beacon import BeaconQwen2Model
from videoxl_stream.model.configuration import VideoXLConfig
from videoxl_stream.model.network import VideoXLForConditionalGeneration
from videoxl_stream.model.rotary import Rotary, rotate

Kept = list[tuple[Tensor, Tensor]]  # unrotated keys and values of each layer, (heads, tokens, dim)


def step(text: BeaconQwen2Model, embeds: Tensor, beacons: list[int], past: Kept, rotary: Rotary) -> tuple[Tensor, Kept]:
    """One run through the layers: hidden states (tokens, dim), and the current keys and values."""
    hidden, current = embeds, []
    layers: Any = text.layers
    for layer, (past_k, past_v) in zip(layers, past, strict=True):
        attention, x = layer.self_attn, layer.input_layernorm(hidden)
        projected = []
        for letter in "qkv":
            own = getattr(attention, f"beacon_{letter}_proj", None)
            ordinary = getattr(attention, f"{letter}_proj")
            rows = [(own if own is not None and i in beacons else ordinary)(x[i]) for i in range(len(x))]
            projected.append(torch.stack(rows).unflatten(-1, (-1, attention.head_dim)).transpose(0, 1))
        q, k, v = projected
        current.append((k, v))
        keys, values = torch.cat((past_k, k), dim=1), torch.cat((past_v, v), dim=1)
        total, past_length = keys.shape[1], past_k.shape[1]
        groups = len(q) // len(k)
        out = F.scaled_dot_product_attention(
            rotate(q, rotary.at(torch.arange(past_length, total))),
            rotate(keys, rotary.at(torch.arange(total))).repeat_interleave(groups, 0),
            values.repeat_interleave(groups, 0),
            attn_mask=torch.ones(len(x), total, dtype=torch.bool).tril(past_length),
        )
        hidden = hidden + attention.o_proj(out.transpose(0, 1).flatten(1))
        hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
    return text.norm(hidden), current


def restated(
    network: VideoXLForConditionalGeneration, ids: list[int], features: Tensor, tail: list[int], ratio: int
) -> Tensor:
    """Logits of the tail behind footage, window by window."""
    text, config = network.text, network.config.text
    rotary = network.rotary
    empty = torch.zeros(config.num_kv_heads, 0, config.size_of_head)
    past: Kept = [(empty, empty)] * config.num_hidden_layers
    if ids:
        _, past = step(text, text.embed_tokens(torch.tensor(ids)), [], past, rotary)
    beacon, since = text.beacon_embed_tokens.weight[0], 0
    for window in features.split(config.beacon_window):
        embeds, beacons = [], []
        for raw in window:
            embeds.append(raw)
            since += 1
            if since == ratio:
                beacons.append(len(embeds))
                embeds.append(beacon)
                since = 0
        _, current = step(text, torch.stack(embeds), beacons, past, rotary)
        past = [
            (torch.cat((pk, k[:, beacons]), dim=1), torch.cat((pv, v[:, beacons]), dim=1))
            for (pk, pv), (k, v) in zip(past, current, strict=True)
        ]
    hidden, _ = step(text, text.embed_tokens(torch.tensor(tail)), [], past, rotary)
    logits: Tensor = network.lm_head(hidden)
    return logits


SIZES: list[dict[str, object]] = [
    {"hidden_size": 80, "num_attention_heads": 5, "num_key_value_heads": 1, "rope_theta": 1e4, "beacon_window": 45},
    {"hidden_size": 48, "num_attention_heads": 6, "num_key_value_heads": 3, "rope_theta": 5e5, "beacon_window": 24,
     "beacon_param": ["k", "v"]},
    {"hidden_size": 64, "num_attention_heads": 2, "num_key_value_heads": 2, "beacon_window": 40, "beacon_param": []},
]  # fmt: skip


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("ratio", [1, 4, 5, 7, 32])
@pytest.mark.parametrize("sizes", SIZES, ids=lambda sizes: str(sizes["hidden_size"]))
def test_other_sizes_equal_the_restatement(sizes: dict[str, object], ratio: int, parallel: bool) -> None:
    torch.manual_seed(ratio)
    text = {"vocab_size": 97, "intermediate_size": 96, "num_hidden_layers": 3, "initializer_range": 0.2, **sizes}
    vision = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28, "patch_size": 14}
    network = VideoXLForConditionalGeneration(VideoXLConfig(text_config=text, vision_config=vision)).eval()
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.3)
    network.parallel = parallel
    features = torch.randn(131, network.config.text.hidden_size)
    ids, tail = [5, 9, 33, 2, 71], [8, 1, 90, 13]
    prompt = torch.tensor([[*ids, -200, *tail]])
    with torch.no_grad():
        logits = network(prompt, image_features=features, ratios=[ratio]).logits[0]
        expected = restated(network, ids, features, tail, ratio)
    assert float(expected.std()) > 0.1
    scale = max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(logits, expected, atol=1e-5 * scale, rtol=0)


def test_a_prompt_may_begin_with_footage() -> None:
    """Captions for pre-training have nothing before the footage: there is no sink then, also not in the loss."""
    torch.manual_seed(3)
    vision = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28, "patch_size": 14}
    text = {"vocab_size": 97, "intermediate_size": 96, "num_hidden_layers": 3, "initializer_range": 0.2} | SIZES[2]
    network = VideoXLForConditionalGeneration(VideoXLConfig(text_config=text, vision_config=vision)).eval()
    features, caption = torch.randn(90, 64), [8, 1, 90, 13]
    prompt = torch.tensor([[-200, *caption]])
    labels = torch.tensor([[-100] * (len(features) + 1) + caption[1:]])
    with torch.no_grad():
        logits = network(prompt, image_features=features, ratios=[4]).logits[0]
        loss = network(prompt, image_features=features, labels=labels, ratios=[4]).loss
    torch.testing.assert_close(logits, restated(network, [], features, caption, 4), atol=1e-4, rtol=0)
    torch.testing.assert_close(loss, F.cross_entropy(logits[:-1], torch.tensor(caption[1:])))
