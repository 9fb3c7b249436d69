"""Leakage is measured fairly: the same place, the same later frames, and nothing happening in them."""

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from videoxl_stream.evaluation.leakage import LEAKING, VIEWS, Pair, compare, main, scenarios, summarise
from videoxl_stream.model.video_xl import VideoXL


@pytest.mark.parametrize("kind", LEAKING)
def test_pairs_are_one_place_with_and_without_an_event(kind: str) -> None:
    for eventful, quiet in islice(scenarios(kind), 4):
        assert {occurrence.kind for occurrence in eventful.occurrences} == {kind}
        assert max(occurrence.end_s for occurrence in eventful.occurrences) <= 20 - 1.5
        assert quiet.occurrences == ()
        assert quiet.duration_s == 40
        times = torch.arange(20.0, 40.0).view(1, -1)
        assert not any(labels.any() for labels in quiet.batch.labels(times).values())
        for part in ("site", "programme"):
            plans = [getattr(scenario.batch, part).plan.values for scenario in (eventful, quiet)]
            assert torch.equal(*plans)


def test_the_later_half_is_the_same_frame_for_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    model = VideoXL.from_pretrained("embedded")
    seen: list[np.ndarray] = []
    append = model.append

    def kept(memory: object, frames: list[np.ndarray], times: list[float]) -> None:
        seen.append(np.stack(frames))
        append(memory, frames, times)  # type: ignore[arg-type]

    monkeypatch.setattr(model, "append", kept)
    pair = compare(model, "fire", *next(scenarios("fire")))
    eventful, quiet, alone = seen
    assert eventful.shape == quiet.shape == (80, 144, 256, 3)
    assert (eventful[40:] == quiet[40:]).all()
    assert (alone == quiet[40:]).all()
    assert (eventful[:40] != quiet[:40]).any()
    assert pair.ends_before_s >= 1.5
    assert list(pair.after_event) == list(VIEWS)
    assert pair.alone.keys() == VIEWS.keys() - {"the event"}


def test_the_summary_counts_what_only_the_past_can_have_changed() -> None:
    def pair(after_event: float, after_nothing: float) -> Pair:
        views = dict.fromkeys(VIEWS, 0.1)
        return Pair("fire", 1, 2.0, views | {"0-5 s after": after_event}, views | {"0-5 s after": after_nothing}, views)

    rows = {row.view: row for row in summarise([pair(0.7, 0.2), pair(0.1, 0.3), pair(0.9, 0.9), pair(0.3, 0.3)])}
    row = rows["0-5 s after"]
    assert (row.num_streams, row.mean_change, row.largest_change, row.wrong_after_event) == (4, 0.175, 0.5, 0.25)
    assert row.alone_change == pytest.approx(0.325)
    assert rows["15-20 s after"].largest_change == 0


def test_the_command_writes_every_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videoxl_stream.evaluation.leakage.LEAKING", ("fire",))
    monkeypatch.setenv("COLUMNS", "160")
    main(["--streams", "1", "--json", str(tmp_path / "leakage.json")])
    content = json.loads((tmp_path / "leakage.json").read_text())
    assert [row["view"] for row in content["summary"]] == list(VIEWS)
    assert content["pairs"][0]["kind"] == "fire"
    assert "15-20 s after" in capsys.readouterr().out
