"""Two runs side by side: what differs is marked, and what may be chance is not."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.cli.calling import call
from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.side_by_side import changed_settings, compare, table


def run(right: int, total: int = 200, prefix: str = "", **settings: object) -> Record:
    made = Record("needle", {"name": "m", "revision": "abc"}, {"ratios": [8], **settings})
    for number in range(total):
        made.add(["needle, ratio 8"], "cell", f"{prefix}{number}", number < right)
    made.values["calibration error"] = (0.03, total)
    return made


def test_the_same_items_are_compared_pair_by_pair() -> None:
    figure, error = compare(run(150), run(165))
    assert figure.difference is not None
    assert (figure.difference.paired, figure.difference.significant) == (True, True)
    assert figure.values == (0.75, 0.825)
    assert figure.intervals[0] is not None
    assert figure.intervals[0][0] < 0.75 < figure.intervals[0][1]
    assert error.values == (0.03, 0.03)
    assert error.difference is None


def test_other_items_are_compared_as_samples() -> None:
    [figure, _] = compare(run(150), run(165, prefix="other "))
    assert figure.difference is not None
    assert (figure.difference.paired, figure.difference.significant) == (False, False)


def test_a_figure_that_one_lacks_is_shown_alone() -> None:
    first, second = run(150), run(150)
    second.add(["needle, ratio 16"], "cell 16", "0", True)
    row = compare(first, second)[1]
    assert math.isnan(row.values[0])
    assert (row.values[1], row.counts, row.difference) == (1.0, (0, 1), None)


def test_the_order_of_items_does_not_matter() -> None:
    second = run(150)
    second.items["cell"] = dict(reversed(second.items["cell"].items()))
    [figure, _] = compare(run(150), second)
    assert figure.difference is not None
    assert (figure.difference.value, figure.difference.low, figure.difference.high) == (0, 0, 0)


def test_other_measures_are_refused() -> None:
    with pytest.raises(ConfigError, match="two of the same"):
        compare(run(1), Record("vnbench", {}, {}))


def test_what_else_differs_is_told() -> None:
    assert changed_settings(run(1, seeds=[1]), run(1, seeds=[2])) == {"setting seeds": ([1], [2])}


def test_the_command_marks_what_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    run(150, fps=2.0).save(tmp_path / "before.json")
    run(165, fps=1.0).save(tmp_path / "after.json")
    done = call("eval", "compare", tmp_path / "before.json", tmp_path / "after.json")
    assert done.exit_code == 0, done.output
    assert "setting fps: 2.0 | 1.0" in done.output
    assert "*" in done.output.split("needle, ratio 8")[1]
    (tmp_path / "other.json").write_text("{}")
    assert call("eval", "compare", tmp_path / "before.json", tmp_path / "other.json").exit_code == 2


def test_the_table_has_a_row_for_each_figure() -> None:
    assert table(compare(run(1), run(2)), ("a", "b")).row_count == 2
