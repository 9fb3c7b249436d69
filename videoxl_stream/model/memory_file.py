"""A memory on disk: one safetensors file, written atomically, read back bit for bit."""

from __future__ import annotations

import json
import os
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file

from videoxl_stream.errors import MemoryFormatError
from videoxl_stream.model.memory import VideoMemory
from videoxl_stream.model.memory_parts import UNREADABLE, Part, contents, fill
from videoxl_stream.model.network import VideoXLForConditionalGeneration


def save(memory: VideoMemory, path: Path, fingerprint: str) -> None:
    """Write a memory, so that a crash leaves the old file or the new one.

    Args:
        memory: what to write.
        path: the file.
        fingerprint: of the network, which alone can read it again.
    """
    tensors, metadata = contents(memory, fingerprint)
    temporary = path.with_name(path.name + ".part")
    save_file(tensors, temporary, metadata)
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
            part = Part(state, {name: file.get_tensor(name) for name in file.keys()})
        part.check(fingerprint, str(path))
        memory = network.new_memory(ratio=state["ratio"], budget=state["budget"])
        memory.begin_sink(part.tensors["sink_keys"].shape[2])
        memory.prefix_ids = state["prefix_ids"]
        fill(memory, [part])
    except UNREADABLE as e:
        msg = f"{path} is no readable memory ({type(e).__name__}: {e}); ingest the footage again"
        raise MemoryFormatError(msg) from e
    return memory
