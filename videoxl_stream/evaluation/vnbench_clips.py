"""Clips and questions of our own in VNBench's format: rendered footage with inserted ads.

Each clip has one question. Distractors are hard: a brand's colour or symbol is that of the right one, an order is
another one of the same brands, a number is next to the right one or counts what was not asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import numpy as np

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.choices import (
    COUNTS,
    HOW_MANY,
    ORDER,
    WHICH,
    brand_of,
    colour_question,
    count_question,
    letters,
    rotations,
)
from videoxl_stream.evaluation.one_thread import one_thread
from videoxl_stream.evaluation.seeds import each_seed
from videoxl_stream.training.footage.channel_plan import BANNER, CARD, STICKER
from videoxl_stream.training.footage.clips import ClipFormat, write_clip
from videoxl_stream.training.footage.families import check_looks
from videoxl_stream.training.footage.insert_plan import Insert
from videoxl_stream.training.footage.quizzes import in_order, near_numbers, swapped
from videoxl_stream.training.footage.scenes import Rates
from videoxl_stream.training.footage.vocabulary import ANOMALIES, BRANDS, COLOURS, STYLES, SYMBOLS, brand_name

Kind = Literal["retrieval", "ordering", "counting"]
KINDS: tuple[Kind, ...] = get_args(Kind)
T = TypeVar("T")
LEAST_S = 30.0
_PREFIX = {"retrieval": "ret", "ordering": "ord", "counting": "cnt"}
_RATES = Rates({kind: 0.3 for kind in ANOMALIES if kind != "tampering"})
_MOST_ADS = 6
_SHORTEST_S, _LONGEST_S = 1.5, 3.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One clip and its question.

    Args:
        name: of the clip, without a suffix.
        seed: of the footage.
        kind: VNBench's ``type``.
        question: without options.
        options: four, the right one first.
        inserts: what is shown.
    """

    name: str
    seed: int
    kind: str
    question: str
    options: tuple[str, ...]
    inserts: tuple[Insert, ...]

    @property
    def style(self) -> str:
        """Of the footage."""
        return STYLES[self.seed // 2 % len(STYLES)]

    @classmethod
    def of(cls, kind: Kind, seed: int, duration_s: float) -> Plan:
        """Draw a clip.

        Args:
            kind: of question; an even seed and an odd one have different types of it.
            seed: of everything.
            duration_s: of the clip.

        Raises:
            ConfigError: it is too short, or there is no such kind.
        """
        if kind not in KINDS or not duration_s >= LEAST_S:
            msg = f"clips of {kind!r} and {duration_s:g} s: give one of {', '.join(KINDS)}, and {LEAST_S:g} s or more"
            raise ConfigError(msg)
        rng = np.random.default_rng((seed, KINDS.index(kind)))
        name, question, options, brands = _QUESTIONS[kind](rng, bool(seed % 2))
        inserts = _inserts(rng, brands, duration_s)
        return cls(f"{name}-{seed}", seed, name, question, options, inserts)

    def entries(self, duration_s: float) -> Iterator[dict[str, Any]]:
        """The four tries as VNBench has them; the right option stands once at each place."""
        for number, options in enumerate(rotations(self.options)):
            yield {
                "video": f"{self.name}.mp4",
                "question": self.question,
                "options": list(options),
                "gt": self.options[0],
                "gt_option": letters(len(options))[options.index(self.options[0])],
                "needle_time": [round(insert.start_s, 3) for insert in self.inserts],
                "length": duration_s,
                "type": self.kind,
                "try": number,
            }


Drawn = tuple[str, str, tuple[str, ...], list[int]]
"""Type, question, options with the right one first, and the brands in the order in which they are shown."""


def _retrieval(rng: np.random.Generator, odd: bool) -> Drawn:
    colour, symbol = int(rng.integers(len(COLOURS))), int(rng.integers(len(SYMBOLS)))
    brand = brand_of(colour, symbol)
    if odd:  # several ads, of which one is asked for by its colour
        others = [int(other) for other in rng.permutation(len(COLOURS)) if other != colour][:2]
        shown = [brand, *(brand_of(other, int(rng.integers(len(SYMBOLS)))) for other in others)]
        question, answers = colour_question(colour)
        right, wrong = brand_name(brand), [answer for answer in answers[:-1] if answer != brand_name(brand)]
        return "ret_colour", question, (right, *_shuffled(rng, wrong)), _shuffled(rng, shown)
    other_colour = (colour + 1 + int(rng.integers(len(COLOURS) - 1))) % len(COLOURS)
    other_symbol = (symbol + 1 + int(rng.integers(len(SYMBOLS) - 1))) % len(SYMBOLS)
    near = [brand_of(colour, other_symbol), brand_of(other_colour, symbol), brand_of(other_colour, other_symbol)]
    return "ret_brand", WHICH, (brand_name(brand), *_shuffled(rng, list(map(brand_name, near)))), [brand]


def _ordering(rng: np.random.Generator, odd: bool) -> Drawn:
    count = 4 if odd else 3
    brands = [1 + int(brand) for brand in rng.permutation(len(BRANDS))[:count]]
    return f"ord_{count}", ORDER, tuple(map(in_order, (brands, *swapped(brands, rng)[:3]))), brands


def _counting(rng: np.random.Generator, odd: bool) -> Drawn:
    if not odd:
        brands = [1 + int(rng.integers(len(BRANDS))) for _ in range(1 + int(rng.integers(_MOST_ADS)))]
        return "cnt_ads", HOW_MANY, _numbers(rng, len(brands)), brands
    brand = 1 + int(rng.integers(len(BRANDS)))
    times = int(rng.integers(_MOST_ADS + 1))
    colour, symbol = divmod(brand - 1, len(SYMBOLS))
    near = [brand_of(colour, s) for s in range(len(SYMBOLS)) if s != symbol]
    near += [brand_of(c, symbol) for c in range(len(COLOURS)) if c != colour]
    num_others = int(rng.integers(int(times == 0), _MOST_ADS - times + 1))
    others = [near[int(rng.integers(len(near)))] for _ in range(num_others)]
    shown = _shuffled(rng, [brand] * times + others)
    return "cnt_brand", count_question(brand), _numbers(rng, times, len(shown)), shown


_QUESTIONS: dict[Kind, Callable[[np.random.Generator, bool], Drawn]] = {
    "retrieval": _retrieval,
    "ordering": _ordering,
    "counting": _counting,
}


def _numbers(rng: np.random.Generator, right: int, tempting: int | None = None) -> tuple[str, ...]:
    """Four numbers with the right one first: neighbours, among which it is as likely the largest as the smallest.

    Args:
        rng: draws.
        right: 0..6.
        tempting: a larger number that is one of them, where the right one is not the largest.
    """
    others = near_numbers(right, rng)
    if tempting is not None and tempting not in (right, *others) and right < max(others):
        others[others.index(max(others))] = tempting
    return (COUNTS[right], *_shuffled(rng, [COUNTS[number] for number in others]))


def _shuffled(rng: np.random.Generator, values: Sequence[T]) -> list[T]:
    return [values[place] for place in rng.permutation(len(values)).tolist()]


def _inserts(rng: np.random.Generator, brands: Sequence[int], duration_s: float) -> tuple[Insert, ...]:
    """Show brands in this order, each in a stretch of its own, with a pause of a second or more between them."""
    stretch_s, found = duration_s / max(1, len(brands)), []
    for place, brand in enumerate(brands):
        length_s = float(rng.uniform(_SHORTEST_S, min(_LONGEST_S, stretch_s - 1.5)))
        start_s = place * stretch_s + float(rng.uniform(0.5, stretch_s - length_s - 0.5))
        form = (CARD, BANNER, STICKER)[int(rng.integers(3))]
        found.append(Insert(round(start_s, 3), round(start_s + length_s, 3), brand, form))
    return tuple(found)


def make(
    folder: Path,
    kinds: Sequence[Kind],
    seeds: Sequence[int],
    *,
    duration_s: float = 60.0,
    encoding: ClipFormat | None = None,
    looks: str = "seen",
    jobs: int = 1,
    on_done: Callable[[int, int], None] | None = None,
) -> Path:
    """Render clips into ``folder/videos`` and write their questions to ``folder/questions.json``.

    A clip that is there already is kept, if the same footage was asked for.

    Args:
        folder: made if it is not there.
        kinds: of questions.
        seeds: one clip for each and each kind.
        duration_s: of each clip.
        encoding: of the clips.
        looks: of the footage, ``seen`` in training or ``unseen``, held out of it.
        jobs: processes.
        on_done: is told clips done and in all.

    Returns:
        the file of questions.

    Raises:
        ConfigError: the clips would be too short, or the looks are unknown.
    """
    check_looks(looks)
    encoding = encoding or ClipFormat(fps=4)
    plans = [Plan.of(kind, seed, duration_s) for kind in kinds for seed in seeds]
    videos = folder / "videos"
    videos.mkdir(parents=True, exist_ok=True)
    render = partial(_render_seed, videos, plans, duration_s, encoding, looks)
    for number, _ in enumerate(each_seed(render, seeds, jobs), 1):
        if on_done is not None:
            on_done(number * len(kinds), len(plans))
    questions = folder / "questions.json"
    entries = [entry for plan in plans for entry in plan.entries(duration_s)]
    questions.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    return questions


def _render_seed(
    videos: Path, plans: Sequence[Plan], duration_s: float, encoding: ClipFormat, looks: str, seed: int
) -> None:
    for plan in plans:
        if plan.seed == seed:
            _render(videos, plan, duration_s, encoding, looks)


def _render(videos: Path, plan: Plan, duration_s: float, encoding: ClipFormat, looks: str) -> None:
    path, made = videos / f"{plan.name}.mp4", videos / f"{plan.name}.made"
    stamp = repr((plan, duration_s, encoding, looks))
    if path.exists() and made.exists() and made.read_text(encoding="utf-8") == stamp:
        return
    with one_thread():
        write_clip(
            path,
            plan.seed,
            plan.style,
            duration_s,
            rates=_RATES,
            inserts=plan.inserts,
            looks=looks,
            encoding=encoding,
        )
    made.write_text(stamp, encoding="utf-8")
