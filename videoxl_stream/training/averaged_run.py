"""The mean of runs that went on from the same piece: it stands in for a part of a learning rate's fall.

python -m videoxl_stream.training.averaged_run RUN OTHER --into FOLDER

Averaging weights along a run, or of runs with a common past, is known from Izmailov et al., "Averaging Weights Leads to
Wider Optima and Better Generalization" (2018), and Wortsman et al., "Model soups" (2022).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from videoxl_stream.errors import CheckpointError
from videoxl_stream.training.saved_run import SavedRun


def average(runs: Sequence[Path], into: Path) -> None:
    """Write a run whose weights are the means of some, with the state of the first.

    Args:
        runs: folders of runs of one network.
        into: a folder that does not hold a run yet.

    Raises:
        CheckpointError: a run is missing, is of another network, or ``into`` holds one already.
    """
    if SavedRun(into).exists:
        msg = f"{into} holds a run already; choose another folder"
        raise CheckpointError(msg)
    (first, state), *others = [SavedRun(run).read() for run in runs]
    everyone = [first, *(weights for weights, _ in others)]
    if any(_shapes(weights) != _shapes(first) for weights in everyone):
        msg = f"{', '.join(map(str, runs))} are of different networks, which have no mean"
        raise CheckpointError(msg)
    means = {name: torch.stack([weights[name].double() for weights in everyone]).mean(0) for name in first}
    SavedRun(into).write({name: mean.to(first[name].dtype) for name, mean in means.items()}, state)


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in weights.items()}


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
