"""Training batches by step number: the same step always gives the same footage and questions."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, TypeVar, get_args

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerFast

from videoxl_stream.model.windows import RatioDraw, Window, cut
from videoxl_stream.training.footage.drawing import Drawing
from videoxl_stream.training.footage.insert_plan import InsertRates
from videoxl_stream.training.footage.scenes import Rates, sample_batch
from videoxl_stream.training.footage.vocabulary import KINDS
from videoxl_stream.training.objective import FrameLabels, Texts
from videoxl_stream.training.questioning import ask, quiz
from videoxl_stream.training.recipe import Recipe
from videoxl_stream.training.replicas import Replicas

T = TypeVar("T")
Sort = Literal["questions", "quizzes", "lettered"]
SORTS: tuple[Sort, ...] = get_args(Sort)
_DENSE = Rates(dict.fromkeys(KINDS, 1.5), quiet=0.1, channel=0.3, spread=(0.0, 0.0, 1.0, 2.0))
_USUAL = Rates(
    {**dict.fromkeys(KINDS, 0.8), "abandoned": 1.4, "fall": 1.1}, quiet=0.25, channel=0.3, spread=(0.0, 0.3, 1.0)
)
_INSERTS = InsertRates()
_MANY_INSERTS = InsertRates(counts=(*[0.0] * 18, 1.0), lengths_s=(1.0,))
"""For single frames: one in three shows one."""
_FRAMES_PER_SCENE = 8
_MOST_TEXTS = 64
_SHORT_FRAMES = 40
"""Streams up to this length are full of events: they are where the tower learns most."""


def moved(value: T, device: torch.device) -> T:
    """The same nest of dataclasses and tensors on another device."""
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)  # type: ignore[return-value]
    if is_dataclass(value) and not isinstance(value, type):
        return type(value)(**{f.name: moved(getattr(value, f.name), device) for f in fields(value)})
    return value


@dataclass(frozen=True)
class Footage:
    """Drawn streams, ready to be painted, with their labels.

    Drawing takes thousands of tiny operations, which would hold up a GPU, so the loader's processes do it.
    """

    drawing: Drawing
    labels: FrameLabels
    channel: Tensor  # (streams,) bool: a broadcast, else a site


def footage(
    seed: int, num_streams: int, duration_s: float, times: Tensor, rates: Rates, inserts: InsertRates, mixing: float
) -> Footage:
    """Draw streams at times (streams, frames) in seconds, and label them."""
    scenes = sample_batch(seed, num_streams, duration_s, rates, inserts=inserts, mixing=mixing)
    found = scenes.labels(times)
    kinds = torch.stack([found[kind] for kind in KINDS], dim=-1)
    return Footage(
        scenes.draw(times).compact(), FrameLabels(kinds, scenes.brands(times), scenes.people(times)), scenes.channel
    )


class FrameBatches(Dataset[Footage]):
    """Single frames in which much happens, for the tower."""

    def __init__(self, recipe: Recipe, num_steps: int, replicas: Replicas) -> None:
        self._recipe, self._num_steps, self._replicas = recipe, num_steps, replicas

    def __len__(self) -> int:
        return self._num_steps

    def __getitem__(self, step: int) -> Footage:
        number = self._replicas.number(step)
        return self.make(np.random.default_rng((self._recipe.seed, 1, number)), self._recipe.first_stream_seed + number)

    def make(self, rng: np.random.Generator, seed: int) -> Footage:
        """Draw frames at random moments of many streams."""
        streams = self._recipe.vision_frames // _FRAMES_PER_SCENE
        times = torch.from_numpy(rng.uniform(0, 60, (streams, _FRAMES_PER_SCENE)).astype(np.float32))
        return footage(seed, streams, 60.0, times, _DENSE, _MANY_INSERTS, self._recipe.mixing)


@dataclass(frozen=True)
class StreamBatch:
    """Whole streams with questions, and how they are compressed."""

    footage: Footage
    texts: Texts
    windows: list[Window]


class StreamBatches(Dataset[StreamBatch]):
    """Streams whose length follows the recipe's phases; replicas see streams of one shape at each step."""

    def __init__(self, recipe: Recipe, num_steps: int, tokenizer: PreTrainedTokenizerFast, replicas: Replicas) -> None:
        self._recipe, self._num_steps, self._tokenizer, self._replicas = recipe, num_steps, tokenizer, replicas

    def __len__(self) -> int:
        return self._num_steps

    def __getitem__(self, step: int) -> StreamBatch:
        recipe, number = self._recipe, self._replicas.number(step)
        shape = np.random.default_rng((recipe.seed, 2, step))
        lengths = recipe.phase_at(step / self._num_steps).lengths
        shares = np.array([length.share for length in lengths])
        length = lengths[shape.choice(len(lengths), p=shares / shares.sum())]
        windows = draw_windows(recipe, length.num_frames, shape)
        rng, seed = np.random.default_rng((recipe.seed, 4, number)), recipe.first_stream_seed + 1_000_000 + number
        return self.make(rng, seed, length.num_streams, windows, self._sort(shape))

    def make(
        self, rng: np.random.Generator, seed: int, num_streams: int, windows: list[Window], sort: Sort
    ) -> StreamBatch:
        """Draw streams with as many frames as their windows hold, and texts of one sort about them."""
        recipe = self._recipe
        num_frames = sum(window.num_raw for window in windows) // recipe.tokens_per_frame
        duration_s = num_frames / recipe.sample_fps
        times = torch.arange(num_frames).expand(num_streams, -1) / recipe.sample_fps
        rates = _DENSE if num_frames <= _SHORT_FRAMES else _USUAL
        times = times + float(rng.uniform(0, 1 / recipe.sample_fps))
        drawn = footage(seed, num_streams, duration_s + 1, times, rates, _INSERTS, recipe.mixing)
        if sort == "questions":
            count = _per_stream(recipe.questions, num_streams)
            texts = ask(drawn.labels, drawn.channel, count, self._tokenizer, rng, recipe.window_frames)
        else:
            lettered = sort == "lettered"
            count = _per_stream(recipe.quizzes // (2 if lettered else 1), num_streams)
            brands, window = drawn.labels.brands, recipe.window_frames
            texts = quiz(brands, count, self._tokenizer, rng, window, with_options=lettered)
        return StreamBatch(drawn, texts, windows)

    def _sort(self, rng: np.random.Generator) -> Sort:
        if rng.random() >= self._recipe.quiz_share:
            return "questions"
        return "lettered" if rng.random() < self._recipe.lettered_share else "quizzes"


def _per_stream(per_step: int, num_streams: int) -> int:
    """Texts of each stream: few long streams are asked more, but not so much that they cost more than footage."""
    return min(max(per_step // num_streams, 1), _MOST_TEXTS)


def usual_ratios(recipe: Recipe) -> list[int]:
    """The two ratios that training draws most."""
    shares = sorted(zip(recipe.ratio_shares, recipe.ratios, strict=True))
    return sorted(ratio for _, ratio in shares[-2:])


def ratio_shares(recipe: Recipe, num_frames: int) -> np.ndarray:
    """How often each ratio is drawn for streams of a length, (ratios,)."""
    is_long = num_frames > recipe.long_frames
    shares = np.array(recipe.long_ratio_shares if is_long else recipe.ratio_shares)
    normalised: np.ndarray = shares / shares.sum()
    return normalised


def draw_windows(recipe: Recipe, num_frames: int, rng: np.random.Generator, ratio: int | None = None) -> list[Window]:
    """Windows of a batch: the given ratio, or one drawn for all, or one drawn for each."""
    window, shares = recipe.window_frames * recipe.tokens_per_frame, ratio_shares(recipe, num_frames)
    num_raw = num_frames * recipe.tokens_per_frame
    if ratio is None and num_frames <= recipe.long_frames and rng.random() < recipe.mixed_ratio_share:
        sizes = [min(window, num_raw - start) for start in range(0, num_raw, window)]
        return [Window(size, int(rng.choice(recipe.ratios, p=shares))) for size in sizes]
    ratio = int(rng.choice(recipe.ratios, p=shares)) if ratio is None else ratio
    return cut(num_raw, window, [ratio], RatioDraw(0))


def unchanged(batch: Any) -> Any:
    """A batch as the dataset made it, for loaders that would otherwise collate."""
    return batch
