"""All windows of a stream in one run through the layers, with gradient where wanted.

Video-XL looks sequential but is not: layer l of a window needs only layer l's keys and values of earlier beacons,
and a beacon's slot never changes once assigned. So every token of the prefix, of all windows and of all texts goes
through a layer at once; only attention is done in groups, each window under its own limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from videoxl_stream.errors import ConfigError
from videoxl_stream.model.beacon import BeaconAttention, additive_mask
from videoxl_stream.model.layout import Layout
from videoxl_stream.model.memory import VideoMemory
from videoxl_stream.model.rotary import Rotary, rotate
from videoxl_stream.model.slots import Slots

_MAX_MASK_ELEMENTS, _MAX_MASK_ELEMENTS_CUDA = 2**22, 2**24
"""A group's mask at most: larger groups take fewer kernels, but more of what they compute is hidden."""
_KEY_MULTIPLE = 16


@dataclass(frozen=True, slots=True)
class States:
    """One layer's keys and values that outlive a window, each (batch, tokens, heads, head_dim)."""

    sink_k: Tensor  # unrotated
    sink_v: Tensor
    slot_k: Tensor  # rotated at their slots, oldest first
    slot_v: Tensor


class ParallelPass:
    """The pass over a ``Layout``, for a batch of streams that share it.

    Args:
        layout: the sequence.
        rotary: makes rotations.
        num_sink: tokens of the sink.
        device: where.
        text_views: slots [first, stop) each text sees, (num_texts, 2) or (batch, num_texts, 2).
        memory: read for its sink and what is remembered already, and written to; None when training, where the
            layout has the prefix.
    """

    def __init__(
        self,
        layout: Layout,
        rotary: Rotary,
        num_sink: int,
        device: torch.device,
        *,
        text_views: np.ndarray | None = None,
        memory: VideoMemory | None = None,
    ) -> None:
        self.layout, self.rotary, self.num_sink, self.device = layout, rotary, num_sink, device
        self._text_views, self._memory = text_views, memory
        self.beacons = torch.from_numpy(layout.beacons).to(device) if layout.num_slots else None
        self._slot_rotation = self.rotation(num_sink + layout.past.next + np.arange(layout.num_slots))
        self._groups: list[Group] = []

    def rotation(self, positions: np.ndarray) -> tuple[Tensor, Tensor]:
        """Rotation for (..., tokens) positions, to be applied to (..., tokens, heads, head_dim)."""
        cos, sin = self.rotary.at(torch.from_numpy(positions).to(self.device))
        return cos.unsqueeze(-2), sin.unsqueeze(-2)

    def attend(self, attention: BeaconAttention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attend in groups: (batch, tokens, heads, head_dim) each -> (batch, tokens, dim)."""
        if not self._groups:
            self._groups = list(self._group(attention.is_flash))
        states = self._states(int(attention.layer_idx), k, v)
        out = torch.cat([group.attend(attention, q, k, v, states) for group in self._groups], dim=1)
        if self._memory is not None:
            self._keep(int(attention.layer_idx), states)
        return out

    def _states(self, layer: int, k: Tensor, v: Tensor) -> States:
        if self._memory is None:
            sink_k, sink_v = k[:, : self.num_sink], v[:, : self.num_sink]
        else:
            sink_k, sink_v = self._remembered_sink(self._memory.slots, layer)
        if self.beacons is None:
            slot_k, slot_v = k[:, :0], v[:, :0]
        else:
            slot_k = rotate(k.index_select(1, self.beacons), self._slot_rotation)
            slot_v = v.index_select(1, self.beacons)
        past = self._remembered_slots(layer)
        if past is not None:
            slot_k, slot_v = torch.cat((past[0], slot_k), dim=1), torch.cat((past[1], slot_v), dim=1)
        return States(sink_k, sink_v, slot_k, slot_v)

    @staticmethod
    def _remembered_sink(slots: Slots, layer: int) -> tuple[Tensor, Tensor]:
        values = slots.values[layer, :, slots.capacity : slots.scratch_start]
        return slots.sink_keys[layer].transpose(0, 1)[None], values.transpose(0, 1)[None]

    def _remembered_slots(self, layer: int) -> tuple[Tensor, Tensor] | None:
        past = self.layout.past
        if self._memory is None or past.next == past.first:
            return None
        slots = self._memory.slots
        places = torch.from_numpy(slots.places(np.arange(past.first, past.next))).to(self.device)
        kept = (x[layer].index_select(1, places).transpose(0, 1)[None] for x in (slots.keys, slots.values))
        return next(kept), next(kept)

    def _keep(self, layer: int, states: States) -> None:
        """Write the layer's part of the memory."""
        assert self._memory is not None
        slots, past = self._memory.slots, self.layout.past
        kept = np.arange(max(self.layout.remembered.first, past.next), self.layout.remembered.stop)
        places = torch.from_numpy(slots.places(kept)).to(self.device)
        new = slice(states.slot_k.shape[1] - len(kept), None)
        slots.keys[layer].index_copy_(1, places, states.slot_k[0, new].transpose(0, 1).to(slots.keys.dtype))
        slots.values[layer].index_copy_(1, places, states.slot_v[0, new].transpose(0, 1).to(slots.values.dtype))

    # ---- which rows attend together

    def _group(self, is_flash: bool) -> Iterator[Group]:
        layout = self.layout
        if layout.num_prefix:
            yield Group(self, 0, layout.num_prefix, np.array([[layout.past.first, layout.past.first]]), prefix=True)
        start = 0
        while start < len(layout.windows):
            stop = start + (1 if is_flash else self._run_length(start))
            views = np.array([(view.first, view.stop) for view in layout.views[start:stop]])
            yield Group(self, int(layout.starts[start]), layout.windows[start].num_tokens, views)
            start = stop
        if layout.num_texts:
            yield from self._text_groups(is_flash)

    def _run_length(self, start: int) -> int:
        """How many windows of the same shape from ``start`` on fit into one group's mask."""
        layout = self.layout
        keys = self.num_sink + layout.windows[start].num_tokens
        most = _MAX_MASK_ELEMENTS_CUDA if self.device.type == "cuda" else _MAX_MASK_ELEMENTS
        stop = start
        while stop < len(layout.windows) and _same_shape(layout, start, stop):
            width = keys + layout.views[stop].stop - layout.views[start].first
            if stop > start and (stop + 1 - start) * layout.windows[start].num_tokens * width > most:
                break
            stop += 1
        return stop - start

    def _text_groups(self, is_flash: bool) -> Iterator[Group]:
        layout, remembered = self.layout, self.layout.remembered
        views = self._text_views
        if views is None:
            views = np.tile((remembered.first, remembered.stop), (layout.num_texts, 1))
        if not is_flash:
            yield Group(self, layout.text_start, layout.text_tokens, views)
            return
        if views.ndim == 3:
            if (views != views[:1]).any():
                msg = "flash kernels take no mask, so all streams of a batch must share their views; use sdpa"
                raise ConfigError(msg)
            views = views[0]
        for index in range(layout.num_texts):
            start = layout.text_start + index * layout.text_tokens
            yield Group(self, start, layout.text_tokens, views[index : index + 1])


def _same_shape(layout: Layout, one: int, other: int) -> bool:
    a, b = layout.windows[one], layout.windows[other]
    return (a.num_tokens, a.ratio, a.carry) == (b.num_tokens, b.ratio, b.carry)


class Group:
    """Rows of equal length that follow one another in the sequence and go through the kernel together.

    Args:
        parent: the pass.
        start: place of the first token.
        num_tokens: tokens of each row.
        views: slots [first, stop) each row sees: (rows, 2), or (batch, rows, 2) where streams differ.
        prefix: whether this is the sink itself.
    """

    def __init__(
        self, parent: ParallelPass, start: int, num_tokens: int, views: np.ndarray, *, prefix: bool = False
    ) -> None:
        self._start, self._num_tokens, self._num_rows = start, num_tokens, views.shape[-2]
        self._shared = views.ndim == 2  # then the batch is folded into the heads, and one mask serves it
        views = views.reshape(-1, 2)  # (rows, 2) or (batch * rows, 2)
        first_slot = parent.layout.past.first
        self._num_sink = 0 if prefix else parent.num_sink
        low, high = int(views[:, 0].min()), int(views[:, 1].max())
        self._slots = slice(low - first_slot, high - first_slot)
        base = views[:, 1:] + self._num_sink
        self._rotation = parent.rotation(base + np.arange(num_tokens))
        self._sink_rotation = parent.rotation(views[:, :1] + np.arange(self._num_sink))
        self._views, self._seen = torch.from_numpy(views).to(parent.device), range(low, high)
        self._mask: Tensor | None = None

    def _visible(self) -> Tensor:
        """What each token sees, on the device: (rows, tokens, keys)."""
        views, tokens, rows = self._views, self._num_tokens, len(self._views)
        slots = torch.arange(self._seen.start, self._seen.stop, device=views.device)
        seen = (slots >= views[:, :1]) & (slots < views[:, 1:])  # (rows, slots)
        past = torch.cat((seen, seen.new_ones(rows, self._num_sink)), dim=1)
        own = seen.new_ones(tokens, tokens).tril().expand(rows, -1, -1)
        padding = seen.new_zeros(rows, tokens, self._num_padding)
        return torch.cat((past[:, None].expand(-1, tokens, -1), own, padding), dim=2)

    @property
    def _num_padding(self) -> int:
        """Keys added so that their number is round.

        CUDA's memory-efficient kernel reads masks in units of 16 and has made NaNs of odd widths.
        """
        return -(len(self._seen) + self._num_sink + self._num_tokens) % _KEY_MULTIPLE

    def attend(self, attention: BeaconAttention, q: Tensor, k: Tensor, v: Tensor, states: States) -> Tensor:
        """This group's part of the output: (batch, rows * tokens, dim)."""
        batch, place = q.shape[0], slice(self._start, self._start + self._num_rows * self._num_tokens)
        own_k = rotate(self._fold(k[:, place]), self._rotation)
        own_v = self._fold(v[:, place])
        sink_k = rotate(self._spread(states.sink_k[:, : self._num_sink]), self._sink_rotation)
        sink_v = self._spread(states.sink_v[:, : self._num_sink])
        slot_k, slot_v = (self._spread(x[:, self._slots]) for x in (states.slot_k, states.slot_v))
        keys, values = [slot_k, sink_k, own_k], [slot_v, sink_v, own_v]
        if not attention.is_flash:
            keys, values = self._padded(keys), self._padded(values)
        mask = None if attention.is_flash else self._masked(attention, q)
        q = rotate(self._fold(q[:, place]), self._rotation)
        k, v = (torch.cat([x.to(q.dtype) for x in parts], dim=1).transpose(1, 2) for parts in (keys, values))
        return self._unfold(attention.kernel(q, k, v, mask), batch)

    def _fold(self, x: Tensor) -> Tensor:
        """(batch, rows * tokens, heads, dim) -> (rows, tokens, batch * heads, dim) or (batch * rows, tokens, ...)."""
        x = x.unflatten(1, (self._num_rows, self._num_tokens))
        return x.permute(1, 2, 0, 3, 4).flatten(2, 3) if self._shared else x.flatten(0, 1)

    def _spread(self, x: Tensor) -> Tensor:
        """Give every row (batch, tokens, heads, dim) that all share, folded as ``_fold`` folds."""
        if self._shared:
            return x.transpose(0, 1).flatten(1, 2).unsqueeze(0).expand(self._num_rows, -1, -1, -1)
        return x.unsqueeze(1).expand(-1, self._num_rows, -1, -1, -1).flatten(0, 1)

    def _unfold(self, out: Tensor, batch: int) -> Tensor:
        """Undo ``_fold`` on the kernel's output."""
        if self._shared:
            split: Tensor = out.unflatten(2, (batch, -1))
            return split.permute(2, 0, 1, 3).flatten(1, 2)
        split = out.unflatten(0, (batch, self._num_rows))
        return split.flatten(1, 2)

    def _padded(self, parts: list[Tensor]) -> list[Tensor]:
        own = parts[-1]
        return [*parts, own.new_zeros(own.shape[0], self._num_padding, *own.shape[2:])]

    def _masked(self, attention: BeaconAttention, q: Tensor) -> Tensor:
        """The additive mask, made at the first layer and used by all."""
        if self._mask is None:
            self._mask = additive_mask(self._visible(), attention.groups, q.dtype)
        return self._mask
