"""``videoxl-stream eval``: measures, each of which writes one JSON file, and two of these side by side."""

from __future__ import annotations

from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.bar import bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from videoxl_stream.evaluation.record import Record
    from videoxl_stream.interfaces import VideoModel

evaluate = typer.Typer(name="eval", help="Measure a model, and compare two measures.", no_args_is_help=True)

_USUAL_FPS, _EMBEDDED_FPS = 1.0, 2.0  # of Video-XL; of the embedded model's training


class Score(StrEnum):
    """How an option is chosen."""

    LETTERS = "letters"
    OPTIONS = "options"


class Kind(StrEnum):
    """What questions of our own are about."""

    RETRIEVAL = "retrieval"
    ORDERING = "ordering"
    COUNTING = "counting"


class Looks(StrEnum):
    """How rendered footage looks."""

    SEEN = "seen"
    REHEARSAL = "rehearsal"
    UNSEEN = "unseen"


def _seeds(text: str) -> list[int]:
    from videoxl_stream.evaluation.seeds import seed_range

    try:
        seeds = seed_range(text)
    except ValueError as e:
        msg = f"{text!r} names no seeds; write one such as 7, or a range such as 5000-5009"
        raise typer.BadParameter(msg) from e
    if not seeds:
        msg = f"{text!r} holds no seed; write the smaller one first"
        raise typer.BadParameter(msg)
    return seeds


_Model = Annotated[str, typer.Option(help="'embedded' or a folder of weights.")]
_AnyModel = Annotated[str, typer.Option(help="'embedded', a folder of weights, or FILE.py:name of your own.")]
_Device = Annotated[str, typer.Option(help="Where the model goes: cpu, cuda, cuda:1.")]
_Ratio = Annotated[int | None, typer.Option(min=1, help="Of the memory; the model's own, if left out.")]
_Fps = Annotated[float | None, typer.Option(help="Frames to look at per second; what the model was made for.")]
_Out = Annotated[Path, typer.Option(help="Folder of the run; a run that was stopped goes on there.")]
_Questions = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="JSON file of questions.")]
_Videos = Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of their videos.")]
_Score = Annotated[Score, typer.Option(help="Compare letters behind the options, or each option's own likelihood.")]
_Jobs = Annotated[int, typer.Option(min=1, help="Processes.")]
_Seconds = Annotated[float, typer.Option(min=10, help="Length of each clip.")]
_Looks = Annotated[Looks, typer.Option(help="Of footage: as in training, or held out, to develop or to measure by.")]
_Seeds = typer.Option(parser=_seeds, metavar="A-B", help="Such as 5000-5009.")


@evaluate.command()
def needle(
    out: _Out = Path("eval/needle"),
    model: Annotated[
        str, typer.Option(help="'embedded', a folder of weights, or 'random-7b': true size, for time and memory only.")
    ] = "embedded",
    device: _Device = "cpu",
    lengths: Annotated[str, typer.Option(help="Frames of haystacks; 4096 works too.")] = "64,256,512,1024,2048",
    ratios: Annotated[str, typer.Option(help="Of memories.")] = "8,16",
    depths: Annotated[str, typer.Option(help="Of needles, from 0 to 1.")] = "0,0.25,0.5,0.75,1",
    seeds: Annotated[Any, _Seeds] = "20000-20049",
    single: Annotated[bool, typer.Option("--single", help="One needle in a haystack, 21 answers.")] = False,
    budget_frames: Annotated[
        int | None, typer.Option(min=1, help="Stream, with a memory that holds so many frames.")
    ] = None,
    looks: _Looks = Looks.SEEN,
) -> None:
    """Needle in a haystack: length x depth x ratio, with a heatmap."""
    from videoxl_stream.evaluation.needle import measure
    from videoxl_stream.evaluation.needle_grid import Grid, mode_of

    mode = mode_of(single=single, budget_frames=budget_frames)
    numbers = _numbers(lengths, int), _numbers(ratios, int), _numbers(depths, float)
    measure(model, Grid(*numbers, seeds, mode, budget_frames, looks=looks.value), out, device)


@evaluate.command()
def vnbench(
    questions: _Questions,
    videos: _Videos,
    out: _Out = Path("eval/vnbench"),
    model: _AnyModel = "embedded",
    device: _Device = "cpu",
    score: _Score = Score.LETTERS,
    ratio: _Ratio = None,
    fps: _Fps = None,
) -> None:
    """Retrieval, ordering and counting by VNBench's rule: right only if right in all four rotations."""
    from videoxl_stream.evaluation.film import find_videos
    from videoxl_stream.evaluation.vnbench import ROTATIONS_IDLE, by_video, count, read, run

    samples = read(questions)
    found = find_videos(videos, {sample.video for sample in samples})
    with _run("vnbench", out, model, device, questions, score=score.value, ratio=ratio, fps=fps) as begun:
        with bar("videos", len(by_video(samples))) as done:
            asking = run(
                begun.model, samples, found, begun.finished, score.value, fps=begun.fps, ratio=ratio, on_done=done
            )
            answered = list(asking)
        count(begun.record, answered)
        if score is Score.OPTIONS:
            begun.note(ROTATIONS_IDLE)


@evaluate.command("vnbench-make")
def vnbench_make(
    out: Annotated[Path, typer.Argument(help="Folder for questions.json and videos.")],
    seeds: Annotated[Any, _Seeds] = "5000-5009",
    kind: Annotated[list[Kind] | None, typer.Option(help="May be repeated; all, if left out.")] = None,
    seconds: Annotated[float, typer.Option(min=30, help="Length of each clip.")] = 60.0,
    looks: _Looks = Looks.SEEN,
    jobs: _Jobs = 2,
) -> None:
    """Render clips with inserted ads, and write questions about them in VNBench's format."""
    from videoxl_stream.evaluation.vnbench_clips import KINDS, make

    kinds = [known for known in KINDS if not kind or Kind(known) in kind]
    with bar("clips", len(kinds) * len(seeds)) as done:
        ways: dict[str, Any] = {"duration_s": seconds, "looks": looks.value, "jobs": jobs}
        path = make(out, kinds, seeds, on_done=lambda number, _: done(number), **ways)
    Console().print(str(path), style="dim", markup=False, highlight=False, soft_wrap=True)


@evaluate.command()
def stream(
    questions: _Questions,
    videos: _Videos,
    out: _Out = Path("eval/stream"),
    model: _AnyModel = "embedded",
    device: _Device = "cpu",
    score: _Score = Score.OPTIONS,
    ratio: _Ratio = None,
    budget: Annotated[int | None, typer.Option(min=1, help="Slots that memory may hold.")] = None,
    fps: _Fps = None,
) -> None:
    """Questions at moments of videos, answered from the footage seen so far."""
    from videoxl_stream.evaluation.film import find_videos
    from videoxl_stream.evaluation.streaming import count, run
    from videoxl_stream.evaluation.timed_questions import read

    asked = read(questions)
    found = find_videos(videos, {one.video for one in asked.asked})
    chosen: dict[str, Any] = {"score": score.value, "ratio": ratio, "budget": budget, "fps": fps}
    with _run("stream", out, model, device, questions, **chosen) as begun:
        with bar("videos", len(found)) as done:
            ways: dict[str, Any] = {"fps": begun.fps, "ratio": ratio, "budget": budget, "on_done": done}
            answered = list(run(begun.model, asked.asked, found, begun.finished, score.value, **ways))
        count(begun.record, answered)
        begun.note(f"{asked.form}: {len(answered)} questions, {begun.record.details['not in memory']} not in memory")
        if asked.left_out:
            begun.note(f"{asked.left_out} questions without options were left out")


@evaluate.command()
def events(
    out: _Out = Path("eval/events"),
    model: _Model = "embedded",
    seeds: Annotated[Any, _Seeds] = "1000-1039",
    seconds: _Seconds = 180.0,
    looks: _Looks = Looks.SEEN,
    jobs: _Jobs = 2,
) -> None:
    """Events found in rendered clips by the whole pipeline: F1, false alarms per hour, delay, span IoU."""
    from videoxl_stream.evaluation.event_record import measure_events
    from videoxl_stream.evaluation.tables import score_table

    board, made = measure_events(model, seeds, out / "findings", duration_s=seconds, looks=looks.value, jobs=jobs)
    Console().print(score_table(board))
    _save(made, out)


@evaluate.command()
def calibration(
    out: _Out = Path("eval/calibration"),
    model: _Model = "embedded",
    seeds: Annotated[Any, _Seeds] = "3000-3019",
    check: Annotated[Any, _Seeds] = "2020-2039",
    seconds: _Seconds = 180.0,
    jobs: _Jobs = 2,
) -> None:
    """Expected calibration error of the rules' verdicts: fitted on some seeds, found on others."""
    from videoxl_stream.evaluation.event_record import measure_calibration

    made = measure_calibration(model, seeds, check, duration_s=seconds, jobs=jobs)
    _show(made)
    _save(made, out)


@evaluate.command()
def embedded(
    out: _Out = Path("build/embedded"),
    model: _Model = "embedded",
    parts: Annotated[str, typer.Option(help="Only these, such as needle,events; all, if left out.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="As small as it gets: only whether everything works.")] = False,
    docs: Annotated[Path, typer.Option(help="Folder of embedded.md and embedded.json.")] = Path("docs"),
    device: _Device = "cpu",
    jobs: _Jobs = 2,
) -> None:
    """Everything that is promised of the embedded model; about 90 minutes on two cores."""
    from videoxl_stream.evaluation.embedded.run import measure, names_in

    measure(model, out, names=names_in(parts), small=quick, device=device, jobs=jobs, docs=docs)


@evaluate.command()
def compare(
    first: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON of a run.")],
    second: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON of another run of the measure.")],
) -> None:
    """Print two runs side by side with 95 % intervals, and mark what differs significantly."""
    from videoxl_stream.evaluation.record import Record
    from videoxl_stream.evaluation.side_by_side import changed_settings, table
    from videoxl_stream.evaluation.side_by_side import compare as rows_of

    one, other = Record.load(first), Record.load(second)
    rows, console = rows_of(one, other), Console()
    for name, (before, after) in changed_settings(one, other).items():
        console.print(f"{name}: {before} | {after}", style="dim", markup=False, highlight=False, soft_wrap=True)
    console.print(table(rows, (first.stem, second.stem) if first.stem != second.stem else ("first", "second")))


# ---- what the commands share


class _Begun:
    """A run of questions: its model, what is done already, and the record to come."""

    def __init__(self, model: VideoModel[Any], fps: float, finished: Any, record: Record) -> None:
        self.model, self.fps, self.finished, self.record = model, fps, finished, record

    def note(self, text: str) -> None:
        """Say something, and keep it in the record."""
        self.record.details.setdefault("notes", []).append(text)


@contextmanager
def _run(
    measure: str, out: Path, name: str, device: str, questions: Path, *, fps: float | None, **chosen: Any
) -> Iterator[_Begun]:
    """Load a model, and at the end show and write the record."""
    import hashlib

    from videoxl_stream.cli.references import load_object
    from videoxl_stream.evaluation.finished import Finished
    from videoxl_stream.evaluation.provenance import hardware, versions
    from videoxl_stream.evaluation.record import Record
    from videoxl_stream.evaluation.subject import Subject

    model: Any
    if ".py:" in name:
        model = load_object(name)
        about: dict[str, Any] = {"name": name, "revision": model.fingerprint, "answers_mean_nothing": False}
    else:
        with Console(stderr=True).status("loading the model"):
            subject = Subject.load(name, device)
        model, about = subject.model, subject.to_json()
    fps = fps or (_EMBEDDED_FPS if name == "embedded" else _USUAL_FPS)
    settings = {"questions": hashlib.sha256(questions.read_bytes()).hexdigest(), "fps": fps, **chosen}
    finished = Finished(out, {"measure": measure, "model": about["revision"], **settings})
    made = Record(measure, about, {**settings, "file": questions.name}, versions(), hardware(device))
    begun = _Begun(model, fps, finished, made)
    yield begun
    _show(made)
    for note in made.details.get("notes", []):
        Console().print(note, markup=False, highlight=False, soft_wrap=True)
    _save(made, out)


def _show(made: Record) -> None:
    """Every figure of a record."""
    shown, content = Table("figure", "value", "95 %", "of"), made.to_json()
    for name, score in content["scores"].items():
        bounds = f"{score['low']:.3f} to {score['high']:.3f}" if score["low"] is not None else ""
        shown.add_row(name, "" if score["value"] is None else f"{score['value']:.3f}", bounds, str(score["n"]))
    for name, value in content["values"].items():
        shown.add_row(name, "" if value["value"] is None else f"{value['value']:.4f}", "", str(value["n"]))
    Console().print(shown)


def _save(made: Record, out: Path) -> None:
    path = out / f"{made.measure}.json"
    made.save(path)
    Console().print(str(path), style="dim", markup=False, highlight=False, soft_wrap=True)


def _numbers(text: str, kind: Callable[[str], Any]) -> list[Any]:
    try:
        return [kind(part) for part in text.replace(",", " ").split()]
    except ValueError as e:
        msg = f"{text!r} is no list of numbers; write such as 64,256,512"
        raise ConfigError(msg) from e
