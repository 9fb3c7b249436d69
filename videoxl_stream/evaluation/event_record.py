"""The measure of events, and of the calibration of verdicts, as records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from videoxl_stream.evaluation.baselines import Baselines
from videoxl_stream.evaluation.calibration import calibrate
from videoxl_stream.evaluation.clip_pair import DURATION_S, ENCODING
from videoxl_stream.evaluation.footage import Measure
from videoxl_stream.evaluation.matching import MIN_IOU
from videoxl_stream.evaluation.provenance import hardware, revision, versions
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.scoreboard import GROUPS, Scoreboard, Tally, tally
from videoxl_stream.evaluation.seeds import all_seeds
from videoxl_stream.evaluation.sightings import watch_seed
from videoxl_stream.evaluation.subject import folder_of
from videoxl_stream.evaluation.trial import MODEL, Trial
from videoxl_stream.pipelines.embedded_rules import embedded_rules
from videoxl_stream.training.footage.clips import ClipFormat
from videoxl_stream.training.footage.families import check_looks


def measure_events(
    model: str,
    seeds: Sequence[int],
    cache: Path,
    *,
    ways: Sequence[str] = (MODEL,),
    duration_s: float = DURATION_S,
    encoding: ClipFormat = ENCODING,
    looks: str = "seen",
    jobs: int = 2,
) -> tuple[Scoreboard, Record]:
    """Watch clips with the whole pipeline, and score the events found.

    Args:
        model: ``embedded`` or a folder of weights.
        seeds: of the clips.
        cache: keeps what was found on each seed; a second start goes on from there.
        ways: of watching, see ``trial.WATCHED``.
        duration_s: of each clip.
        encoding: of each clip.
        looks: of each clip, ``seen`` in training or ``unseen``, held out of it.
        jobs: processes.

    Raises:
        ConfigError: there is no such model, or there are no such looks.
    """
    check_looks(looks)
    weights = revision(folder_of(model))
    trial = Trial(model, Baselines.load(), tuple(ways))
    board = Measure(trial, duration_s, encoding, cache, looks).run(seeds, jobs)
    chosen = {"seeds": list(seeds), "ways": list(ways), "duration_s": duration_s, "encoding": asdict(encoding)}
    settings = {**chosen, "looks": looks, "min_iou": MIN_IOU, "rules": numbers_of_rules()}
    made = Record("events", _named(model, weights), settings, versions(), hardware())
    for seed, findings in zip(seeds, board.findings, strict=True):
        for group, kinds in GROUPS.items():
            _count(made, group, f"seed {seed}", tally(findings, findings.claims[MODEL], kinds))
    made.times = {way: asdict(board.cost(way)) for way in ways}
    made.details = board.to_json()
    return board, made


def numbers_of_rules() -> dict[str, list[float | None]]:
    """What was chosen for each of the embedded rules: thresholds, delays and calibration."""
    return {
        rule.name: [rule.threshold, rule.clear_below, rule.delay_s, rule.hold_s, *rule.calibration]
        for rule in embedded_rules()
    }


def _count(made: Record, group: str, name: str, one: Tally) -> None:
    figures = {
        "F1": (2.0 * one.matched, one.true + one.found),
        "false alarms per hour": (one.found - one.matched, one.footage_s / 3600),
        "delay (s)": (one.delay_s, one.matched),
        "span IoU": (one.iou, one.matched),
    }
    if group == "ad":
        figures["brand named right"] = (one.named, one.brands)
    for figure, (above, below) in figures.items():
        made.add([f"{group}: {figure}"], f"{group}/{figure}", name, above, below)


def measure_calibration(
    model: str,
    seeds: Sequence[int],
    check: Sequence[int],
    *,
    duration_s: float = DURATION_S,
    encoding: ClipFormat = ENCODING,
    jobs: int = 2,
) -> Record:
    """Fit the calibration of every rule on some seeds, and find its error on others.

    Args:
        model: ``embedded`` or a folder of weights.
        seeds: fitted on these.
        check: errors are of these.
        duration_s: of each clip.
        encoding: of each clip.
        jobs: processes.

    Raises:
        ConfigError: there is no such model.
    """
    weights = revision(folder_of(model))
    watch = partial(watch_seed, model=model, duration_s=duration_s, encoding=encoding)
    clips = all_seeds(watch, [*seeds, *check], jobs)
    fitted, checked = ([clip for seed in some for clip in clips[seed]] for some in (seeds, check))
    settings = {"seeds": list(seeds), "check": list(check), "duration_s": duration_s, "encoding": asdict(encoding)}
    made = Record("calibration", _named(model, weights), settings, versions(), hardware())
    for kind, row in calibrate(fitted, checked).items():
        for when in ("before", "after"):
            made.values[f"{kind}: calibration error {when}"] = (row[when]["ece"], row["verdicts"])
        made.details[kind] = row
    return made


def _named(model: str, weights: str) -> dict[str, str | bool]:
    return {"name": model, "revision": weights, "answers_mean_nothing": False}
