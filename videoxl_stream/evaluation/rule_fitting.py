"""Fit the embedded model's rules: calibrate their verdicts, then choose their thresholds and delays.

    python -m videoxl_stream.evaluation.rule_fitting [--model FOLDER] [--jobs 2]

Each clip is watched once, with every verdict kept (in ``--keep``, so that a run that was stopped goes on): 80 site
clips for what happens on a site, both clips of 34 seeds for ads. The seeds serve nothing else. Calibration is fitted on
those from 3000 up and checked on those from 2000 up; thresholds are chosen on all of them, with calibrated verdicts.
Prints both tables, and what to put into pipelines/embedded_rules.py.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from videoxl_stream.evaluation.calibration import calibrate
from videoxl_stream.evaluation.clip_pair import DURATION_S, ENCODING
from videoxl_stream.evaluation.plain_table import plain_table
from videoxl_stream.evaluation.provenance import revision
from videoxl_stream.evaluation.seeds import all_seeds
from videoxl_stream.evaluation.sightings import Watched, kinds_in, watch_seed
from videoxl_stream.evaluation.subject import folder_of
from videoxl_stream.evaluation.thresholds import best_rule, total_counts
from videoxl_stream.pipelines.embedded_rules import QUESTIONS, embedded_rules
from videoxl_stream.rules import Rule
from videoxl_stream.training.footage.vocabulary import STYLES
from videoxl_stream.whole_file import write_bytes

KEEP = Path("build/rule_fitting")
_WIDTH = 100  # narrower, the tables would shorten their numbers


@dataclass(frozen=True, slots=True)
class Footage:
    """What a group of rules is fitted on.

    Args:
        kinds: of the rules.
        styles: of the clips of each seed.
        fit: seeds that calibrate.
        check: seeds that tell the error of that.
    """

    kinds: Sequence[str]
    styles: Sequence[str]
    fit: Sequence[int]
    check: Sequence[int]


SITE = Footage([kind for kind in QUESTIONS if kind != "ad"], ("site",), range(3000, 3040), range(2000, 2040))
ADS = Footage(["ad"], STYLES, range(3000, 3020), range(2000, 2014))


@dataclass(frozen=True, slots=True)
class Watch:
    """Watching the clips of one style, each kept as soon as it is done.

    Args:
        model: ``embedded`` or a folder of weights.
        folder: of what is done; of these weights and this length only.
        duration_s: of each clip.
        style: of the clips.
    """

    model: str
    folder: Path
    duration_s: float
    style: str

    def __call__(self, seed: int) -> list[Watched]:
        """Watch the clip of a seed, or take what was kept of it."""
        path = self.folder / f"{self.style}-{seed}.pickle"
        if path.exists():
            kept: list[Watched] = pickle.loads(path.read_bytes())
            return kept
        watched = watch_seed(seed, model=self.model, duration_s=self.duration_s, encoding=ENCODING, styles=[self.style])
        write_bytes(path, pickle.dumps(watched))
        return watched


def fit(footage: Footage, watched: Mapping[str, Mapping[int, Sequence[Watched]]], console: Console) -> list[Rule]:
    """Calibrate the rules of a group, choose their limits, and print how good both are.

    Args:
        footage: of the group.
        watched: clips by style and seed.
        console: told.

    Returns:
        the fitted rules, without those whose kind never happened.
    """

    def clips(seeds: Sequence[int]) -> list[Watched]:
        return [clip for style in footage.styles for seed in seeds for clip in watched[style][seed]]

    fitted, checked = clips(footage.fit), clips(footage.check)
    happened = kinds_in(fitted)
    report = calibrate(fitted, checked, [kind for kind in footage.kinds if kind in happened])
    _show_calibration(report, console)
    rules = [replace(rule, calibration=report[rule.name]["calibration"]) for rule in embedded_rules(report)]
    return choose([*fitted, *checked], rules, console)


def choose(clips: Sequence[Watched], rules: Sequence[Rule], console: Console) -> list[Rule]:
    """Choose limits for calibrated rules, and print what they find.

    Args:
        clips: to choose on.
        rules: with their calibration.
        console: told.
    """
    limits = ("open", "clear", "delay", "hold")
    table = plain_table("events", "kind", *limits, "true", "found", "right", "prec.", "recall", "F1")
    chosen = []
    for rule in track(rules, "choosing", console=Console(stderr=True)):
        best = best_rule(clips, rule)
        found = total_counts(clips, best)
        shares = (f"{share:.3f}" for share in (found.precision, found.recall, found.f1))
        table.add_row(rule.name, *map(str, (*_limits(best), found.true, found.found, found.matched)), *shares)
        chosen.append(best)
    console.print(table)
    return chosen


def _limits(rule: Rule) -> tuple[float, float, float, float]:
    return rule.threshold, rule.clears_below, rule.delay_s, rule.hold_s


def _show_calibration(report: Mapping[str, Mapping[str, Any]], console: Console) -> None:
    table = plain_table("verdicts", "kind", "pieces", "true", "AUC", "ECE before", "ECE after")
    for kind, row in report.items():
        errors = (f"{row['auc']:.4f}", f"{row['before']['ece']:.4f}", f"{row['after']['ece']:.4f}")
        table.add_row(kind, str(row["verdicts"]), str(row["true"]), *errors)
    console.print(table)


def source_of(rules: Sequence[Rule]) -> str:
    """The two tables as pipelines/embedded_rules.py has them."""
    thresholds = [f'    "{rule.name}": {_limits(rule)},' for rule in rules]
    calibration = [f'    "{rule.name}": {rule.calibration},' for rule in rules]
    return "\n".join(["THRESHOLDS = {", *thresholds, "}", "CALIBRATION = {", *calibration, "}"])


def fit_rules(model: str, keep: Path, *, duration_s: float, jobs: int, groups: Sequence[Footage]) -> list[Rule]:
    """Watch, and fit every group.

    Args:
        model: ``embedded`` or a folder of weights.
        keep: folder of what was watched.
        duration_s: of each clip.
        jobs: processes.
        groups: of rules.

    Returns:
        the fitted rules, in the order in which the model's rules stand.

    Raises:
        CheckpointError: the folder holds no weights.
        ConfigError: there is no such model, or ``keep`` cannot be written.
    """
    folder = keep / f"{revision(folder_of(model))[:12]}-{duration_s:g}s"
    watched = {}
    for style in STYLES:
        seeds = sorted({seed for group in groups if style in group.styles for seed in (*group.fit, *group.check)})
        watched[style] = all_seeds(Watch(model, folder, duration_s, style), seeds, jobs)
    console = Console()
    console.width = max(console.width, _WIDTH)
    rules = {rule.name: rule for group in groups for rule in fit(group, watched, console)}
    return [rules[rule.name] for rule in embedded_rules() if rule.name in rules]


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, fit and print."""
    parser = argparse.ArgumentParser(
        prog="python -m videoxl_stream.evaluation.rule_fitting",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", default="embedded", help="'embedded', or a checkpoint folder")
    parser.add_argument("--keep", type=Path, default=KEEP, help="folder of what was watched")
    parser.add_argument("--seconds", type=float, default=DURATION_S, help="length of each clip")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    given = parser.parse_args(arguments)
    rules = fit_rules(given.model, given.keep, duration_s=given.seconds, jobs=given.jobs, groups=(SITE, ADS))
    Console().print(source_of(rules), highlight=False)


if __name__ == "__main__":
    main()
