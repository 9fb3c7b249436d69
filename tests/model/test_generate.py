"""transformers' generate(): what it gives, what it refuses, and that it gives what VideoXL gives."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import GenerationConfig, TextStreamer

from tests.model.streams import QUESTION, filled
from videoxl_stream.errors import ConfigError, ModelError
from videoxl_stream.frames import Image
from videoxl_stream.model.prompts import around_footage, image_token_ids
from videoxl_stream.model.video_xl import VideoXL

PROMPT = torch.tensor([[3, 7, 9, 11, -200, 30, 31, 32, 33]])
TEXT = PROMPT[:, 5:]
PIXELS = torch.randn(13, 3, 56, 56, generator=torch.Generator().manual_seed(0))
NUM_VISUAL = 13 * 4


def generate(model: VideoXL, ids: Tensor = PROMPT, **options: Any) -> Tensor:
    if "past_key_values" not in options:
        options = {"pixel_values": PIXELS, "ratios": [8]} | options
    out: Tensor = model.network.generate(ids, **({"max_new_tokens": 6, "do_sample": False} | options))
    return out


def prompt(model: VideoXL) -> Tensor:
    before, after = around_footage()
    return torch.tensor([image_token_ids(before + "<image>" + after.format(QUESTION), model.tokenizer)])


@contextmanager
def configured(model: VideoXL, **changes: Any) -> Iterator[None]:
    kept = model.network.generation_config
    model.network.generation_config = GenerationConfig(**kept.to_diff_dict() | changes)
    try:
        yield
    finally:
        model.network.generation_config = kept


@pytest.mark.parametrize("penalty", [1.0, 1.3])
@pytest.mark.parametrize("num_frames", [1, 10, 27])
def test_greedy_generation_is_the_answer_of_a_stream(
    model: VideoXL, footage: list[Image], num_frames: int, penalty: float
) -> None:
    """A repetition penalty counts the whole prompt, what stands before the footage too, as in the original."""
    frames = footage[:num_frames]
    ids = prompt(model)
    with configured(model, repetition_penalty=penalty):
        words = "".join(model.answer(filled(model, frames, ratio=4), QUESTION, max_new_tokens=40))
        stops = sorted(model._stops())
        pixels = model.pictures.frames(frames)
        out = generate(model, ids, pixel_values=pixels, ratios=[4], max_new_tokens=40, eos_token_id=stops)
    said = out[0, ids.shape[1] - 1 + num_frames * 4 :]
    decoded = str(model.tokenizer.decode(said, skip_special_tokens=True))
    assert decoded.startswith(words)
    assert set(decoded.removeprefix(words)) <= {"\ufffd"}  # a letter cut short at the end is never streamed
    assert words


def test_the_prompt_comes_back_expanded(model: VideoXL) -> None:
    out = generate(model, max_new_tokens=3)
    fill = model.network.config.fill_token_id
    assert out[0, :4].tolist() == PROMPT[0, :4].tolist()
    assert out[0, 4 : 4 + NUM_VISUAL].tolist() == [fill] * NUM_VISUAL
    assert out[0, 4 + NUM_VISUAL : -3].tolist() == TEXT[0].tolist()
    expanded = model.network.expand(PROMPT, NUM_VISUAL)
    assert torch.equal(generate(model, expanded, max_new_tokens=3), out)


@pytest.mark.parametrize("length", [1, 2, 9])
def test_as_many_tokens_come_as_are_asked_for(model: VideoXL, length: int) -> None:
    assert generate(model, max_new_tokens=length).shape[1] == 8 + NUM_VISUAL + length
    assert torch.equal(
        generate(model, max_length=8 + NUM_VISUAL + length, max_new_tokens=None), generate(model, max_new_tokens=length)
    )


def test_one_run_does_not_change_the_next(model: VideoXL) -> None:
    first = generate(model)
    generate(model, pixel_values=PIXELS.flip(0))
    assert torch.equal(generate(model), first)


def test_only_the_draw_of_ratios_goes_on_from_run_to_run(model: VideoXL) -> None:
    """With several ratios each window draws one, from a generator that lives as long as the network."""
    many = PIXELS.repeat(4, 1, 1, 1)
    state = model.network.draw.__dict__["_generator"].bit_generator.state
    runs = [model.network(PROMPT, pixel_values=many, ratios=[2, 4, 8]).past_key_values for _ in range(2)]
    ratios = [[chunk.ratio for chunk in memory.chunks] for memory in runs]
    assert ratios[0] != ratios[1]
    model.network.draw.__dict__["_generator"].bit_generator.state = state
    again = model.network(PROMPT, pixel_values=many, ratios=[2, 4, 8]).past_key_values
    assert [chunk.ratio for chunk in again.chunks] == ratios[0]


def test_sampling_follows_the_seed(model: VideoXL) -> None:
    def sampled(seed: int) -> list[int]:
        torch.manual_seed(seed)
        out: list[int] = generate(model, do_sample=True, temperature=1.0, top_k=50, max_new_tokens=12)[0].tolist()
        return out

    assert sampled(1) == sampled(1)
    assert sampled(1) != sampled(2)


def test_a_streamer_gets_every_token(model: VideoXL, capsys: pytest.CaptureFixture[str]) -> None:
    out = generate(model, streamer=TextStreamer(model.tokenizer, skip_prompt=True))
    assert capsys.readouterr().out == f"{model.tokenizer.decode(out[0, -6:])}\n"


def test_scores_and_memory_can_be_asked_for(model: VideoXL) -> None:
    out: Any = generate(model, return_dict_in_generate=True, output_logits=True)
    assert torch.equal(torch.cat(out.logits).argmax(-1), out.sequences[0, -6:])
    assert out.past_key_values.num_slots == NUM_VISUAL // 8
    assert out.past_key_values.text_length == 4 + 5  # the last token said has not been read


def test_an_image_is_read_without_pooling(model: VideoXL) -> None:
    out = generate(model, pixel_values=PIXELS[:1], modality="image", max_new_tokens=2)
    assert out.shape[1] == 8 + 16 + 2


def test_text_alone_needs_no_footage(model: VideoXL) -> None:
    out: Tensor = model.network.generate(TEXT, max_new_tokens=3, do_sample=False)
    assert out.shape == (1, 7)


def test_a_memory_is_asked_and_stays_as_it_is(model: VideoXL) -> None:
    expected = generate(model)[:, -6:]
    memory = model.network(PROMPT[:, :6], pixel_values=PIXELS, ratios=[8]).past_key_values
    assert memory.text_length == 1
    for _ in range(2):
        assert torch.equal(generate(model, TEXT, past_key_values=memory)[:, -6:], expected)
        assert memory.text_length == 1


def test_a_talk_goes_on_with_the_memory_that_came_back(model: VideoXL, footage: list[Image]) -> None:
    memory = filled(model, footage[:20])
    first: Any = generate(model, TEXT, past_key_values=memory, return_dict_in_generate=True)
    more = torch.cat((first.sequences, torch.tensor([[40, 41, 42]])), dim=1)
    expected = generate(model, more, past_key_values=memory)
    assert torch.equal(generate(model, more, past_key_values=first.past_key_values), expected)
    assert memory.text_length == 0
    model.append(memory, footage[20:30], [float(i) for i in range(20, 30)])  # it is still a stream's memory


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "beams": ({"num_beams": 2}, "num_beams=2.*; leave it at 1"),
    "beams configured": ({"generation_config": GenerationConfig(num_beams=3)}, "num_beams=3.*; leave it at 1"),
    "several answers": ({"num_return_sequences": 2, "do_sample": True}, "num_return_sequences=2.*; leave it at 1"),
    "no cache": ({"use_cache": False}, "use_cache=False.*; leave it at True"),
    "another cache": ({"cache_implementation": "static"}, "cache_implementation='static'.*; leave it out"),
    "an assistant": ({"assistant_model": object()}, "assistant_model: .*; leave it out"),
    "lookup": ({"prompt_lookup_num_tokens": 2}, "prompt_lookup_num_tokens=2.*; leave it out"),
    "embeddings": ({"inputs_embeds": torch.zeros(1, 2, 64)}, "inputs_embeds: .*; leave it out"),
    "a batch": ({"input_ids": PROMPT.repeat(2, 1)}, r"shape \(2, 9\).*give \(1, tokens\)"),
    "a batch of texts": ({"input_ids": TEXT.repeat(2, 1), "pixel_values": None}, r"shape \(2, 4\)"),
    "a flat prompt": ({"input_ids": PROMPT[0]}, r"shape \(9,\)"),
    "no prompt": ({"input_ids": None}, "needs input_ids"),
    "two videos": ({"input_ids": torch.cat((PROMPT, PROMPT), dim=1)}, "2 image tokens; give one"),
    "no footage": ({"pixel_values": None}, "holds -200, so it needs footage; give pixel_values"),
    "no place": ({"input_ids": TEXT}, "0 places for 52 visual tokens"),
    "hidden tokens": ({"attention_mask": torch.zeros_like(PROMPT)}, "attention_mask hides tokens"),
    "another modality": ({"modality": "sound"}, "'sound' is unknown; use 'video' or 'image'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_work_is_refused(model: VideoXL, name: str) -> None:
    options, words = REFUSED[name]
    with pytest.raises(ConfigError, match=words):
        model.network.generate(None, **({"input_ids": PROMPT, "pixel_values": PIXELS, "max_new_tokens": 2} | options))


def test_a_prompt_that_asks_nothing_is_refused(model: VideoXL) -> None:
    with pytest.raises(ModelError, match="nothing is asked"):
        generate(model, PROMPT[:, :5])


def test_what_a_memory_cannot_take_is_refused(model: VideoXL, footage: list[Image]) -> None:
    memory = filled(model, footage[:20])
    each: tuple[dict[str, Any], ...] = ({"input_ids": TEXT, "pixel_values": PIXELS}, {"input_ids": PROMPT})
    for options in each:
        with pytest.raises(ConfigError, match="holds its footage already"):
            model.network.generate(None, past_key_values=memory, **options)
    with pytest.raises(ConfigError, match="holds its footage already"):
        model.network(TEXT, pixel_values=PIXELS, past_key_values=memory)
    first: Any = generate(model, TEXT, past_key_values=memory, return_dict_in_generate=True)
    with pytest.raises(ConfigError, match="has read 9 tokens of text"):
        generate(model, TEXT, past_key_values=first.past_key_values)
    model.append(memory, footage[20:21], [20.0])
    with pytest.raises(ConfigError, match="4 visual tokens still wait"):
        generate(model, TEXT, past_key_values=memory)


def test_a_cache_that_a_checkpoint_switched_off_is_used_all_the_same(model: VideoXL) -> None:
    """Training switches it off and saves that; a memory is always kept, so it means nothing here."""
    expected = generate(model)
    with configured(model, use_cache=False):
        assert torch.equal(generate(model), expected)
