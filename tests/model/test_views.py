"""Positions and views: what a question sees, against a plain restatement of the original's closed-up positions."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.model.streams import QUERIES, filled, probabilities
from videoxl_stream.frames import Image
from videoxl_stream.model.memory import VideoMemory, View
from videoxl_stream.model.rotary import Rotary, rotate, unrotate
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.queries import Query, Span


def closed_up_logits(model: VideoXL, memory: VideoMemory, view: View, ids: Tensor) -> Tensor:
    """Logits of a text behind sink and view, with every key rotated anew at positions 0, 1, 2, ..."""
    text, rotary = model.network.text, memory.rotary
    sink_k, sink_v = memory.sink_states()
    beacon_k, beacon_v = memory.beacon_states()
    part = slice(view.first - memory.first, view.stop - memory.first)
    hidden = text.embed_tokens(ids)
    layer: Any
    for index, layer in enumerate(text.layers):
        attention, x = layer.self_attn, layer.input_layernorm(hidden)
        q, k, v = (
            getattr(attention, f"{name}_proj")(x)[0].unflatten(-1, (-1, attention.head_dim)).transpose(0, 1)
            for name in "qkv"
        )
        keys = torch.cat((sink_k[index], beacon_k[index, :, part], k), dim=1)
        values = torch.cat((sink_v[index], beacon_v[index, :, part], v), dim=1)
        positions = torch.arange(keys.shape[1])
        past = keys.shape[1] - ids.shape[1]
        visible = torch.ones(ids.shape[1], keys.shape[1], dtype=torch.bool).tril(past)
        out = F.scaled_dot_product_attention(
            rotate(q, rotary.at(positions[past:])),
            rotate(keys, rotary.at(positions)).repeat_interleave(attention.groups, 0),
            values.repeat_interleave(attention.groups, 0),
            attn_mask=visible,
        )
        hidden = hidden + attention.o_proj(out.transpose(0, 1).flatten(1)[None])
        hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
    logits: Tensor = model.network.lm_head(text.norm(hidden))
    return logits


def text_logits(model: VideoXL, memory: VideoMemory, view: View, ids: Tensor) -> Tensor:
    fork = memory.fork()
    fork.look_at(view)
    hidden = model.network.read_text(fork, model.network.text.embed_tokens(ids))
    logits: Tensor = model.network.lm_head(hidden)
    return logits


IDS = torch.tensor([[5, 17, 200, 31, 8]])


@pytest.mark.parametrize("budget", [None, 20, 23])
def test_views_are_closed_up(model: VideoXL, footage: list[Image], budget: int | None) -> None:
    memory = filled(model, footage[:60], budget=budget)
    first, stop = memory.first, memory.next
    with torch.no_grad():
        for view in (View(first, stop), View(first + 3, stop), View(first, stop - 4), View(first + 5, first + 9)):
            expected = closed_up_logits(model, memory, view, IDS)
            torch.testing.assert_close(text_logits(model, memory, view, IDS), expected, atol=1e-5, rtol=1e-5)


def test_a_view_equals_masking_everything_else(model: VideoXL, footage: list[Image]) -> None:
    memory = filled(model, footage[:40])
    viewed = probabilities(model, memory, [Query(q.text, q.answers, Span(10, 20)) for q in QUERIES])
    for chunk in list(memory.chunks):
        if chunk.start_s != 10:
            places = memory.places(View(chunk.first, chunk.first + chunk.num_slots))
            memory.slots.values[:, :, places] = 1e3  # would show at once if anything attended to them
            memory.slots.keys[:, :, places] = 10.0
    masked = probabilities(model, memory, [Query(q.text, q.answers, Span(10, 20)) for q in QUERIES])
    np.testing.assert_allclose(viewed, masked, atol=1e-6)


def test_all_queries_in_one_pass_equal_one_at_a_time(model: VideoXL, footage: list[Image]) -> None:
    memory = filled(model, footage[:47], budget=40)
    queries = [
        *QUERIES,
        *(Query(q.text, q.answers, span) for q in QUERIES for span in (Span(10, 30), Span(41, 47), Span(25, 26))),
    ]
    together = probabilities(model, memory, queries)
    alone = np.concatenate([probabilities(model, memory, [query]) for query in queries])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_probabilities_are_those_of_the_whole_answers(model: VideoXL, footage: list[Image]) -> None:
    memory = filled(model, footage[:20])
    query = QUERIES[1]
    scores = []
    for answer in query.answers:
        asked = model.tokenizer.encode(f"\n{query.text}<|im_end|>\n<|im_start|>assistant\n")
        target = [*model.tokenizer.encode(answer), model.tokenizer.convert_tokens_to_ids("<|im_end|>")]
        ids = torch.tensor([asked + target])
        with torch.no_grad():
            logits = text_logits(model, memory, View(memory.first, memory.next), ids)[0].log_softmax(-1)
        scores.append(sum(float(logits[len(asked) - 1 + i, token]) for i, token in enumerate(target)))
    expected = torch.tensor(scores, dtype=torch.float64).softmax(0).numpy()
    found = model.verdicts(memory, [query])[0].probabilities
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert abs(sum(found) - 1) < 1e-12


def test_positions_stay_exact_for_ever(model: VideoXL, footage: list[Image]) -> None:
    """The same footage at running slot 10^8 gives the same answers: angles are formed in float64."""
    fresh = filled(model, footage[:30], budget=25)
    late = model.open_memory(budget=25)
    late.first = late.next = 10**8
    late.place_sink()
    model.append(late, footage[:30], [float(i) for i in range(30)])
    assert late.next > 10**8
    np.testing.assert_allclose(probabilities(model, late), probabilities(model, fresh), atol=1e-5)


def test_rotation_is_exact_at_large_offsets() -> None:
    rotary = Rotary(64, 1e6, torch.float32)
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 1, 64, generator=generator)
    for offset in (0, 10**4, 10**8):
        scores = [
            float(
                (rotate(q, rotary.at(torch.tensor([offset + d]))) * rotate(k, rotary.at(torch.tensor([offset])))).sum()
            )
            for d in (0, 1, 1000)
        ]
        if offset == 0:
            expected = scores
        np.testing.assert_allclose(scores, expected, atol=2e-5)
    turned = rotate(q, rotary.at(torch.tensor([10**8])))
    torch.testing.assert_close(unrotate(turned, rotary.at(torch.tensor([10**8]))), q)
