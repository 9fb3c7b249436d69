"""Events and calibration as records that can be put side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.calling import call
from tests.evaluation.test_scoreboard import AD, FIRE, TRUTHS, claim, perfect
from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation import event_record
from videoxl_stream.evaluation.claims import Claim
from videoxl_stream.evaluation.event_record import measure_calibration, measure_events
from videoxl_stream.evaluation.footage import Measure
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.scoreboard import Scoreboard
from videoxl_stream.evaluation.side_by_side import compare
from videoxl_stream.evaluation.trial import BASELINES, MODEL, Cost, Findings


def measured(monkeypatch: pytest.MonkeyPatch, *claims: list[Claim]) -> Record:
    """A record of seeds on which this was claimed."""
    ways: dict[str, list[Claim]] = {way: [] for way in BASELINES}
    findings = [Findings(TRUTHS, {MODEL: each, **ways}, {MODEL: Cost(600, 600, 2.5)}) for each in claims]
    monkeypatch.setattr(Measure, "run", lambda *_: Scoreboard(findings))
    return measure_events("embedded", range(len(claims)), Path("nowhere"))[1]


def test_every_figure_of_a_kind_is_the_scoreboards(monkeypatch: pytest.MonkeyPatch) -> None:
    false = [claim("site-2", "fire", 0, 10)]
    made = measured(monkeypatch, perfect(), perfect() + false)
    assert made.value("fire: F1") == pytest.approx(2 * 2 / (2 + 3))
    assert made.value("fire: false alarms per hour") == pytest.approx(3600 / 600)
    assert made.value("all: delay (s)") == 5
    assert made.value("all: span IoU") == 1
    assert made.value("ad: brand named right") == 1
    assert made.to_json()["scores"]["crowd: F1"]["value"] is None
    assert made.times == {MODEL: {"read": 1200, "ingested": 1200, "model_s": 5.0}}


def test_two_runs_are_compared_seed_by_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    lazy = [one for one in perfect() if one.kind != FIRE.kind]
    runs = [measured(monkeypatch, *[each] * 10) for each in (lazy, perfect())]
    rows = {row.name: row for row in compare(*runs)}
    fire, ad = rows["fire: F1"].difference, rows[f"{AD.kind}: F1"].difference
    assert fire is not None
    assert ad is not None
    assert (fire.paired, fire.significant, ad.significant) == (True, True, False)


def test_calibration_is_in_the_same_form(monkeypatch: pytest.MonkeyPatch) -> None:
    row: dict[str, Any] = {"calibration": (0.5, 0.1), "verdicts": 40, "true": 10, "auc": 0.9}
    row |= {"before": {"ece": 0.2, "bins": []}, "after": {"ece": 0.02, "bins": []}}
    monkeypatch.setattr(event_record, "all_seeds", lambda _work, seeds, _jobs: {seed: [] for seed in seeds})
    monkeypatch.setattr(event_record, "calibrate", lambda _clips, _check: {"fire": row})
    made = measure_calibration("embedded", [1], [2])
    assert made.values == {
        "fire: calibration error before": (0.2, 40),
        "fire: calibration error after": (0.02, 40),
    }
    assert made.details["fire"] == row


def test_a_model_that_is_not_there_is_refused_before_anything_is_rendered(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no model 'nothing'"):
        measure_events("nothing", [1], tmp_path)
    assert call("eval", "calibration", "--model", "nothing").exit_code == 2


@pytest.mark.slow
def test_the_commands_write_their_records(tmp_path: Path) -> None:
    arguments = ["--out", tmp_path, "--seconds", "10", "--jobs", "1"]
    done = call("eval", "events", *arguments, "--seeds", "4")
    assert done.exit_code == 0, done.output
    made = Record.load(tmp_path / "events.json")
    assert made.settings["seeds"] == [4]
    assert len(made.of("all: F1")) == 1
    done = call("eval", "calibration", *arguments, "--seeds", "4", "--check", "5")
    assert done.exit_code == 0, done.output
    assert Record.load(tmp_path / "calibration.json").values["fire: calibration error after"][1] > 0
