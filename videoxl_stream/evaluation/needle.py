"""Needle in a haystack: length x depth x ratio.

    python -m videoxl_stream.evaluation.needle --out FOLDER [--model random-7b --device cuda] [--lengths 64 256]

Every frame of a haystack goes through the vision tower once for all needles, questions and ratios, and every memory
is built once; questions are asked on forks. A run that was stopped goes on where it was. ``random-7b`` has the true
sizes of Video-XL and random weights: its answers mean nothing, its times and bytes are those of the real one.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal, get_args

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.finished import Finished
from videoxl_stream.evaluation.haystack import DEPTHS, check_depths, several
from videoxl_stream.evaluation.needle_trial import NeedleTrial
from videoxl_stream.evaluation.provenance import hardware, versions
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.seeds import seed_range
from videoxl_stream.evaluation.subject import Subject
from videoxl_stream.model.video_xl import VideoXL

LENGTHS = (64, 256, 512, 1024, 2048)
RATIOS = (8, 16)
SEEDS = seed_range("20000-20049")
Mode = Literal["several", "single", "streamed"]
MEANS_NOTHING = (
    "random weights: the answers mean nothing and are not scored; times and bytes are those of the true size"
)
OnDone = Callable[[int, int], None]


@dataclass(frozen=True)
class Grid:
    """What is tried.

    Args:
        lengths: of haystacks in frames.
        ratios: one memory of each haystack at each.
        depths: of needles, 0..1.
        seeds: of haystacks, at each length.
        mode: ``several`` needles in one haystack; a ``single`` one, in forks at each depth; or ``streamed``, several
            under a budget.
        budget_frames: footage that the memory may hold, only when streamed.
        fps: sampled frames per second.

    Raises:
        ConfigError: something of it cannot be tried.
    """

    lengths: Sequence[int] = LENGTHS
    ratios: Sequence[int] = RATIOS
    depths: Sequence[float] = DEPTHS
    seeds: Sequence[int] = tuple(SEEDS)
    mode: Mode = "several"
    budget_frames: int | None = None
    fps: float = 2.0

    def __post_init__(self) -> None:
        """Refuse before any footage is rendered."""
        for name, values in {"lengths": self.lengths, "ratios": self.ratios, "seeds": self.seeds}.items():
            if not values or len(set(values)) < len(values) or min(values) < (name != "seeds"):
                msg = f"{name} {list(values)} must be different positive numbers, at least one"
                raise ConfigError(msg)
        if self.mode not in get_args(Mode) or not self.fps > 0:
            msg = f"mode {self.mode!r} must be one of {', '.join(get_args(Mode))}, and fps {self.fps} above 0"
            raise ConfigError(msg)
        for length in self.lengths:
            check_depths(self.depths, length)
            if self.mode != "single":
                several(0, length, self.depths)
        self._check_budget()

    def _check_budget(self) -> None:
        if (self.budget_frames is not None) != (self.mode == "streamed"):
            msg = "a budget of frames is for streaming, which needs one: give --budget-frames, and not --single"
            raise ConfigError(msg)
        if self.budget_frames is not None and not 0 < self.budget_frames < min(self.lengths):
            msg = (
                f"a budget of {self.budget_frames} frames is not below every length {list(self.lengths)}; "
                "lower --budget-frames or leave the short lengths out"
            )
            raise ConfigError(msg)

    def settings(self) -> dict[str, Any]:
        """What the findings on one haystack depend on; lengths and seeds may be added later."""
        chosen = asdict(self)
        return {name: chosen[name] for name in ("ratios", "depths", "mode", "budget_frames", "fps")}


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
    for ratio, budget in zip(grid.ratios, budgets or [None] * len(grid.ratios), strict=True):
        model.open_memory(ratio=ratio, budget=budget)  # refuses what cannot work
    size = picture_size(model)
    trial = NeedleTrial(model, grid.depths, grid.ratios, fps=grid.fps, size=size, device=device)
    pieces: list[dict[str, Any]] = []
    cells = [(length, seed) for length in sorted(grid.lengths) for seed in grid.seeds]
    for number, (length, seed) in enumerate(cells, 1):
        name = f"{length}-{seed}"
        pieces.append(finished.get(name) or finished.put(name, _watch(trial, grid.mode, seed, length, budgets)))
        if on_done is not None:
            on_done(number, len(cells))
    return record(subject, grid, pieces, device)


def _watch(trial: NeedleTrial, mode: Mode, seed: int, length: int, budgets: Sequence[int]) -> dict[str, Any]:
    if mode == "streamed":
        return trial.streamed(seed, length, budgets)
    return trial.single(seed, length) if mode == "single" else trial.several(seed, length)


def record(subject: Subject, grid: Grid, pieces: Sequence[Mapping[str, Any]], device: str) -> Record:
    """Everything about a run in one record; answers of random weights are left out."""
    settings = {**asdict(grid), "size": picture_size(subject.model)}
    made = Record("needle", subject.to_json(), settings, versions(), hardware(device))
    made.times = [_times(pieces, length, ratio) for length in sorted(grid.lengths) for ratio in grid.ratios]
    if subject.random:
        made.details["note"] = MEANS_NOTHING
        return made
    pairs: dict[str, list[tuple[bool, float]]] = {}
    for length, seed, ratio, answer in _answers(pieces):
        _count(made, length, seed, ratio, answer)
        if answer["what"] != "gone":
            pairs.setdefault(f"ratio {ratio}", []).append((answer["right"], answer["probability"]))
    for name, each in pairs.items():
        made.add_reliability(name, each)
    return made


def _answers(pieces: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, int, str, dict[str, Any]]]:
    for piece in pieces:
        for ratio, found in piece["ratios"].items():
            for answer in found["answers"]:
                yield piece["num_frames"], piece["seed"], ratio, answer


def _count(made: Record, length: int, seed: int, ratio: str, answer: Mapping[str, Any]) -> None:
    what, depth, form = answer["what"], answer["depth"], answer["form"]
    figure = {"needle": "needle", "none": "none shown", "gone": "gone and said so", "left": "none left"}[what]
    scores = [f"{figure}, ratio {ratio}", f"{figure}, ratio {ratio}, {length} frames"]
    if what == "needle":
        scores += [depth_score(ratio, length, depth), f"{figure}, ratio {ratio}, {form}s"]
    cell = f"{what}/{ratio}/{length}" + ("" if depth is None else f"/{depth:g}/{form}")
    made.add(scores, cell, str(seed), answer["right"])


def depth_score(ratio: int | str, length: int, depth: float) -> str:
    """Name of the figure of one cell of the grid."""
    return f"needle, ratio {ratio}, {length} frames, depth {depth:g}"


def _times(pieces: Sequence[Mapping[str, Any]], length: int, ratio: int) -> dict[str, Any]:
    """Medians over the haystacks of a length, at a ratio."""
    of = [piece for piece in pieces if piece["num_frames"] == length]
    found = [piece["ratios"][str(ratio)] for piece in of]
    row: dict[str, Any] = {"num_frames": length, "ratio": ratio, "haystacks": len(of)}
    row["encode_fps"] = _median(length / piece["times"]["encode_s"] for piece in of)
    row["compress_fps"] = _median(each["frames"] / each["compress_s"] for each in found)
    row["ask_s"] = _median(each["ask_s"] / max(1, sum(a["what"] != "gone" for a in each["answers"])) for each in found)
    row["memory_bytes"] = max((each["memory_bytes"] for each in found), default=0)
    if any("peak_bytes" in each for each in found):
        row["peak_bytes"] = max(each["peak_bytes"] for each in found)
    return row


def _median(values: Iterator[float]) -> float:
    found = list(values)
    return round(median(found), 5) if found else math.nan


def tables(made: Record) -> list[Table]:
    """For a terminal: the grid of each ratio, what else was scored, and times."""
    settings, shown = made.settings, []
    if made.scores:
        for ratio in settings["ratios"]:
            grid = _table(
                f"needles named right, ratio {ratio}", "frames", *(f"{d:g}" for d in settings["depths"]), "all"
            )
            for length in sorted(settings["lengths"]):
                names = [depth_score(ratio, length, depth) for depth in settings["depths"]]
                cells = [_rate(made, name) for name in (*names, f"needle, ratio {ratio}, {length} frames")]
                grid.add_row(str(length), *cells)
            shown.append(grid)
        rest = _table("of all lengths", "", "right", "95 %", "of")
        for name in made.scores:
            if "frames" not in name:
                score = made.to_json()["scores"][name]
                rest.add_row(name, _rate(made, name), f"{score['low']:.1%} to {score['high']:.1%}", str(score["n"]))
        shown.append(rest)
    times = _table("times", "frames", "ratio", "encode frames/s", "compress frames/s", "s a question", "memory MB")
    for row in made.times:
        speeds = (f"{row['encode_fps']:.0f}", f"{row['compress_fps']:.0f}", f"{row['ask_s']:.3f}")
        times.add_row(str(row["num_frames"]), str(row["ratio"]), *speeds, f"{row['memory_bytes'] / 1e6:.1f}")
    return [*shown, times]


def _rate(made: Record, name: str) -> str:
    return f"{made.value(name):.1%}" if name in made.scores else ""


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title, box=box.SIMPLE)
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    return table


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
    finished = Finished(out, {"measure": "needle", "model": subject.revision, **grid.settings()})
    columns = (TextColumn("haystacks"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task("haystacks", total=len(grid.lengths) * len(grid.seeds))
        made = run(subject, grid, finished, device, lambda done, _: bars.update(task, completed=done))
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
    given = parser.parse_args(arguments)
    mode = mode_of(single=given.single, budget_frames=given.budget_frames)
    grid = Grid(given.lengths, given.ratios, given.depths, given.seeds, mode, given.budget_frames, given.fps)
    measure(given.model, grid, given.out, given.device)


def mode_of(*, single: bool, budget_frames: int | None) -> Mode:
    """The mode that two options stand for."""
    return "single" if single else "several" if budget_frames is None else "streamed"


if __name__ == "__main__":
    main()
