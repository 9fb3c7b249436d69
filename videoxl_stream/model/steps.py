"""Passes that append to a memory step by step: the prefix, one window, text, a batch of questions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from videoxl_stream.model.beacon import BeaconAttention, additive_mask
from videoxl_stream.model.chunks import Chunk
from videoxl_stream.model.memory import VideoMemory, View
from videoxl_stream.model.rotary import rotate
from videoxl_stream.model.windows import Window


class Step:
    """Current tokens behind a memory: they are written to the scratch part, where attention reads them in place.

    Args:
        memory: what is appended to.
        positions: position of each current token: (tokens,).
        past: which places each token sees, one row for all or one a token: (1 or tokens, places) bool.
        own: which current tokens each sees: (tokens, tokens) bool; None for causal.
    """

    beacons: Tensor | None = None

    def __init__(
        self, memory: VideoMemory, positions: np.ndarray, past: np.ndarray, own: np.ndarray | None = None
    ) -> None:
        self.memory, self.num_tokens = memory, len(positions)
        slots = memory.slots
        self.start = slots.scratch_start + memory.num_scratch
        self.stop = self.start + self.num_tokens
        seen = np.flatnonzero(past.any(axis=0))
        self._low = int(seen[0]) if len(seen) else self.start
        self._past, self._own = past, own
        self._device = slots.shape.device
        self._rotation = self._rotations(positions)
        self._mask: Tensor | None = None
        self._packed: Tensor | None = None

    def _rotations(self, positions: np.ndarray) -> tuple[Tensor, Tensor]:
        cos, sin = self.memory.rotary.at(torch.from_numpy(positions).to(self._device))
        return cos.unsqueeze(1), sin.unsqueeze(1)  # (tokens, 1, head_dim)

    def attend(self, attention: BeaconAttention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Write the current keys and values, then attend to everything visible."""
        layer = int(attention.layer_idx)
        keys, values = self.memory.slots.keys[layer], self.memory.slots.values[layer]  # (heads, places, head_dim)
        keys[:, self.start : self.stop] = rotate(k, self._rotation)[0].transpose(0, 1).to(keys.dtype)
        values[:, self.start : self.stop] = v[0].transpose(0, 1).to(values.dtype)
        q = rotate(q, self._rotation).to(keys.dtype)
        if attention.is_flash:
            out = attention.kernel(q, self._visible(keys)[None], self._visible(values)[None], None)
        else:
            place = slice(self._low, self.stop)
            out = attention.kernel(q, keys[None, :, place], values[None, :, place], self._masked(attention))
        self.written(layer, k[0], v[0])
        return out

    def written(self, layer: int, k: Tensor, v: Tensor) -> None:
        """Keep what shall outlive the step: k, v (tokens, heads, head_dim), keys unrotated."""

    def _masked(self, attention: BeaconAttention) -> Tensor:
        """The additive mask, made at the first layer and used by all."""
        if self._mask is None:
            own = self._own if self._own is not None else np.tri(self.num_tokens, dtype=bool)
            past = np.broadcast_to(self._past[:, self._low : self.start], (self.num_tokens, self.start - self._low))
            visible = torch.from_numpy(np.concatenate((past, own), axis=1)).to(self._device)
            self._mask = additive_mask(visible[None], attention.groups, self.memory.slots.shape.dtype)
        return self._mask

    def _visible(self, kept: Tensor) -> Tensor:
        """Keys or values without what is hidden, for kernels that take no mask; a plain slice where nothing is."""
        past = self._past[0, self._low : self.start]
        if past.all():
            return kept[:, self._low : self.stop]
        if self._packed is None:
            places = np.concatenate((np.flatnonzero(past) + self._low, np.arange(self.start, self.stop)))
            self._packed = torch.from_numpy(places).to(self._device)
        return kept.index_select(1, self._packed)


class SinkStep(Step):
    """The prefix before any footage; kept whole."""

    def __init__(self, memory: VideoMemory, num_tokens: int) -> None:
        memory.begin_sink(num_tokens)
        memory.slots.reserve(scratch=num_tokens)
        super().__init__(memory, np.arange(num_tokens), np.zeros((1, len(memory.slots.ids)), dtype=bool))

    def written(self, layer: int, k: Tensor, v: Tensor) -> None:
        """Keep the keys unrotated: the sink moves when old slots leave."""
        slots = self.memory.slots
        slots.sink_keys[layer] = k.transpose(0, 1)
        slots.values[layer, :, slots.capacity : slots.scratch_start] = v.transpose(0, 1)

    def commit(self) -> None:
        """Make it part of the memory."""
        self.memory.place_sink()


class WindowStep(Step):
    """One window of raw tokens and beacons; only the beacons outlive it."""

    beacons: Tensor

    def __init__(self, memory: VideoMemory, window: Window) -> None:
        memory.make_room(window.num_beacons)
        memory.slots.reserve(scratch=memory.num_scratch + memory.num_sink + window.num_tokens)
        base = memory.num_sink + memory.next
        super().__init__(memory, base + np.arange(window.num_tokens), memory.everything_visible()[None])
        self.window = window
        device = memory.slots.shape.device
        self.beacons = torch.from_numpy(window.beacon_index()).to(device)
        slots = np.arange(memory.next, memory.next + window.num_beacons)
        self._view = View(memory.next, memory.next + window.num_beacons)
        self._places = torch.from_numpy(memory.new_places(window.num_beacons)).to(device)
        self._slot_rotation = self._rotations(memory.num_sink + slots)

    def written(self, layer: int, k: Tensor, v: Tensor) -> None:
        """Move the beacons to their slots, rotated for good."""
        keys, values = self.memory.slots.keys[layer], self.memory.slots.values[layer]
        beacon_k = rotate(k.index_select(0, self.beacons), self._slot_rotation)  # (beacons, heads, head_dim)
        keys.index_copy_(1, self._places, beacon_k.transpose(0, 1).to(keys.dtype))
        values.index_copy_(1, self._places, v.index_select(0, self.beacons).transpose(0, 1).to(values.dtype))

    def commit(self, times: np.ndarray) -> None:
        """Make it part of the memory: ``times`` of the raw tokens, (num_raw,)."""
        memory, window = self.memory, self.window
        if memory.is_fork:
            memory.num_scratch += window.num_beacons
        memory.remember(Chunk.of(window, self._view.first, times), times[window.covered()])
        memory.carry = window.carry_out


class TextStep(Step):
    """Text after the footage, kept uncompressed; on a fork, or in ``generate``."""

    def __init__(self, memory: VideoMemory, num_tokens: int) -> None:
        memory.slots.reserve(scratch=memory.num_scratch + memory.num_sink + num_tokens)
        past = memory.text_places()
        super().__init__(memory, memory.text_position + np.arange(num_tokens), past[None])

    def commit(self) -> None:
        """Let later text see it."""
        self.memory.take_text(self.num_tokens)


@dataclass(frozen=True, slots=True)
class Question:
    """Ids of a question and of each answer, and what it may see."""

    ids: list[int]
    answers: list[list[int]]
    view: View

    def __len__(self) -> int:
        """Tokens of question and answers together."""
        return len(self.ids) + sum(map(len, self.answers))


class QuestionsStep(Step):
    """Many questions in one pass, each under its own view, its answers side by side without seeing one another."""

    def __init__(self, memory: VideoMemory, questions: list[Question]) -> None:
        total = sum(map(len, questions))
        memory.slots.reserve(scratch=memory.num_scratch + len(questions) * memory.num_sink + total)
        sinks = {q.view.first: memory.sink_before(q.view.first) for q in questions}
        past = np.zeros((total, len(memory.slots.ids)), dtype=bool)
        own = np.zeros((total, total), dtype=bool)
        positions = np.zeros(total, dtype=np.int64)
        start = 0
        for question in questions:
            row = slice(start, start + len(question))
            past[row] = memory.visible_places(question.view)
            past[row, sinks[question.view.first]] = True
            tree, depth = _tree(question)
            own[row, row] = tree
            positions[row] = memory.num_sink + question.view.stop + depth
            start += len(question)
        super().__init__(memory, positions, past, own)


def _tree(question: Question) -> tuple[np.ndarray, np.ndarray]:
    """Who sees whom among a question and its answers (tokens, tokens), and each token's depth (tokens,)."""
    asked, total = len(question.ids), len(question)
    visible, depth = np.zeros((total, total), dtype=bool), np.arange(total)
    visible[:asked, :asked] = np.tri(asked, dtype=bool)
    start = asked
    for answer in question.answers:
        rows = slice(start, start + len(answer))
        visible[rows, :asked] = True
        visible[rows, rows] = np.tri(len(answer), dtype=bool)
        depth[rows] = asked + np.arange(len(answer))
        start += len(answer)
    return visible, depth
