"""How much a view knows of what happened before it: beacons have seen the footage that was remembered before them.

    python -m videoxl_stream.evaluation.leakage [--model FOLDER] [--streams N] [--json FILE]

For every kind of event, streams of seeds that were never trained on are watched twice. The second half is the same
footage frame for frame, with nothing happening in it; the first half holds one event, or nothing. Whatever differs
between the two answers about the second half has leaked through the beacons.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import count, islice
from pathlib import Path
from statistics import mean

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from videoxl_stream.frames import Image
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.queries import Query, Span
from videoxl_stream.training.footage.clips import ClipFormat, pictures
from videoxl_stream.training.footage.phrases import QUESTIONS
from videoxl_stream.training.footage.scenes import Rates, Scenario
from videoxl_stream.training.footage.vocabulary import KINDS

_FPS = 2
_FORMAT = ClipFormat(fps=_FPS, width=256, height=144)
_HALF_S = 20.0
_FIRST_SEED = 900_000
LEAKING = tuple(kind for kind in KINDS if kind != "abandoned")
"""Kinds that can be over within a half; an object counts as left behind only after a minute."""
VIEWS = {
    "the event": Span(0, _HALF_S),
    "0-5 s after": Span(_HALF_S, _HALF_S + 5),
    "5-10 s after": Span(_HALF_S + 5, _HALF_S + 10),
    "15-20 s after": Span(_HALF_S + 15, _HALF_S + 20),
    "all 20 s after": Span(_HALF_S, 2 * _HALF_S),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """One later half watched after an event and after nothing.

    Args:
        kind: of the event.
        seed: of the stream.
        ends_before_s: seconds from the event's end to the second half.
        after_event: probability of "yes" for each view, where the first half held the event.
        after_nothing: the same where it held nothing.
        alone: the same for the second half watched by itself, in a memory of its own; None for the first half.
    """

    kind: str
    seed: int
    ends_before_s: float
    after_event: dict[str, float]
    after_nothing: dict[str, float]
    alone: dict[str, float]

    def leaked(self, view: str) -> float:
        """Difference of probabilities that only what came before can have made."""
        return self.after_event[view] - self.after_nothing[view]


def scenarios(kind: str, first_seed: int = _FIRST_SEED) -> Iterator[tuple[Scenario, Scenario]]:
    """Pairs without end: a half with events of one kind, and a whole quiet stream of the same place."""
    style = "channel" if kind == "ad" else "site"
    often = Rates({kind: 3.0}, quiet=0.0, spread=(1.0,))
    for seed in count(first_seed):
        eventful = Scenario.of(seed, style, _HALF_S, often)
        if eventful.occurrences:
            yield eventful, Scenario.of(seed, style, 2 * _HALF_S, Rates(quiet=1.0))


def compare(model: VideoXL, kind: str, eventful: Scenario, quiet: Scenario) -> Pair:
    """Watch one second half after an event, after nothing, and alone."""
    half = round(_HALF_S * _FPS)
    quiet_frames = list(pictures(quiet, 2 * half, _FORMAT))
    event_frames = [*pictures(eventful, half, _FORMAT), *quiet_frames[half:]]
    ended_s = max(occurrence.end_s for occurrence in eventful.occurrences)
    later = [view for view in VIEWS if VIEWS[view].start_s >= _HALF_S]
    return Pair(
        kind,
        quiet.seed,
        _HALF_S - ended_s,
        _ask(model, kind, event_frames, 0.0, VIEWS),
        _ask(model, kind, quiet_frames, 0.0, VIEWS),
        _ask(model, kind, quiet_frames[half:], _HALF_S, later),
    )


def _ask(model: VideoXL, kind: str, frames: list[Image], start_s: float, views: Iterable[str]) -> dict[str, float]:
    """Probability that the kind is seen in each view."""
    memory = model.open_memory()
    model.append(memory, frames, [start_s + index / _FPS for index in range(len(frames))])
    queries = [Query(QUESTIONS[kind][0], span=VIEWS[view]) for view in views]
    return {
        view: round(verdict.probability("yes"), 4)
        for view, verdict in zip(views, model.verdicts(memory, queries), strict=True)
    }


def measure(model: VideoXL, num_streams: int) -> Iterator[Pair]:
    """Compare ``num_streams`` streams of each kind."""
    for kind in LEAKING:
        for eventful, quiet in islice(scenarios(kind), num_streams):
            yield compare(model, kind, eventful, quiet)


@dataclass(frozen=True, slots=True)
class Summary:
    """What leaked into one view, over many streams: probabilities 0..1.

    Args:
        after_event: mean probability of "yes".
        after_nothing: the same.
        mean_change: mean absolute difference.
        largest_change: largest absolute difference.
        wrong_after_event: share of streams where only the event before makes the answer "yes".
        alone_change: mean absolute difference between watching after nothing and alone; None for the first half.
    """

    kind: str
    view: str
    num_streams: int
    after_event: float
    after_nothing: float
    mean_change: float
    largest_change: float
    wrong_after_event: float
    alone_change: float | None


def summarise(pairs: list[Pair]) -> list[Summary]:
    """One line for each kind and view."""
    rows = []
    for kind in dict.fromkeys(pair.kind for pair in pairs):
        group = [pair for pair in pairs if pair.kind == kind]
        for view in VIEWS:
            changes = [abs(pair.leaked(view)) for pair in group]
            alone = [abs(pair.after_nothing[view] - pair.alone[view]) for pair in group if view in pair.alone]
            flipped = [pair.after_event[view] >= 0.5 > pair.after_nothing[view] for pair in group]
            rows.append(
                Summary(
                    kind,
                    view,
                    len(group),
                    round(mean(pair.after_event[view] for pair in group), 3),
                    round(mean(pair.after_nothing[view] for pair in group), 3),
                    round(mean(changes), 3),
                    round(max(changes), 3),
                    round(float(np.mean(flipped)), 3),
                    round(mean(alone), 3) if alone else None,
                )
            )
    return rows


def _table(rows: list[Summary]) -> Table:
    table = Table(title="Probability of 'yes' about a view, after an event and after nothing")
    table.add_column("kind")
    table.add_column("view")
    for column in ("streams", "after event", "after nothing", "mean change", "largest", "turned to yes", "vs. alone"):
        table.add_column(column, justify="right")
    for row in rows:
        alone = "" if row.alone_change is None else f"{row.alone_change:.3f}"
        numbers = (row.after_event, row.after_nothing, row.mean_change, row.largest_change)
        shown = [f"{number:.3f}" for number in numbers]
        table.add_row(
            row.kind,
            row.view,
            str(row.num_streams),
            *shown,
            f"{row.wrong_after_event:.0%}",
            alone,
            end_section=row.view == list(VIEWS)[-1],
        )
    return table


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m videoxl_stream.evaluation.leakage", description=__doc__)
    parser.add_argument("--model", default="embedded", help="checkpoint folder")
    parser.add_argument("--streams", type=int, default=25, help="streams of each kind")
    parser.add_argument("--json", type=Path, help="where to write all numbers")
    options = parser.parse_args(arguments)
    model = VideoXL.from_pretrained(options.model)
    total = options.streams * len(LEAKING)
    pairs = list(track(measure(model, options.streams), "watching", total, console=Console(stderr=True)))
    rows = summarise(pairs)
    Console().print(_table(rows))
    if options.json is not None:
        content = {"summary": [asdict(row) for row in rows], "pairs": [asdict(pair) for pair in pairs]}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
