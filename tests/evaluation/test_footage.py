"""The measure, on clips of a few seconds: from video files to a table, and on from where it was stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from videoxl_stream.evaluation.baselines import Baselines
from videoxl_stream.evaluation.clip_pair import ClipPair
from videoxl_stream.evaluation.footage import Measure, main
from videoxl_stream.evaluation.trial import MODEL, WATCHED, WAYS, Trial
from videoxl_stream.training.footage.clips import ClipFormat

SHORT_S, SPARSE = 20.0, ClipFormat(fps=2)


def test_the_command_writes_every_row_of_every_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, cache = tmp_path / "out.json", tmp_path / "cache"
    arguments = ["--seeds", "4-5", "--seconds", "20", "--fps", "2", "--jobs", "1", "--json", str(out)]
    main([*arguments, "--cache", str(cache)])
    report, shown = json.loads(out.read_text()), capsys.readouterr().out
    assert report["seeds"] == [4, 5]
    assert set(report["ways"]) == set(WAYS)
    true = sum(len(s.occurrences) for seed in (4, 5) for s in ClipPair(seed, SHORT_S).scenarios.values())
    assert {rows["all"]["true"] for rows in report["ways"].values()} == {true}
    assert report["ways"]["always"]["all"]["found"] == 2 * 2 * 8
    assert set(report["costs"]) == set(WATCHED)
    assert report["costs"][MODEL]["read"] == report["costs"][MODEL]["ingested"] == 2 * 2 * 40
    assert all(title in shown for title in ("what the model found", "F1 beside baselines", "motion gate"))
    # Again, out of the cache: not even the seconds differ.
    first = out.read_text()
    main([*arguments, "--cache", str(cache)])
    assert out.read_text() == first


def test_a_run_goes_on_where_it_was_stopped_and_in_other_processes(tmp_path: Path) -> None:
    trial = Trial("embedded", Baselines.load(), [MODEL])
    measure = Measure(trial, SHORT_S, SPARSE, tmp_path)
    measure.find(4)
    kept = (tmp_path / "4.json").stat().st_mtime_ns
    board = measure.run([4, 5], jobs=2)
    assert (tmp_path / "4.json").stat().st_mtime_ns == kept
    alone = Measure(trial, SHORT_S, SPARSE).run([4, 5], jobs=1)
    assert [one.claims for one in alone.findings] == [one.claims for one in board.findings]


def test_what_was_found_in_another_way_is_not_taken_for_it(tmp_path: Path) -> None:
    trial = Trial("embedded", Baselines.load(), [MODEL])
    stamps = {Measure(trial, SHORT_S, SPARSE, tmp_path).stamp, Measure(trial, SHORT_S, SPARSE).stamp}
    assert len(stamps) == 1
    assert Measure(trial, 25.0, SPARSE).stamp not in stamps
    assert Measure(Trial("embedded", Baselines.load(), WATCHED), SHORT_S, SPARSE).stamp not in stamps
