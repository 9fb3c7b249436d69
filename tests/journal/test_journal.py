"""What a journal keeps, gives up and says while the disk is well, small or full."""

import errno
import io
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from tests.journal.sites import KINDS, Site, window_of, windows_of
from videoxl_stream.errors import ConfigError, StoreError
from videoxl_stream.journal import Durability, JournalState
from videoxl_stream.queries import Span
from videoxl_stream.testing import ScriptedMemory, ScriptedModel

COMMON = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


class CountingModel(ScriptedModel):
    """Counts how often it dumps a memory."""

    dumps = 0

    def dump_memory(self, memory: ScriptedMemory, after: int = 0) -> bytes:
        self.dumps += 1
        return super().dump_memory(memory, after)


def opened(folder: Path, kind: str, budget: int | None = None, **options: Any) -> Site:
    site = Site(ScriptedModel(), Durability(folder, kind, **options), {"budget": budget})
    site.open()
    return site


def contents(site: Site) -> bytes:
    return b"".join(path.read_bytes() for path in site.folder.rglob("*") if path.is_file())


def test_chunks_that_left_the_memory_leave_the_disk(tmp_path: Path) -> None:
    site = opened(tmp_path, "kv", budget=12)
    for window in windows_of([4] * 20, 4):
        site.watch(window)
    assert len(list(site.folder.glob("*.added"))) == 4  # three, and one that the last window pushed out
    site.journal.close()


def test_pictures_before_the_older_checkpoint_leave_the_disk(tmp_path: Path) -> None:
    site = opened(tmp_path, "frames", budget=12, checkpoint_windows=5)
    for window in windows_of([4] * 23, 4):
        site.watch(window)
    assert len(list(site.folder.glob("*.whole"))) == 2
    assert len(list(site.folder.glob("*.seen"))) == 8  # behind windows 15 and 20
    site.journal.close()


def test_the_model_sees_what_a_restart_would(tmp_path: Path) -> None:
    site = opened(tmp_path, "frames", jpeg_quality=60)
    window = window_of([0.0, 1.0], 4)
    seen = site.journal.seen(window)
    jpeg = io.BytesIO()
    Pillow.fromarray(window.frames[1].image).save(jpeg, "JPEG", quality=60)
    assert (seen.frames[1].image == Pillow.open(jpeg).convert("RGB")).all()
    assert (seen.frames[1].image != window.frames[1].image).any()
    assert (seen.short, seen.span, seen.frames[1].utc) == (True, window.span, window.frames[1].utc)
    with pytest.raises(ConfigError, match="what seen"):
        site.journal.append(site.memory, 0, window)
    site.journal.close()
    plain = opened(tmp_path / "kv", "kv")
    assert plain.journal.seen(window) is window
    plain.journal.close()


@pytest.mark.parametrize("kind", KINDS)
@COMMON
@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=12),
    budget=st.sampled_from([None, 12]),
    max_bytes=st.integers(200, 6000),
    forget=st.integers(0, 12),
)
def test_the_limit_holds_at_every_moment(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    sizes: list[int],
    budget: int | None,
    max_bytes: int,
    forget: int,
) -> None:
    folder = tmp_path_factory.mktemp("limit")
    site = opened(folder, kind, budget, max_bytes=max_bytes, checkpoint_windows=3)
    for number, window in enumerate(windows_of(sizes, 4)):
        site.watch(window)
        if number == forget:
            site.forget(Span(window.span.start_s, window.span.end_s))
        sizes_now = [path.stat().st_size for path in site.folder.rglob("*-*")]
        assert sum(sizes_now) == site.journal.num_bytes <= max_bytes
        if site.journal.state.failing:
            assert "raise it" in site.journal.state.reason
    site.restart()
    left = site.memory.windows
    taken = [[frame.time_s for frame in window.frames] for window in windows_of(sizes, 4)]
    assert left == [window for window in taken if window in left]
    site.journal.close()


def test_the_oldest_leave_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    site = opened(tmp_path, "kv", max_bytes=1500)
    for window in windows_of([4] * 30, 4):
        site.watch(window)
    lived = site.memory.windows
    assert caplog.text.count("holds less than the memory") == 1
    site.restart()
    assert 1 < len(site.memory.windows) < 30
    assert site.memory.windows == lived[-len(site.memory.windows) :]
    assert site.memory.held.stop == 30
    site.journal.close()


# ---- forgetting


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("checkpoint_windows", [2, 50])
def test_nothing_of_what_was_forgotten_is_on_disk(tmp_path: Path, kind: str, checkpoint_windows: int) -> None:
    site = opened(tmp_path, kind, checkpoint_windows=checkpoint_windows)
    windows = windows_of([4, 4, 4, 4, 4], 4)
    for window in windows:
        site.watch(window)
    newest = max(path for path in site.folder.iterdir() if path.name.startswith("0"))
    newest.write_bytes(newest.read_bytes() + b"19.0")
    site.restart()
    assert list(site.folder.joinpath("quarantine").iterdir())
    jpegs = [jpeg for window in windows for jpeg in _jpegs(site, window)]
    assert len(jpegs) == (20 if kind == "frames" else 0)
    assert b"19.0" in contents(site)
    site.forget(Span(8, 9))
    assert not any(jpeg in contents(site) for jpeg in jpegs)
    for time_s in (b"8.0", b"12.0", b"19.0"):
        assert time_s not in contents(site)
    assert not list(site.folder.glob("quarantine/*"))
    lived = site.dump()
    restored = site.restart()
    assert site.dump() == lived
    assert restored.windows_lost == 0
    site.watch(windows_of([4] * 6, 4)[-1])
    lived = site.dump()
    site.restart()
    assert site.dump() == lived
    site.journal.close()


def _jpegs(site: Site, window: Any) -> list[bytes]:
    site.journal.seen(window)
    shown = site.journal._shown
    return [] if shown is None else list(shown[1].jpegs)


def test_pictures_of_what_left_the_memory_are_forgotten_as_well(tmp_path: Path) -> None:
    site = opened(tmp_path, "frames", budget=8, checkpoint_windows=50)
    windows = windows_of([4] * 8, 4)
    for window in windows:
        site.watch(window)
    jpegs = _jpegs(site, windows[0])
    assert jpegs[0] in contents(site)
    assert site.memory.span.start_s == 24
    site.forget(Span(0, 1))
    assert jpegs[0] not in contents(site)
    site.journal.close()


def test_what_cannot_be_deleted_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = opened(tmp_path, "kv")
    site.watch(windows_of([4], 4)[0])
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".added":
            raise PermissionError(errno.EPERM, "immutable")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StoreError, match="forget it again"):
        site.forget(Span(0, 1))
    monkeypatch.undo()
    site.forget(Span(0, 1))
    assert not list(site.folder.glob("*.added"))
    site.journal.close()


# ---- full and broken disks


@pytest.fixture
def small_disk(tmp_path: Path, require_service: Callable[[bool, str], None]) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting a small disk needs root: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return ballast


def test_a_memory_at_its_budget_makes_its_own_room(small_disk: Path) -> None:
    site = opened(small_disk, "kv", 12)
    windows = windows_of([4] * 12, 4)
    for window in windows[:5]:
        site.watch(window)
    fill(small_disk)
    for window in windows[5:]:
        site.watch(window)
        assert not site.journal.state.failing
    site.journal.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_heals(small_disk: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    site = opened(small_disk, kind, checkpoint_windows=4)
    windows = windows_of([4] * 12, 4)
    for window in windows[:3]:
        site.watch(window)
    ballast = fill(small_disk)
    model = CountingModel()
    site.model = site.journal._model = model
    for window in windows[3:8]:
        site.watch(window)
        assert site.journal.state.failing
        assert "No space left" in site.journal.state.reason
        assert site.journal.state.windows == 3
    assert site.memory.windows[-1][0] == 28
    assert model.dumps - 5 <= 1  # what is missing is not gathered again before there is room
    assert caplog.text.count("not durable for now") == 1
    ballast.unlink()
    for window in windows[8:]:
        site.watch(window)
        assert not site.journal.state.failing
    assert caplog.text.count("durable again") == 1
    assert site.journal.state.windows == 12
    lived = site.dump()
    restored = site.restart()
    assert site.dump() == lived
    assert restored.windows_lost == 0
    site.journal.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_stop_while_the_disk_is_full_says_what_is_lost(small_disk: Path, kind: str) -> None:
    site = opened(small_disk, kind)
    windows = windows_of([4] * 7, 4)
    for window in windows[:3]:
        site.watch(window)
    kept = site.memory.windows[:]
    ballast = fill(small_disk)
    for window in windows[3:6]:
        site.watch(window)
    restored = site.restart()
    assert restored.windows_lost == 3
    assert "At most 3 windows are missing" in restored.report
    assert site.memory.windows == kept
    ballast.unlink()
    site.states = [b""] * (site.committed + 1)
    site.watch(windows[6])
    lived = site.dump()
    assert site.restart().windows_lost == 0
    assert site.dump() == lived
    site.journal.close()


@pytest.mark.parametrize("kind", KINDS)
@COMMON
@given(broken=st.sets(st.integers(0, 9)), checkpoint_windows=st.integers(1, 4))
def test_a_disk_that_fails_now_and_then_costs_nothing_in_the_end(
    tmp_path_factory: pytest.TempPathFactory, kind: str, broken: set[int], checkpoint_windows: int
) -> None:
    site = opened(tmp_path_factory.mktemp("broken"), kind, 20, checkpoint_windows=checkpoint_windows)

    for number, window in enumerate(windows_of([4, 3, 4, 1, 4] * 2, 4)):
        with pytest.MonkeyPatch.context() as patch:
            if number in broken:
                patch.setattr(os, "fsync", _fail)
            site.watch(window)
        assert site.journal.state.failing == (number in broken)
    lived = site.dump()
    if 9 in broken:
        assert site.restart().windows_lost > 0
    else:
        assert site.restart().windows_lost == 0
        assert site.dump() == lived
    site.journal.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_between_healing_and_its_commit_says_what_is_lost(tmp_path: Path, kind: str) -> None:
    site = opened(tmp_path, kind)
    windows = windows_of([4] * 5, 4)
    site.watch(windows[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", _fail)
        site.watch(windows[1])
        site.watch(windows[2])
    assert site.journal.state.failing
    site.watch(windows[3])
    assert site.journal.state == JournalState(windows=4)
    site.committed -= 1
    assert site.restart().windows_lost == 2
    assert site.memory.windows == [[0, 1, 2, 3]]
    site.watch(windows[3])
    site.watch(windows[4])
    lived = site.dump()
    assert site.restart().windows_lost == 0
    assert site.dump() == lived
    site.journal.close()


def _fail(*_: object) -> None:
    raise OSError(errno.EIO, "the disk failed")


@pytest.mark.parametrize("kind", KINDS)
def test_still_windows_are_not_lost_windows(tmp_path: Path, kind: str) -> None:
    site = opened(tmp_path, kind)
    for number, window in enumerate(windows_of([4] * 6, 4)):
        site.watch(window, still=number > 2)
    assert site.restart().windows_lost == 0
    assert len(site.memory.windows) == 3
    site.journal.close()
