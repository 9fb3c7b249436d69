"""Killed after any operation on a file, a stream goes on with the memory it had behind its last committed window."""

import json
import os
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.journal.sites import KINDS, Site, Snapshot, after_each_change, windows_of
from videoxl_stream.journal import Durability
from videoxl_stream.queries import Span
from videoxl_stream.testing import ScriptedModel

SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=7)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(
    sizes=SIZES,
    still=st.sets(st.integers(0, 8), max_size=3),
    budget=st.sampled_from([None, 8, 12]),
    forget=st.none() | st.tuples(st.integers(0, 8), st.integers(0, 30)),
    checkpoint_windows=st.integers(1, 4),
)
def test_every_kill_is_survived(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    sizes: list[int],
    still: set[int],
    budget: int | None,
    forget: tuple[int, int] | None,
    checkpoint_windows: int,
) -> None:
    root = tmp_path_factory.mktemp("crashes")
    durability = Durability(root / "live", kind, checkpoint_windows=checkpoint_windows)
    site = Site(ScriptedModel(), durability, {"budget": budget})
    snapshots: list[Snapshot] = []
    seen: list[tuple[int, list[tuple[str, int]]]] = []
    numbers = count()

    def snapshot() -> None:
        stats = [(path.name, path.stat().st_mtime_ns) for path in site.folder.iterdir()]
        if seen and seen[-1] == (site.committed, stats):
            return
        seen.append((site.committed, stats))
        copy = root / str(next(numbers))
        shutil.copytree(root / "live", copy)
        snapshots.append(Snapshot(copy, site.committed, [site.states[site.committed]]))

    site.open()
    for number, window in enumerate(windows_of(sizes, 4)):
        if forget is not None and forget[0] == number:
            begun = len(snapshots)
            with after_each_change(snapshot):
                site.forget(Span(forget[1], forget[1] + 1))
            for each in snapshots[begun:]:
                each.expected.append(site.states[-1])
        with after_each_change(snapshot):
            site.watch(window, still=number in still)
    site.journal.close()
    for each in snapshots:
        assert each.restored(site) in each.expected
    shutil.rmtree(root)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", ["scripted", pytest.param("tiny", marks=pytest.mark.slow)])
def test_real_kills_are_survived(tmp_path: Path, model: str, kind: str) -> None:
    script = Path(__file__).with_name("killed.py")
    command = [sys.executable, str(script), model, str(tmp_path), kind, "30"]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}  # threads do not outlive a fork
    done = subprocess.run(command, env=alone, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] == 30
    assert told["same"] == 30
    assert told["windows"] > 30
