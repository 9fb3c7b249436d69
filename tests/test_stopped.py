"""What a stopped stream has seen of a span is forgotten as a running one forgets it: in memory on disk, too."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.journal.sites import KINDS, START, after_each_change
from videoxl_stream.errors import ConfigError, InUse
from videoxl_stream.evidence import Evidence
from videoxl_stream.frames import Image
from videoxl_stream.journal import Durability
from videoxl_stream.motion import MotionGate
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.queries import Span
from videoxl_stream.rules import Rule
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ScriptedMemory, ScriptedModel, ScriptedSource

FIRES = [Span(1, 2), Span(9, 11), Span(17, 30)]
FIRE = Rule(name="fire", question="Is there a fire?")
SLOW = Rule(name="slow", question=FIRE.question, delay_s=60.0)  # its event begins, and does not open
WINDOWS = 6


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def noise(time_s: float) -> Image:
    return np.random.default_rng(round(time_s)).integers(0, 256, (16, 16, 3), np.uint8)


class Place:
    """A folder with all that a site keeps: store, evidence and memory."""

    def __init__(self, folder: Path, kind: str, **durability: Any) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.store = EventStore(f"sqlite:///{folder / 'events.db'}")
        self.durability = Durability(folder / "memory", kind, **{"checkpoint_windows": 4} | durability)

    def pipeline(self, **how: Any) -> Pipeline:
        source = ScriptedSource([float(second) for second in range(40)], stream_id="gate", picture=noise)
        given: dict[str, Any] = {"durability": self.durability, "gate": MotionGate(), "budget": 16}
        return Pipeline(
            sources=[source],
            model=ScriptedModel({FIRE.question: FIRES}),
            rules=[FIRE, SLOW],
            store=self.store,
            name="site",
            evidence=Evidence(self.folder / "evidence"),
            **given | how,
        )

    def watch(self, windows: int = WINDOWS, **how: Any) -> Pipeline:
        """Watch some windows and stop, as a kill would: nothing more is worked off."""
        pipeline = self.pipeline(**how)
        pipeline.open(resume=True)
        while pipeline.counts["gate"].windows < windows:
            pipeline.step()
        pipeline.close()
        return pipeline

    @property
    def memory(self) -> Path:
        return self.durability.path("site", "gate")

    def bytes_on_disk(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.memory.rglob("*") if path.is_file())


def restarted(place: Place, **how: Any) -> ScriptedMemory:
    """The memory that the next start has."""
    pipeline = place.pipeline(**how)
    pipeline.open(resume=True)
    memory = pipeline.memory("gate")
    pipeline.close()
    assert isinstance(memory, ScriptedMemory)
    return memory


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    made: list[Place] = []

    def make(kind: str, name: str = "site", **durability: Any) -> Place:
        made.append(Place(tmp_path / name, kind, **durability))
        return made[-1]

    yield make
    for each in made:
        each.store.close()


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_start_remembers_nothing_of_it(place: Callable[..., Place], kind: str) -> None:
    site = place(kind)
    site.watch()
    assert max(restarted(site).times) > 13
    assert b"13.0" in site.bytes_on_disk()
    done = site.pipeline().stopped("gate").forget(at(13), at(15))
    assert done.memories == {site.memory: True}
    assert done.not_durable == {}
    assert b"13.0" not in site.bytes_on_disk()
    assert max(restarted(site).times) < 12


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start_s=st.integers(0, 30), length_s=st.integers(1, 12), windows=st.integers(1, 9))
def test_it_leaves_what_a_running_pipeline_would(
    tmp_path_factory: pytest.TempPathFactory, kind: str, start_s: int, length_s: int, windows: int
) -> None:
    root = tmp_path_factory.mktemp("alike")
    running, stopped = Place(root / "running", kind), Place(root / "stopped", kind)
    pipeline = running.pipeline()
    pipeline.open(resume=True)
    while pipeline.counts["gate"].windows < windows:
        pipeline.step()
    expected = pipeline.forget("gate", Span(start_s, start_s + length_s))
    pipeline.close()
    stopped.watch(windows)
    done = stopped.pipeline().stopped("gate").forget(at(start_s), at(start_s + length_s))
    assert done.removal.events == expected.events
    assert stopped.store.events() == running.store.events()
    assert stopped.store.restore("site", "gate") == running.store.restore("site", "gate")
    assert restarted(stopped) == restarted(running)
    for each in (running, stopped):
        each.store.close()


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_any_moment_it_is_done_by_doing_it_again(
    place: Callable[..., Place], tmp_path: Path, kind: str
) -> None:
    site = place(kind)
    site.watch()
    copies: list[Path] = []
    numbers = count()

    def copy() -> None:
        copies.append(tmp_path / "copies" / str(next(numbers)))
        shutil.copytree(site.durability.folder, copies[-1])

    with EventStore("sqlite://") as before:  # events and clock as they were when it was killed
        state = site.store.restore("site", "gate")
        before.commit("site", "gate", events=site.store.events(), state=state)
        with after_each_change(copy):
            site.pipeline().stopped("gate").forget(at(13), at(15))
        expected = restarted(site)
        assert len(copies) > 5
        for folder in copies:
            killed = replace(site.pipeline().stopped("gate"), store=before, evidence=None)
            killed = replace(killed, durability=replace(site.durability, folder=folder))
            killed.forget(at(13), at(15))
            journal = killed.durability.open(ScriptedModel(), "site", "gate", budget=16)  # type: ignore[union-attr]
            assert journal.restore(WINDOWS).memory == expected
            journal.close()
            before.commit("site", "gate", events=site.store.events(), state=state)


@pytest.mark.parametrize("kind", KINDS)
def test_doing_it_twice_does_no_harm(place: Callable[..., Place], kind: str) -> None:
    site = place(kind)
    site.watch()
    site.pipeline().stopped("gate").forget(at(13), at(15))
    expected, files = restarted(site), site.bytes_on_disk()
    again = site.pipeline().stopped("gate").forget(at(13), at(15))
    assert (again.memories, again.removal.events) == ({site.memory: False}, 0)
    assert restarted(site) == expected
    assert len(site.bytes_on_disk()) == len(files)
    site.watch(2)
    assert max(restarted(site).times) > 20


def test_what_a_rule_and_the_motion_gate_hold_is_forgotten(place: Callable[..., Place]) -> None:
    site = place("kv")
    site.watch()
    before = site.store.restore("site", "gate")
    assert before is not None
    assert '"begun":{' in before.rules["slow"]
    assert before.rules["stream.gate"]
    site.pipeline().stopped("gate").forget(at(17), at(24))
    after = site.store.restore("site", "gate")
    assert after is not None
    assert '"begun":null' in after.rules["slow"]
    assert "stream.gate" not in after.rules
    assert (after.windows, after.position, after.asked) == (before.windows, before.position, before.asked)


def test_a_stream_at_work_is_left_alone(place: Callable[..., Place]) -> None:
    site = place("kv")
    with site.pipeline() as pipeline:
        pipeline.open(resume=True)
        for _ in range(12):
            pipeline.step()
        events = site.store.events()
        with pytest.raises(InUse, match="stop what uses it"):
            pipeline.stopped("gate").forget(at(1), at(3))
        assert site.store.events() == events


# ---- memory that is elsewhere


def test_memory_in_a_folder_of_an_earlier_time_forgets_too(place: Callable[..., Place], tmp_path: Path) -> None:
    site = place("kv")
    site.watch(4)
    site.watch(1, durability=replace(site.durability, folder=tmp_path / "new"))
    done = site.pipeline(durability=replace(site.durability, folder=tmp_path / "new")).stopped("gate")
    assert set(done.forget(at(9), at(10)).memories) == {site.memory, tmp_path / "new" / "site" / "gate"}
    assert b"9.0" not in site.bytes_on_disk()


def test_memory_that_is_not_on_this_machine_is_not_passed_over(place: Callable[..., Place]) -> None:
    site = place("kv")
    site.watch()
    events = site.store.events()
    shutil.move(site.memory, site.folder / "elsewhere")
    stopped = site.pipeline().stopped("gate")
    with pytest.raises(ConfigError, match=r"not on this machine.*memory_gone"):
        stopped.forget(at(1), at(15))
    assert site.store.events() == events
    assert stopped.forget(at(1), at(15), memory_gone=True).memories == {}
    assert len(site.store.events()) < len(events)
    assert stopped.memories == []  # and it is asked about no more


def test_memory_of_a_pipeline_that_keeps_none_any_more_is_not_passed_over(place: Callable[..., Place]) -> None:
    site = place("kv")
    site.watch()
    with pytest.raises(ConfigError, match="give the durability back"):
        site.pipeline(durability=None).stopped("gate").forget(at(1), at(15))


def test_without_memory_on_disk_events_go_and_nothing_is_asked(place: Callable[..., Place]) -> None:
    site = place("kv")
    site.watch(durability=None)
    stopped = replace(site.pipeline(durability=None).stopped("gate"), model=lambda: pytest.fail("it was loaded"))
    assert stopped.forget(at(0), at(15)).removal.events == 2


def test_without_any_clock_all_memory_goes(place: Callable[..., Place]) -> None:
    site = place("kv")
    pipeline = site.pipeline()
    pipeline.open(resume=True)
    pipeline.close()
    stopped = pipeline.stopped("gate")
    assert stopped.span(at(0), at(1)) == Span(-float("inf"), float("inf"))
    assert stopped.forget(at(0), at(1)).memories == {site.memory: False}
