"""Video-XL as a transformers model: ``generate`` and ``forward`` over prompt, footage and memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, AutoModelForImageTextToText, GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from videoxl_stream.errors import ConfigError, ModelError
from videoxl_stream.model.beacon import BeaconQwen2Model
from videoxl_stream.model.chunks import Chunk
from videoxl_stream.model.configuration import VideoXLConfig
from videoxl_stream.model.generation import FootageGeneration
from videoxl_stream.model.layout import Layout, Past
from videoxl_stream.model.memory import VideoMemory
from videoxl_stream.model.parallel import ParallelPass
from videoxl_stream.model.prompts import IGNORE_INDEX
from videoxl_stream.model.rotary import Rotary
from videoxl_stream.model.slots import KVShape
from videoxl_stream.model.steps import SinkStep, TextStep, WindowStep
from videoxl_stream.model.vision import VisionEncoder
from videoxl_stream.model.windows import RatioDraw, Window, cut


class VideoXLPreTrainedModel(PreTrainedModel):
    """What transformers needs to know to load, save and place the network."""

    config: VideoXLConfig
    config_class = VideoXLConfig
    base_model_prefix = "model"
    input_modalities = ["video", "image", "text"]  # noqa: RUF012
    supports_gradient_checkpointing = True
    _no_split_modules = ["Qwen2DecoderLayer", "CLIPEncoderLayer"]  # noqa: RUF012 - the library declares it so
    _skip_keys_device_placement = ["past_key_values"]  # noqa: RUF012
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True


class VideoXLModel(VideoXLPreTrainedModel):
    """Vision encoder and language model."""

    language_model: BeaconQwen2Model

    def __init__(self, config: VideoXLConfig) -> None:
        super().__init__(config)
        self.vision = VisionEncoder(config)
        self.language_model = BeaconQwen2Model(config.text)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The language model's embeddings."""
        return self.language_model.embed_tokens


class VideoXLForConditionalGeneration(VideoXLPreTrainedModel, FootageGeneration, GenerationMixin):
    """Video-XL with its language head (arXiv 2409.14485).

    ``generate`` takes a prompt with one ``-200`` or with expanded fill ids, and ``pixel_values`` of one video or
    image. Footage is compressed on the way in; to ask a stream many questions use ``VideoXL``.
    """

    _tied_weights_keys = {"lm_head.weight": "model.language_model.embed_tokens.weight"}  # noqa: RUF012
    model: VideoXLModel
    lm_head: nn.Linear

    def __init__(self, config: VideoXLConfig) -> None:
        super().__init__(config)
        self.model = VideoXLModel(config)
        self.lm_head = nn.Linear(config.text.hidden_size, config.text.vocab_size, bias=False)
        self.draw = RatioDraw(config.text.beacon_seed)
        self.parallel = True
        self.post_init()

    # ---- pieces that streams use

    @property
    def text(self) -> BeaconQwen2Model:
        """The language model."""
        return self.model.language_model

    @property
    def rotary(self) -> Rotary:
        """Rotations at this network's head size; never below float32."""
        text, dtype = self.config.text, self.dtype if self.dtype == torch.float64 else torch.float32
        return Rotary(text.size_of_head, text.theta, dtype)

    def new_memory(self, *, ratio: int | None = None, budget: int | None = None) -> VideoMemory:
        """An empty memory for this network."""
        text = self.config.text
        shape = KVShape(text.num_hidden_layers, text.num_kv_heads, text.size_of_head, self.device, self.dtype)
        return VideoMemory(shape, self.rotary, ratio=ratio, budget=budget)

    def windows(self, memory: VideoMemory, num_raw: int, ratios: Sequence[int] | None = None) -> list[Window]:
        """Cut visual tokens into windows that follow what the memory holds."""
        text = self.config.text
        if memory.ratio is not None:
            ratios = [memory.ratio]
        return cut(num_raw, text.beacon_window, ratios or text.ratios, self.draw, memory.carry)

    @torch.no_grad()
    def read_prefix(self, memory: VideoMemory, ids: Tensor) -> None:
        """Take in the prompt before the footage, (1, tokens), as the sink."""
        step = SinkStep(memory, ids.shape[1])
        self.text(self.text.embed_tokens(ids), step)
        step.commit()
        memory.prefix_ids = ids[0].tolist()

    @torch.no_grad()
    def compress(self, memory: VideoMemory, features: Tensor, times: np.ndarray, windows: list[Window]) -> None:
        """Append visual tokens (tokens, dim), with the time of each, as these windows."""
        if self.parallel and len(windows) > 1 and not memory.is_fork:
            self._compress_parallel(memory, features, times, windows)
            return
        start = 0
        for window in windows:
            part = slice(start, start + window.num_raw)
            self._compress_window(memory, features[part], times[part], window)
            start += window.num_raw

    def _compress_window(self, memory: VideoMemory, features: Tensor, times: np.ndarray, window: Window) -> None:
        if window.num_beacons == 0:  # nothing of it would outlive the window
            memory.carry = window.carry_out
            return
        step = WindowStep(memory, window)
        order = torch.from_numpy(Layout(0, [window]).order()).to(features.device)
        self.text(self.text.interleave(features[None], order), step)
        step.commit(times)

    def _compress_parallel(
        self, memory: VideoMemory, features: Tensor, times: np.ndarray, windows: list[Window]
    ) -> None:
        sizes = [w.num_beacons for w in windows]
        memory.make_room_for_all(sizes)
        past = Past(memory.first, memory.next, tuple(c.num_slots for c in memory.chunks), memory.budget)
        layout = Layout(0, windows, past=past)
        run = ParallelPass(layout, memory.rotary, memory.num_sink, features.device, memory=memory)
        order = torch.from_numpy(layout.order()).to(features.device)
        self.text(self.text.interleave(features[None], order), run)
        chunks, slot_times = _chunks(windows, times, memory.next)
        memory.remember_all(chunks, slot_times, layout.remembered.first)
        memory.carry = windows[-1].carry_out

    @torch.no_grad()
    def read_text(self, memory: VideoMemory, embeds: Tensor) -> Tensor:
        """Take in text behind the footage, uncompressed: (1, tokens, dim) -> hidden states (1, tokens, dim)."""
        step = TextStep(memory, embeds.shape[1])
        hidden: Tensor = self.text(embeds, step)
        step.commit()
        return hidden

    # ---- transformers' interface

    def get_input_embeddings(self) -> nn.Module:
        """The language model's embeddings."""
        return self.model.get_input_embeddings()

    def get_output_embeddings(self) -> nn.Module:
        """The language head."""
        return self.lm_head

    def forward(
        self,
        input_ids: Tensor,
        pixel_values: Tensor | None = None,
        image_features: Tensor | None = None,
        modality: str = "video",
        past_key_values: VideoMemory | None = None,
        labels: Tensor | None = None,
        logits_to_keep: int = 0,
        ratios: Sequence[int] | None = None,
        attention_mask: Tensor | None = None,
        **_: Any,
    ) -> CausalLMOutputWithPast:
        """Compress the footage and read the text; with labels, the loss with gradient through the memory.

        Args:
            input_ids: (1, tokens), with one -200 or expanded.
            pixel_values: (pictures, 3, size, size) of one video's frames or one image's crops.
            image_features: visual tokens (tokens, dim) instead of pixels.
            modality: "video" or "image".
            past_key_values: memory to go on from; then ``input_ids`` is text only.
            labels: (1, tokens) like the expanded ids, not shifted, -100 where nothing is learnt.
            logits_to_keep: logits of only the last so many text tokens; 0 for all behind the footage.
            ratios: ratios to draw from instead of the config's.
            attention_mask: all ones, if given.

        Returns:
            logits of the text behind the footage (all tokens where there is no footage), the memory, and the loss.
        """
        self.check_one(input_ids)
        if past_key_values is not None and (image_features is not None or pixel_values is not None):
            msg = "a memory holds its footage already; give it text only"
            raise ConfigError(msg)
        if image_features is None and pixel_values is not None:
            image_features = self.model.vision(pixel_values, modality)
        if labels is not None:
            return CausalLMOutputWithPast(loss=self._loss(input_ids, image_features, labels, ratios))
        memory = past_key_values
        if memory is None:
            memory = self.new_memory()
            if image_features is not None:
                input_ids = self._read_footage(memory, input_ids, image_features, ratios)
        hidden = self.read_text(memory, self.text.embed_tokens(input_ids))
        logits = self.lm_head(hidden[:, -logits_to_keep:])
        return CausalLMOutputWithPast(logits=logits, past_key_values=memory)  # type: ignore[arg-type]

    def _split(self, input_ids: Tensor, num_visual: int) -> tuple[Tensor, int]:
        """Expanded ids, and where the visual tokens start."""
        ids = self.expand(input_ids, num_visual)
        fills = (ids[0] == self.config.fill_token_id).nonzero()[:, 0]
        if len(fills) < num_visual or num_visual == 0:
            msg = f"the prompt has {len(fills)} places for {num_visual} visual tokens; expand it with expand()"
            raise ConfigError(msg)
        start = int(fills[0])
        if int(fills[num_visual - 1]) != start + num_visual - 1:
            msg = "the visual tokens of a prompt must stand together"
            raise ConfigError(msg)
        return ids, start

    def _read_footage(
        self, memory: VideoMemory, input_ids: Tensor, features: Tensor, ratios: Sequence[int] | None
    ) -> Tensor:
        ids, start = self._split(input_ids, len(features))
        if start:
            self.read_prefix(memory, ids[:, :start])
        windows = self.windows(memory, len(features), ratios)
        self.compress(memory, features, np.zeros(len(features)), windows)
        rest = ids[:, start + len(features) :]
        if rest.shape[1] == 0:
            msg = "nothing is asked: the prompt ends with the footage; put a question behind it"
            raise ModelError(msg)
        return rest

    def _loss(self, input_ids: Tensor, features: Tensor | None, labels: Tensor, ratios: Sequence[int] | None) -> Tensor:
        """Mean cross entropy over labelled tokens, each predicted from the raw token before it."""
        if features is None:
            layout = Layout(input_ids.shape[1], [])
            ids, start, count = input_ids, input_ids.shape[1], 0
            embeds = self.text.embed_tokens(ids)
        else:
            count = len(features)
            ids, start = self._split(input_ids, count)
            windows = self.windows(self.new_memory(), count, ratios)
            behind = ids.shape[1] - start - count
            layout = Layout(start, windows, num_texts=1 if behind else 0, text_tokens=behind)
            order = torch.from_numpy(layout.order()).to(ids.device)
            footage = self.text.interleave(features[None], order)
            before, after = ids[:, :start], ids[:, start + count :]
            embeds = torch.cat((self.text.embed_tokens(before), footage, self.text.embed_tokens(after)), dim=1)
        hidden = self.text(embeds, ParallelPass(layout, self.rotary, start, ids.device))
        places = np.concatenate((np.arange(start), layout.raw, np.arange(layout.text_start, layout.num_tokens)))
        target = labels[0, 1:]
        learnt = (target != IGNORE_INDEX).nonzero()[:, 0]
        hidden = hidden[0].index_select(0, torch.from_numpy(places).to(ids.device)[learnt])
        return F.cross_entropy(self.lm_head(hidden).float(), target[learnt])


def _chunks(windows: list[Window], times: np.ndarray, first: int) -> tuple[list[Chunk], np.ndarray]:
    """What windows leave behind, and the times each slot stands for, (2, slots)."""
    chunks, slot_times, start = [], [], 0
    for window in windows:
        part = times[start : start + window.num_raw]
        if window.num_beacons:
            chunks.append(Chunk.of(window, first, part))
            slot_times.append(part[window.covered()])
        first += window.num_beacons
        start += window.num_raw
    return chunks, np.concatenate([np.zeros((2, 0)), *slot_times], axis=1)


for _auto in (AutoModel, AutoModelForImageTextToText):
    _auto.register(VideoXLConfig, VideoXLForConditionalGeneration)
