"""One haystack watched once and asked about every needle, at each ratio."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, Protocol

import torch
from torch import Tensor

from videoxl_stream.errors import NotInMemoryError
from videoxl_stream.evaluation.choices import NONE, WHICH_LAST, colour_question
from videoxl_stream.evaluation.haystack import FORMS, Haystack, Needle, one_each, several
from videoxl_stream.evaluation.one_thread import one_thread
from videoxl_stream.frames import Image
from videoxl_stream.queries import Query, Span, Verdict
from videoxl_stream.training.footage.vocabulary import BRANDS, brand_name

NO_LONGER = "no longer in memory"
"""What must be said of a needle that has left."""
_AT_ONCE = 64  # frames encoded together
_WINDOWS = 32  # windows taken in together
_ALL_BRANDS = tuple(brand_name(brand) for brand in (*range(1, len(BRANDS) + 1), 0))


class Watcher(Protocol):
    """What a needle trial needs of a model: the whole of ``VideoXL`` fits."""

    @property
    def window_frames(self) -> int:
        """Frames of a window."""

    def encode(self, frames: Sequence[Image]) -> Tensor:
        """Visual tokens of frames, (frames, tokens, dim)."""

    def open_memory(self, *, ratio: int | None = None, budget: int | None = None) -> Any:
        """Begin an empty memory."""

    def append_encoded(self, memory: Any, features: Tensor, timestamps: Sequence[float]) -> None:
        """Add footage that was encoded before."""

    def verdicts(self, memory: Any, queries: Sequence[Query]) -> list[Verdict]:
        """Answer without changing the memory."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A question of a trial.

    Args:
        what: ``needle``; ``none``, where nothing was shown so; ``gone``, a needle that has left, asked for
            in its own span; or ``left``, the same asked for in all that is held.
        query: as it is asked.
        truth: the right answer.
        needle: the one asked for, if any.
    """

    what: str
    query: Query
    truth: str
    needle: Needle | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as plain data.

    Args:
        what: of the question.
        depth: of the needle, if any.
        form: of the needle, if any.
        truth: the right answer.
        said: the answer given, or why none was.
        probability: of the answer given; 0 where none was.
        right: whether it is right; of a needle that has left, whether that was said plainly.
    """

    what: str
    depth: float | None
    form: str | None
    truth: str
    said: str
    probability: float
    right: bool

    @classmethod
    def of(cls, ask: Ask, said: str, probability: float, *, right: bool) -> Answer:
        """Answer a question."""
        depth, form = (None, None) if ask.needle is None else (ask.needle.depth, FORMS[ask.needle.form])
        return cls(ask.what, depth, form, ask.truth, said, round(probability, 5), right)


class NeedleTrial:
    """Watches haystacks.

    Args:
        model: the watcher.
        depths: of needles, 0..1.
        ratios: one memory each.
        fps: sampled frames per second.
        size: height and width of pictures.
        device: where pictures are rendered.
        looks: of the footage, ``seen`` in training or ``unseen``.
    """

    def __init__(
        self,
        model: Watcher,
        depths: Sequence[float],
        ratios: Sequence[int],
        *,
        fps: float = 2.0,
        size: tuple[int, int] = (144, 256),
        device: str = "cpu",
        looks: str = "seen",
    ) -> None:
        self.model, self.depths, self.ratios = model, depths, ratios
        self.fps, self.size, self.device, self.looks = fps, size, device, looks

    def _haystack(self, seed: int, num_frames: int, needles: Sequence[Needle] = ()) -> Haystack:
        return Haystack(seed, num_frames, tuple(needles), self.fps, self.size, self.looks)

    # ---- the three ways to ask

    def several(self, seed: int, num_frames: int) -> dict[str, Any]:
        """Needles of different colours in one haystack, each asked for by its colour."""
        needles, absent = several(seed, num_frames, self.depths)
        asks = [_colour_ask(needle) for needle in needles] + [_absent_ask(absent)]
        run = _Run(self, self._haystack(seed, num_frames, needles))
        features = run.encoded(range(num_frames))
        for ratio in self.ratios:
            with run.ratio(ratio):
                memory = self.model.open_memory(ratio=ratio)
                run.take_in(memory, features, 0)
                run.ask(memory, asks)
        return run.to_json()

    def single(self, seed: int, num_frames: int) -> dict[str, Any]:
        """One needle in one haystack at each depth; what comes before it is watched once for all depths."""
        needles = sorted(one_each(seed, num_frames, self.depths), key=lambda needle: needle.frame)
        run = _Run(self, self._haystack(seed, num_frames))
        features = run.encoded(range(num_frames))
        shown = [run.encoded([one.frame], self._haystack(seed, num_frames, [one])) for one in needles]
        for ratio in self.ratios:
            with run.ratio(ratio):
                self._forked(run, ratio, features, list(zip(needles, shown, strict=True)))
        return run.to_json()

    def _forked(self, run: _Run, ratio: int, features: Tensor, needles: Sequence[tuple[Needle, Tensor]]) -> None:
        memory, done, window = self.model.open_memory(ratio=ratio), 0, self.model.window_frames
        for needle, shown in needles:
            start = needle.frame // window * window
            run.take_in(memory, features[done:start], done)
            fork, done = memory.fork(), start
            run.take_in(fork, torch.cat((features[start : needle.frame], shown, features[needle.frame + 1 :])), start)
            run.ask(fork, [Ask("needle", Query(WHICH_LAST, _ALL_BRANDS), brand_name(needle.brand), needle)])
            del fork
        run.take_in(memory, features[done:], done)
        run.ask(memory, [Ask("none", Query(WHICH_LAST, _ALL_BRANDS), NONE)])

    def streamed(self, seed: int, num_frames: int, slots: Sequence[int]) -> dict[str, Any]:
        """As ``several``, window by window under a budget that the haystack exceeds.

        Args:
            seed: of the haystack.
            num_frames: of it.
            slots: budget at each ratio.
        """
        needles, absent = several(seed, num_frames, self.depths)
        run = _Run(self, self._haystack(seed, num_frames, needles))
        features = run.encoded(range(num_frames))
        for ratio, budget in zip(self.ratios, slots, strict=True):
            with run.ratio(ratio):
                memory = self.model.open_memory(ratio=ratio, budget=budget)
                run.take_in(memory, features, 0, windows=1)
                held = memory.span.start_s
                kept = [one for one in needles if run.haystack.time_s(one.frame) >= held]
                run.ask(memory, [*map(_colour_ask, kept), _absent_ask(absent)])
                for needle in needles:
                    if needle not in kept:
                        run.ask_gone(memory, needle)
        return run.to_json()


class _Run:
    """One haystack being watched: its times and answers."""

    def __init__(self, trial: NeedleTrial, haystack: Haystack) -> None:
        self.trial, self.haystack = trial, haystack
        self._times = {"render_s": 0.0, "encode_s": 0.0}
        self._ratios: dict[str, dict[str, Any]] = {}
        self._now: dict[str, Any] = {}

    def encoded(self, frames: Sequence[int], haystack: Haystack | None = None) -> Tensor:
        """Render and encode frames, (frames, tokens, dim)."""
        parts = []
        pictures = (haystack or self.haystack).pictures(frames, self.trial.device)
        for start in range(0, len(frames), _AT_ONCE):
            with self._timed(self._times, "render_s"), one_thread():
                part = [next(pictures) for _ in range(min(_AT_ONCE, len(frames) - start))]
            with self._timed(self._times, "encode_s"):
                parts.append(self.trial.model.encode(part))
        return torch.cat(parts)

    @contextmanager
    def ratio(self, ratio: int) -> Iterator[None]:
        """Everything inside is of one ratio."""
        if self._on_gpu:
            torch.cuda.reset_peak_memory_stats(self.trial.device)
        self._now = {"compress_s": 0.0, "ask_s": 0.0, "frames": 0, "answers": []}
        yield
        if self._on_gpu:
            self._now["peak_bytes"] = torch.cuda.max_memory_allocated(self.trial.device)
        self._ratios[str(ratio)] = self._now

    def take_in(self, memory: Any, features: Tensor, first: int, *, windows: int = _WINDOWS) -> None:
        """Let a memory have frames, of which the first has the number ``first``."""
        step = windows * self.trial.model.window_frames
        for start in range(0, len(features), step):
            part = features[start : start + step]
            times = [self.haystack.time_s(first + start + frame) for frame in range(len(part))]
            with self._timed(self._now, "compress_s"):
                self.trial.model.append_encoded(memory, part, times)
        self._now["frames"] += len(features)

    def ask(self, memory: Any, asks: Sequence[Ask]) -> None:
        """Ask all at once, and keep how much the memory holds by now."""
        with self._timed(self._now, "ask_s"):
            verdicts = self.trial.model.verdicts(memory, [ask.query for ask in asks])
        self._now["memory_bytes"] = max(memory.num_bytes, self._now.get("memory_bytes", 0))
        for ask, verdict in zip(asks, verdicts, strict=True):
            said = verdict.answer
            self._keep(Answer.of(ask, said, verdict.probability(said), right=said == ask.truth))

    def ask_gone(self, memory: Any, needle: Needle) -> None:
        """Ask for a needle that has left: in its own span, where it must be said; and in all that is left."""
        at, half_s = self.haystack.time_s(needle.frame), 0.45 / self.haystack.fps
        question, answers = colour_question(needle.colour)
        ask = Ask("gone", Query(question, answers, Span(at - half_s, at + half_s)), NO_LONGER, needle)
        try:
            [verdict] = self.trial.model.verdicts(memory, [ask.query])
            self._keep(Answer.of(ask, verdict.answer, verdict.probability(verdict.answer), right=False))
        except NotInMemoryError as e:
            self._keep(Answer.of(ask, str(e), 0.0, right=NO_LONGER in str(e)))
        self.ask(memory, [Ask("left", Query(question, answers), NONE, needle)])

    def _keep(self, answer: Answer) -> None:
        self._now["answers"].append(asdict(answer))

    @property
    def _on_gpu(self) -> bool:
        return torch.device(self.trial.device).type == "cuda"

    @contextmanager
    def _timed(self, times: dict[str, Any], name: str) -> Iterator[None]:
        begun = perf_counter()
        yield
        if self._on_gpu:
            torch.cuda.synchronize(self.trial.device)
        times[name] += perf_counter() - begun

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        one = self.haystack
        about = {"seed": one.seed, "num_frames": one.num_frames, "style": one.style}
        return {**about, "times": self._times, "ratios": self._ratios}


def _colour_ask(needle: Needle) -> Ask:
    question, answers = colour_question(needle.colour)
    return Ask("needle", Query(question, answers), brand_name(needle.brand), needle)


def _absent_ask(colour: int) -> Ask:
    question, answers = colour_question(colour)
    return Ask("none", Query(question, answers), NONE)
