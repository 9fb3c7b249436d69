"""Real memories, of a tiny network and of the embedded model, come back bit for bit and go on as if nothing was."""

import shutil
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.journal.sites import KINDS, Site, Snapshot, after_each_change, windows_of
from tests.model.conftest import GOLDEN
from tests.model.streams import QUERIES, probabilities
from videoxl_stream.errors import MemoryFormatError
from videoxl_stream.journal import Durability
from videoxl_stream.model.pictures import PictureProcessor
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.model.weights import load_network, load_tokenizer
from videoxl_stream.queries import Span

COMMON = settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def tiny() -> VideoXL:
    tokenizer = load_tokenizer(GOLDEN / "tiny_tokenizer")
    return VideoXL(load_network(GOLDEN / "model_a"), tokenizer, PictureProcessor(56, "squash"))


@pytest.fixture(scope="module")
def embedded() -> VideoXL:
    return VideoXL.from_pretrained("embedded")


@pytest.mark.parametrize("kind", KINDS)
@COMMON
@given(
    sizes=st.lists(st.sampled_from([1, 3, 7, 10, 10, 10]), min_size=1, max_size=6),
    budget=st.sampled_from([None, 20, 33]),
    ratio=st.sampled_from([3, 8]),
    forget=st.none() | st.tuples(st.integers(0, 5), st.integers(0, 40)),
)
def test_every_kill_is_survived(
    tmp_path_factory: pytest.TempPathFactory,
    tiny: VideoXL,
    kind: str,
    sizes: list[int],
    budget: int | None,
    ratio: int,
    forget: tuple[int, int] | None,
) -> None:
    root = tmp_path_factory.mktemp("crashes")
    budget = max(budget, -(-tiny.network.config.text.beacon_window // ratio)) if budget else None
    site = Site(tiny, Durability(root / "live", kind, checkpoint_windows=2), {"budget": budget, "ratio": ratio})
    snapshots: list[Snapshot] = []
    listings: list[list[str]] = []
    numbers = count()

    def snapshot() -> None:
        listing = sorted(path.name for path in site.folder.iterdir())
        if listing not in listings:
            listings.append(listing)
            copy = root / str(next(numbers))
            shutil.copytree(root / "live", copy)
            snapshots.append(Snapshot(copy, site.committed, [site.states[site.committed]]))

    site.open()
    for number, window in enumerate(windows_of(sizes, tiny.window_frames)):
        with after_each_change(snapshot):
            site.watch(window)
        if forget is not None and forget[0] == number:
            begun = len(snapshots)
            with after_each_change(snapshot):
                site.forget(Span(forget[1], forget[1] + 1))
            for each in snapshots[begun:]:
                each.expected.append(site.states[-1])
    site.journal.close()
    for each in snapshots:
        assert each.restored(site) in each.expected
    shutil.rmtree(root)


def killed_between(model: VideoXL, folder: Path, kind: str, stops: set[int], num_windows: int, budget: int) -> Site:
    """Watch with a kill before some of the windows; what the killed window had written is there."""
    durability = Durability(folder, kind, checkpoint_windows=3)
    site = Site(model, durability, {"budget": budget})
    site.open()
    sizes = [model.window_frames] * (num_windows - 1) + [3]
    for number, window in enumerate(windows_of(sizes, model.window_frames, side=48)):
        if number in stops:
            site.watch(window)
            site.committed -= 1
            assert site.restart().windows_lost == 0
        site.watch(window)
    return site


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_with_kills_equals_one_without(tmp_path: Path, tiny: VideoXL, kind: str) -> None:
    plain = killed_between(tiny, tmp_path / "plain", kind, set(), 12, 40)
    killed = killed_between(tiny, tmp_path / "killed", kind, {1, 4, 5, 9, 11}, 12, 40)
    assert killed.dump() == plain.dump()
    assert (probabilities(tiny, killed.memory) == probabilities(tiny, plain.memory)).all()
    for site in (plain, killed):
        site.journal.close()


@pytest.mark.parametrize("kind", KINDS)
def test_the_embedded_model_goes_on_as_if_nothing_was(tmp_path: Path, embedded: VideoXL, kind: str) -> None:
    plain = killed_between(embedded, tmp_path / "plain", kind, set(), 5, 50)
    killed = killed_between(embedded, tmp_path / "killed", kind, {2, 4}, 5, 50)
    assert killed.dump() == plain.dump()
    words = ["".join(embedded.answer(site.memory, "What happens?")) for site in (plain, killed)]
    assert words[0] == words[1]
    assert (
        probabilities(embedded, killed.memory, QUERIES[:1]) == probabilities(embedded, plain.memory, QUERIES[:1])
    ).all()
    for site in (plain, killed):
        site.journal.close()


def test_a_bad_chunk_costs_its_window_only(tmp_path: Path, tiny: VideoXL) -> None:
    site = Site(tiny, Durability(tmp_path, "kv"), {"ratio": 8})
    site.open()
    windows = windows_of([tiny.window_frames] * 6, tiny.window_frames)
    for window in windows[:5]:
        site.watch(window)
    slots = [chunk.num_slots for chunk in site.memory.chunks]
    victim = sorted(site.folder.glob("*.added"))[2]
    victim.write_bytes(victim.read_bytes()[:-1])
    restored = site.restart()
    assert restored.windows_lost == 1
    assert site.memory.num_slots == sum(slots) - slots[2]
    site.watch(windows[5])
    lived = site.dump()
    assert site.restart().windows_lost == 0
    assert site.dump() == lived
    site.journal.close()


@pytest.mark.parametrize("kind", KINDS)
def test_no_key_and_no_picture_of_what_was_forgotten_is_on_disk(tmp_path: Path, tiny: VideoXL, kind: str) -> None:
    site = Site(tiny, Durability(tmp_path, kind, checkpoint_windows=2), {"ratio": 8})
    site.open()
    for window in windows_of([tiny.window_frames] * 5, tiny.window_frames):
        site.watch(window)
    values = site.memory.beacon_states()[1].numpy()  # (layers, heads, slots, dim)
    secret = [values[-1, 0, slot].tobytes() for slot in range(values.shape[2])]
    assert secret[-6] in contents(site)
    gone_s = site.memory.chunks[2].start_s
    kept = site.memory.chunks[2].first
    site.forget(Span(gone_s, gone_s + 1))
    assert all((value in contents(site)) == (slot < kept) for slot, value in enumerate(secret))
    site.journal.close()


def contents(site: Site) -> bytes:
    return b"".join(path.read_bytes() for path in site.folder.rglob("*") if path.is_file())


def test_a_head_that_says_nothing_does_not_let_another_ratio_in(tmp_path: Path, tiny: VideoXL) -> None:
    site = Site(tiny, Durability(tmp_path, "kv"), {"ratio": 8})
    site.open()
    site.watch(windows_of([tiny.window_frames], tiny.window_frames)[0])
    site.folder.joinpath("memory.json").unlink()
    site.settings = {"ratio": 4}
    with pytest.raises(MemoryFormatError, match="open the memory with those"):
        site.restart()
    site.journal.close()


def test_an_own_ratio_may_be_named(tmp_path: Path, tiny: VideoXL) -> None:
    site = Site(tiny, Durability(tmp_path, "kv"))
    site.open()
    site.watch(windows_of([tiny.window_frames], tiny.window_frames)[0])
    lived = site.dump()
    site.settings = {"ratio": site.memory.ratio}
    site.restart()
    assert site.dump() == lived
    assert np.isfinite(probabilities(tiny, site.memory)).all()
    site.journal.close()
