"""A training run on disk: everything that the next piece of it needs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from videoxl_stream.errors import CheckpointError
from videoxl_stream.whole_file import write_text

_PART_BYTES = 12 * 2**20
_STATE, _PARTS = "state.json", "weights-*.safetensors"


@dataclass(slots=True)
class RunState:
    """How far a run is.

    Args:
        steps: taken in each phase.
        pieces: how often it was begun or gone on with.
        skipped: steps whose gradient was not finite.
        log: curves and measures.
    """

    steps: dict[str, int] = field(default_factory=dict)
    pieces: int = 0
    skipped: int = 0
    log: list[dict[str, Any]] = field(default_factory=list)


class SavedRun:
    """Weights in full precision, in parts small enough for any way of copying them, and the state.

    What the optimizer remembers is left out: at its decay of 0.98 a step that is renewed after fifty steps, for which
    the next piece warms up again, and it would be twice as large as the weights.

    Args:
        folder: of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def exists(self) -> bool:
        """Whether a run has begun here."""
        return (self.folder / _STATE).is_file()

    def save(self, module: nn.Module, state: RunState) -> None:
        """Write everything; parts that are there already are replaced one by one."""
        self.write(_own(module), state)

    def write(self, weights: Mapping[str, Tensor], state: RunState) -> None:
        """Write weights that no module holds, as ``save`` does."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for number, part in enumerate(_parts(weights), start=1):
            path = self.folder / f"weights-{number}.safetensors"
            save_file(part, path.with_suffix(".tmp"))
            path.with_suffix(".tmp").replace(path)
        write_text(self.folder / _STATE, json.dumps(asdict(state)) + "\n")

    def load(self, module: nn.Module) -> RunState:
        """Read everything into a module of the same sizes.

        Raises:
            CheckpointError: files are missing, or of another network.
        """
        kept, state = self.read()
        own = _own(module)
        wrong = sorted(name for name in own.keys() | kept.keys() if _shape(own, name) != _shape(kept, name))
        if wrong:
            msg = f"{self.folder} is of another network or lacks a part: {wrong[0]} and {len(wrong) - 1} more differ"
            raise CheckpointError(msg)
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(kept[name])
        return state

    def read(self) -> tuple[dict[str, Tensor], RunState]:
        """Weights by name, and the state.

        Raises:
            CheckpointError: files are missing.
        """
        paths = sorted(self.folder.glob(_PARTS))
        if not paths or not self.exists:
            msg = f"{self.folder} holds no training run; give the folder of one that has begun, with all its parts"
            raise CheckpointError(msg)
        weights = {name: tensor for path in paths for name, tensor in load_file(path).items()}
        return weights, RunState(**json.loads((self.folder / _STATE).read_text(encoding="utf-8")))


def _own(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers under their names; those that share memory under one name only."""
    seen: set[int] = set()
    own = {}
    for name, tensor in module.state_dict().items():
        if tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            own[name] = tensor
    return own


def _shape(tensors: Mapping[str, Tensor], name: str) -> tuple[int, ...] | None:
    return tuple(tensors[name].shape) if name in tensors else None


def _parts(tensors: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    part: dict[str, Tensor] = {}
    size = 0
    for name, tensor in tensors.items():
        if part and size + tensor.nbytes > _PART_BYTES:
            yield part
            part, size = {}, 0
        part[name] = tensor.detach().cpu().contiguous()
        size += tensor.nbytes
    yield part
