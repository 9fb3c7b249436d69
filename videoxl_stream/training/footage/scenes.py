"""Scenarios: what happens when, drawn from a seed, with the truth that belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from videoxl_stream.errors import ConfigError
from videoxl_stream.training.footage.advert import advert
from videoxl_stream.training.footage.channel import Channel
from videoxl_stream.training.footage.channel_plan import BANNER, CARD, STICKER, plan_channel, sample_ads, sample_shots
from videoxl_stream.training.footage.conditions import LOW_BIT_RATE, has_low_bit_rate, site_conditions
from videoxl_stream.training.footage.dice import Array, Dice
from videoxl_stream.training.footage.drawing import INSERT_SHAPES, Drawing
from videoxl_stream.training.footage.episodes import Episodes, Traits, interleave
from videoxl_stream.training.footage.families import CHANNEL_FAMILIES, SITE_FAMILIES, check_looks
from videoxl_stream.training.footage.incident_plan import (
    sample_absences,
    sample_covers,
    sample_crowds,
    sample_dimmings,
    sample_fires,
    sample_nearby,
    sample_vehicles,
)
from videoxl_stream.training.footage.insert_plan import NO_INSERTS, Insert, InsertRates, place_inserts
from videoxl_stream.training.footage.people_plan import (
    sample_bags,
    sample_carriers,
    sample_falls,
    sample_intrusions,
    sample_loiterers,
    sample_stoops,
    sample_walkers,
)
from videoxl_stream.training.footage.shapes import fit
from videoxl_stream.training.footage.site import Site
from videoxl_stream.training.footage.site_plan import plan_site
from videoxl_stream.training.footage.vocabulary import ABANDONED_S, ANOMALIES, BRANDS, KINDS, STYLES

# Covers that would hide another event are left out, and bags are mostly taken too soon: both must be tried more often.
_USUAL = {
    **dict.fromkeys(ANOMALIES, 0.3),
    "intrusion": 0.33,
    "crowd": 0.42,
    "tampering": 1.0,
    "ad": 1.2,
    "abandoned": 1.2,
}
_FORM_NAMES = {CARD: "card", BANNER: "banner", STICKER: "sticker"}
_TURNS, _TURN_SEED = 50, 2**40
"""How often an eventful stream in which nothing came to pass is drawn anew, and how far the seeds are apart."""


@dataclass(frozen=True)
class Rates:
    """How often each kind happens.

    ``per_minute`` maps a kind to its mean number of occurrences a minute in streams that have events; occurrences of
    a kind do not overlap, so about 2 a minute is the most (1 bag, of which six in ten count). Each stream multiplies
    each rate by one of ``spread``. A share of ``quiet`` streams has no event at all; a share of ``channel`` is of
    that style.
    """

    per_minute: Mapping[str, float] = field(default_factory=lambda: dict(_USUAL))
    quiet: float = 0.5
    channel: float = 0.4
    spread: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0)

    def __post_init__(self) -> None:
        """Refuse unknown kinds."""
        unknown = sorted(set(self.per_minute) - set(KINDS))
        if unknown:
            msg = f"rates for unknown kinds {unknown}: use some of {list(KINDS)}."
            raise ConfigError(msg)

    def draw(self, dice: Dice, batch: int, channel: Array) -> dict[str, Array]:
        """Draw each stream's rate of each kind, (batch,) per minute; kinds foreign to its style get 0."""
        eventful, rates = ~self.is_quiet(dice, batch), {}
        for kind in KINDS:
            factor = np.asarray(self.spread)[dice.choice(f"rates/{kind}", [1] * len(self.spread), (batch,))]
            fits = channel if kind == "ad" else ~channel
            rates[kind] = self.per_minute.get(kind, 0.0) * factor * eventful * fits
        return rates

    def allow(self, style: str) -> bool:
        """Say whether anything can happen in a style."""
        return any(rate > 0 and (kind == "ad") == (style == "channel") for kind, rate in self.per_minute.items())

    def is_quiet(self, dice: Dice, batch: int) -> Array:
        """Draw which streams have no event at all, (batch,) bool."""
        return dice.chance("rates/quiet", self.quiet, (batch,))


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
    inserts: Episodes  # ads of a frame or two over whatever is shown
    noise: Tensor  # (batch,) standard deviation of sensor noise, of 255; not drawn by the renderer
    has_site: bool
    has_channel: bool

    def draw(self, times: Tensor) -> Drawing:
        """Draw all streams at ``times`` (batch, frames), seconds in [0, duration_s)."""
        scene, over = self._scene(times), fit(advert(self.inserts.at(times), fades=False), INSERT_SHAPES)
        return Drawing(scene.backdrop, torch.cat([scene.shapes, over], dim=2), scene.gain)

    def _scene(self, times: Tensor) -> Drawing:
        if not self.has_channel:
            return self.site.draw(times)
        programme = self.programme.draw(times)
        return Drawing.choose(self.channel, programme, self.site.draw(times)) if self.has_site else programme

    def labels(self, times: Tensor) -> dict[str, Tensor]:
        """Return which kinds can be seen at ``times`` (batch, frames): kind -> (batch, frames) bool.

        An object that was left behind counts from the moment it lies there; nothing counts behind a covered lens.
        """
        found = {}
        for kind, episodes in self.events.items():
            moment, at_home = episodes.at(times), self.channel if kind == "ad" else ~self.channel
            found[kind] = moment.seen & (moment.since_s >= 0) & (moment.left_s > 0) & at_home.unsqueeze(1)
        seen = {kind: seen & ~found["tampering"] if kind != "tampering" else seen for kind, seen in found.items()}
        return seen | {"ad": seen["ad"] | self.inserts.at(times).seen}

    def brands(self, times: Tensor) -> Tensor:
        """Return the brand shown at ``times``: (batch, frames) int64, 0 none, 1..20."""
        moment, insert = self.events["ad"].at(times), self.inserts.at(times)
        brand = torch.where(insert.seen, insert.traits["brand"], moment.traits["brand"])
        return torch.where(self.labels(times)["ad"], brand, 0.0).long()

    def people(self, times: Tensor) -> Tensor:
        """Count the people on each site at ``times``: (batch, frames) int64, 0 on a channel or behind a cover."""
        hidden = self.channel.unsqueeze(1) | self.labels(times)["tampering"]
        return torch.where(hidden, 0, self.site.people(times))


@dataclass(frozen=True)
class Scenario:
    """One stream: a batch of one, its true occurrences in order of time, and its conditions, some of CONDITIONS."""

    seed: int
    style: str
    duration_s: float
    occurrences: tuple[Occurrence, ...]
    conditions: tuple[str, ...]
    batch: SceneBatch

    @property
    def family(self) -> str:
        """What kind of site or programme it is: one of SITE_FAMILIES or CHANNEL_FAMILIES."""
        names, plan = (SITE_FAMILIES, self.batch.site.plan)
        if self.style == "channel":
            names, plan = (CHANNEL_FAMILIES, self.batch.programme.plan)
        return names[int(plan["family"])]

    @classmethod
    def of(
        cls,
        seed: int,
        style: str,
        duration_s: float,
        rates: Rates | None = None,
        *,
        inserts: Sequence[Insert] = (),
        looks: str = "seen",
    ) -> Scenario:
        """Draw a stream whose occurrences all lie inside it.

        A stream that is not quiet has at least one occurrence, if it is long enough and its style's rates allow any.
        The given inserts come on top, as ads, also at a site.
        ``looks`` is what to draw, one of ``families.LOOKS``.

        Raises:
            ConfigError: the style or the looks are unknown.
        """
        if style not in STYLES:
            msg = f"unknown style {style!r}: use one of {list(STYLES)}."
            raise ConfigError(msg)
        given = rates or Rates()
        rates = Rates(given.per_minute, given.quiet, float(style == "channel"), given.spread)
        batch = sample_batch(seed, 1, duration_s, rates, whole=True, looks=looks)
        if not _occurrences(batch) and rates.allow(style) and not rates.is_quiet(Dice(seed), 1)[0]:
            batch = _eventful(seed, duration_s, rates, looks) or batch
        conditions = _conditions(batch, seed, style)
        batch = replace(batch, inserts=_pack(place_inserts(Dice(seed), [inserts]), batch.noise.device))
        return cls(seed, style, duration_s, _occurrences(batch), conditions, batch)


def _eventful(seed: int, duration_s: float, rates: Rates, looks: str) -> SceneBatch | None:
    """Draw a batch of one anew until something happens in it; None if nothing does in _TURNS draws."""
    rates = Rates(rates.per_minute, 0.0, rates.channel, rates.spread)
    for turn in range(1, _TURNS + 1):
        batch = sample_batch(seed, 1, duration_s, rates, whole=True, turn=turn, looks=looks)
        if _occurrences(batch):
            return batch
    return None


def _conditions(batch: SceneBatch, seed: int, style: str) -> tuple[str, ...]:
    """Name the conditions of a batch of one."""
    low = (LOW_BIT_RATE,) if has_low_bit_rate(seed, style) else ()
    if style != "site":
        return low
    traits = batch.site.plan
    plan = dict(zip(traits.names, traits.values[0, 0].tolist(), strict=True))
    return (*site_conditions(plan, float(batch.noise[0])), *low)


def _occurrences(batch: SceneBatch) -> tuple[Occurrence, ...]:
    """List the occurrences of a batch of one."""
    found = []
    for kind, episodes in (*batch.events.items(), ("ad", batch.inserts)):
        for row in episodes.traits.values[0].tolist():
            traits = dict(zip(episodes.traits.names, row, strict=True))
            start_s, end_s = round(traits["start_s"], 3), round(traits["end_s"], 3)
            if kind == "abandoned":
                start_s += ABANDONED_S
            if np.isfinite(start_s) and start_s < end_s:
                found.append(Occurrence(kind, start_s, end_s, _attributes(kind, traits)))
    return tuple(sorted(found, key=lambda o: (o.start_s, o.kind)))


def _attributes(kind: str, traits: Mapping[str, float]) -> dict[str, str]:
    """Describe an occurrence beyond its kind."""
    if kind != "ad":
        return {}
    form = _FORM_NAMES[int(traits["form"])]
    return {"brand": BRANDS[int(traits["brand"]) - 1], "form": form}


def sample_batch(
    seed: int,
    batch: int,
    duration_s: float,
    rates: Rates | None = None,
    device: torch.device | str = "cpu",
    *,
    whole: bool = False,
    turn: int = 0,
    inserts: InsertRates = NO_INSERTS,
    looks: str = "seen",
    mixing: float = 0.0,
) -> SceneBatch:
    """Draw a batch of streams.

    The same arguments always give the same streams. With ``whole`` all occurrences lie inside the stream and can be
    seen from beginning to end; without, a stream may begin and end in the middle of one, as a camera that is switched
    on at any time, and its lens may be covered in the middle of one. Another ``turn`` is the same place, at which
    other things happen. ``looks="unseen"`` draws what training never sees, see ``families.HELD_OUT``, and only that.
    A share ``mixing`` of sites has traits of several families, and of channels shots of any kind.

    Raises:
        ConfigError: the looks are unknown.
    """
    check_looks(looks)
    place, dice = Dice(seed), Dice(seed + turn * _TURN_SEED)
    rates, device = rates or Rates(), torch.device(device)
    channel = dice.chance("style", rates.channel, (batch,))
    per_minute = rates.draw(dice, batch, channel)
    identity, plan = plan_channel(place, batch, looks, mixing), plan_site(place, batch, looks, mixing)

    def pack(columns: Mapping[str, Array]) -> Episodes:
        return _pack(columns, device)

    site, events = _sample_site(dice, plan, per_minute, duration_s, whole, looks, pack)
    drawn = sample_ads(dice, per_minute["ad"], duration_s, whole)
    ads = pack(drawn)
    noise = np.where(channel, identity["noise"], plan["noise"] * (1 + 0.5 * plan["light"]))
    return SceneBatch(
        duration_s,
        torch.from_numpy(channel).to(device),
        site,
        Channel(_constant(identity, device), pack(sample_shots(dice, identity, duration_s)), ads),
        {kind: ads if kind == "ad" else events[kind] for kind in KINDS},
        pack(inserts.sample(dice, drawn, duration_s)),
        torch.from_numpy(noise.astype(np.float32)).to(device),
        bool((~channel).any()),
        bool(channel.any()),
    )


def _pack(columns: Mapping[str, Array], device: torch.device) -> Episodes:
    return Episodes(Traits.pack(columns, device))


def _constant(columns: Mapping[str, Array], device: torch.device) -> Traits:
    """Pack what stays as it is through a stream, (batch, 1, names)."""
    packed = Traits.pack(columns, device)
    return Traits(packed.names, packed.values.unsqueeze(1))


def _sample_site(
    dice: Dice,
    plan: Mapping[str, Array],
    per_minute: Mapping[str, Array],
    duration_s: float,
    whole: bool,
    looks: str,
    pack: Callable[..., Episodes],
) -> tuple[Site, dict[str, Episodes]]:
    """Draw what happens at sites, and which of it are events."""
    batch = len(per_minute["ad"])
    intrusions = sample_intrusions(dice, plan, per_minute["intrusion"], duration_s, whole)
    falls = sample_falls(dice, plan, per_minute["fall"], duration_s, whole)
    fires, burning = sample_fires(dice, plan, per_minute["fire"], duration_s, whole)
    crowds, groups = sample_crowds(dice, plan, per_minute["crowd"], duration_s, whole)
    breakdowns, lanes = sample_vehicles(dice, plan, per_minute["breakdown"], duration_s, whole)
    bags = sample_bags(dice, plan, per_minute["abandoned"], duration_s, whole)
    seen = (intrusions, falls, fires, crowds, breakdowns, bags) if whole else ()
    covers = sample_covers(dice, plan, per_minute["tampering"], duration_s, whole, seen, looks)
    cast = (
        sample_walkers(dice, "walker", plan, duration_s),
        interleave(falls, sample_stoops(dice, plan, duration_s)),
        interleave(intrusions, sample_walkers(dice, "passer", plan, duration_s)),
        interleave(sample_carriers(dice, bags), sample_loiterers(dice, plan, duration_s)),
    )
    events = {
        "intrusion": pack(intrusions),
        "fire": pack(fires),
        "fall": pack(falls),
        "crowd": pack(crowds),
        "breakdown": pack(breakdowns),
        "tampering": pack(covers),
        "abandoned": pack(bags),
    }
    site = Site(
        _constant(plan, events["fire"].traits.values.device),
        tuple(pack(visits) for visits in cast),
        pack(groups),
        events["abandoned"],
        (pack(lanes[0]), pack(lanes[1])),
        pack(sample_absences(dice, plan, duration_s)),
        pack(burning),
        events["tampering"],
        pack(sample_nearby(dice, batch, duration_s)),
        pack(sample_dimmings(dice, batch, duration_s)),
    )
    return site, events
