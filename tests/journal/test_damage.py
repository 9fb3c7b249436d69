"""Damaged files are found, set aside and told of; the rest is used, and a stream goes on with it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.journal.sites import KINDS, Site, windows_of
from videoxl_stream.errors import ConfigError, MemoryFormatError
from videoxl_stream.journal import Durability
from videoxl_stream.testing import ScriptedModel

COMMON = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def damage(path: Path, share: float, *, cut: bool) -> None:
    data = bytearray(path.read_bytes())
    at = int(share * len(data))
    if cut:
        path.write_bytes(data[:at])
    elif data:
        data[at] ^= 0x10
        path.write_bytes(data)


def watched(folder: Path, kind: str, sizes: list[int], **options: Any) -> Site:
    site = Site(ScriptedModel(), Durability(folder, kind, **options))
    site.open()
    for window in windows_of(sizes, 4):
        site.watch(window)
    return site


@pytest.mark.parametrize("kind", KINDS)
@COMMON
@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=9),
    victims=st.lists(st.tuples(st.integers(0, 99), st.floats(0, 0.999), st.booleans()), min_size=1, max_size=3),
    checkpoint_windows=st.integers(2, 4),
)
def test_what_is_damaged_is_left_out(
    tmp_path: Path, kind: str, sizes: list[int], victims: list[tuple[int, float, bool]], checkpoint_windows: int
) -> None:
    shutil.rmtree(tmp_path / "live", ignore_errors=True)
    site = watched(tmp_path / "live", kind, sizes, checkpoint_windows=checkpoint_windows)
    before = site.memory.windows
    files = sorted(path for path in site.folder.iterdir() if path.name != "complete")
    site.states = [b""] * (site.committed + 1)
    for number, share, cut in victims:
        damage(files[number % len(files)], share, cut=cut)
    restored = site.restart()
    left = list(site.memory.windows)
    assert left == [window for window in before if window in left]
    assert len(before) - len(left) <= restored.windows_lost
    assert (restored.windows_lost > 0) <= bool(restored.quarantined)
    assert site.memory.held.stop == (site.memory.held.start + len(left))
    for name in restored.quarantined:
        assert (site.folder / "quarantine" / name).exists()
    site.states = [b""] * (site.committed + 1)
    site.watch(windows_of([*sizes, 4], 4)[-1])
    lived = site.dump()
    again = site.restart()
    assert site.dump() == lived
    assert (again.windows_lost, again.quarantined) == (0, ())
    assert site.memory.windows == [*left, site.memory.windows[-1]]
    site.journal.close()


def test_one_bad_chunk_in_the_middle_costs_one_window(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    site = watched(tmp_path, "kv", [4] * 6)
    [victim] = site.folder.glob("*-2-3-*.added")
    damage(victim, 0.5, cut=False)
    restored = site.restart()
    assert restored.quarantined == (victim.name,)
    assert restored.windows_lost == 1
    assert "1 damaged files were set aside" in restored.report
    assert "do not match" in caplog.text
    assert [window[0] for window in site.memory.windows] == [0, 4, 12, 16, 20]
    assert site.memory.held == range(1, 6)
    site.journal.close()


def test_a_bad_checkpoint_falls_back_to_the_one_before(tmp_path: Path) -> None:
    site = watched(tmp_path, "frames", [4] * 11, checkpoint_windows=3)
    wholes = sorted(site.folder.glob("*.whole"))
    assert len(wholes) == 2
    lived = site.dump()
    damage(wholes[1], 0.9, cut=True)
    restored = site.restart()
    assert site.dump() == lived
    assert restored.quarantined == (wholes[1].name,)
    assert restored.windows_lost == 0
    site.journal.close()


def test_the_quarantine_is_bounded(tmp_path: Path) -> None:
    site = watched(tmp_path, "kv", [4] * 30)
    for path in site.folder.glob("*.added"):
        damage(path, 0, cut=True)
    assert len(site.restart().quarantined) == 30
    assert len(list((site.folder / "quarantine").iterdir())) == 16
    assert site.memory.windows == []
    site.journal.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_head_costs_nothing(tmp_path: Path, kind: str) -> None:
    site = watched(tmp_path, kind, [4] * 3)
    lived = site.dump()
    site.folder.joinpath("memory.json").write_text("{")
    site.restart()
    assert site.dump() == lived
    site.watch(windows_of([4] * 4, 4)[-1])
    assert json.loads(site.folder.joinpath("memory.json").read_text())["made_with"]["kind"] == kind
    site.journal.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("model", "settings", "words"),
    [
        (ScriptedModel(fingerprint="other"), {"ratio": 8}, "model 'scripted', not 'other'"),
        (ScriptedModel(), {"ratio": 16}, "ratio 8, not 16"),
        (ScriptedModel(), {"ratio": 8, "system": "Be brief."}, "system prompt None, not"),
        (ScriptedModel(window_frames=5), {"ratio": 8}, "frames in a window 4, not 5"),
    ],
)
def test_what_was_made_otherwise_is_refused_with_a_choice(
    tmp_path: Path, kind: str, model: ScriptedModel, settings: dict[str, Any], words: str
) -> None:
    site = Site(ScriptedModel(), Durability(tmp_path, kind), {"ratio": 8, "budget": 40})
    site.open()
    for window in windows_of([4, 4], 4):
        site.watch(window)
    lived = site.dump()
    site.journal.close()
    other = Site(model, Durability(tmp_path, kind), settings, committed=2, states=[b""] * 2)
    with pytest.raises(MemoryFormatError, match=r"fresh=True.*or delete that folder") as refused:
        other.open()
    assert words in str(refused.value)
    assert str(site.folder) in str(refused.value)
    site.restart()
    assert site.dump() == lived
    site.journal.close()
    other.durability = Durability(tmp_path, kind, fresh=True)
    assert other.open().windows_lost == 2
    assert other.memory.windows == []
    other.watch(windows_of([4, 4, model.window_frames], model.window_frames)[-1])
    other.durability = Durability(tmp_path, kind)
    assert other.restart().windows_lost == 0
    assert len(other.memory.windows) == 1
    other.journal.close()


def test_another_kind_is_refused(tmp_path: Path) -> None:
    watched(tmp_path, "kv", [4]).journal.close()
    with pytest.raises(MemoryFormatError, match="kind of durability 'kv', not 'frames'"):
        Site(ScriptedModel(), Durability(tmp_path, "frames")).open()


def test_another_budget_is_no_reason(tmp_path: Path) -> None:
    site = watched(tmp_path, "kv", [4] * 6)
    site.settings = {"budget": 12}
    site.restart()
    assert [window[0] for window in site.memory.windows] == [12, 16, 20]
    assert site.memory.held == range(3, 6)
    site.journal.close()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    site = watched(tmp_path, "kv", [4])
    with pytest.raises(ConfigError, match="is in use"):
        Site(ScriptedModel(), site.durability).open()
    site.journal.close()
    site.journal.close()
    site.restart()
    site.journal.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot hold memory"):
        Site(ScriptedModel(), Durability(tmp_path / "file")).open()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "disk"}, "unknown durability"),
        ({"checkpoint_windows": 0}, "1 or more"),
        ({"jpeg_quality": 96}, "1 to 95"),
        ({"max_bytes": 0}, "above 0"),
    ],
)
def test_values_that_cannot_work_are_refused(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Durability(tmp_path, **options)
