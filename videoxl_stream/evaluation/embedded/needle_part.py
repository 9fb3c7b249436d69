"""The parts that look for needles: plain, streamed, one by one, in unseen looks, and without compression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch

from videoxl_stream.evaluation import needle
from videoxl_stream.evaluation.bar import bar
from videoxl_stream.evaluation.embedded.part import Work
from videoxl_stream.evaluation.needle_grid import Grid
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.seeds import each_seed
from videoxl_stream.evaluation.subject import Subject


@dataclass(frozen=True)
class NeedlePart:
    """A grid of needles.

    Args:
        title: of the part.
        grid: what is tried.
    """

    title: str
    grid: Grid
    measure: str = "needle"

    @property
    def settings(self) -> Mapping[str, Any]:
        """All of the grid."""
        return asdict(self.grid)

    def run(self, work: Work) -> Record:
        """Watch haystacks side by side, each in a process of its own, then put them together."""
        subject = _subject(work.model, work.device)
        finished = needle.pieces_of(subject, self.grid, work.folder)
        seeds = [seed for seed in self.grid.seeds if not all(finished.get(f"{n}-{seed}") for n in self.grid.lengths)]
        on_gpu = torch.device(work.device).type == "cuda"
        watch = partial(_watch, model=work.model, device=work.device, grid=self.grid, folder=work.folder)
        with bar(self.title, len(self.grid.seeds)) as tell:
            for number, _ in enumerate(each_seed(watch, seeds, 1 if on_gpu else work.jobs), 1):
                tell(len(self.grid.seeds) - len(seeds) + number)
        made = needle.run(subject, self.grid, finished, work.device)
        made.details["processes"] = work.jobs
        known = subject.model.network.config.text.ratios
        if untrained := sorted(set(self.grid.ratios) - set(known)):
            made.details["note"] = f"These weights were made for the ratios {known}; {untrained} are none of them."
        return made

    def command(self, out: str, model: str) -> str:
        """The same on a machine that has neither pydantic nor PyAV."""
        grid = self.grid
        numbers = {"lengths": grid.lengths, "ratios": grid.ratios, "depths": grid.depths}
        words = [f"--{name} {' '.join(f'{number:g}' for number in each)}" for name, each in numbers.items()]
        words += [f"--seeds {min(grid.seeds)}-{max(grid.seeds)}", f"--looks {grid.looks}"]
        words += ["--single"] if grid.mode == "single" else []
        words += [f"--budget-frames {grid.budget_frames}"] if grid.budget_frames else []
        return " ".join(
            ["python -m videoxl_stream.evaluation.needle", f"--out {out} --model {model} --device cuda", *words]
        )


@lru_cache(maxsize=1)
def _subject(model: str, device: str) -> Subject:
    """Load weights once in each process."""
    return Subject.load(model, device)


def _watch(seed: int, *, model: str, device: str, grid: Grid, folder: Path) -> None:
    """Watch the haystacks of one seed; what was found is in the folder then."""
    subject = _subject(model, device)
    needle.run(subject, replace(grid, seeds=(seed,)), needle.pieces_of(subject, grid, folder), device)
