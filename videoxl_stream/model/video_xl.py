"""VideoXL: the network as streams use it, with all state in memories outside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from tokenizers.decoders import DecodeStream
from torch import Tensor
from transformers import LogitsProcessorList, RepetitionPenaltyLogitsProcessor

from videoxl_stream.errors import ConfigError, NotInMemoryError
from videoxl_stream.frames import Image
from videoxl_stream.model import memory_file, memory_parts
from videoxl_stream.model.beacon import is_flash
from videoxl_stream.model.memory import VideoMemory
from videoxl_stream.model.network import VideoXLForConditionalGeneration
from videoxl_stream.model.pictures import Fit, PictureProcessor, check_picture
from videoxl_stream.model.processing import VideoXLProcessor
from videoxl_stream.model.prompts import DEFAULT_SYSTEM, END_OF_TURN, around_footage
from videoxl_stream.model.steps import Question, QuestionsStep
from videoxl_stream.model.weights import embedded_path, load_network
from videoxl_stream.queries import Query, Span, Verdict

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_PREFERRED_RATIO = 8
_VISION_BATCH = 32


class VideoXL:
    """Turns footage into memory and answers questions about it.

    One network serves any number of memories; nothing of a stream stays in it.

    Args:
        network: loaded weights.
        tokenizer: with Qwen's chat markup.
        pictures: fits frames to the tower.
        gap_s: a longer pause between frames, or a jump back, closes the window, so that no chunk spans it.
    """

    def __init__(
        self,
        network: VideoXLForConditionalGeneration,
        tokenizer: PreTrainedTokenizerFast,
        pictures: PictureProcessor,
        *,
        gap_s: float = 10.0,
    ) -> None:
        self.network, self.tokenizer, self.pictures, self.gap_s = network, tokenizer, pictures, gap_s
        self._end = tokenizer.convert_tokens_to_ids(END_OF_TURN)
        self._question_template = around_footage()[1]

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path = "embedded",
        *,
        device: str | torch.device = "cpu",
        dtype: torch.dtype | None = None,
        attention: str = "sdpa",
        fit: Fit | None = None,
        gap_s: float = 10.0,
    ) -> VideoXL:
        """Load weights in the released or in our own layout.

        Args:
            folder: checkpoint folder, or "embedded" for the small model that ships with the package.
            device: where to put it.
            dtype: precision; None for the checkpoint's own, float32 on a CPU.
            attention: "sdpa", "eager", "flash_attention_2" or "flash_attention_3".
            fit: how frames are made square; None for what the checkpoint says, else the whole picture, padded.
                Use "crop" to reproduce the original, which cuts the sides off wide pictures.
            gap_s: see the class.

        Raises:
            CheckpointError: weights or tokenizer are missing or damaged.
        """
        path = embedded_path() if str(folder) == "embedded" else Path(folder)
        network = load_network(path, device=device, dtype=dtype, attention=attention)
        processor = VideoXLProcessor.from_pretrained(path, fit=fit, config=network.config)
        return cls(network, processor.tokenizer, processor.pictures, gap_s=gap_s)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write network, tokenizer and preprocessing in our own layout."""
        self.network.save_pretrained(folder)
        self.processor.save_pretrained(folder)

    @property
    def processor(self) -> VideoXLProcessor:
        """For the network's own ``generate``, outside streams."""
        return VideoXLProcessor(self.tokenizer, self.pictures, self.network.config)

    @property
    def window_frames(self) -> int:
        """Frames that fill one window."""
        config = self.network.config
        return max(1, config.text.beacon_window // config.tokens_per_frame)

    @property
    def fingerprint(self) -> str:
        """Names the network a memory belongs to: a digest of its config and of samples of its weights."""
        text = self.network.config.text.to_dict()
        digest = hashlib.sha256(json.dumps(text, sort_keys=True, default=str).encode())
        for tensor in (self.network.text.norm.weight, self.network.text.beacon_embed_tokens.weight):
            digest.update(tensor.detach().float().cpu().numpy().tobytes())
        return digest.hexdigest()[:32]

    # ---- footage in

    def open_memory(
        self, *, system: str | None = None, ratio: int | None = None, budget: int | None = None
    ) -> VideoMemory:
        """Begin an empty memory.

        Args:
            system: system prompt; None for the original's.
            ratio: visual tokens per remembered one; None for 8 where the weights know it, else the nearest below.
            budget: slots kept at most; the oldest chunks leave. None for no limit.

        Raises:
            ConfigError: ratio or budget cannot work.
        """
        window, known = self.network.config.text.beacon_window, self.network.config.text.ratios
        if ratio is None:
            ratio = max((r for r in known if r <= _PREFERRED_RATIO), default=min(known))
        if not 1 <= ratio <= window:
            msg = f"ratio {ratio} must be from 1 to the window's {window} tokens; the weights were made for {known}"
            raise ConfigError(msg)
        if budget is not None and budget < -(-window // ratio):
            msg = f"a budget of {budget} slots cannot hold one window, which leaves {-(-window // ratio)}; raise it"
            raise ConfigError(msg)
        memory = self.network.new_memory(ratio=ratio, budget=budget)
        before, _ = around_footage(DEFAULT_SYSTEM if system is None else system)
        self.network.read_prefix(memory, self._ids(before))
        return memory

    def append(self, memory: VideoMemory, frames: Sequence[Image], timestamps: Sequence[float]) -> None:
        """Add footage; what does not fill a window waits, already encoded.

        Args:
            memory: grows.
            frames: uint8 (height, width, 3) RGB.
            timestamps: presentation time of each, in seconds.

        Raises:
            ConfigError: frames or times are unusable; nothing has been added then.
        """
        times = _checked(len(frames), timestamps)
        for index, frame in enumerate(frames):
            check_picture(frame, f"frame {index}")
        for start, stop in self._stretches(memory, times):
            self._take(memory, self.encode(frames[start:stop]), times[start:stop])

    def append_encoded(self, memory: VideoMemory, features: Tensor, timestamps: Sequence[float]) -> None:
        """Add footage as ``append`` does, of frames encoded before: once for any number of memories.

        Args:
            memory: grows.
            features: what ``encode`` gave, (frames, tokens, dim).
            timestamps: presentation time of each frame, in seconds.

        Raises:
            ConfigError: features or times are unusable; nothing has been added then.
        """
        times = _checked(len(features), timestamps)
        shape = (self.network.config.tokens_per_frame, self.network.config.text.hidden_size)
        if features.shape[1:] != shape:
            msg = f"features {tuple(features.shape)} are not (frames, {shape[0]}, {shape[1]}); give what encode() gave"
            raise ConfigError(msg)
        for start, stop in self._stretches(memory, times):
            self._take(memory, features[start:stop], times[start:stop])

    def _stretches(self, memory: VideoMemory, times: np.ndarray) -> Iterator[tuple[int, int]]:
        """Frames that follow one another; between two stretches the window closes."""
        breaks = self._breaks(memory, times)
        for start, stop in pairwise((0, *breaks, len(times))):
            if start in breaks:
                self.close_window(memory)
            if stop > start:
                yield start, stop

    def _breaks(self, memory: VideoMemory, times: np.ndarray) -> list[int]:
        """Frames before which the window closes: after a gap, or where the clock jumped back."""
        if memory.last_s is None:
            step = np.diff(times, prepend=times[:1])
        else:
            step = np.diff(times, prepend=memory.last_s)
        return [int(i) for i in np.flatnonzero((step > self.gap_s) | (step < 0))]

    def _take(self, memory: VideoMemory, features: Tensor, times: np.ndarray) -> None:
        memory.pending.features.append(features.flatten(0, 1))
        memory.pending.times.append(np.repeat(times, self.network.config.tokens_per_frame))
        memory.last_s = float(times[-1])
        window = self.network.config.text.beacon_window
        self._compress(memory, memory.pending.num_tokens // window * window)

    @torch.no_grad()
    def encode(self, frames: Sequence[Image]) -> Tensor:
        """Visual tokens of frames: (frames, tokens, dim)."""
        parts = []
        for start in range(0, len(frames), _VISION_BATCH):
            pixels = self.pictures.frames(frames[start : start + _VISION_BATCH])
            parts.append(self.network.model.vision.video(pixels.to(self.network.device)))
        return torch.cat(parts)

    def _compress(self, memory: VideoMemory, num_tokens: int) -> None:
        """Compress the oldest pending tokens; the rest goes on waiting."""
        if num_tokens == 0:
            return
        features, times = torch.cat(memory.pending.features), np.concatenate(memory.pending.times)
        windows = self.network.windows(memory, num_tokens)
        self.network.compress(memory, features[:num_tokens], times[:num_tokens], windows)
        left = num_tokens < len(times)
        memory.pending.features = [features[num_tokens:].clone()] if left else []
        memory.pending.times = [times[num_tokens:]] if left else []

    def close_window(self, memory: VideoMemory) -> None:
        """Compress what is pending as a short window, as before a gap; nothing pending is no fault."""
        self._compress(memory, memory.pending.num_tokens)

    # ---- questions

    def _fork(self, memory: VideoMemory) -> VideoMemory:
        """A fork on which pending frames are compressed as a short last window."""
        fork = memory.fork()
        self.close_window(fork)
        if fork.num_slots == 0:
            msg = "there is no footage in memory yet; append frames before asking"
            raise NotInMemoryError(msg)
        return fork

    def answer(
        self, memory: VideoMemory, question: str, *, span: Span | None = None, max_new_tokens: int = 256
    ) -> Iterator[str]:
        """Answer in words, greedily, piece by piece; the memory does not change, and may grow meanwhile.

        Raises:
            NotInMemoryError: the span holds no remembered footage. Raised at once, not at the first piece.
        """
        fork = self._fork(memory)
        fork.look_at(fork.find(span))
        return self._decode(fork, self._ids(self._question_template.format(question)), max_new_tokens)

    @torch.no_grad()
    def _decode(self, fork: VideoMemory, ids: Tensor, max_new_tokens: int) -> Iterator[str]:
        network, processors, stops = self.network, self._processors(), self._stops()
        stream = DecodeStream(skip_special_tokens=True)
        before = self._tensor([*fork.prefix_ids, network.config.fill_token_id])
        seen, step = torch.cat((before, ids), dim=1), ids  # a penalty counts the whole prompt, as in the original
        for _ in range(max_new_tokens):
            hidden = network.read_text(fork, network.text.embed_tokens(step))
            scores = processors(cast("torch.LongTensor", seen), network.lm_head(hidden[:, -1]).float())
            step = scores.argmax(dim=-1, keepdim=True)
            token = int(step)
            if token in stops:
                return
            seen = torch.cat((seen, step), dim=1)
            piece = stream.step(self.tokenizer.backend_tokenizer, token)
            if piece:
                yield piece

    def _processors(self) -> LogitsProcessorList:
        penalty = self.network.generation_config.repetition_penalty
        return LogitsProcessorList([RepetitionPenaltyLogitsProcessor(penalty)] if penalty not in (None, 1.0) else [])

    def _stops(self) -> set[int]:
        stops = self.network.generation_config.eos_token_id
        return {self._end, *([stops] if isinstance(stops, int) else stops or [])}

    @torch.no_grad()
    def verdicts(self, memory: VideoMemory, queries: Sequence[Query]) -> list[Verdict]:
        """The probability of every listed answer of every query, in one forward pass; the memory does not change.

        An answer counts with the log-probability of all its tokens and of ending there, normalised over the listed
        answers.

        Raises:
            NotInMemoryError: a span holds no remembered footage.
        """
        if not queries:
            return []
        fork = self._fork(memory)
        questions, targets = [], []
        for query in queries:
            answers = [[*self.tokenizer.encode(answer), self._end] for answer in query.answers]
            asked = self._ids(self._question_template.format(query.text))[0].tolist()
            questions.append(Question(asked, [answer[:-1] for answer in answers], fork.find(query.span)))
            targets.append(answers)
        if is_flash(self.network.text.config):  # takes no mask, so trees become sequences
            scores = [s for q, t in zip(questions, targets, strict=True) for s in self._score_one_by_one(memory, q, t)]
        else:
            scores = self._score(fork, questions, targets)
        return _normalised(queries, scores)

    def _score(self, fork: VideoMemory, questions: list[Question], targets: list[list[list[int]]]) -> list[float]:
        """Log-probability of every answer of every question."""
        ids = [id_ for q in questions for part in (q.ids, *q.answers) for id_ in part]
        embeds = self.network.text.embed_tokens(self._tensor(ids))
        hidden = self.network.text(embeds, QuestionsStep(fork, questions))[0]
        places, wanted, owner = _predictions(questions, targets)
        logits = self.network.lm_head(hidden[self._tensor(places)[0]]).float()
        each = logits.log_softmax(dim=-1).gather(1, self._tensor(wanted)[0, :, None])[:, 0].double().cpu()
        totals = torch.zeros(owner[-1] + 1, dtype=torch.float64).index_add_(0, torch.tensor(owner), each)
        return totals.tolist()

    def _score_one_by_one(self, memory: VideoMemory, question: Question, targets: list[list[int]]) -> Iterator[float]:
        """The same for kernels without masks: each answer behind the question on a fork of its own."""
        for target in targets:
            fork = self._fork(memory)
            fork.look_at(question.view)
            ids = [*question.ids, *target[:-1]]
            hidden = self.network.read_text(fork, self.network.text.embed_tokens(self._tensor(ids)))
            logits = self.network.lm_head(hidden[0, len(question.ids) - 1 :]).float().log_softmax(dim=-1)
            yield float(logits.gather(1, self._tensor(target)[0, :, None]).sum())

    # ---- memories on disk

    def save_memory(self, memory: VideoMemory, path: Path) -> None:
        """Write a memory to one file, atomically."""
        memory_file.save(memory, path, self.fingerprint)

    def load_memory(self, path: Path) -> VideoMemory:
        """Read it back, bit for bit.

        Raises:
            MemoryFormatError: it is damaged or belongs to another network.
        """
        return memory_file.load(path, self.network, self.fingerprint)

    def dump_memory(self, memory: VideoMemory, after: int = 0) -> bytes:
        """What came into a memory from slot ``after`` on, and all that is no slot, as a safetensors file's bytes."""
        return memory_parts.dump(memory, self.fingerprint, after)

    def restore_memory(self, memory: VideoMemory, parts: Sequence[bytes]) -> None:
        """Fill an empty memory, opened as the dumped one was, bit for bit; slots move up where a part is missing.

        Raises:
            MemoryFormatError: a part is damaged, or of another network, ratio or prompt; nothing has been filled in.
        """
        memory_parts.restore(memory, parts, self.fingerprint)

    def _ids(self, text: str) -> Tensor:
        return self._tensor(self.tokenizer.encode(text))

    def _tensor(self, values: list[int]) -> Tensor:
        return torch.tensor([values], device=self.network.device)


def _checked(num_frames: int, timestamps: Sequence[float]) -> np.ndarray:
    """Times as an array, after refusing what cannot be appended."""
    times = np.asarray(timestamps, dtype=np.float64)
    if times.shape != (num_frames,) or not np.isfinite(times).all():
        msg = f"{num_frames} frames need as many finite timestamps in seconds, got {np.shape(timestamps)}"
        raise ConfigError(msg)
    return times


def _predictions(questions: list[Question], targets: list[list[list[int]]]) -> tuple[list[int], list[int], list[int]]:
    """Which places predict which tokens of which answer, over a sequence of question trees."""
    places, wanted, owner = [], [], []
    start = answer_number = 0
    for question, answers in zip(questions, targets, strict=True):
        at = start + len(question.ids)
        for answer in answers:
            places += [start + len(question.ids) - 1, *range(at, at + len(answer) - 1)]
            wanted += answer
            owner += [answer_number] * len(answer)
            at += len(answer) - 1
            answer_number += 1
        start += len(question)
    return places, wanted, owner


def _normalised(queries: Sequence[Query], scores: list[float]) -> list[Verdict]:
    verdicts, start = [], 0
    for query in queries:
        part = torch.tensor(scores[start : start + len(query.answers)], dtype=torch.float64)
        verdicts.append(Verdict(query, tuple(part.softmax(dim=0).tolist())))
        start += len(query.answers)
    return verdicts
