"""Needle in a haystack: length x depth x ratio.

    python -m videoxl_stream.evaluation.needle --out FOLDER [--model random-7b --device cuda] [--lengths 64 256]

Every frame of a haystack goes through the vision tower once for all needles, questions and ratios, and every memory
is built once; questions are asked on forks. A run that was stopped goes on where it was. ``random-7b`` has the true
sizes of Video-XL and random weights: its answers mean nothing, its times and bytes are those of the real one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any

from rich.console import Console

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.bar import bar
from videoxl_stream.evaluation.finished import Finished
from videoxl_stream.evaluation.haystack import DEPTHS
from videoxl_stream.evaluation.needle_grid import LENGTHS, RATIOS, SEEDS, Grid, Mode, mode_of
from videoxl_stream.evaluation.needle_record import MEANS_NOTHING, record, tables
from videoxl_stream.evaluation.needle_trial import NeedleTrial
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.seeds import seed_range
from videoxl_stream.evaluation.subject import Subject
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.training.footage.families import LOOKS

OnDone = Callable[[int, int], None]


def slots_of(model: VideoXL, frames: int, ratio: int) -> int:
    """Slots that hold some frames of whole windows.

    Raises:
        ConfigError: they do not fill one window.
    """
    if frames < model.window_frames:
        msg = f"a budget of {frames} frames holds no window of {model.window_frames}; raise --budget-frames"
        raise ConfigError(msg)
    tokens = model.network.config.text.beacon_window
    return frames // model.window_frames * -(-tokens // ratio)


def picture_size(model: VideoXL) -> tuple[int, int]:
    """Height and width at which footage is rendered for a model: 16:9, about twice its edge wide."""
    width = 2 * model.network.config.image_size
    return width * 9 // 16 // 2 * 2, width


def run(subject: Subject, grid: Grid, finished: Finished, device: str, on_done: OnDone | None = None) -> Record:
    """Watch every haystack that is not done yet, and put all together.

    Args:
        subject: the model.
        grid: what is tried.
        finished: what is done already.
        device: where the model is.
        on_done: is told haystacks done and in all.

    Raises:
        ConfigError: the grid does not fit the model.
    """
    model = subject.model
    budgets = [slots_of(model, grid.budget_frames, ratio) for ratio in grid.ratios] if grid.budget_frames else []
    for ratio, budget in zip(grid.ratios, budgets or repeat(None), strict=False):
        model.open_memory(ratio=ratio, budget=budget)  # refuses what cannot work
    size = picture_size(model)
    ways: dict[str, Any] = {"fps": grid.fps, "size": size, "device": device, "looks": grid.looks}
    trial = NeedleTrial(model, grid.depths, grid.ratios, **ways)
    pieces: list[dict[str, Any]] = []
    cells = [(length, seed) for length in sorted(grid.lengths) for seed in grid.seeds]
    for number, (length, seed) in enumerate(cells, 1):
        name = f"{length}-{seed}"
        pieces.append(finished.get(name) or finished.put(name, _watch(trial, grid.mode, seed, length, budgets)))
        if on_done is not None:
            on_done(number, len(cells))
    return record(subject, grid, pieces, device, size)


def pieces_of(subject: Subject, grid: Grid, out: Path) -> Finished:
    """What is done of a grid in the folder of its run.

    Raises:
        ConfigError: the folder holds a run with other settings.
    """
    return Finished(out, {"measure": "needle", "model": subject.revision, **grid.settings()})


def _watch(trial: NeedleTrial, mode: Mode, seed: int, length: int, budgets: Sequence[int]) -> dict[str, Any]:
    if mode == "streamed":
        return trial.streamed(seed, length, budgets)
    return trial.single(seed, length) if mode == "single" else trial.several(seed, length)


def measure(name: str, grid: Grid, out: Path, device: str) -> Record:
    """Load, run with a bar on the error stream, write ``needle.json`` and ``needle.png``, and print.

    Args:
        name: see ``Subject.load``.
        grid: what is tried.
        out: folder of the run.
        device: where the model goes.

    Raises:
        ConfigError: the folder holds a run with other settings, or see ``Grid`` and ``Subject.load``.
    """
    console = Console()
    with Console(stderr=True).status("loading the model"):
        subject = Subject.load(name, device)
    if subject.random:
        console.print(MEANS_NOTHING, style="yellow")
    finished = pieces_of(subject, grid, out)
    with bar("haystacks", len(grid.lengths) * len(grid.seeds)) as tell:
        made = run(subject, grid, finished, device, lambda done, _: tell(done))
    made.save(out / "needle.json")
    for table in tables(made):
        console.print(table)
    console.print(str(out / "needle.json"), style="dim", markup=False, highlight=False, soft_wrap=True)
    if made.scores:
        _draw(made, out / "needle.png", console)
    return made


def _draw(made: Record, path: Path, console: Console) -> None:
    from videoxl_stream.evaluation.heatmap import draw, installed  # noqa: PLC0415 - matplotlib is optional

    if not installed():
        console.print(
            "no heatmap: it needs matplotlib; pip install 'videoxl-stream[eval]'", style="yellow", markup=False
        )
        return
    draw(made, path)
    console.print(str(path), style="dim", markup=False, highlight=False, soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and measure; this way needs neither pydantic nor PyAV."""
    parser = argparse.ArgumentParser(
        prog="python -m videoxl_stream.evaluation.needle",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("eval/needle"), help="folder of the run")
    parser.add_argument("--model", default="embedded", help="'embedded', a folder of weights, or 'random-7b'")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="frames of haystacks")
    parser.add_argument("--ratios", type=int, nargs="+", default=RATIOS, help="of memories")
    parser.add_argument("--depths", type=float, nargs="+", default=DEPTHS, help="of needles, 0 to 1")
    parser.add_argument("--seeds", type=seed_range, default=SEEDS, help="such as 20000-20049")
    parser.add_argument("--single", action="store_true", help="one needle in a haystack, 21 answers")
    parser.add_argument("--budget-frames", type=int, help="stream, with a memory of so many frames")
    parser.add_argument("--fps", type=float, default=2.0, help="sampled frames per second")
    parser.add_argument("--looks", choices=LOOKS, default=LOOKS[0], help="of footage: seen in training, or not")
    given = parser.parse_args(arguments)
    mode = mode_of(single=given.single, budget_frames=given.budget_frames)
    tried = (given.lengths, given.ratios, given.depths, given.seeds)
    grid = Grid(*tried, mode, given.budget_frames, given.fps, given.looks)
    measure(given.model, grid, given.out, given.device)


if __name__ == "__main__":
    main()
