"""Inserts: ads of a frame or two in any footage, also where no ads belong; the needles of a haystack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from videoxl_stream.errors import ConfigError
from videoxl_stream.training.footage.channel_plan import BANNER, CARD, STICKER, ad_looks
from videoxl_stream.training.footage.dice import Array, Dice
from videoxl_stream.training.footage.episodes import clear_of, keep
from videoxl_stream.training.footage.vocabulary import BRANDS, SYMBOLS

_FORMS = (CARD, BANNER, STICKER)
_PAUSE_S = 1.0


@dataclass(frozen=True)
class Insert:
    """One insert of a stream.

    Args:
        start_s: when it appears, at once.
        end_s: when it is gone.
        brand: 1..20, into BRANDS from 1.
        form: CARD fills the picture, BANNER a strip of it, STICKER 20 to 34 % of its height, anywhere.

    Raises:
        ConfigError: it ends before it begins, or there is no such brand or form.
    """

    start_s: float
    end_s: float
    brand: int
    form: int = CARD

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if not 0 <= self.start_s < self.end_s or not 1 <= self.brand <= len(BRANDS) or self.form not in _FORMS:
            msg = f"{self} cannot be shown: it must end after it begins, with a brand of 1..{len(BRANDS)} and a form"
            raise ConfigError(msg)


@dataclass(frozen=True)
class InsertRates:
    """How many inserts streams have, and how long these last.

    Args:
        counts: weight of no insert, of one, of two and so on.
        lengths_s: lengths, drawn with equal chance; that of one sampled frame is seen in exactly one.
        forms: weights of CARD, BANNER and STICKER.
        repeats: share of streams in which one brand comes again and again, any share of the times, amid like ones;
            there all numbers of inserts, but none, are equally likely.
    """

    counts: tuple[float, ...] = (0.2, 0.18, 0.12, 0.12, 0.11, 0.09, 0.08, 0.06, 0.04)
    lengths_s: tuple[float, ...] = (0.5, 0.5, 1.0, 2.0, 3.0)
    forms: tuple[float, float, float] = (0.3, 0.2, 0.5)
    repeats: float = 0.4

    def sample(self, dice: Dice, ads: Mapping[str, Array], duration_s: float) -> dict[str, Array]:
        """Draw inserts, each column (batch, inserts), clear of ``ads``; as many fit as stay apart."""
        batch, most = len(ads["from_s"]), len(self.counts) - 1
        apart_s = _PAUSE_S + max(self.lengths_s)  # from start to start
        most = min(most, int(duration_s / apart_s))
        if not most or not any(self.counts[1:]):
            return place_inserts(dice, [()] * batch)
        shape = (batch, most)
        repeats = dice.chance("insert/repeats", self.repeats, (batch,))
        often = dice.choice("insert/often", [0.0, *(float(weight > 0) for weight in self.counts[1:])], (batch,))
        count = np.where(repeats, often, dice.choice("insert/count", self.counts, (batch,))).clip(max=most)
        room_s = duration_s - most * apart_s
        start_s = np.sort(dice.uniform("insert/start", 0.0, room_s, shape), axis=1) + apart_s * np.arange(most)
        length_s = np.asarray(self.lengths_s)[dice.choice("insert/length", [1] * len(self.lengths_s), shape)]
        # Which of the sorted moments are used is left to chance, so that few inserts lie anywhere, too.
        used = dice.rng("insert/used").random(shape).argsort(axis=1).argsort(axis=1) < count[:, None]
        brand = _brands(dice, repeats, shape)
        columns = _columns(dice, start_s, start_s + length_s, brand, dice.choice("insert/form", self.forms, shape))
        return clear_of(keep(columns, used), ads)


NO_INSERTS = InsertRates(counts=(1.0,))


def place_inserts(dice: Dice, inserts: Sequence[Sequence[Insert]]) -> dict[str, Array]:
    """Lay out the given inserts of each stream, each column (batch, inserts)."""
    most = max((len(each) for each in inserts), default=0) or 1
    table = np.zeros((len(inserts), most, 4))
    table[..., 2] = 1
    used = np.zeros((len(inserts), most), dtype=bool)
    for number, each in enumerate(inserts):
        for place, one in enumerate(sorted(each, key=lambda one: one.start_s)):
            table[number, place], used[number, place] = (one.start_s, one.end_s, one.brand, one.form), True
    start_s, end_s, brand, form = np.moveaxis(table, -1, 0)
    return keep(_columns(dice, start_s, end_s, brand.astype(np.int64), form), used)


def _brands(dice: Dice, repeats: Array, shape: tuple[int, int]) -> Array:
    """Draw brands 1..20, (batch, inserts); in streams that repeat, the first one and such that are like it."""
    any_brand = dice.choice("insert/brand", [1] * len(BRANDS), shape)
    (colour, symbol), others = np.divmod(any_brand[:, :1], len(SYMBOLS)), np.divmod(any_brand, len(SYMBOLS))
    own_colour = dice.chance("insert/like", 0.5, shape)
    like = np.where(own_colour, colour * len(SYMBOLS) + others[1], others[0] * len(SYMBOLS) + symbol)
    share = dice.uniform("insert/share", 0.0, 1.0, (shape[0], 1))
    again = np.where(dice.uniform("insert/again", 0.0, 1.0, shape) < share, any_brand[:, :1], like)
    return 1 + np.where(repeats[:, None], again, any_brand)


def _columns(dice: Dice, start_s: Array, end_s: Array, brand: Array, form: Array) -> dict[str, Array]:
    times = {"from_s": start_s, "start_s": start_s, "end_s": end_s, "to_s": end_s}
    return times | {"brand": brand, "form": form} | ad_looks(dice, "insert", brand)
