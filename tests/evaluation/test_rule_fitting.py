"""Fitting rules: each clip watched once, and what comes of it can be put into the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from videoxl_stream.evaluation.rule_fitting import Footage, fit_rules, source_of

LENGTH_S = 20.0
SITE = Footage(["intrusion", "fire", "fall", "crowd", "breakdown", "tampering"], ["site"], range(4290, 4294), [4294])
ADS = Footage(["ad"], ["site", "channel"], range(4290, 4293), [4294])


def test_clips_are_watched_once_and_only_what_happened_is_fitted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = fit_rules("embedded", tmp_path, duration_s=LENGTH_S, jobs=1, groups=(ADS, SITE))
    (folder,) = tmp_path.iterdir()
    kept = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert set(kept) == {f"site-{seed}.pickle" for seed in range(4290, 4295)} | {
        f"channel-{seed}.pickle" for seed in (4290, 4291, 4292, 4294)
    }
    names = [rule.name for rule in rules]
    assert "ad" in names
    assert names == [name for name in (*SITE.kinds, *ADS.kinds) if name in names]
    assert "abandoned" not in names
    assert fit_rules("embedded", tmp_path, duration_s=LENGTH_S, jobs=1, groups=(SITE, ADS)) == rules
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == kept
    assert "prec." in capsys.readouterr().out

    tables = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(source_of(rules)).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert tables["CALIBRATION"] == {rule.name: rule.calibration for rule in rules}
    assert tables["THRESHOLDS"]["ad"][:2] == (rules[-1].threshold, rules[-1].clear_below)
