"""Choose the thresholds of the embedded model's rules.

    python -m videoxl_stream.evaluation.thresholds --seeds 2000-2019

Renders the demo's clips of seeds that serve nothing else, watches each once with every verdict kept, and tries all
pairs of thresholds on the kept verdicts, through the same decisions as the pipeline makes. Prints what is best for
each kind by the F1 of its events, and the table to put into pipelines/embedded_rules.py.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import track
from rich.table import Table

from videoxl_stream.evaluation.comparison import Comparison
from videoxl_stream.evaluation.demo import DURATION_S, clip_paths, render, seed_range, sources
from videoxl_stream.evaluation.matching import Counts
from videoxl_stream.evaluation.separation import auc, labelled
from videoxl_stream.evaluation.sightings import Seen, events_from, watch_sightings
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.pipelines.embedded_rules import embedded_rules
from videoxl_stream.rules import Rule
from videoxl_stream.training.footage.clips import ClipFormat, Truth

GRID = tuple(step / 20 for step in range(1, 20))


@dataclass(frozen=True, slots=True)
class Watched:
    """One clip's truth and what each rule was told at each window."""

    truth: Truth
    sightings: dict[str, list[Seen]]

    def counts(self, rule: Rule) -> Counts:
        """True, found and matched events of a rule's kind."""
        events = events_from(rule, self.sightings[rule.name])
        of_kind = tuple(one for one in self.truth.occurrences if one.kind == rule.name)
        compared = Comparison({self.truth.style: replace(self.truth, occurrences=of_kind)}, events)
        return compared.score.total


def watch_seed(model: VideoXL, seed: int, duration_s: float, encoding: ClipFormat) -> list[Watched]:
    """Render the clips of a seed and watch them, keeping the verdicts and nothing else."""
    with TemporaryDirectory() as folder:
        truths = render(Path(folder), seed, duration_s, encoding=encoding)
        streams = sources(clip_paths(Path(folder)))
        return [Watched(truths[one.stream_id], watch_sightings(model, one, embedded_rules())) for one in streams]


def total_counts(clips: Sequence[Watched], rule: Rule) -> Counts:
    """Counts over all clips."""
    return sum((clip.counts(rule) for clip in clips), Counts())


def best_rule(clips: Sequence[Watched], rule: Rule) -> Rule:
    """The rule with the thresholds that give the best F1; of equally good ones the pair nearest to their middle."""
    scored = [(total_counts(clips, tried).f1, tried) for tried in _variants(rule)]
    best = max(f1 for f1, _ in scored)
    equal = [tried for f1, tried in scored if f1 == best]
    middle = fmean(tried.threshold for tried in equal), fmean(tried.clears_below for tried in equal)
    return min(equal, key=lambda tried: math.dist((tried.threshold, tried.clears_below), middle))


def _variants(rule: Rule) -> Iterator[Rule]:
    for threshold in GRID:
        for clear_below in GRID:
            if clear_below <= threshold:
                yield replace(rule, threshold=threshold, clear_below=clear_below)


def _row(clips: Sequence[Watched], rule: Rule, best: Rule) -> list[str]:
    pairs = [pair for c in clips for pair in labelled(c.truth.occurrences, rule.name, c.sightings[rule.name])]
    now, then = total_counts(clips, rule), total_counts(clips, best)
    return [
        rule.name,
        f"{auc(pairs):.3f}",
        f"{now.f1:.3f}",
        f"{best.threshold}",
        f"{best.clears_below}",
        *(f"{share:.3f}" for share in (then.precision, then.recall, then.f1)),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, watch, choose and print."""
    parser = argparse.ArgumentParser(
        prog="python -m videoxl_stream.evaluation.thresholds",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=seed_range, default=seed_range("2000-2019"), help="such as 2000-2019")
    parser.add_argument("--model", default="embedded", help="'embedded', or a checkpoint folder")
    parser.add_argument("--seconds", type=float, default=DURATION_S, help="length of each clip")
    parser.add_argument("--fps", type=int, default=2, help="of the clips; 2 draws just what the model looks at")
    given = parser.parse_args(arguments)
    model, encoding = VideoXL.from_pretrained(given.model), ClipFormat(fps=given.fps)
    clips: list[Watched] = []
    for seed in track(given.seeds, "watching", console=Console(stderr=True)):
        clips += watch_seed(model, seed, given.seconds, encoding)
    table = Table("kind", "AUC", "F1 now", "open", "clear", "precision", "recall", "F1")
    chosen = {}
    for rule in track(embedded_rules(), "choosing", console=Console(stderr=True)):
        chosen[rule.name] = best = best_rule(clips, rule)
        table.add_row(*_row(clips, rule, best))
    console = Console()
    console.print(table)
    lines = [f'    "{name}": ({best.threshold}, {best.clears_below}),' for name, best in chosen.items()]
    console.print("\n".join(("THRESHOLDS = {", *lines, "}")), highlight=False)


if __name__ == "__main__":
    main()
