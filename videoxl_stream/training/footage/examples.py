"""Examples: moments that show a kind, something that only resembles it, or a condition of the camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from videoxl_stream.training.footage.channel_plan import BANNER, CARD, NATURE, SPORT, STREET, TITLE
from videoxl_stream.training.footage.drawing import Drawing
from videoxl_stream.training.footage.episodes import Moment
from videoxl_stream.training.footage.families import CHANNEL_FAMILIES, COVERS, LOOKS, SITE_FAMILIES, drawn
from videoxl_stream.training.footage.incident_plan import HALTED
from videoxl_stream.training.footage.people_plan import CROUCH, SIT, STAND
from videoxl_stream.training.footage.scenes import Rates, SceneBatch, sample_batch
from videoxl_stream.training.footage.vocabulary import ABANDONED_S

Mask = Callable[[SceneBatch, Tensor], Tensor]
"""Says of a batch's moments (batch, frames) which show something, (batch, frames) bool."""
_STREAMS, _DURATION_S, _STEP_S = 96, 60.0, 0.7
_LOITERS_S = 10.0


@dataclass(frozen=True)
class Example:
    """What to look for in which style; ``rates`` are those of the streams searched."""

    name: str
    style: str
    mask: Mask
    rates: Rates = field(default_factory=Rates)
    looks: str = "seen"
    mixing: float = 0.0

    def find(self, seed: int, count: int) -> Drawing:
        """Draw up to ``count`` moments (found, 1 frame), each of another stream."""
        rates = Rates(self.rates.per_minute, self.rates.quiet, float(self.style == "channel"), self.rates.spread)
        batch = sample_batch(seed, _STREAMS, _DURATION_S, rates, looks=self.looks, mixing=self.mixing)
        wanted = self.mask(batch, torch.arange(0.0, _DURATION_S, _STEP_S).expand(_STREAMS, -1))
        streams = wanted.any(dim=1).nonzero().flatten()[:count]
        # The middle of what was found shows most; streams without a find are drawn at time 0 and left out.
        rank = wanted.long().cumsum(dim=1)
        middle = (rank >= (rank[:, -1:] + 1) // 2).long().argmax(dim=1)
        drawing = batch.draw((middle * _STEP_S).unsqueeze(1))
        return Drawing(drawing.backdrop[streams], drawing.shapes[streams], drawing.gain[streams])


def _lasts(moment: Moment, margin_s: float = 0.4) -> Tensor:
    """Say where an episode goes on, ``margin_s`` from its ends."""
    return moment.seen & (moment.since_s > margin_s) & (moment.left_s > margin_s)


def _kind(kind: str) -> Mask:
    """Say where a kind is going on."""
    if kind == "abandoned":
        return lambda batch, times: batch.labels(times)[kind] & (batch.site.bags.at(times).since_s >= ABANDONED_S)
    return lambda batch, times: batch.labels(times)[kind]


def _eventless(mask: Mask) -> Mask:
    """Keep moments at which nothing happens; a bag that lies there for less than ABANDONED_S is nothing yet."""

    def without(batch: SceneBatch, times: Tensor) -> Tensor:
        events = torch.stack([_kind(kind)(batch, times) for kind in batch.events])
        return mask(batch, times) & ~events.any(dim=0)

    return without


def _stays(place: int, posture: int) -> Mask:
    """Say where a visitor of one place in the cast stays in a posture."""

    def found(batch: SceneBatch, times: Tensor) -> Tensor:
        moment = batch.site.visitors[place].at(times)
        return _lasts(moment) & (moment.traits["posture"] == posture)

    return found


def _passes(batch: SceneBatch, times: Tensor) -> Tensor:
    """Say where somebody stops in front of a zone in which nobody is."""
    plan, moment = batch.site.plan, batch.site.visitors[2].at(times)
    near = (moment.traits["x_begin"] - plan["zone_x"]).abs() < plan["zone_half_x"]
    front = (moment.traits["y"] > plan["zone_y"]) & (plan["has_zone"] > 0)
    return _stays(2, STAND)(batch, times) & near & front


def _loiters(batch: SceneBatch, times: Tensor) -> Tensor:
    """Say where somebody stands about beside a bag of his own."""
    moment = batch.site.visitors[3].at(times)
    own = (moment.traits["bag_in"] > 0) & (moment.traits["bag_out"] > 0)
    return _lasts(moment, 1.0) & own & (moment.since_s + moment.left_s >= _LOITERS_S)


def _forgets(batch: SceneBatch, times: Tensor) -> Tensor:
    """Say where a bag lies alone that is taken again before it counts."""
    moment, people = batch.site.bags.at(times), batch.site.people(times)
    return _lasts(moment, 2.0) & (moment.since_s + moment.left_s < ABANDONED_S) & (people <= 1)


def _gathers(batch: SceneBatch, times: Tensor) -> Tensor:
    """Say where three people stand together."""
    moment = batch.site.groups.at(times)
    return _lasts(moment) & (moment.traits["size"] == 3)


def _halts(batch: SceneBatch, times: Tensor) -> Tensor:
    """Say where a vehicle halts for a moment."""
    moment = batch.site.lanes[0].at(times)
    return _lasts(moment, 0.2) & (moment.traits["manner"] == HALTED)


def _leaves(batch: SceneBatch, times: Tensor) -> Tensor:
    """Say where the parked car is about to be gone."""
    moment = batch.site.absences.at(times)
    return moment.seen & (moment.since_s < -0.6) & (moment.since_s > -1.4)


def _nears(batch: SceneBatch, times: Tensor) -> Tensor:
    """Say where somebody is right before the lens."""
    moment = batch.site.nearby.at(times)
    return moment.seen & ((moment.since_s - moment.left_s).abs() < 0.8)


def _dims(batch: SceneBatch, times: Tensor) -> Tensor:
    """Say where it is darker for a while."""
    moment = batch.site.dimmings.at(times)
    return _lasts(moment, 0.8) & (moment.traits["depth"] > 0.45) & (batch.site.plan["light"] == 0)


def _steams(batch: SceneBatch, times: Tensor) -> Tensor:
    """Say where it steams without a fire."""
    moment = batch.site.fires.at(times)
    return _lasts(moment, 2.0) & (moment.traits["burns"] == 0)


def _shines(batch: SceneBatch, times: Tensor) -> Tensor:
    """Say where headlights pass a lit lamp at dusk or night."""
    plan = batch.site.plan
    return _lasts(batch.site.lanes[0].at(times), 0.8) & (plan["lamp_on"] * plan["has_lamp"] * (plan["light"] > 0) > 0)


def _ads(form: int) -> Mask:
    """Say where an ad of a form is on."""
    return lambda batch, times: batch.labels(times)["ad"] & (batch.events["ad"].at(times).traits["form"] == form)


def _titles(batch: SceneBatch, times: Tensor) -> Tensor:
    """Say where the programme shows its title."""
    return batch.programme.shots.at(times).traits["kind"] == TITLE


def _signs(batch: SceneBatch, times: Tensor) -> Tensor:
    """Say where a logo is on, and a sign stands in the scene."""
    traits = batch.programme.shots.at(times).traits
    outside = (traits["kind"] == NATURE) | (traits["kind"] == SPORT) | (traits["kind"] == STREET)
    return outside & (traits["has_sign"] > 0) & (batch.programme.plan["has_logo"] > 0)


def _plan(column: str, least: float, most: float = 9.0) -> Mask:
    """Say which sites have more than ``least`` of something, while nothing covers the lens."""

    def found(batch: SceneBatch, times: Tensor) -> Tensor:
        amount = batch.site.plan[column]
        return (amount > least) & (amount <= most) & ~batch.labels(times)["tampering"]

    return found


def _site(family: str) -> Mask:
    """Say which sites are of a family, while nothing covers the lens."""
    return _plan("family", SITE_FAMILIES.index(family) - 0.5, SITE_FAMILIES.index(family) + 0.5)


def _channel(family: str) -> Mask:
    """Say where a channel of a family shows its programme, without an ad or a title."""

    def found(batch: SceneBatch, times: Tensor) -> Tensor:
        own = batch.programme.plan["family"] == CHANNEL_FAMILIES.index(family)
        return own & ~batch.labels(times)["ad"] & (batch.programme.shots.at(times).traits["kind"] != TITLE)

    return found


def _covered(look: str) -> Mask:
    """Say where a lens is covered by one of COVERS."""

    def found(batch: SceneBatch, times: Tensor) -> Tensor:
        moment = batch.events["tampering"].at(times)
        return _lasts(moment, 1.0) & (moment.traits["look"] == COVERS.index(look))

    return found


def _mixed(batch: SceneBatch, times: Tensor) -> Tensor:
    """Say where nothing hides what a mixed site or channel looks like."""
    return ~batch.labels(times)["ad"] & ~batch.labels(times)["tampering"]


_NOTES = {"seen": "", "rehearsal": " (held out, for rehearsal)", "unseen": " (held out)"}


def _families(style: str, find: Callable[[str], Mask]) -> Iterator[Example]:
    """Look for every family of a style, then for mixed ones."""
    for looks in LOOKS:
        for family in drawn(style, looks):
            yield Example(f"{style}: {family}{_NOTES[looks]}", style, find(family), looks=looks)
    yield Example(f"{style}: mixed", style, _mixed, mixing=1.0)


def _covers() -> Iterator[Example]:
    """Look for everything that may cover a lens."""
    usual = {(look, looks): 0.0 for looks in LOOKS for look in drawn("tampering", looks)}
    for (look, looks), mixing in {**usual, ("tape", "seen"): 1.0, ("slabs", "seen"): 1.0}.items():
        note = " (mixed)" if mixing else _NOTES[looks]
        yield Example(f"tampering: {look}{note}", "site", _covered(look), looks=looks, mixing=mixing)


_BAGS = Rates({"abandoned": 1.0}, quiet=0.0, spread=(1.0,))
KIND_EXAMPLES = (
    Example("intrusion", "site", _kind("intrusion")),
    Example("fire", "site", _kind("fire")),
    Example("fall", "site", _kind("fall")),
    Example("crowd", "site", _kind("crowd")),
    Example("breakdown", "site", _kind("breakdown")),
    Example("tampering", "site", _kind("tampering")),
    Example("abandoned", "site", _kind("abandoned"), _BAGS),
    Example("ad: card", "channel", _ads(CARD)),
    Example("ad: banner", "channel", _ads(BANNER)),
)
LOOKALIKES = (
    Example("no intrusion: stopping beside the zone", "site", _eventless(_passes)),
    Example("no fire: steam", "site", _eventless(_steams)),
    Example("no fire: lamp and headlights", "site", _eventless(_shines)),
    Example("no fall: crouching", "site", _eventless(_stays(1, CROUCH))),
    Example("no fall: sitting", "site", _eventless(_stays(1, SIT))),
    Example("no crowd: a group of three", "site", _eventless(_gathers)),
    Example("no breakdown: a halt", "site", _eventless(_halts)),
    Example("no breakdown: the parked car leaves", "site", _eventless(_leaves)),
    Example("no tampering: someone right before the lens", "site", _eventless(_nears)),
    Example("no tampering: dimming", "site", _eventless(_dims)),
    Example("not abandoned: loitering with a bag", "site", _eventless(_loiters)),
    Example("not abandoned: a bag soon taken", "site", _eventless(_forgets)),
    Example("no ad: title card", "channel", _eventless(_titles)),
    Example("no ad: sign and logo of the programme", "channel", _eventless(_signs)),
)
CONDITION_EXAMPLES = (
    Example("dusk", "site", _plan("light", 0, 1)),
    Example("night", "site", _plan("light", 1)),
    Example("rain", "site", _plan("rain", 0.6)),
    Example("occlusion: pillar", "site", _plan("has_pillar", 0)),
    Example("occlusion: branch", "site", _plan("has_branch", 0)),
)
FAMILY_EXAMPLES = (*_families("site", _site), *_families("channel", _channel))
COVER_EXAMPLES = tuple(_covers())
EXAMPLES = (*FAMILY_EXAMPLES, *KIND_EXAMPLES, *COVER_EXAMPLES, *LOOKALIKES, *CONDITION_EXAMPLES)
