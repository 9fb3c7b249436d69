"""The mean of runs that went on from the same piece: most of what a falling learning rate gives, without its steps.

python -m videoxl_stream.training.averaged_run RUN OTHER --into FOLDER

Averaging weights along a run, or of runs with a common past, is known from Izmailov et al., "Averaging Weights Leads to
Wider Optima and Better Generalization" (2018), and Wortsman et al., "Model soups" (2022).
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from videoxl_stream.errors import CheckpointError


def average(runs: Sequence[Path], into: Path) -> None:
    """Write a run whose weights are the means of some, with the state of the first.

    Args:
        runs: folders of runs of one network.
        into: a folder that does not hold a run yet.

    Raises:
        CheckpointError: a run is missing, is of another network, or ``into`` holds one already.
    """
    parts = [sorted(run.glob("weights-*.safetensors")) for run in runs]
    if not all(parts):
        msg = f"{runs[parts.index([])]} holds no training run; give folders of runs that have begun"
        raise CheckpointError(msg)
    if any(into.glob("weights-*.safetensors")):
        msg = f"{into} holds a run already; choose another folder"
        raise CheckpointError(msg)
    loaded = [[load_file(path) for path in paths] for paths in parts]
    if any([_shapes(part) for part in own] != [_shapes(part) for part in loaded[0]] for own in loaded):
        msg = f"{', '.join(map(str, runs))} are of different networks, which have no mean"
        raise CheckpointError(msg)
    into.mkdir(parents=True, exist_ok=True)
    for path, same in zip(parts[0], zip(*loaded, strict=True), strict=True):
        save_file({name: torch.stack([one[name].double() for one in same]).mean(0).to(value.dtype)
                   for name, value in same[0].items()}, into / path.name)  # fmt: skip
    shutil.copy(runs[0] / "state.json", into)


def _shapes(part: dict[str, torch.Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (value.shape, value.dtype) for name, value in part.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and average."""
    parser = argparse.ArgumentParser(
        prog="python -m videoxl_stream.training.averaged_run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("runs", type=Path, nargs="+", help="folders of runs; the first lends its curves")
    parser.add_argument("--into", type=Path, required=True, help="folder to write")
    given = parser.parse_args(arguments)
    average(given.runs, given.into)


if __name__ == "__main__":
    main()
