"""A memory in parts: what came into it since a slot, as safetensors bytes, and a memory again from such parts."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import takewhile
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from videoxl_stream.errors import MemoryFormatError
from videoxl_stream.model.chunks import Chunk
from videoxl_stream.model.memory import VideoMemory, View
from videoxl_stream.model.rotary import rotate

# What reading damaged bytes, or making a memory of what stands in them, can end in.
UNREADABLE = (SafetensorError, OSError, LookupError, TypeError, ValueError, RuntimeError)
VERSION = 1

Contents = tuple[dict[str, Tensor], dict[str, str]]
"""Tensors and metadata, as safetensors takes them."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one dump holds.

    Args:
        state: everything that is no slot; ``first`` and ``next`` of the memory, ``start`` of the dump.
        tensors: keys, values and times of the slots from ``start`` on, and what waited for a window.
    """

    state: dict[str, Any]
    tensors: dict[str, Tensor]

    @classmethod
    def read(cls, data: bytes) -> Part:
        """Read the bytes of a dump."""
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        return cls(json.loads(header["__metadata__"]["memory"]), safetensors.torch.load(data))

    @property
    def start(self) -> int:
        """The first slot it holds."""
        return int(self.state.get("start", self.state["first"]))

    def check(self, fingerprint: str, what: str) -> None:
        """Refuse what this program or network cannot go on with.

        Raises:
            MemoryFormatError: it is of a newer version or another network.
            ValueError: it does not hold the slots that it says.
        """
        if self.state["version"] != VERSION:
            msg = f"{what} is of version {self.state['version']}, this program reads {VERSION}; update videoxl-stream"
            raise MemoryFormatError(msg)
        if self.state["fingerprint"] != fingerprint:
            msg = f"{what} was made by other weights; load those weights, or ingest the footage again"
            raise MemoryFormatError(msg)
        said, chunks = self.state["next"] - self.start, self.state["chunks"]
        keys, values, times = (self.tensors[name] for name in ("keys", "values", "times"))
        if keys.shape != values.shape or not {keys.shape[2], sum(c["num_slots"] for c in chunks)} == {said}:
            msg = f"{said} slots are said, but keys are {tuple(keys.shape)}, values {tuple(values.shape)}"
            raise ValueError(msg)
        if times.shape != (2, said):
            msg = f"{said} slots are said, but times are {tuple(times.shape)}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class _Run:
    """Chunks that follow each other without a hole, with the keys, values and times of their slots."""

    chunks: list[Chunk]
    keys: Tensor  # (layers, heads, slots, dim), as are values
    values: Tensor
    times: Tensor  # (2, slots)

    @property
    def first(self) -> int:
        """Number of the first slot."""
        return self.chunks[0].first

    @property
    def stop(self) -> int:
        """Number behind the last slot."""
        return self.chunks[-1].first + self.chunks[-1].num_slots

    @classmethod
    def of(cls, part: Part, first: int, stop: int) -> _Run:
        """The whole chunks of a part that lie within ``[first, stop)``."""
        chunks = [Chunk(**chunk) for chunk in part.state["chunks"]]
        chunks = [chunk for chunk in chunks if chunk.first >= first and chunk.first + chunk.num_slots <= stop]
        low = chunks[0].first - part.start if chunks else 0
        slots = slice(low, low + sum(chunk.num_slots for chunk in chunks))
        keys, values, times = (part.tensors[name] for name in ("keys", "values", "times"))
        return cls(chunks, keys[:, :, slots], values[:, :, slots], times[:, slots])

    def ending(self, stop: int, memory: VideoMemory) -> _Run:
        """The same renumbered so that ``stop`` follows it: keys turn by as many positions."""
        hole = stop - self.stop
        if hole == 0:
            return self
        chunks = [replace(chunk, first=chunk.first + hole) for chunk in self.chunks]
        return replace(self, chunks=chunks, keys=rotate(self.keys, memory.rotary.at(torch.tensor([hole]))))


def contents(memory: VideoMemory, fingerprint: str, after: int = 0) -> Contents:
    """What a memory holds from slot ``after`` on, in whole chunks; the sink, too, where that is everything."""
    new = list(takewhile(lambda chunk: chunk.first + chunk.num_slots > after, reversed(memory.chunks)))[::-1]
    view = View(new[0].first if new else memory.next, memory.next)
    places = torch.from_numpy(memory.places(view)).to(memory.slots.keys.device)
    pending = memory.pending
    tensors = {
        "keys": memory.slots.keys[:, :, places],
        "values": memory.slots.values[:, :, places],
        "times": torch.from_numpy(memory.slot_times(view)),
        "pending_times": torch.from_numpy(np.concatenate([np.zeros(0), *pending.times])),
    }
    if pending.features:
        tensors["pending_features"] = torch.cat(pending.features)
    if view.first == memory.first:
        tensors["sink_keys"], tensors["sink_values"] = memory.sink_states()
    state = {
        "version": VERSION,
        "fingerprint": fingerprint,
        "ratio": memory.ratio,
        "budget": memory.budget,
        "start": view.first,
        "first": memory.first,
        "next": memory.next,
        "carry": memory.carry,
        "evicted": memory.evicted,
        "prefix_ids": memory.prefix_ids,
        "last_s": memory.last_s,
        "chunks": [asdict(chunk) for chunk in new],
    }
    return {name: t.cpu().contiguous() for name, t in tensors.items()}, {"memory": json.dumps(state)}


def dump(memory: VideoMemory, fingerprint: str, after: int = 0) -> bytes:
    """The same as bytes."""
    tensors, metadata = contents(memory, fingerprint, after)
    return bytes(safetensors.torch.save(tensors, metadata))


def restore(memory: VideoMemory, parts: Sequence[bytes], fingerprint: str) -> None:
    """Fill an empty memory with parts, oldest first.

    Raises:
        MemoryFormatError: one is damaged, or of another network, ratio or prompt.
    """
    read = []
    try:
        for data in parts:
            part = Part.read(data)
            part.check(fingerprint, "a part of a memory")
            if (part.state["ratio"], part.state["prefix_ids"]) != (memory.ratio, memory.prefix_ids):
                msg = (
                    f"a part of a memory was made with ratio {part.state['ratio']} or another system prompt; "
                    "open the memory with those, or ingest the footage again"
                )
                raise MemoryFormatError(msg)
            read.append(part)
        if read:
            fill(memory, read)
    except UNREADABLE as e:
        msg = f"a part of a memory cannot be read ({type(e).__name__}: {e}); ingest the footage again"
        raise MemoryFormatError(msg) from e


def fill(memory: VideoMemory, parts: Sequence[Part]) -> None:
    """Fill an empty memory with parts, oldest first; see ``VideoModel.restore_memory``."""
    state, tensors = parts[-1].state, parts[-1].tensors
    _check_shapes(memory, parts)
    runs, evicted = _joined(memory, parts)
    chunks = [chunk for run in runs for chunk in run.chunks]
    room = memory.budget or math.inf
    kept = list(takewhile(lambda chunk: state["next"] - chunk.first <= room, reversed(chunks)))[::-1]
    gone = chunks[: len(chunks) - len(kept)]
    _put(memory, runs, kept, state["next"])
    memory.carry, memory.last_s = state["carry"], state["last_s"]
    left = [*evicted, *(time_s for chunk in gone for time_s in (chunk.start_s, chunk.end_s))]
    memory.evicted = [min(left), max(left)] if left else []
    for part in parts:
        if "sink_keys" in part.tensors:
            _put_sink(memory, part.tensors)
    if "pending_features" in tensors:
        memory.pending.features = [tensors["pending_features"].to(memory.slots.keys.device)]
        memory.pending.times = [tensors["pending_times"].numpy()]


def _joined(memory: VideoMemory, parts: Sequence[Part]) -> tuple[list[_Run], list[float]]:
    """What the parts hold together, oldest first, without holes; and the times of all that has left."""
    state = parts[-1].state
    stop = limit = state["next"]  # what comes before stands before the one, and is of the footage before the other
    lost_until_s: float | None = None
    runs: list[_Run] = []
    after_s = state["last_s"]
    for part in reversed(parts):
        run = _Run.of(part, state["first"], limit)
        if run.chunks:
            if run.stop < limit and lost_until_s is None:
                lost_until_s = max(after_s, run.chunks[-1].end_s)
            after_s, limit = run.chunks[0].start_s, run.first
            runs.insert(0, run.ending(stop, memory))
            stop = runs[0].first
        limit = min(limit, part.start)
    if limit > state["first"] and lost_until_s is None:
        lost_until_s = after_s
    return runs, state["evicted"] if lost_until_s is None else [-math.inf, lost_until_s]


def _check_shapes(memory: VideoMemory, parts: Sequence[Part]) -> None:
    layers, heads, _, dim = memory.slots.keys.shape
    for part in parts:
        shape = part.tensors["keys"].shape
        if (*shape[:2], *shape[3:]) != (layers, heads, dim):
            msg = f"keys are {tuple(shape)}, but there are {layers} layers of {heads} heads of {dim}"
            raise ValueError(msg)


def _put(memory: VideoMemory, runs: Sequence[_Run], kept: list[Chunk], stop: int) -> None:
    """Write the slots of the chunks that are kept, which ``stop`` follows; run by run, since all may be gigabytes."""
    first = kept[0].first if kept else stop
    slots = memory.slots
    if memory.budget is None:
        slots.reserve(slots=stop)
    times = [np.zeros((2, 0))]
    for run in runs:
        low = min(max(first, run.first), run.stop)
        places = torch.from_numpy(slots.places(np.arange(low, run.stop))).to(slots.keys.device)
        new = slice(low - run.first, None)
        slots.keys.index_copy_(2, places, run.keys[:, :, new].to(slots.keys.device))
        slots.values.index_copy_(2, places, run.values[:, :, new].to(slots.values.device))
        times.append(run.times[:, new].numpy())
    memory.next = first
    memory.remember_all(kept, np.concatenate(times, axis=1), first)


def _put_sink(memory: VideoMemory, tensors: dict[str, Tensor]) -> None:
    slots = memory.slots
    slots.sink_keys.copy_(tensors["sink_keys"])
    slots.values[:, :, slots.capacity : slots.scratch_start] = tensors["sink_values"].to(slots.values.device)
    memory.place_sink()
