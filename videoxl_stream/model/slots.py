"""One preallocated block of keys and values, laid out so that attention reads it without a copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from videoxl_stream.model.rotary import Rotary, rotate

FREE = -1


@dataclass(frozen=True, slots=True)
class KVShape:
    """What one token costs: layers, key-value heads and head size, and where and how it is kept."""

    num_layers: int
    num_heads: int
    head_dim: int
    device: torch.device
    dtype: torch.dtype


class Slots:
    """Storage ``[ring | sink | scratch]`` of every layer: keys and values (layers, heads, places, head_dim).

    Softmax does not care in which order keys stand, so slot j lives at place ``capacity - 1 - j % capacity``: the
    ring fills towards the front, and what attention needs, ``ring + sink + current tokens``, is one contiguous
    slice with the current tokens last, before and after the ring has wrapped. Eviction only forgets; it moves
    nothing. Ring keys are rotated at their running slot; the sink's keys are kept unrotated as well, for the sink
    is the only part that ever has to move.
    """

    def __init__(self, shape: KVShape, capacity: int, scratch: int) -> None:
        self.shape = shape
        self.capacity = capacity
        self.num_scratch = scratch
        self.sink_keys = self._empty(0)
        self._allocate()

    def _empty(self, places: int) -> Tensor:
        s = self.shape
        return torch.zeros(s.num_layers, s.num_heads, places, s.head_dim, device=s.device, dtype=s.dtype)

    def _allocate(self) -> None:
        places = self.capacity + self.num_sink + self.num_scratch
        self.keys, self.values = self._empty(places), self._empty(places)
        self.ids = np.full(places, FREE, dtype=np.int64)
        self.times = np.full((2, places), np.nan)  # of the first and the last frame that a slot stands for

    @property
    def num_sink(self) -> int:
        """Tokens of the sink."""
        return self.sink_keys.shape[2]

    @property
    def scratch_start(self) -> int:
        """First place of the scratch part."""
        return self.capacity + self.num_sink

    @property
    def num_bytes(self) -> int:
        """Bytes allocated."""
        return self.keys.nbytes + self.values.nbytes + self.sink_keys.nbytes

    def places(self, slots: np.ndarray) -> np.ndarray:
        """Where running slots live."""
        return np.asarray(self.capacity - 1 - slots % self.capacity)

    def set_sink(self, num_tokens: int) -> None:
        """Make room for a sink; only while nothing else is stored."""
        self.sink_keys = self._empty(num_tokens)
        self._allocate()

    def place_sink(self, rotary: Rotary, first: int) -> None:
        """Rotate the sink's keys so that it stands directly before slot ``first``."""
        self.keys[:, :, self.capacity : self.scratch_start] = self.sink_at(rotary, first)

    def sink_at(self, rotary: Rotary, first: int) -> Tensor:
        """The sink's keys rotated to stand directly before slot ``first``."""
        positions = torch.arange(first, first + self.num_sink, device=self.shape.device)
        return rotate(self.sink_keys, rotary.at(positions))

    def reserve(self, slots: int = 0, scratch: int = 0) -> None:
        """Grow, at least doubling, so that an unbounded memory is copied a bounded number of times."""
        grow_ring = max(0, slots - self.capacity)
        grow_scratch = max(0, scratch - self.num_scratch)
        if grow_ring or grow_scratch:
            self._grow(
                max(grow_ring, self.capacity) if grow_ring else 0,
                max(grow_scratch, self.num_scratch) if grow_scratch else 0,
            )

    def _grow(self, ring: int, scratch: int) -> None:
        keys, values, ids, times = self.keys, self.values, self.ids, self.times
        self.capacity += ring
        self.num_scratch += scratch
        self._allocate()
        stop = ring + keys.shape[2]
        self.keys[:, :, ring:stop], self.values[:, :, ring:stop] = keys, values
        self.ids[ring:stop], self.times[:, ring:stop] = ids, times

    def erase_all_but(self, kept: np.ndarray) -> None:
        """Overwrite everything with zeros but some places and the sink: also what was only evicted, and the scratch."""
        gone = np.ones(len(self.ids), dtype=bool)
        gone[kept] = gone[self.capacity : self.scratch_start] = False
        places = torch.from_numpy(np.flatnonzero(gone)).to(self.shape.device)
        self.keys.index_fill_(2, places, 0)
        self.values.index_fill_(2, places, 0)
        self.ids[gone], self.times[:, gone] = FREE, np.nan

    def clone(self) -> Slots:
        """An independent copy."""
        twin = Slots.__new__(Slots)
        twin.shape, twin.capacity, twin.num_scratch = self.shape, self.capacity, self.num_scratch
        twin.sink_keys = self.sink_keys
        twin.keys, twin.values = self.keys.clone(), self.values.clone()
        twin.ids, twin.times = self.ids.copy(), self.times.copy()
        return twin
