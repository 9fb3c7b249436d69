"""What the newer kinds are, and what is drawn beside them that is none, read from shapes, plans and labels."""

from __future__ import annotations

import pytest
import torch

from videoxl_stream.training.footage.episodes import Episodes
from videoxl_stream.training.footage.incident_plan import BROKEN_DOWN, HALTED
from videoxl_stream.training.footage.scenes import Rates, Scenario, SceneBatch, sample_batch
from videoxl_stream.training.footage.shapes import CORNER, CX, CY, HALF_X, HALF_Y, OPACITY, TAPER
from videoxl_stream.training.footage.traffic import traffic
from videoxl_stream.training.footage.vocabulary import ABANDONED_S, KINDS

BAGS = Rates({"abandoned": 1.0}, quiet=0.0, spread=(1.0,))
EVERYTHING = Rates(dict.fromkeys(KINDS, 1.0), quiet=0.0, channel=0.0, spread=(1.0,))
FPS = 4.0


def _times(batch: int, duration_s: float) -> torch.Tensor:
    return torch.arange(0.0, duration_s, 1 / FPS).expand(batch, -1)


def _near(values: torch.Tensor, number: float) -> torch.Tensor:
    return torch.isclose(values, torch.tensor(number), atol=1e-5)


@pytest.fixture(scope="module")
def busy() -> SceneBatch:
    """Forty sites in which everything happens, begun and ended at any time."""
    return sample_batch(11, 40, 60.0, EVERYTHING)


def test_an_object_counts_once_it_has_lain_for_a_minute_and_for_14_to_25_seconds() -> None:
    found = 0
    for seed in range(6):
        scenario = Scenario.of(seed, "site", 180.0, BAGS)
        lies = scenario.batch.labels(_times(1, 180.0))["abandoned"][0]
        for o in scenario.occurrences:
            assert 14.0 <= o.end_s - o.start_s <= 25.01
            put_s = o.start_s - ABANDONED_S
            first, last = round(put_s * FPS) + 1, round(o.end_s * FPS) - 1
            assert lies[first:last].all()
            assert not lies[first - 3]
            assert not lies[last + 3]
            found += 1
    assert found >= 6


def _bags_like(scenario: Scenario, half_x: float, times: list[float]) -> list[list[float]]:
    """Say at which x bags of exactly one size are, carried or not, at each time."""
    shapes = scenario.batch.draw(torch.tensor([times])).shapes[0]
    bags = _near(shapes[..., CORNER], 0.4) & _near(shapes[..., HALF_X], half_x) & (shapes[..., OPACITY] > 0)
    return [row[which, CX].tolist() for row, which in zip(shapes, bags, strict=True)]


def test_somebody_brings_a_bag_and_somebody_takes_it_away() -> None:
    for seed in range(6):
        scenario = Scenario.of(seed, "site", 180.0, BAGS)
        bags = scenario.batch.site.bags.traits
        zoom = scenario.batch.site.plan["zoom"].item()
        half_x, put_s, end_s = (
            0.9 * zoom * bags["size"][0, 0].item(),
            bags["start_s"][0, 0].item(),
            bags["end_s"][0, 0].item(),
        )
        times = [put_s - 9, put_s - 1.5, put_s - 0.3, put_s + 0.5, end_s - 0.5, end_s + 0.3, end_s + 2.5, end_s + 9]
        at = _bags_like(scenario, half_x, times)
        assert [len(found) for found in at] == [0, 1, 1, 1, 1, 1, 1, 0]
        (walking,), (stopped,), (lies,), (still_lies,), (taken,), (leaving,) = at[1:-1]
        assert lies == pytest.approx(still_lies, abs=0.03)
        assert abs(stopped - lies) < 0.06 < abs(walking - lies)
        assert abs(taken - lies) < 0.06 < abs(leaving - lies)


def test_crowds_have_five_or_six_members_and_groups_of_two_or_three_are_none(busy: SceneBatch) -> None:
    times = _times(40, 60.0)
    shapes, labels = busy.draw(times).shapes, busy.labels(times)
    legs = _near(shapes[..., TAPER], 0.2) & _near(shapes[..., CORNER], 0.2) & (shapes[..., OPACITY] > 0)
    members = legs.sum(dim=-1)
    crowd = labels["crowd"]
    assert set(members[crowd].tolist()) == {5, 6}
    assert {2, 3} <= set(members[~crowd].tolist())
    assert not {1, 4} & set(members.flatten().tolist())


def test_crowds_stand_outside_the_zone_close_together(busy: SceneBatch) -> None:
    times = _times(40, 60.0)
    shapes, crowd = busy.draw(times).shapes, busy.labels(times)["crowd"]
    legs = _near(shapes[..., TAPER], 0.2) & _near(shapes[..., CORNER], 0.2) & (shapes[..., OPACITY] > 0)
    plan = busy.site.plan
    feet = (shapes[..., CY] + shapes[..., HALF_Y] - 0.8) / plan["zoom"].unsqueeze(-1) + 0.8
    inside = ((feet - plan["zone_y"].unsqueeze(-1)).abs() < 0.97 * plan["zone_half_y"].unsqueeze(-1)) & legs
    assert not (inside.any(dim=-1) & crowd & (plan["has_zone"] > 0)).any()
    x = shapes[..., CX][crowd]
    spread = torch.where(legs[crowd], x, -9.0).amax(dim=-1) - torch.where(legs[crowd], x, 9.0).amin(dim=-1)
    assert spread.max() < 0.6


def _standing(batch: SceneBatch, times: torch.Tensor, manner: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Say where a vehicle of the near lane is, and when it stands there in a manner, each (batch, frames)."""
    moment = batch.site.lanes[0].at(times)
    x = traffic(batch.site.plan, moment, batch.site.plan["light"].long(), 0)[0][..., CX]
    return x, moment.seen & (moment.traits["manner"] == manner) & (moment.since_s > 0) & (moment.left_s > 0)


def test_what_has_broken_down_stands_still_with_its_lights_on(busy: SceneBatch) -> None:
    times = _times(40, 60.0)
    x, stands = _standing(busy, times, BROKEN_DOWN)
    label = busy.labels(times)["breakdown"]
    assert label.any()
    assert not (label & ~stands).any()
    both = label[:, 1:] & label[:, :-1]
    assert (x[:, 1:] - x[:, :-1])[both].abs().max() < 1e-4
    night = busy.site.plan["light"].long()
    lights = traffic(busy.site.plan, busy.site.lanes[0].at(times), night, 0)[8][..., OPACITY]
    assert 0.3 < lights[label].mean() < 0.8
    assert lights[~stands].max() == 0


def test_a_halt_of_less_than_three_seconds_is_no_breakdown(busy: SceneBatch) -> None:
    times = _times(40, 60.0)
    x, stands = _standing(busy, times, HALTED)
    assert stands.any()
    assert not (stands & busy.labels(times)["breakdown"]).any()
    both = stands[:, 1:] & stands[:, :-1]
    assert (x[:, 1:] - x[:, :-1])[both].abs().max() < 1e-4
    lanes = busy.site.lanes[0].traits
    lengths = (lanes["end_s"] - lanes["start_s"])[lanes["manner"] == HALTED]
    assert lengths[lengths.isfinite()].max() < 3.0


def test_nothing_can_be_seen_behind_a_cover(busy: SceneBatch) -> None:
    times = _times(40, 60.0)
    labels, people = busy.labels(times), busy.people(times)
    covered = labels["tampering"]
    hidden = busy.events["fire"].at(times)
    assert (covered & hidden.seen).any()
    assert not any((labels[kind] & covered).any() for kind in KINDS if kind != "tampering")
    assert people[covered].max() == 0
    assert people[~covered].max() >= 6


def test_the_lens_of_a_whole_clip_is_covered_only_while_nothing_else_happens() -> None:
    covers, rates = 0, Rates({**dict.fromkeys(KINDS, 0.3), "tampering": 2.0}, quiet=0.0, spread=(1.0,))
    for seed in range(20):
        found = Scenario.of(seed, "site", 180.0, rates).occurrences
        spans = [(o.start_s - (ABANDONED_S if o.kind == "abandoned" else 0.0), o.end_s) for o in found]
        for o in (o for o in found if o.kind == "tampering"):
            covers += 1
            others = [span for other, span in zip(found, spans, strict=True) if other is not o]
            assert not any(start_s < o.end_s and o.start_s < end_s for start_s, end_s in others)
    assert covers >= 10


def _length(episodes: Episodes) -> torch.Tensor:
    """How long each episode that happens lasts."""
    length = episodes.traits["end_s"] - episodes.traits["start_s"]
    return length[length.isfinite()]


def test_what_passes_the_lens_is_gone_within_two_seconds_and_dimming_leaves_a_third() -> None:
    batch = sample_batch(3, 60, 60.0, Rates({}, channel=0.0))
    assert 0.7 <= _length(batch.site.nearby).min() <= _length(batch.site.nearby).max() < 2.0
    times = _times(60, 60.0)
    gain = batch.draw(times).gain[..., 1]
    assert gain.min() > 0.3
    assert not batch.labels(times)["tampering"].any()


def test_people_are_counted_where_they_are_drawn(busy: SceneBatch) -> None:
    times = torch.arange(0.0, 60.0, 2.3).expand(40, -1)
    shapes = busy.draw(times).shapes
    heads = _near(shapes[..., HALF_X] / shapes[..., HALF_Y], 0.078 / 0.092) & (shapes[..., OPACITY] > 0)
    margin = 0.06  # the rim, swaying and shaking
    surely = (heads & (shapes[..., CX] > margin) & (shapes[..., CX] < 16 / 9 - margin)).sum(dim=-1)
    perhaps = (heads & (shapes[..., CX] > -margin) & (shapes[..., CX] < 16 / 9 + margin)).sum(dim=-1)
    people = busy.people(times)
    open_lens = ~busy.labels(times)["tampering"]
    fallen = busy.labels(times)["fall"]  # lies up to half a height away from his feet
    clear = open_lens & ~fallen
    assert (people >= surely)[clear].all()
    assert (people <= perhaps)[clear].all()
