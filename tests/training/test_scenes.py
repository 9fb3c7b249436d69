"""Scenarios: seeded, truthful, in the asked proportions."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from videoxl_stream.errors import ConfigError
from videoxl_stream.training.footage.conditions import CONDITIONS, LIGHTS, LOW_BIT_RATE
from videoxl_stream.training.footage.dice import Dice
from videoxl_stream.training.footage.painter import Painter
from videoxl_stream.training.footage.scenes import Rates, Scenario, SceneBatch, sample_batch
from videoxl_stream.training.footage.shapes import ANGLE, ASPECT, CX, CY, OPACITY, SOFT, TAPER
from videoxl_stream.training.footage.vocabulary import ABANDONED_S, COLOUR_RGB, KINDS, STYLES

EVENTFUL = Rates({"intrusion": 2.0, "fire": 2.0, "fall": 2.0, "ad": 2.5}, quiet=0.0, channel=0.0, spread=(1.0,))


def _times(batch: int, frames: int, fps: float = 2.0) -> torch.Tensor:
    return (torch.arange(frames) / fps).expand(batch, -1)


def _counts(batch: SceneBatch, kind: str) -> torch.Tensor:
    """Say which episodes of a kind are true events, (batch, episodes) bool."""
    traits = batch.events[kind].traits
    start_s = traits["start_s"] + (ABANDONED_S if kind == "abandoned" else 0.0)
    return torch.isfinite(start_s) & (start_s < traits["end_s"])


def _first(scenario: Scenario, kind: str) -> tuple[float, float]:
    return next((o.start_s, o.end_s) for o in scenario.occurrences if o.kind == kind)


def test_the_same_seed_gives_the_same_footage_and_another_seed_another() -> None:
    times = _times(4, 6)
    one, same, other = (sample_batch(seed, 4, 20.0).draw(times) for seed in (1, 1, 2))
    assert torch.equal(one.shapes, same.shapes)
    assert torch.equal(one.backdrop, same.backdrop)
    assert not torch.equal(one.shapes, other.shapes)


def test_a_new_name_leaves_other_draws_as_they_are() -> None:
    alone = Dice(5).uniform("a", 0, 1, (3,))
    dice = Dice(5)
    dice.uniform("b", 0, 1, (7,))
    assert (dice.uniform("a", 0, 1, (3,)) == alone).all()


def test_everything_drawn_is_finite() -> None:
    drawing = sample_batch(0, 32, 60.0).draw(_times(32, 60, 1.0))
    assert all(torch.isfinite(t).all() for t in (drawing.shapes, drawing.backdrop, drawing.gain))


def test_about_half_of_the_streams_have_no_event_and_every_kind_happens() -> None:
    batch = sample_batch(0, 400, 180.0)
    ever = torch.stack([_counts(batch, kind).any(dim=1) for kind in KINDS])
    assert 0.45 <= (~ever.any(dim=0)).float().mean() <= 0.75
    assert (ever.float().mean(dim=1) > 0.08).all()


def test_kinds_belong_to_a_style() -> None:
    batch = sample_batch(0, 200, 60.0, Rates(dict.fromkeys(KINDS, 1.0), quiet=0.0))
    labels = batch.labels(_times(200, 120))
    for kind in KINDS:
        at_home = batch.channel if kind == "ad" else ~batch.channel
        assert labels[kind][at_home].any()
        assert not labels[kind][~at_home].any()


def test_rates_are_kept() -> None:
    rates = Rates({"fire": 1.0}, quiet=0.0, channel=0.0, spread=(1.0,))
    fires = sample_batch(3, 200, 300.0, rates).events["fire"].traits["start_s"]
    per_minute = ((fires >= 0) & (fires < 300)).float().sum(dim=1).mean() / 5
    assert per_minute == pytest.approx(1.0, abs=0.15)


def test_no_rate_means_no_event_though_bags_lie_about_for_less_than_a_minute() -> None:
    batch = sample_batch(0, 20, 180.0, Rates({}))
    labels = batch.labels(_times(20, 360))
    assert not any(label.any() for kind, label in labels.items() if kind != "abandoned")
    assert labels["abandoned"].any()
    assert _longest_run(labels["abandoned"]) <= 2 * 48
    assert not any(Scenario.of(seed, "site", 180.0, Rates({})).occurrences for seed in range(8))


def _longest_run(label: torch.Tensor) -> int:
    """Count the frames of the longest run of true ones in any row."""
    rows = ["".join("x" if on else " " for on in row).split() for row in label.tolist()]
    return max((len(run) for row in rows for run in row), default=0)


def test_occurrences_are_whole_last_8_to_30_seconds_and_agree_with_the_labels() -> None:
    for seed in range(5):
        scenario = Scenario.of(seed, "site", 120.0, EVENTFUL)
        times = _times(1, 1200, 10.0)
        labels = scenario.batch.labels(times)
        for kind in EVENTFUL.per_minute:
            mine = [o for o in scenario.occurrences if o.kind == kind]
            inside = torch.zeros(1200, dtype=torch.bool)
            for o in mine:
                assert 1.5 <= o.start_s < o.end_s <= 118.5
                assert 8.0 <= o.end_s - o.start_s <= 30.01
                inside |= (times[0] >= o.start_s) & (times[0] < o.end_s)
            assert (inside != labels[kind][0]).sum() <= 2 * len(mine)


def _feet_inside(batch: SceneBatch, times: torch.Tensor, size: float) -> torch.Tensor:
    """Say where anybody's feet, read from the drawn shadows, are inside the zone scaled by ``size``."""
    plan = batch.site.plan
    shapes = batch.draw(times).shapes
    is_shadow = torch.isclose(shapes[..., SOFT], torch.tensor(0.7)) & torch.isclose(
        shapes[..., OPACITY], torch.tensor(0.4)
    )
    zone = {name: plan[f"zone_{name}"].unsqueeze(-1) for name in ("x", "y", "half_x", "half_y", "taper")}
    zoom = plan["zoom"].unsqueeze(-1)
    down = ((shapes[..., CY] - 0.8) / zoom + 0.8 - zone["y"]) / zone["half_y"]
    across = ((shapes[..., CX] - ASPECT / 2) / zoom + ASPECT / 2 - zone["x"]) / (
        zone["half_x"] * (1 + zone["taper"] * down)
    )
    inside = is_shadow & (down.abs() <= size) & (across.abs() <= size)
    return inside.any(dim=-1) & (plan["has_zone"] > 0)


def test_feet_are_in_the_zone_exactly_while_there_is_an_intrusion() -> None:
    batch = sample_batch(4, 40, 60.0, EVENTFUL)
    times = _times(40, 120)
    label = batch.labels(times)["intrusion"]
    assert label.any()
    # The camera shakes by up to 0.012 of the picture's height.
    assert not (label & ~_feet_inside(batch, times, 1.1)).any()
    assert not (~label & _feet_inside(batch, times, 0.9)).any()


def test_the_ad_colour_is_on_screen_while_the_ad_is() -> None:
    rates = Rates({"ad": 2.0}, quiet=0.0, spread=(1.0,))
    for seed in range(4):
        scenario = Scenario.of(seed, "channel", 90.0, rates)
        for o in scenario.occurrences:
            index = scenario.batch.brands(torch.tensor([[(o.start_s + o.end_s) / 2]])).item()
            colour = torch.tensor(COLOUR_RGB[(int(index) - 1) // 4]) * 255
            times = torch.tensor([[o.start_s - 0.4, o.start_s + 1.0, o.end_s - 1.0, o.end_s + 0.4]])
            pictures = Painter()(scenario.batch.draw(times), 128, 128)[0].float()
            share = ((pictures - colour).abs().amax(dim=-1) < 40).float().mean(dim=(1, 2))
            assert min(share[1], share[2]) > max(share[0], share[3]) + 0.004, (seed, o)
            assert min(share[1], share[2]) > 0.006


def test_flames_are_bright_orange_and_only_while_it_burns() -> None:
    scenario = Scenario.of(1, "site", 120.0, Rates({"fire": 1.5}, quiet=0.0, spread=(1.0,)))
    start_s, end_s = _first(scenario, "fire")
    times = torch.tensor([[start_s - 0.5, start_s + 2, (start_s + end_s) / 2, end_s - 2, end_s + 0.5]])
    red, _, blue = Painter()(scenario.batch.draw(times), 128, 128)[0].float().unbind(-1)
    orange = (red > 200) & (red - blue > 120)
    hot = (orange & ~orange[0]).float().sum(dim=(1, 2))  # without lamps, lines and leaves, which were there before
    assert hot[1:4].min() > 40
    assert hot[1:4].min() > 4 * hot[4]


def test_someone_lies_on_the_ground_during_a_fall() -> None:
    scenario = Scenario.of(2, "site", 120.0, Rates({"fall": 1.5}, quiet=0.0, spread=(1.0,)))
    start_s, end_s = _first(scenario, "fall")
    shapes = scenario.batch.draw(torch.tensor([[start_s - 1.0, start_s + 1.0, end_s - 1.5, end_s + 1.0]])).shapes[0]
    trunks = torch.isclose(shapes[..., TAPER], torch.tensor(-0.15)) & (shapes[..., OPACITY] > 0)
    tilt = torch.where(trunks, shapes[..., ANGLE].abs(), 0.0).amax(dim=-1)
    assert (tilt[1:3] > 1.3).all()
    assert (tilt[[0, 3]] < 0.1).all()
    assert end_s - 1.5 - (start_s + 1.0) >= 5.4


def test_every_clip_that_is_not_quiet_has_an_occurrence_and_stays_the_same() -> None:
    rare = Rates({"fire": 1.5, "ad": 1.5}, spread=(0.0, 0.0, 0.0, 1.0))
    for style in STYLES:
        drawn = [Scenario.of(seed, style, 60.0, rare) for seed in range(30)]
        quiet = [bool(rare.is_quiet(Dice(seed), 1)[0]) for seed in range(30)]
        assert [not scenario.occurrences for scenario in drawn] == quiet
        assert 8 <= sum(quiet) <= 22
        again = [Scenario.of(seed, style, 60.0, rare).occurrences for seed in range(30)]
        assert again == [scenario.occurrences for scenario in drawn]


def test_what_happens_is_drawn_anew_at_the_same_place() -> None:
    one, other = (sample_batch(3, 4, 60.0, EVENTFUL, turn=turn) for turn in (0, 1))
    assert torch.equal(one.site.plan.values, other.site.plan.values)
    assert torch.equal(one.programme.plan.values, other.programme.plan.values)
    assert torch.equal(one.noise, other.noise)
    assert not torch.equal(one.events["fire"].traits["start_s"], other.events["fire"].traits["start_s"])


def test_a_clip_too_short_for_any_event_has_none() -> None:
    assert Scenario.of(0, "site", 5.0, Rates(quiet=0.0)).occurrences == ()


def test_the_clips_that_are_measured_are_half_quiet_and_show_every_kind() -> None:
    found: Counter[str] = Counter()
    for style in STYLES:
        drawn = [Scenario.of(seed, style, 180.0) for seed in range(1000, 1040)]
        eventful = [scenario for scenario in drawn if scenario.occurrences]
        assert 16 <= len(eventful) <= 24
        found.update(o.kind for scenario in drawn for o in scenario.occurrences)
        assert 2 <= sum(len(scenario.occurrences) for scenario in eventful) / len(eventful) <= 4.5
    assert min(found[kind] for kind in KINDS) >= 10


def test_conditions_are_those_of_the_plan() -> None:
    tally: Counter[str] = Counter()
    for seed in range(1000, 1040):
        scenario = Scenario.of(seed, "site", 20.0, Rates({}))
        tally.update(scenario.conditions)
        plan, conditions = scenario.batch.site.plan, scenario.conditions
        assert [c for c in CONDITIONS if c in conditions] == list(conditions)
        assert conditions[0] == LIGHTS[int(plan["light"].item())]
        assert ("rain" in conditions) == bool(plan["rain"] > 0)
        assert ("shake" in conditions) == bool(2 * plan["shake"] * 216 >= 1)
        assert ("noise" in conditions) == bool(scenario.batch.noise >= 5)
        assert ("occlusion" in conditions) == bool(plan["has_pillar"] + plan["has_branch"] > 0)
        assert set(Scenario.of(seed, "channel", 20.0, Rates({})).conditions) <= {LOW_BIT_RATE}
    assert set(tally) == set(CONDITIONS)
    assert 3 <= tally[LOW_BIT_RATE] <= 14


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="unknown kinds"):
        Rates({"flood": 1.0})
    with pytest.raises(ConfigError, match="style"):
        Scenario.of(0, "radio", 10.0)
