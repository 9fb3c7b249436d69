"""Claims against truth: groups, quiet clips, brands, delays, and the best baseline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from videoxl_stream.evaluation.claims import Claim
from videoxl_stream.evaluation.clip_pair import ClipPair
from videoxl_stream.evaluation.scoreboard import GROUPS, Scoreboard, tally
from videoxl_stream.evaluation.tables import tables
from videoxl_stream.evaluation.trial import BASELINES, GATED, MODEL, WATCHED, Cost, Findings
from videoxl_stream.training.footage.clips import Truth
from videoxl_stream.training.footage.scenes import Occurrence
from videoxl_stream.training.footage.vocabulary import KINDS

FIRE, FALL = Occurrence("fire", 10.0, 20.0, {}), Occurrence("fall", 30.0, 40.0, {})
AD = Occurrence("ad", 50.0, 60.0, {"brand": "red circle", "form": "card"})
TRUTHS = {
    "site-1": Truth("site-1.mp4", 1, "site", 100.0, (FIRE, FALL)),
    "channel-1": Truth("channel-1.mp4", 1, "channel", 100.0, (AD,), ("low bit rate",)),
    "site-2": Truth("site-2.mp4", 2, "site", 100.0, ()),
}


def claim(stream_id: str, kind: str, start_s: float, end_s: float, content: str | None = None) -> Claim:
    return Claim(stream_id, kind, start_s, end_s, start_s + 5.0, content)


def perfect() -> list[Claim]:
    return [
        claim(name, one.kind, one.start_s, one.end_s, "a red circle" if one.kind == "ad" else None)
        for name, truth in TRUTHS.items()
        for one in truth.occurrences
    ]


def board(**ways: list[Claim]) -> Scoreboard:
    everything = {**{way: [] for way in (MODEL, GATED, *BASELINES)}, **ways}
    costs = {way: Cost(600, 400 if way == GATED else 600, 2.5) for way in WATCHED}
    return Scoreboard([Findings(TRUTHS, everything, costs)])


def test_every_kind_is_in_one_row_and_in_all() -> None:
    single = [kinds[0] for kinds in GROUPS.values() if len(kinds) == 1]
    assert sorted(single) == sorted(KINDS)
    assert set(GROUPS["all"]) == set(KINDS) == {*GROUPS["anomalies"], "ad", "abandoned"}


def test_the_truth_itself_is_perfect_at_the_alarms_price() -> None:
    row = board(model=perfect()).tally(MODEL, "all").to_json()
    assert (row["true"], row["found"], row["f1"], row["mean_iou"]) == (3, 3, 1.0, 1.0)
    assert (row["mean_delay_s"], row["brands_named"], row["false_alarms_per_hour"]) == (5.0, 1.0, 0.0)


def test_false_alarms_are_counted_by_the_hour_and_where_nothing_happens() -> None:
    false = [claim("site-2", "fire", 0, 10), claim("site-1", "fire", 60, 70), claim("channel-1", "fall", 0, 10)]
    row = board(model=perfect() + false).tally(MODEL, "anomalies").to_json()
    assert (row["true"], row["found"], row["matched"]) == (2, 5, 2)
    assert row["false_alarms_per_hour"] == pytest.approx(3 * 3600 / 300)
    assert (row["false_alarms_in_quiet_clips"], row["false_alarms_per_quiet_hour"]) == (1, 36.0)


def test_streams_and_kinds_are_kept_apart_and_so_are_conditions() -> None:
    elsewhere = [replace(one, stream_id="site-2") for one in perfect()]
    assert board(model=elsewhere).tally(MODEL, "all").matched == 0
    findings = Findings(TRUTHS, {})
    found = tally(findings, perfect(), KINDS, "low bit rate")
    assert (found.true, found.found, found.footage_s) == (1, 1, 100.0)


def test_a_wrong_brand_is_no_right_one() -> None:
    other = [replace(one, content="a blue cross") for one in perfect()]
    assert board(model=other).tally(MODEL, "ad").to_json()["brands_named"] == 0


def test_the_margin_is_above_the_best_baseline() -> None:
    half = [one for one in perfect() if one.kind == "fire"]
    scored = board(model=perfect(), colour=half, always=[])
    way, f1 = scored.best_baseline("anomalies")
    assert (way, round(f1, 4)) == ("colour", 0.6667)
    assert scored.margin("anomalies") == pytest.approx(1 / 3)
    assert scored.margin("fire") == 0


def test_tables_show_every_row_and_the_gates_price() -> None:
    shown = tables(board(model=perfect(), gated=perfect()[:1]))
    assert [table.row_count for table in shown] == [len(GROUPS), len(GROUPS), 1, 2]
    assert next(iter(shown[2].columns[0].cells)) == "low bit rate"
    cells = [list(column.cells) for column in shown[3].columns]
    assert cells[:3] == [["off", "on"], ["600", "600"], ["600", "400"]]
    assert cells[4] == ["1.00", "0.33"]


def test_findings_are_kept_and_others_are_not_taken_for_them(tmp_path: Path) -> None:
    pair = ClipPair(7)
    truths = {name: Truth(f"{name}.mp4", 7, style, 180.0, (FIRE,)) for name, style in pair.styles.items()}
    findings = Findings(truths, {MODEL: perfect()}, {MODEL: Cost(10, 5, 0.25)})
    assert Findings.load(tmp_path, pair, "here") is None
    findings.save(tmp_path, 7, "here")
    assert Findings.load(tmp_path, pair, "here") == findings
    assert Findings.load(tmp_path, pair, "other weights") is None
    assert Findings.load(tmp_path, ClipPair(8), "here") is None
