"""Whether a checkpoint is all right: every check is made and told, not only the first that fails."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from videoxl_stream.errors import CheckpointError, ModelError, VideoXLStreamError
from videoxl_stream.model.checkpoint import (
    Stored,
    read_config,
    read_header,
    read_headers,
    read_tensors,
    weight_files,
    weight_map,
)
from videoxl_stream.model.configuration import VideoXLConfig
from videoxl_stream.model.processing import load_pictures
from videoxl_stream.model.prompts import END_OF_TURN, chat_prompt
from videoxl_stream.model.released import Shapes, recognise
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.model.weights import (
    compare,
    is_ours,
    load_generation_config,
    load_tokenizer,
    network_config,
    renamed,
)

_PART = 2**24
_FLOATS = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
_START_OF_TURN = "<|im_start|>"

Progress = Callable[[int, int], None]
"""Told how many tensors of how many have been read."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question about a checkpoint.

    Args:
        name: what is checked.
        ok: None where an earlier failure leaves nothing to check.
        found: what was seen.
        remedy: what to do; empty where nothing is to be done.
    """

    name: str
    ok: bool | None
    found: str
    remedy: str = ""


class _NothingToCheckError(Exception):
    """Raised by a check that needs what an earlier one could not read."""


class _Checkpoint:
    """What the checks look at; each part is read once, and raises again for every check that needs it."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self.folder, self.progress = folder, progress

    @cached_property
    def raw(self) -> dict[str, Any]:
        return read_config(self.folder)

    @cached_property
    def headers(self) -> dict[str, Stored]:
        return read_headers(self.folder)

    @cached_property
    def described(self) -> tuple[VideoXLConfig, Shapes]:
        return network_config(self.folder, self.raw, {name: s.shape for name, s in self.headers.items()})

    @cached_property
    def config(self) -> VideoXLConfig:
        return self.described[0]

    @cached_property
    def differences(self) -> dict[str, list[str]]:
        found = {renamed(self.raw, name): s.shape for name, s in self.headers.items()}
        if self.config.tie_word_embeddings:
            found.pop("lm_head.weight", None)
        return compare(self.described[1], found)

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerFast:
        return load_tokenizer(self.folder)

    def need(self, part: str) -> Any:
        """A part, or ``_NothingToCheckError`` where it cannot be had."""
        try:
            return getattr(self, part)
        except CheckpointError as e:
            raise _NothingToCheckError from e


def _config(c: _Checkpoint) -> str:
    kind = "our own layout" if is_ours(c.raw) else f"released layout, model_type {c.raw.get('model_type')!r}"
    if not is_ours(c.raw):
        recognise(c.folder, c.raw)
    try:
        c.need("headers")
    except _NothingToCheckError:
        return f"{kind}; its numbers cannot be judged without the weights"
    text, layer = c.config.text, c.config.vision_select_layer
    return f"{kind}; window {text.beacon_window} tokens, ratios {text.ratios}, select layer {layer}"


def _files(c: _Checkpoint) -> str:
    files = weight_files(c.folder)
    size = sum(file.stat().st_size for file in files)
    return f"{len(files)} safetensors file{'s' * (len(files) > 1)}, {size / 1e9:.2f} GB; no pickle is needed"


def _complete(c: _Checkpoint) -> str:
    faults = []
    try:
        files = weight_files(c.folder)
    except CheckpointError as e:
        raise _NothingToCheckError from e
    for file in files:
        try:
            read_header(file)
        except CheckpointError as e:
            faults.append(str(e).rpartition("; ")[0])
    if faults:
        msg = f"{'. '.join(faults)}; copy these files again"
        raise CheckpointError(msg)
    return "every file is as long as its header says"


def _index(c: _Checkpoint) -> str:
    headers = c.need("headers")
    listed = weight_map(c.folder)
    if listed is None:
        return "one file, no index needed"
    wrong = sorted(name for name in listed.keys() | headers.keys() if _file(headers, name) != listed.get(name))
    if wrong:
        msg = f"{len(wrong)} tensors are not in the file that the index says (first: {wrong[0]}); copy all files again"
        raise CheckpointError(msg)
    return f"{len(listed)} tensors, each in the file that the index says"


def _file(headers: dict[str, Stored], name: str) -> Path | None:
    return headers[name].file if name in headers else None


def _names(c: _Checkpoint) -> str:
    differences = c.need("differences")
    faults = [f"{len(n)} {kind} (first: {n[0]})" for kind in ("missing", "left over") if (n := differences[kind])]
    if faults:
        msg = f"{' and '.join(faults)}; the config belongs to other weights, or a shard does: copy all files again"
        raise CheckpointError(msg)
    return f"all {len(c.headers)} tensors have their place, none is left over"


def _shapes(c: _Checkpoint) -> str:
    wrong = c.need("differences")["of another shape"]
    if wrong:
        found = {renamed(c.raw, name): s.shape for name, s in c.headers.items()}[wrong[0]]
        expected = c.described[1][wrong[0]]
        msg = (
            f"{len(wrong)} differ (first: {wrong[0]} is {found}, expected {expected}); use the config of these weights"
        )
        raise CheckpointError(msg)
    return "as the config says"


def _parameters(c: _Checkpoint) -> str:
    return f"{sum(math.prod(s.shape) for s in c.need('headers').values()):,}"


def _precision(c: _Checkpoint) -> str:
    count = Counter(s.dtype for s in c.need("headers").values())
    if odd := sorted(count.keys() - _FLOATS.keys()):
        msg = (
            f"tensors of type {', '.join(odd)}; quantised weights are not supported, use {', '.join(_FLOATS.values())}"
        )
        raise CheckpointError(msg)
    return ", ".join(f"{_FLOATS[dtype]} ({number} tensors)" for dtype, number in count.most_common())


def _numbers(c: _Checkpoint) -> str:
    total, wrong = len(c.need("headers")), []
    for number, (name, tensor) in enumerate(read_tensors(c.folder), start=1):
        if not _finite(tensor):
            wrong.append(f"{name} in {c.headers[name].file.name}")
        c.progress(number, total)
    if wrong:
        msg = f"NaN or infinity in {len(wrong)} tensors (first: {wrong[0]}); copy these files again"
        raise CheckpointError(msg)
    return "all finite"


def _finite(tensor: Tensor) -> bool:
    """Whether all numbers are; in parts, so that no copy of a large tensor is made."""
    return all(bool(part.isfinite().all()) for part in tensor.flatten().split(_PART))


def _tokenizer(c: _Checkpoint) -> str:
    text = chat_prompt([("user", "Is the gate open?"), ("assistant", "yes")])
    if c.tokenizer.decode(c.tokenizer.encode(text)) != text:
        msg = "a text does not survive encoding and decoding; copy tokenizer.json and its configs again"
        raise CheckpointError(msg)
    return f"{type(c.tokenizer).__name__}, {len(c.tokenizer)} tokens"


def _markup(c: _Checkpoint) -> str:
    tokenizer = c.need("tokenizer")
    found = {token: tokenizer.encode(token) for token in (_START_OF_TURN, END_OF_TURN)}
    broken = [token for token, ids in found.items() if len(ids) != 1 or ids[0] == tokenizer.unk_token_id]
    if broken:
        msg = f"{' and '.join(broken)} must be one token each; copy the tokenizer that belongs to these weights"
        raise CheckpointError(msg)
    return ", ".join(f"{token} = {ids[0]}" for token, ids in found.items())


def _vocabulary(c: _Checkpoint) -> str:
    highest, fill = max(c.need("tokenizer").get_vocab().values()), c.need("config").fill_token_id
    if highest >= fill:
        msg = (
            f"ids go up to {highest}, but the weights know {fill + 1} and the last one stands for visual tokens; "
            "copy the tokenizer that belongs to these weights"
        )
        raise CheckpointError(msg)
    return f"ids up to {highest} of {fill + 1}"


def _generation(c: _Checkpoint) -> str:
    config, size = load_generation_config(c.folder), c.need("config").text.vocab_size
    if config is None:
        return f"no generation_config.json; answers end with {END_OF_TURN}"
    ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    if any(end is not None and not 0 <= end < size for end in ends):
        msg = f"eos_token_id {config.eos_token_id} is outside the vocabulary of {size}; use the file of these weights"
        raise CheckpointError(msg)
    return f"ends at {config.eos_token_id}, repetition penalty {config.repetition_penalty or 1.0}"


def _pictures(c: _Checkpoint) -> str:
    config = c.need("config")
    pictures = load_pictures(c.folder, config.image_size)
    side = config.image_size // config.vision.patch_size
    if config.image_size % config.vision.patch_size or side % config.spatial_pool_stride:
        msg = (
            f"{config.image_size} pixels in patches of {config.vision.patch_size} cannot be pooled by "
            f"{config.spatial_pool_stride}; use the config of these weights"
        )
        raise CheckpointError(msg)
    frame = config.tokens_per_frame
    return f"{pictures.size} pixels square, fit {pictures.how!r}, {frame} visual tokens per frame"


_CHECKS: dict[str, Callable[[_Checkpoint], str]] = {
    "config": _config,
    "weight files": _files,
    "complete": _complete,
    "index": _index,
    "tensor names": _names,
    "tensor shapes": _shapes,
    "parameters": _parameters,
    "precision": _precision,
    "numbers": _numbers,
    "tokenizer": _tokenizer,
    "chat markup": _markup,
    "vocabulary": _vocabulary,
    "generation": _generation,
    "preprocessing": _pictures,
}


def verify(folder: Path, *, progress: Progress = lambda done, total: None) -> Iterator[Check]:
    """Make every check of a checkpoint; tensors are read one by one and never all held.

    Args:
        folder: in the released or in our own layout.
        progress: told how far the reading of all numbers is.
    """
    checkpoint = _Checkpoint(folder, progress)
    for name, check in _CHECKS.items():
        try:
            yield Check(name, True, check(checkpoint))
        except _NothingToCheckError:
            yield Check(name, None, "needs what failed above")
        except CheckpointError as e:
            found, _, remedy = str(e).rpartition("; ")
            yield Check(name, False, found, remedy)


def try_out(folder: Path, device: str = "cpu") -> Check:
    """Load the model and ask one question about a picture made here."""
    y, x = np.mgrid[:240, :320]
    picture = np.stack([x * 255 // 320, y * 255 // 240, ((x // 40 + y // 40) % 2) * 255], axis=-1).astype(np.uint8)
    try:
        model = VideoXL.from_pretrained(folder, device=device)
        memory = model.open_memory()
        model.append(memory, [picture] * model.window_frames, [float(i) for i in range(model.window_frames)])
        with torch.no_grad():
            words = "".join(model.answer(memory, "What is in the picture?", max_new_tokens=20))
        if not all(bool(states.isfinite().all()) for states in memory.beacon_states()):
            msg = "the memory holds numbers that are not finite; load it in another precision"
            raise ModelError(msg)
    except (VideoXLStreamError, RuntimeError) as e:
        found, _, remedy = str(e).rpartition("; ")
        return Check("run", False, found or str(e), remedy if found else "load it in another precision or elsewhere")
    return Check("run", True, f"asked what is in the picture, it says {words!r}")
