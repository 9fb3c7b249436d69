"""A memory on disk: one safetensors file, written atomically, read back bit for bit."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from videoxl_stream.errors import MemoryFormatError
from videoxl_stream.model.chunks import Chunk
from videoxl_stream.model.memory import VideoMemory, View
from videoxl_stream.model.network import VideoXLForConditionalGeneration

_VERSION = 1
# What reading a damaged file, or making a memory of what stands in it, can end in.
_UNREADABLE = (SafetensorError, OSError, LookupError, TypeError, ValueError, RuntimeError)


def save(memory: VideoMemory, path: Path, fingerprint: str) -> None:
    """Write a memory, so that a crash leaves the old file or the new one.

    Args:
        memory: what to write.
        path: the file.
        fingerprint: of the network, which alone can read it again.
    """
    view = View(memory.first, memory.next)
    places = torch.from_numpy(memory.places(view))
    sink_keys, sink_values = memory.sink_states()
    pending = memory.pending
    tensors = {
        "keys": memory.slots.keys[:, :, places],
        "values": memory.slots.values[:, :, places],
        "sink_keys": sink_keys,
        "sink_values": sink_values,
        "times": torch.from_numpy(memory.slot_times(view)),
        "pending_times": torch.from_numpy(np.concatenate([np.zeros(0), *pending.times])),
    }
    if pending.features:
        tensors["pending_features"] = torch.cat(pending.features)
    state = {
        "version": _VERSION,
        "fingerprint": fingerprint,
        "ratio": memory.ratio,
        "budget": memory.budget,
        "first": memory.first,
        "next": memory.next,
        "carry": memory.carry,
        "evicted": memory.evicted,
        "prefix_ids": memory.prefix_ids,
        "last_s": memory.last_s,
        "chunks": [asdict(chunk) for chunk in memory.chunks],
    }
    temporary = path.with_name(path.name + ".part")
    save_file({name: t.cpu().contiguous() for name, t in tensors.items()}, temporary, {"memory": json.dumps(state)})
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def load(path: Path, network: VideoXLForConditionalGeneration, fingerprint: str) -> VideoMemory:
    """Read a memory.

    Raises:
        MemoryFormatError: the file is missing, damaged, of a newer version or of another network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            state = json.loads((file.metadata() or {})["memory"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        if state["version"] != _VERSION:
            msg = f"{path} is of version {state['version']}, this program reads {_VERSION}; update videoxl-stream"
            raise MemoryFormatError(msg)
        if state["fingerprint"] != fingerprint:
            msg = f"{path} was made by other weights; load those weights, or ingest the footage again"
            raise MemoryFormatError(msg)
        memory = network.new_memory(ratio=state["ratio"], budget=state["budget"])
        _restore(memory, state, tensors)
    except _UNREADABLE as e:
        msg = f"{path} is no readable memory ({type(e).__name__}: {e}); ingest the footage again"
        raise MemoryFormatError(msg) from e
    return memory


def _restore(memory: VideoMemory, state: dict[str, object], tensors: dict[str, Tensor]) -> None:
    slots = memory.slots
    memory.begin_sink(tensors["sink_keys"].shape[2])
    slots.sink_keys.copy_(tensors["sink_keys"])
    slots.values[:, :, slots.capacity : slots.scratch_start] = tensors["sink_values"].to(slots.values.device)
    first, stop = int(state["first"]), int(state["next"])  # type: ignore[call-overload]
    if memory.budget is None:
        slots.reserve(slots=stop)
    places = torch.from_numpy(slots.places(np.arange(first, stop))).to(slots.keys.device)
    slots.keys.index_copy_(2, places, tensors["keys"].to(slots.keys.device))
    slots.values.index_copy_(2, places, tensors["values"].to(slots.values.device))
    memory.next = first
    chunks = [Chunk(**chunk) for chunk in state["chunks"]]  # type: ignore[attr-defined]
    memory.remember_all(chunks, tensors["times"].numpy(), first)
    memory.carry, memory.last_s = state["carry"], state["last_s"]  # type: ignore[assignment]
    memory.prefix_ids, memory.evicted = state["prefix_ids"], state["evicted"]  # type: ignore[assignment]
    if "pending_features" in tensors:
        memory.pending.features = [tensors["pending_features"].to(slots.keys.device)]
        memory.pending.times = [tensors["pending_times"].numpy()]
