from pathlib import Path

import pytest
from rich.console import Console

from tests.journal.sites import windows_of
from videoxl_stream.evaluation.durability import KINDS, hardware, reckon, tables, watch
from videoxl_stream.journal import Durability
from videoxl_stream.model.video_xl import VideoXL


def test_what_is_measured_is_restored_exactly(tmp_path: Path) -> None:
    model = VideoXL.from_pretrained("embedded")
    windows = windows_of([model.window_frames] * 4, model.window_frames, side=48)
    found = [watch(model, Durability(tmp_path / kind, kind, checkpoint_windows=3), windows, 500) for kind in KINDS]
    assert [one.kind for one in found] == ["kv", "frames"]
    for one in found:
        assert one.exact
        assert one.windows == 4
        assert one.day_bytes >= one.folder_bytes * 86_400 / 20
        assert 0 < one.append_ms <= one.append_p99_ms
    console = Console(record=True, width=120)
    for table in tables(found, reckon(20_000), {"640x360": 20_000.0}):
        console.print(table)
    assert "640x360" in console.export_text()
    assert "CPUs" in hardware()


def test_the_arithmetic_of_a_large_model() -> None:
    kv, *frames = reckon(20_000)[:4]
    assert kv.day_bytes == pytest.approx(57_344 * 18 * 86_400)  # 18 slots a second
    assert [each.day_bytes for each in frames] == [20_000 * 86_400] * 3
    assert frames[1].whole_day_bytes == pytest.approx(kv.day_bytes)  # a whole hour of memory every hour
    assert reckon(20_000)[4].day_bytes == kv.day_bytes / 2
