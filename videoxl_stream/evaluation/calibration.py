"""Calibrate the verdicts of the embedded model's rules.

    python -m videoxl_stream.evaluation.calibration --seeds 3000-3019 --check 2020-2039 [--style site] [--json OUT]

Watches clips of seeds that serve for calibration only, with every verdict kept, and fits a scale and a shift of each
rule's logit (Platt scaling) to the finest pieces that it is asked about: single seconds where a rule locates, the
whole look-back where it does not. Prints the expected calibration error before and after on the other seeds, and the
table to put into pipelines/embedded_rules.py, without kinds that never happened.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from videoxl_stream.evaluation.clip_pair import DURATION_S, ENCODING, SAMPLE_FPS
from videoxl_stream.evaluation.reliability import Pairs, Reliability, auc, platt
from videoxl_stream.evaluation.seeds import all_seeds, seed_range
from videoxl_stream.evaluation.sightings import Seen, Watched, kinds_in, watch_seed
from videoxl_stream.pipelines.embedded_rules import embedded_rules
from videoxl_stream.queries import Span
from videoxl_stream.rules import Rule
from videoxl_stream.training.footage.clips import ClipFormat
from videoxl_stream.training.footage.scenes import Occurrence
from videoxl_stream.training.footage.vocabulary import STYLES

_FRAME_S = 1 / SAMPLE_FPS


def verdict_pairs(clips: Sequence[Watched], rule: Rule) -> list[tuple[bool, float]]:
    """What a rule was told about each finest piece, uncalibrated, and whether it was so.

    A piece holds an event if one of its frames does. The state of things at a close holds if its last frame does.
    """
    pairs = []
    for clip in clips:
        true = [one for one in clip.truth.occurrences if one.kind == rule.name]
        for seen in clip.sightings[rule.name]:
            for span in _pieces(seen):
                asked = span if rule.locates else Span(span.end_s - _FRAME_S, span.end_s)
                pairs.append((_happens(true, asked), seen.verdicts[span].probability(rule.alarm or "")))
    return pairs


def _pieces(seen: Seen) -> Iterator[Span]:
    return (Span(start_s, end_s) for start_s, end_s in pairwise(seen.edges))


def _happens(true: Sequence[Occurrence], span: Span) -> bool:
    return any(min(one.end_s, span.end_s) - max(one.start_s, span.start_s) >= _FRAME_S for one in true)


def calibrated(pairs: Pairs, rule: Rule) -> Pairs:
    """The same with the rule's calibration."""
    return [(happened, rule.calibrated(probability)) for happened, probability in pairs]


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, watch, fit and print."""
    parser = argparse.ArgumentParser(
        prog="python -m videoxl_stream.evaluation.calibration",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=seed_range, default=seed_range("3000-3019"), help="fitted on these")
    parser.add_argument("--check", type=seed_range, default=seed_range("2020-2039"), help="errors are of these")
    parser.add_argument("--style", nargs="+", choices=STYLES, default=STYLES, help="only these clips of the seeds")
    parser.add_argument("--json", type=Path, help="where to write the reliability diagrams")
    parser.add_argument("--model", default="embedded", help="'embedded', or a checkpoint folder")
    parser.add_argument("--seconds", type=float, default=DURATION_S, help="length of each clip")
    parser.add_argument("--fps", type=int, default=ENCODING.fps, help="of the clips")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    given = parser.parse_args(arguments)
    encoding = ClipFormat(fps=given.fps)
    watch = partial(watch_seed, model=given.model, duration_s=given.seconds, encoding=encoding, styles=given.style)
    clips = all_seeds(watch, [*given.seeds, *given.check], given.jobs)
    fitted = [clip for seed in given.seeds for clip in clips[seed]]
    kinds = kinds_in(fitted)
    report = calibrate(fitted, [clip for seed in given.check for clip in clips[seed]])
    report = {kind: row for kind, row in report.items() if kind in kinds}
    _show(report)
    if given.json is not None:
        seeds = {"fitted": given.seeds, "checked": given.check}
        given.json.write_text(json.dumps({"seeds": seeds, "kinds": report}, indent=1) + "\n", encoding="utf-8")


def calibrate(clips: Sequence[Watched], check: Sequence[Watched]) -> dict[str, dict[str, Any]]:
    """Fit each of the embedded rules, and compare on other clips.

    Args:
        clips: fitted on these.
        check: errors are of these.

    Returns:
        for each rule its ``calibration``, and reliability ``before`` and ``after``.
    """
    report: dict[str, dict[str, Any]] = {}
    for rule in embedded_rules():
        fitted = replace(rule, calibration=platt(verdict_pairs(clips, rule)))
        pairs = verdict_pairs(check, rule)
        report[rule.name] = {
            "calibration": fitted.calibration,
            "verdicts": len(pairs),
            "true": sum(happened for happened, _ in pairs),
            "auc": auc(pairs),
            "before": Reliability.of(pairs).to_json(),
            "after": Reliability.of(calibrated(pairs, fitted)).to_json(),
        }
    return report


def _show(report: Mapping[str, Mapping[str, Any]]) -> None:
    table = Table("kind", "verdicts", "true", "AUC", "ECE before", "ECE after", "scale", "shift")
    for kind, row in report.items():
        errors = (f"{row['auc']:.4f}", f"{row['before']['ece']:.4f}", f"{row['after']['ece']:.4f}")
        table.add_row(kind, str(row["verdicts"]), str(row["true"]), *errors, *map(str, row["calibration"]))
    console = Console()
    console.print(table)
    lines = [f'    "{kind}": {row["calibration"]},' for kind, row in report.items()]
    console.print("\n".join(("CALIBRATION = {", *lines, "}")), highlight=False)


if __name__ == "__main__":
    main()
