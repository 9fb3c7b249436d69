"""What lies in a checkpoint folder: JSON and safetensors files, read with errors that name file and remedy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers.utils import CONFIG_NAME, SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME

from videoxl_stream.errors import CheckpointError

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


@dataclass(frozen=True, slots=True)
class Stored:
    """One tensor as a file's header describes it; ``dtype`` in safetensors' words."""

    file: Path
    name: str
    shape: tuple[int, ...]
    dtype: str


def read_json(path: Path) -> dict[str, Any]:
    """Read one JSON object of a checkpoint.

    Raises:
        CheckpointError: it is missing or is no JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as e:
        msg = f"{path} is missing; give the folder that holds config.json and the safetensors files"
        raise CheckpointError(msg) from e
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as e:
        msg = f"{path} is not readable JSON ({e}); copy the checkpoint again"
        raise CheckpointError(msg) from e
    if not isinstance(content, dict):
        msg = f"{path} holds no JSON object; copy the checkpoint again"
        raise CheckpointError(msg)
    return content


def read_config(folder: Path) -> dict[str, Any]:
    """The config.json of a checkpoint.

    Raises:
        CheckpointError: the folder or the file is missing, or the file is no JSON object.
    """
    if not folder.is_dir():
        msg = f"{folder} is no folder; give the folder that holds config.json and the safetensors files"
        raise CheckpointError(msg)
    return read_json(folder / CONFIG_NAME)


def weight_map(folder: Path) -> dict[str, Path] | None:
    """Which file the index says holds each tensor; None where there is no index.

    Raises:
        CheckpointError: the index is damaged, or names a file that is no safetensors file of this folder.
    """
    index = folder / SAFE_WEIGHTS_INDEX_NAME
    if not index.exists():
        return None
    listed = read_json(index).get("weight_map")
    if not isinstance(listed, dict) or not listed or not all(isinstance(name, str) for name in listed.values()):
        msg = f"{index} has no weight_map of file names; copy this file again"
        raise CheckpointError(msg)
    for name in set(listed.values()):
        parts = PurePosixPath(name).parts
        if ".." in parts or PurePosixPath(name).is_absolute() or "\\" in name or not name.endswith(".safetensors"):
            msg = (
                f"{index} names {name!r}, which is no safetensors file inside the folder, so it is not opened; "
                "get the checkpoint from a source you trust"
            )
            raise CheckpointError(msg)
    return {tensor: folder / name for tensor, name in listed.items()}


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint, in order.

    Raises:
        CheckpointError: there are none, some are missing, or only pickles are there.
    """
    listed = weight_map(folder)
    if listed is not None:
        files = sorted(set(listed.values()))
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            msg = f"{folder} lacks {', '.join(missing)}, which the index lists; copy the missing shards"
            raise CheckpointError(msg)
        return files
    if (folder / SAFE_WEIGHTS_NAME).is_file():
        return [folder / SAFE_WEIGHTS_NAME]
    pickles = sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern))
    if pickles:
        msg = (
            f"{folder / pickles[0]} is a pickle, which can run code when it is read, so it is never opened; "
            "convert it to safetensors on a machine you trust"
        )
        raise CheckpointError(msg)
    msg = f"{folder} holds no {SAFE_WEIGHTS_NAME} and no {SAFE_WEIGHTS_INDEX_NAME}; give a checkpoint folder"
    raise CheckpointError(msg)


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    try:
        with safe_open(file, framework="pt") as tensors:
            yield tensors
    except (SafetensorError, OSError) as e:
        msg = f"{file} is damaged, cut short or no safetensors file ({e}); copy this file again"
        raise CheckpointError(msg) from e


def read_header(file: Path) -> list[Stored]:
    """What one file holds, without reading the numbers.

    Raises:
        CheckpointError: it is damaged.
    """
    with _opened(file) as tensors:
        parts = [(name, tensors.get_slice(name)) for name in tensors.keys()]
        return [Stored(file, name, tuple(part.get_shape()), part.get_dtype()) for name, part in parts]


def read_headers(folder: Path) -> dict[str, Stored]:
    """What all files hold, by stored name.

    Raises:
        CheckpointError: a file is damaged, or two hold the same tensor.
    """
    found: dict[str, Stored] = {}
    for stored in (stored for file in weight_files(folder) for stored in read_header(file)):
        if stored.name in found:
            first = found[stored.name].file.name
            msg = f"{folder} holds {stored.name} twice, in {first} and {stored.file.name}; copy the checkpoint again"
            raise CheckpointError(msg)
        found[stored.name] = stored
    return found


def read_tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """All tensors of a checkpoint under their stored names; each is mapped from disk, not copied.

    Raises:
        CheckpointError: a file is damaged.
    """
    for file in weight_files(folder):
        with _opened(file) as tensors:
            for name in tensors.keys():
                yield name, tensors.get_tensor(name)
