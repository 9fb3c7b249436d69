"""Families: each is drawn, looks like no other, and what is held out never reaches training."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
import torch

from videoxl_stream.errors import ConfigError
from videoxl_stream.training.footage.channel_plan import ABSTRACT, AQUARIUM, BALLOONS, REGATTA
from videoxl_stream.training.footage.clips import ClipFormat, Truth, truth_path, write_clip
from videoxl_stream.training.footage.families import (
    CHANNEL_FAMILIES,
    COVERS,
    HELD_OUT,
    LOOKS,
    SITE_FAMILIES,
    drawn,
)
from videoxl_stream.training.footage.painter import Painter
from videoxl_stream.training.footage.scenes import Rates, Scenario, SceneBatch, sample_batch
from videoxl_stream.training.footage.vocabulary import KINDS

COVERED = Rates({"tampering": 2.0}, quiet=0.0, spread=(1.0,))


def _families(batch: SceneBatch) -> tuple[set[str], set[str], set[str]]:
    """Name the families of the sites and of the channels in a batch, and what covers lenses there."""
    sites = {SITE_FAMILIES[int(n)] for n in batch.site.plan["family"].unique()}
    channels = {CHANNEL_FAMILIES[int(n)] for n in batch.programme.plan["family"].unique()}
    covers = batch.events["tampering"].traits
    looks = covers["look"][covers["start_s"].isfinite()].unique()
    return sites, channels, {COVERS[int(n)] for n in looks}


def _held_out(what: str) -> set[str]:
    """Name what training never sees."""
    return {names[what] for names in HELD_OUT.values()}


@pytest.mark.parametrize("mixing", [0.0, 0.5, 1.0])
def test_training_draws_every_family_but_those_held_out(mixing: float) -> None:
    found = []
    for seed in range(40):
        batch = sample_batch(5_000_000 + seed, 64, 60.0, COVERED, mixing=mixing)
        found.append(_families(batch))
        kinds = batch.programme.shots.traits["kind"]
        assert not ((kinds == BALLOONS) | (kinds == REGATTA)).any()
    sites, channels, covers = (set[str]().union(*names) for names in zip(*found, strict=True))
    assert channels == set(drawn("channel", "seen"))
    assert not (sites & _held_out("site") or channels & _held_out("channel") or covers & _held_out("tampering"))
    if mixing:
        assert sites == set(SITE_FAMILIES) - _held_out("site")
        assert covers == set(COVERS) - _held_out("tampering")
    else:
        assert sites == set(drawn("site", "seen"))
        assert covers == set(drawn("tampering", "seen"))


@pytest.mark.parametrize("looks", HELD_OUT)
def test_unseen_looks_are_only_what_is_held_out(looks: str) -> None:
    for seed in range(5):
        batch = sample_batch(seed, 32, 60.0, COVERED, looks=looks)
        assert _families(batch) == tuple({HELD_OUT[looks][what]} for what in ("site", "channel", "tampering"))


def test_what_is_rehearsed_with_is_not_measured_with() -> None:
    assert all(HELD_OUT["rehearsal"][what] != HELD_OUT["unseen"][what] for what in ("site", "channel", "tampering"))


def test_mixed_sites_have_traits_of_several_families_but_none_that_is_held_out() -> None:
    own, mixed, half = (sample_batch(5_000_000, 400, 20.0, Rates({}), mixing=share).site.plan for share in (0, 1, 0.5))
    moved = {name: (own[name] != half[name]).float().mean().item() for name in ("horizon", "above", "has_tree")}
    assert 0.2 < moved["horizon"] < 0.6
    assert min(moved.values()) > 0.05
    halls = SITE_FAMILIES.index("hall")
    assert not own["has_tree"][own["family"] == halls].any()
    assert mixed["has_tree"][mixed["family"] == halls].any()


def test_mixed_channels_show_every_kind_of_shot_but_what_is_held_out() -> None:
    own, mixed = (sample_batch(5_000_001, 64, 60.0, Rates({}, channel=1.0), mixing=share) for share in (0.0, 1.0))
    shown = {int(kind) for kind in mixed.programme.shots.traits["kind"].unique()}
    assert shown == set(range(ABSTRACT + 1))
    assert not {ABSTRACT, AQUARIUM} & {int(kind) for kind in own.programme.shots.traits["kind"].unique()}
    assert not own.programme.shots.traits["tint"].any()
    mixed.draw(torch.arange(8).expand(64, -1) * 7.0)  # all kinds at once fit into a picture


@pytest.mark.parametrize("style", ["site", "channel"])
def test_a_seed_has_the_same_events_in_either_looks(style: str) -> None:
    for seed in range(1000, 1012):
        scenarios = [Scenario.of(seed, style, 180.0, looks=looks) for looks in LOOKS]
        assert all(scenario.occurrences == scenarios[0].occurrences for scenario in scenarios)
        assert len({scenario.family for scenario in scenarios}) == len(LOOKS)


@pytest.mark.parametrize("looks", HELD_OUT)
def test_a_family_that_is_held_out_shows_every_kind(looks: str) -> None:
    batch = sample_batch(0, 100, 120.0, Rates(dict.fromkeys(KINDS, 1.0), quiet=0.0), looks=looks)
    labels = batch.labels(torch.arange(0.0, 120.0, 0.5).expand(100, -1))
    assert all(labels[kind].any() for kind in KINDS)


@pytest.mark.parametrize("style", ["site", "channel"])
def test_a_scenario_names_its_family_which_its_seed_decides(style: str) -> None:
    found = [Scenario.of(seed, style, 20.0, Rates({})).family for seed in range(60)]
    again = [Scenario.of(seed, style, 20.0, Rates({})).family for seed in range(60)]
    assert found == again
    assert set(found) == set(drawn(style, "seen"))
    assert Scenario.of(0, style, 20.0, Rates({}), looks="unseen").family == HELD_OUT["unseen"][style]


def test_a_clip_of_unseen_looks_says_its_family(tmp_path: Path) -> None:
    path, small = tmp_path / "a.mp4", ClipFormat(fps=1, width=64, height=36)
    truth = write_clip(path, 1, "site", 4.0, looks="unseen", encoding=small)
    assert truth.family == HELD_OUT["unseen"]["site"]
    assert Truth.load(truth_path(path)) == truth


def test_unknown_looks_are_refused() -> None:
    with pytest.raises(ConfigError, match="looks"):
        sample_batch(0, 1, 10.0, looks="both")


def test_each_family_looks_like_no_other() -> None:
    """Pictures of the backgrounds alone: their mean colours and edges differ more between families than by chance."""
    batch = sample_batch(7, 120, 30.0, Rates({}, channel=0.0))
    pictures = Painter()(batch.draw(torch.full((120, 1), 10.0)), 32, 32)[:, 0].float()
    family = batch.site.plan["family"][:, 0]
    means = torch.stack([pictures[family == n].mean(dim=0) for n in family.unique()])
    gaps = [(one - other).abs().mean().item() for one, other in combinations(means, 2)]
    assert min(gaps) > 8
