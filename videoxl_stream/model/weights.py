"""Weights folders: the released layout and our own, safetensors only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen2Tokenizer
from transformers.utils import CONFIG_NAME, GENERATION_CONFIG_NAME, logging

from videoxl_stream.errors import CheckpointError, ConfigError
from videoxl_stream.model.checkpoint import read_config, read_headers, read_json, read_tensors
from videoxl_stream.model.configuration import VideoXLConfig
from videoxl_stream.model.network import VideoXLForConditionalGeneration
from videoxl_stream.model.released import Shapes, our_name, released_config

_EMBEDDING = "model.language_model.embed_tokens.weight"
_HEAD = "lm_head.weight"
_LONG_BYTES = 2**30
_ATTENTIONS = ("sdpa", "eager", "flash_attention_2", "flash_attention_3")


def embedded_path() -> Path:
    """Folder of the small model that ships with the package."""
    return Path(__file__).parent / "embedded"


def is_ours(config: Mapping[str, Any]) -> bool:
    """Whether a config.json is of our own layout."""
    return bool(config.get("model_type") == VideoXLConfig.model_type)


def network_config(
    folder: Path, raw: Mapping[str, Any], shapes: Shapes, *, init_beacons: bool = False
) -> tuple[VideoXLConfig, Shapes]:
    """Config of the network that a checkpoint describes, and the shape of every tensor it should have.

    Args:
        folder: the checkpoint.
        raw: its config.json.
        shapes: of its tensors, by stored name.
        init_beacons: see ``load_network``.

    Raises:
        CheckpointError: the config describes another kind of model, or none that can be built.
    """
    try:
        if is_ours(raw):
            config = VideoXLConfig.from_pretrained(folder, local_files_only=True)
        else:
            config = released_config(folder, raw, shapes, init_beacons=init_beacons)
        return config, expected_shapes(config)
    except CheckpointError:
        raise
    except Exception as e:  # whatever a library makes of a file that anybody may have written
        reason = " ".join(str(e).split())
        msg = f"{folder / CONFIG_NAME} describes no network that can be built ({reason}); copy this file again"
        raise CheckpointError(msg) from e


def expected_shapes(config: VideoXLConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor the network has under our names, without allocating any; a tied head is not stored."""
    with torch.device("meta"):
        network = VideoXLForConditionalGeneration(config)
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    if config.tie_word_embeddings:
        del shapes[_HEAD]
    return shapes


def renamed(raw: Mapping[str, Any], name: str) -> str:
    """Our name of a stored tensor."""
    return name if is_ours(raw) else our_name(name)


def compare(expected: Shapes, found: Shapes) -> dict[str, list[str]]:
    """What is missing, left over or of another shape, by tensor name."""
    return {
        "missing": sorted(expected.keys() - found.keys()),
        "left over": sorted(found.keys() - expected.keys()),
        "of another shape": sorted(n for n in expected.keys() & found.keys() if expected[n] != found[n]),
    }


def open_checkpoint(folder: Path, *, init_beacons: bool = False) -> tuple[VideoXLConfig, dict[str, Tensor]]:
    """Config and tensors, under our names, of a folder in either layout.

    Raises:
        CheckpointError: something is missing, damaged, unsafe, or does not fit together.
    """
    raw = read_config(folder)
    stored = {name: header.shape for name, header in read_headers(folder).items()}
    config, expected = network_config(folder, raw, stored, init_beacons=init_beacons)
    found = {renamed(raw, name): shape for name, shape in stored.items()}
    if config.tie_word_embeddings:
        found.pop(_HEAD, None)  # the embeddings once more
    wanted = {name for name in expected if "beacon_" in name} if init_beacons else set()
    to_make = wanted if not wanted & found.keys() else set()
    wrong = compare({name: shape for name, shape in expected.items() if name not in to_make}, found)
    faults = [f"{len(names)} {what} (first: {names[0]})" for what, names in wrong.items() if names]
    if faults:
        msg = f"{folder}: tensors do not fit its {CONFIG_NAME}: {'; '.join(faults)}; copy the checkpoint again"
        raise CheckpointError(msg)
    tensors = {renamed(raw, name): tensor for name, tensor in read_tensors(folder)}
    if config.tie_word_embeddings:
        tensors[_HEAD] = tensors[_EMBEDDING]
    for name in to_make:
        tensors[name] = _first_beacon(folder, config, tensors, name)
    return config, tensors


def _first_beacon(folder: Path, config: VideoXLConfig, tensors: Mapping[str, Tensor], name: str) -> Tensor:
    """What a beacon's tensor starts as, as in the original: the ordinary projection, the end token's embedding."""
    if "_proj" in name:
        return tensors[name.replace("beacon_", "")].clone()
    end = config.text.eos_token_id
    end = end[0] if isinstance(end, list) else end
    if end is None:
        msg = f"{folder / CONFIG_NAME} has no eos_token_id, whose embedding beacons start from; add it"
        raise CheckpointError(msg)
    return tensors[_EMBEDDING][end : end + 1].clone()


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer beside the weights; no code that lies there is ever run.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    if (folder / "tokenizer.json").is_file():
        kind = PreTrainedTokenizerFast
    elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        kind = Qwen2Tokenizer
    else:
        msg = f"{folder} has no tokenizer.json, nor vocab.json and merges.txt; copy the tokenizer beside the weights"
        raise CheckpointError(msg)
    try:  # by its kind, not by AutoTokenizer, which would want a config.json that it knows
        tokenizer: PreTrainedTokenizerFast = kind.from_pretrained(folder, local_files_only=True)
    except Exception as e:  # whatever a library makes of files that anybody may have written
        msg = f"{folder} has no usable tokenizer ({' '.join(str(e).split())}); copy all of its files again"
        raise CheckpointError(msg) from e
    return tokenizer


def load_generation_config(folder: Path) -> GenerationConfig | None:
    """How the checkpoint wants to generate; None where it does not say.

    Raises:
        CheckpointError: it cannot be read.
    """
    file = folder / GENERATION_CONFIG_NAME
    if not file.is_file():
        return None
    read_json(file)
    try:
        return GenerationConfig.from_pretrained(folder, local_files_only=True)
    except Exception as e:  # as above
        msg = f"{file} is not usable ({' '.join(str(e).split())}); copy this file again, or remove it"
        raise CheckpointError(msg) from e


def _check_attention(attention: str, dtype: torch.dtype) -> None:
    if attention not in _ATTENTIONS:
        msg = f"attention={attention!r} is unknown; use one of {', '.join(map(repr, _ATTENTIONS))}"
        raise ConfigError(msg)
    if attention.startswith("flash") and dtype not in (torch.float16, torch.bfloat16):
        msg = f"attention={attention!r} works in half precision, not in {dtype}; use dtype=torch.bfloat16, or 'sdpa'"
        raise ConfigError(msg)


def load_network(
    folder: str | Path,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | None = None,
    attention: str = "sdpa",
    init_beacons: bool = False,
) -> VideoXLForConditionalGeneration:
    """Load a checkpoint of either layout, ready for inference.

    Args:
        folder: where config.json and the safetensors files are.
        device: where to put it.
        dtype: precision; None for the checkpoint's own, float32 on a CPU.
        attention: "sdpa", "eager", "flash_attention_2" or "flash_attention_3"; the last two need half precision.
        init_beacons: where to begin training: if the checkpoint has no beacons at all, make them as the original
            does, projections copied from the ordinary ones and the embedding from the end token's.

    Raises:
        CheckpointError: as ``open_checkpoint``.
        ConfigError: the attention is unknown, not installed, or does not fit the precision.
    """
    folder = Path(folder)
    config, tensors = open_checkpoint(folder, init_beacons=init_beacons)
    generation = load_generation_config(folder)
    if dtype is None:
        stored = next(iter(tensors.values())).dtype
        dtype = torch.float32 if torch.device(device).type == "cpu" else stored
    _check_attention(attention, dtype)
    try:
        with _bar_only_if_long(tensors):
            network: Any = VideoXLForConditionalGeneration.from_pretrained(
                None, config=config, state_dict=tensors, dtype=dtype, attn_implementation=attention
            )
    except ImportError as e:
        msg = f"attention={attention!r} cannot be used here ({e}); use 'sdpa', or install videoxl-stream[flash]"
        raise ConfigError(msg) from e
    if generation is not None:
        network.generation_config = generation
    return network.to(device).eval()  # type: ignore[no-any-return]


@contextmanager
def _bar_only_if_long(tensors: Mapping[str, Tensor]) -> Iterator[None]:
    """Keep the library's progress bar for weights that take long to load."""
    long = sum(tensor.nbytes for tensor in tensors.values()) > _LONG_BYTES
    if long or not logging.is_progress_bar_enabled():
        yield
        return
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.enable_progress_bar()
