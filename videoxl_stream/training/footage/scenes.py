"""Scenarios: what happens when, drawn from a seed, with the truth that belongs to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from videoxl_stream.errors import ConfigError
from videoxl_stream.training.footage.channel import Channel
from videoxl_stream.training.footage.channel_plan import BANNER, plan_channel, sample_ads, sample_shots
from videoxl_stream.training.footage.dice import Array, Dice
from videoxl_stream.training.footage.drawing import Drawing
from videoxl_stream.training.footage.episodes import Episodes, Traits, interleave
from videoxl_stream.training.footage.site import Site
from videoxl_stream.training.footage.site_plan import (
    plan_site,
    sample_falls,
    sample_fires,
    sample_intrusions,
    sample_stoops,
    sample_vehicles,
    sample_walkers,
)
from videoxl_stream.training.footage.vocabulary import BRANDS, KINDS, STYLES


@dataclass(frozen=True)
class Rates:
    """How often each kind happens.

    ``per_minute`` maps a kind to its mean number of occurrences a minute in streams that have events; occurrences of
    a kind do not overlap, so about 2 a minute is the most. Each stream multiplies each rate by one of ``spread``.
    A share of ``quiet`` streams has no event at all; a share of ``channel`` streams is of that style.
    """

    per_minute: Mapping[str, float] = field(
        default_factory=lambda: {"intrusion": 1.2, "fire": 0.9, "fall": 1.2, "ad": 2.0}
    )
    quiet: float = 0.3
    channel: float = 0.4
    spread: tuple[float, ...] = (0.0, 0.2, 1.0, 2.0)

    def __post_init__(self) -> None:
        """Refuse unknown kinds."""
        unknown = sorted(set(self.per_minute) - set(KINDS))
        if unknown:
            msg = f"rates for unknown kinds {unknown}: use some of {list(KINDS)}."
            raise ConfigError(msg)

    def draw(self, dice: Dice, batch: int, channel: Array) -> dict[str, Array]:
        """Draw each stream's rate of each kind, (batch,) per minute; kinds foreign to its style get 0."""
        eventful = ~dice.chance("rates/quiet", self.quiet, (batch,))
        rates = {}
        for kind in KINDS:
            factor = np.asarray(self.spread)[dice.choice(f"rates/{kind}", [1] * len(self.spread), (batch,))]
            fits = channel if kind == "ad" else ~channel
            rates[kind] = self.per_minute.get(kind, 0.0) * factor * eventful * fits
        return rates


@dataclass(frozen=True)
class Occurrence:
    """One true event of a stream: what, from when to when, with which attributes."""

    kind: str
    start_s: float
    end_s: float
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class SceneBatch:
    """Many streams as compact tensors, ready to be drawn at any time."""

    duration_s: float
    channel: Tensor  # (batch,) bool: a broadcast channel, else a site
    site: Site
    programme: Channel
    events: Mapping[str, Episodes]  # kind -> its occurrences
    noise: Tensor  # (batch,) standard deviation of sensor noise, of 255; not drawn by the renderer
    has_site: bool
    has_channel: bool

    def draw(self, times: Tensor) -> Drawing:
        """Draw all streams at ``times`` (batch, frames), seconds in [0, duration_s)."""
        if not self.has_channel:
            return self.site.draw(times)
        programme = self.programme.draw(times)
        return Drawing.choose(self.channel, programme, self.site.draw(times)) if self.has_site else programme

    def labels(self, times: Tensor) -> dict[str, Tensor]:
        """Return which kinds are going on at ``times`` (batch, frames): kind -> (batch, frames) bool."""
        found = {}
        for kind, episodes in self.events.items():
            moment = episodes.at(times)
            found[kind] = moment.seen & (moment.since_s >= 0) & (moment.left_s > 0)
        return found

    def brands(self, times: Tensor) -> Tensor:
        """Return the brand shown at ``times``: (batch, frames) int64, 0 none, 1..20."""
        moment = self.events["ad"].at(times)
        return torch.where(self.labels(times)["ad"], moment.traits["brand"], 0.0).long()


@dataclass(frozen=True)
class Scenario:
    """One stream: a batch of one and its true occurrences in order of time."""

    seed: int
    style: str
    duration_s: float
    occurrences: tuple[Occurrence, ...]
    batch: SceneBatch

    @classmethod
    def of(cls, seed: int, style: str, duration_s: float, rates: Rates | None = None) -> Scenario:
        """Draw a stream whose occurrences all lie inside it.

        Raises:
            ConfigError: the style is unknown.
        """
        if style not in STYLES:
            msg = f"unknown style {style!r}: use one of {list(STYLES)}."
            raise ConfigError(msg)
        given = rates or Rates()
        rates = Rates(given.per_minute, given.quiet, float(style == "channel"), given.spread)
        batch = sample_batch(seed, 1, duration_s, rates, whole=True)
        return cls(seed, style, duration_s, _occurrences(batch), batch)


def _occurrences(batch: SceneBatch) -> tuple[Occurrence, ...]:
    """List the occurrences of a batch of one."""
    found = []
    for kind, episodes in batch.events.items():
        for row in episodes.traits.values[0].tolist():
            traits = dict(zip(episodes.traits.names, row, strict=True))
            if np.isfinite(traits["start_s"]):
                start_s, end_s = round(traits["start_s"], 3), round(traits["end_s"], 3)
                found.append(Occurrence(kind, start_s, end_s, _attributes(kind, traits)))
    return tuple(sorted(found, key=lambda o: (o.start_s, o.kind)))


def _attributes(kind: str, traits: Mapping[str, float]) -> dict[str, str]:
    """Describe an occurrence beyond its kind."""
    if kind != "ad":
        return {}
    form = "banner" if traits["form"] == BANNER else "card"
    return {"brand": BRANDS[int(traits["brand"]) - 1], "form": form}


def sample_batch(
    seed: int,
    batch: int,
    duration_s: float,
    rates: Rates | None = None,
    device: torch.device | str = "cpu",
    *,
    whole: bool = False,
) -> SceneBatch:
    """Draw a batch of streams.

    The same arguments always give the same streams. With ``whole`` all occurrences lie inside the stream; without,
    a stream may begin and end in the middle of one, as a camera that is switched on at any time.
    """
    dice, rates, device = Dice(seed), rates or Rates(), torch.device(device)
    channel = dice.chance("style", rates.channel, (batch,))
    per_minute = rates.draw(dice, batch, channel)
    plan, identity = plan_site(dice, batch), plan_channel(dice, batch)

    def pack(columns: Mapping[str, Array]) -> Episodes:
        return Episodes(Traits.pack(columns, device))

    def constant(columns: Mapping[str, Array]) -> Traits:
        packed = Traits.pack(columns, device)
        return Traits(packed.names, packed.values.unsqueeze(1))

    intrusions = sample_intrusions(dice, plan, per_minute["intrusion"], duration_s, whole)
    falls = sample_falls(dice, plan, per_minute["fall"], duration_s, whole)
    fires, burning = sample_fires(dice, plan, per_minute["fire"], duration_s, whole)
    ads = pack(sample_ads(dice, per_minute["ad"], duration_s, whole))
    cast = (
        sample_walkers(dice, "walker", plan, duration_s),
        interleave(falls, sample_stoops(dice, plan, duration_s)),
        interleave(intrusions, sample_walkers(dice, "passer", plan, duration_s)),
    )
    vehicles = pack(sample_vehicles(dice, plan, duration_s))
    noise = np.where(channel, identity["noise"], plan["noise"] * (1 + 0.5 * plan["light"]))
    return SceneBatch(
        duration_s,
        torch.from_numpy(channel).to(device),
        Site(constant(plan), tuple(pack(visits) for visits in cast), vehicles, pack(burning)),
        Channel(constant(identity), pack(sample_shots(dice, identity, duration_s)), ads),
        {"intrusion": pack(intrusions), "fire": pack(fires), "fall": pack(falls), "ad": ads},
        torch.from_numpy(noise.astype(np.float32)).to(device),
        bool((~channel).any()),
        bool(channel.any()),
    )
