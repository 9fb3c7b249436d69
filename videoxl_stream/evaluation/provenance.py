"""Provenance: with which weights, versions and machine a figure was found."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from videoxl_stream.errors import CheckpointError

_PACKAGES = ("videoxl-stream", "torch", "transformers", "tokenizers", "numpy", "av")
_BLOCK = 2**24


def revision(folder: Path, on_progress: Callable[[int, int], None] | None = None) -> str:
    """Name the weights in a folder: SHA-256 over its config and every safetensors file, names and bytes.

    Args:
        folder: the checkpoint.
        on_progress: is told bytes read and in all.

    Raises:
        CheckpointError: there are no weights.
    """
    paths = sorted((*folder.glob("*.safetensors"), *folder.glob("config.json")))
    if not any(path.suffix == ".safetensors" for path in paths):
        msg = f"{folder} holds no safetensors file; give 'embedded' or a folder of weights"
        raise CheckpointError(msg)
    total, done, digest = sum(path.stat().st_size for path in paths), 0, hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0")
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                done += len(block)
                if on_progress is not None:
                    on_progress(done, total)
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python and of what figures depend on; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def hardware(device: str | torch.device = "cpu") -> dict[str, str | int]:
    """What a measure ran on.

    Args:
        device: where the model is.
    """
    found: dict[str, str | int] = {
        "processor": _processor(),
        "cpus": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "device": str(device),
    }
    if torch.device(device).type == "cuda":
        of = torch.cuda.get_device_properties(device)
        found |= {"gpu": of.name, "gpu_bytes": of.total_memory, "cuda": torch.version.cuda or ""}
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
