"""Attention is a choice at load time: every kernel gives the same numbers, those without masks too."""

import copy
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from tests.model.conftest import GOLDEN
from tests.model.streams import QUERIES, assert_same, filled, probabilities
from videoxl_stream.errors import ConfigError
from videoxl_stream.frames import Image
from videoxl_stream.model.memory import View
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.model.weights import load_network
from videoxl_stream.queries import Query, Span

PROMPT = torch.tensor([[3, 7, 9, 11, -200, 30, 31, 32, 33]])
MANY = [
    *QUERIES,
    *(Query(q.text, q.answers, span) for q in QUERIES for span in (Span(10, 30), Span(41, 47), Span(25, 26))),
]


def fake_flash(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """What a flash kernel promises: no mask, causality aligned to the last key, grouped heads as they are.

    Queries (batch, heads, tokens, dim), keys and values (batch, kv_heads, keys, dim).
    """
    assert attention_mask is None
    groups, (tokens, keys) = query.shape[1] // key.shape[1], (query.shape[2], key.shape[2])
    assert key.shape == value.shape
    assert query.shape[1] == groups * key.shape[1]
    mask = torch.ones(tokens, keys, dtype=torch.bool).tril(keys - tokens) if module.is_causal else None
    key, value = (x.repeat_interleave(groups, dim=1) for x in (key, value))
    out = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=options["scaling"])
    return out.transpose(1, 2), None


def with_attention(model: VideoXL, name: str) -> VideoXL:
    """The same weights under another kernel."""
    other = copy.copy(model)
    other.network = copy.deepcopy(model.network)
    other.network.config._attn_implementation = name
    assert other.network.text.config._attn_implementation == name
    assert other.network.model.vision.tower.config._attn_implementation == name
    return other


@pytest.fixture(scope="module", params=["eager", "flash"])
def other(model: VideoXL, request: pytest.FixtureRequest) -> Iterator[VideoXL]:
    if request.param == "eager":
        yield with_attention(model, "eager")
        return
    ALL_ATTENTION_FUNCTIONS.register("fake_flash", fake_flash)
    try:
        yield with_attention(model, "fake_flash")
    finally:
        del ALL_ATTENTION_FUNCTIONS._global_mapping["fake_flash"]


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), atol=2e-5)


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("budget", [None, 23])
@pytest.mark.parametrize("num_frames", [10, 47])
def test_windows(
    model: VideoXL, other: VideoXL, footage: list[Image], parallel: bool, budget: int | None, num_frames: int
) -> None:
    expected = filled(model, footage[:num_frames], budget=budget)
    other.network.parallel = parallel
    try:
        found = filled(other, footage[:num_frames], budget=budget)
    finally:
        other.network.parallel = True
    assert_same(found, expected)


def test_carry(model: VideoXL, other: VideoXL, footage: list[Image]) -> None:
    cuts = [3, 4, 21, 30]
    assert_same(filled(other, footage[:47], cuts, ratio=3), filled(model, footage[:47], cuts, ratio=3))


@pytest.mark.parametrize("budget", [None, 23])
def test_verdicts(model: VideoXL, other: VideoXL, footage: list[Image], budget: int | None) -> None:
    """All of the memory, views with holes before and behind, pending frames; in one pass and one by one."""
    queries = MANY if budget is None else [q for q in MANY if q.span is None or q.span.start_s > 20]
    expected = filled(model, footage[:47], budget=budget)
    found = filled(other, footage[:47], budget=budget)
    assert found.pending.num_tokens > 0
    close(probabilities(other, found, queries), probabilities(model, expected, queries))
    for query in queries:
        close(probabilities(other, found, [query]), probabilities(model, expected, [query]))


def test_text_in_pieces(model: VideoXL, other: VideoXL, footage: list[Image]) -> None:
    """Text behind text sees the text before it, under a view that hides slots on both sides."""
    memories = [filled(m, footage[:40]) for m in (model, other)]
    view = View(memories[0].first + 4, memories[0].next - 3)
    logits = []
    for m, memory in zip((model, other), memories, strict=True):
        fork = memory.fork()
        fork.look_at(view)
        with torch.no_grad():
            pieces = [
                m.network.read_text(fork, m.network.text.embed_tokens(torch.tensor([ids])))
                for ids in ([5, 17, 200], [31], [8, 9, 10, 11])
            ]
        logits.append(m.network.lm_head(torch.cat(pieces, dim=1)).detach())
    close(logits[1], logits[0])


def test_answers(model: VideoXL, other: VideoXL, footage: list[Image]) -> None:
    for span in (None, Span(10, 30)):
        words = [
            "".join(m.answer(filled(m, footage[:47]), "Describe.", span=span, max_new_tokens=12))
            for m in (model, other)
        ]
        assert words[0] == words[1]
        assert words[0]


@pytest.mark.parametrize("parallel", [True, False])
def test_generate_and_loss(model: VideoXL, other: VideoXL, parallel: bool) -> None:
    pixels = torch.randn(31, 3, 56, 56, generator=torch.Generator().manual_seed(0))
    outs, losses = [], []
    for m in (model, other):
        m.network.parallel = parallel
        try:
            outs.append(m.network.generate(PROMPT, pixel_values=pixels, ratios=[8], max_new_tokens=6, do_sample=False))
            labels = outs[0].clone()
            losses.append(m.network(outs[0], pixel_values=pixels, ratios=[8], labels=labels).loss.item())
        finally:
            m.network.parallel = True
    assert torch.equal(outs[0], outs[1])
    close(losses[1], losses[0])


def test_training_gradients(model: VideoXL, other: VideoXL) -> None:
    pixels = torch.randn(31, 3, 56, 56, generator=torch.Generator().manual_seed(0))
    ids = model.network.expand(PROMPT, 31 * 4)
    norms = []
    for m in (model, other):
        network = copy.deepcopy(m.network)
        network(ids, pixel_values=pixels, ratios=[8], labels=ids).loss.backward()
        norms.append([0.0 if p.grad is None else p.grad.norm().item() for p in network.parameters()])
    np.testing.assert_allclose(norms[1], norms[0], rtol=1e-3, atol=1e-5)


INSTALLED = {"flash_attention_2": "flash_attn", "flash_attention_3": "flash_attn_interface"}


@pytest.mark.parametrize("name", [name for name, package in INSTALLED.items() if find_spec(package) is None])
def test_a_kernel_that_is_not_installed_is_named_with_the_remedy(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name}.* cannot be used here .*'sdpa', or install videoxl-stream\[flash"):
        load_network(GOLDEN / "model_a", attention=name, dtype=torch.bfloat16)


def test_unusable_choices_are_refused() -> None:
    with pytest.raises(ConfigError, match="'nonsense' is unknown; use one of 'sdpa', 'eager'"):
        load_network(GOLDEN / "model_a", attention="nonsense")
    with pytest.raises(ConfigError, match=r"half precision, not in torch\.float32; use dtype"):
        load_network(GOLDEN / "model_a", attention="flash_attention_2")
