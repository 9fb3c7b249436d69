"""Weights folders: the released layout and our own, safetensors only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import AutoTokenizer, GenerationConfig, PreTrainedTokenizerFast
from transformers.utils import CONFIG_NAME, SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME

from videoxl_stream.errors import CheckpointError
from videoxl_stream.model.configuration import VideoXLConfig
from videoxl_stream.model.network import VideoXLForConditionalGeneration

_RENAMES = (
    (r"^model\.vision_tower\.vision_tower\.vision_model\.", "model.vision.tower."),
    (r"^model\.mm_projector\.0\.", "model.vision.projector.linear_1."),
    (r"^model\.mm_projector\.2\.", "model.vision.projector.linear_2."),
    (r"^model\.(embed_tokens|beacon_embed_tokens|layers|norm)\.", r"model.language_model.\1."),
)
_TEXT_KEYS = (
    "vocab_size hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads hidden_act "
    "max_position_embeddings initializer_range rms_norm_eps attention_dropout bos_token_id eos_token_id pad_token_id "
    "beacon_window beacon_ratio beacon_param"
).split()
_VISION_PREFIX = "model.vision_tower.vision_tower.vision_model."
_CLIP_HEAD_DIM = 64


def embedded_path() -> Path:
    """Folder of the small model that ships with the package."""
    return Path(__file__).parent / "embedded"


def our_name(released: str) -> str:
    """Name of a released tensor in our network."""
    for pattern, replacement in _RENAMES:
        released, count = re.subn(pattern, replacement, released)
        if count:
            break
    return released


def read_json(path: Path) -> dict[str, Any]:
    """Read one JSON object of a checkpoint.

    Raises:
        CheckpointError: it is missing or is no JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as e:
        msg = f"{path} is missing; give the folder that holds config.json and the safetensors files"
        raise CheckpointError(msg) from e
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as e:
        msg = f"{path} is not readable JSON ({e}); copy the checkpoint again"
        raise CheckpointError(msg) from e
    if not isinstance(content, dict):
        msg = f"{path} holds no JSON object; copy the checkpoint again"
        raise CheckpointError(msg)
    return content


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint, in order.

    Raises:
        CheckpointError: there are none, some are missing, or only pickles are there.
    """
    index = folder / SAFE_WEIGHTS_INDEX_NAME
    if index.exists():
        files = [folder / name for name in sorted(set(read_json(index).get("weight_map", {}).values()))]
        missing = [file.name for file in files if not file.exists()]
        if missing:
            msg = f"{folder} lacks {', '.join(missing)}, which {index.name} lists; copy the missing shards"
            raise CheckpointError(msg)
        return files
    if (folder / SAFE_WEIGHTS_NAME).exists():
        return [folder / SAFE_WEIGHTS_NAME]
    pickles = sorted(file.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for file in folder.glob(pattern))
    if pickles:
        msg = (
            f"{folder / pickles[0]} is a pickle, which can run code when it is read, so it is never opened; "
            "convert it to safetensors on a machine you trust"
        )
        raise CheckpointError(msg)
    msg = f"{folder} holds no {SAFE_WEIGHTS_NAME} and no {SAFE_WEIGHTS_INDEX_NAME}; give a checkpoint folder"
    raise CheckpointError(msg)


def read_tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """All tensors of a checkpoint under their stored names; each is mapped from disk, not copied.

    Raises:
        CheckpointError: a file is damaged.
    """
    for file in weight_files(folder):
        try:
            with safe_open(file, framework="pt") as tensors:
                for name in tensors.keys():
                    yield name, tensors.get_tensor(name)
        except (SafetensorError, OSError) as e:
            msg = f"{file} is damaged or cut short ({e}); copy this file again"
            raise CheckpointError(msg) from e


def is_ours(config: Mapping[str, Any]) -> bool:
    """Whether a config.json is of our own layout."""
    return bool(config.get("model_type") == VideoXLConfig.model_type)


def released_config(folder: Path, config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> VideoXLConfig:
    """Our config for a released checkpoint, recognised by its beacon_* and mm_* keys, whatever its model_type says.

    Raises:
        CheckpointError: it is another kind of model.
    """
    lacking = [key for key in ("beacon_window", "mm_hidden_size", "hidden_size") if key not in config]
    if lacking:
        msg = (
            f"{folder / CONFIG_NAME} has no {', '.join(lacking)}: this is no Video-XL checkpoint "
            f"(model_type {config.get('model_type')!r}); give a folder in the layout of sy1998/Video_XL or our own"
        )
        raise CheckpointError(msg)
    text = {key: config[key] for key in _TEXT_KEYS if config.get(key) is not None}
    text["rope_theta"] = config.get("rope_theta", 1e6)
    return VideoXLConfig(
        text_config=text,
        vision_config=_vision_config(folder, config, shapes),
        vision_select_layer=config.get("mm_vision_select_layer", -1),
        spatial_pool_mode=config.get("mm_spatial_pool_mode") or "average",
        spatial_pool_stride=config.get("mm_spatial_pool_stride") or 2,
        image_grid_pinpoints=config.get("image_grid_pinpoints"),
        dtype=config.get("torch_dtype"),
    )


def _vision_config(folder: Path, config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """The tower's config: beside the checkpoint if it is there, else read off the tensors' shapes.

    The released config names a path of its trainers' machine, so that path is only tried inside the folder.
    """
    tower = folder / Path(str(config.get("mm_vision_tower", ""))).name / CONFIG_NAME
    if tower.is_file() and tower.parent != folder:
        content = read_json(tower)
        return dict(content.get("vision_config", content))
    try:
        width, channels, patch, _ = shapes[_VISION_PREFIX + "embeddings.patch_embedding.weight"]
        positions = shapes[_VISION_PREFIX + "embeddings.position_embedding.weight"][0]
        mlp = shapes[_VISION_PREFIX + "encoder.layers.0.mlp.fc1.weight"][0]
    except KeyError as e:
        msg = f"{folder} lacks the vision tower's tensor {e}; Video-XL's tower is tuned and must be in the checkpoint"
        raise CheckpointError(msg) from e
    layers = {name[len(_VISION_PREFIX) :].split(".")[2] for name in shapes if name.startswith(_VISION_PREFIX + "enc")}
    return {
        "hidden_size": width,
        "intermediate_size": mlp,
        "num_hidden_layers": len(layers),
        "num_attention_heads": max(1, width // _CLIP_HEAD_DIM),
        "num_channels": channels,
        "patch_size": patch,
        "image_size": round((positions - 1) ** 0.5) * patch,
        "hidden_act": "quick_gelu",
    }


def compare(expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> dict[str, list[str]]:
    """What is missing, left over or of another shape, by tensor name."""
    return {
        "missing": sorted(expected.keys() - found.keys()),
        "left over": sorted(found.keys() - expected.keys()),
        "of another shape": sorted(n for n in expected.keys() & found.keys() if expected[n] != found[n]),
    }


def expected_shapes(config: VideoXLConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor the network has under our names, without allocating any."""
    with torch.device("meta"):
        network = VideoXLForConditionalGeneration(config)
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def open_checkpoint(folder: Path) -> tuple[VideoXLConfig, dict[str, Tensor]]:
    """Config and tensors, under our names, of a folder in either layout.

    Raises:
        CheckpointError: something is missing, damaged, unsafe, or does not fit together.
    """
    if not folder.is_dir():
        msg = f"{folder} is no folder; give the folder that holds config.json and the safetensors files"
        raise CheckpointError(msg)
    raw = read_json(folder / CONFIG_NAME)
    stored = dict(read_tensors(folder))
    if is_ours(raw):
        config, tensors = VideoXLConfig.from_pretrained(folder), stored
    else:
        config = released_config(folder, raw, {name: tuple(t.shape) for name, t in stored.items()})
        tensors = {our_name(name): tensor for name, tensor in stored.items()}
    wrong = compare(expected_shapes(config), {name: tuple(t.shape) for name, t in tensors.items()})
    faults = [f"{len(names)} {what} (first: {names[0]})" for what, names in wrong.items() if names]
    if faults:
        msg = f"{folder}: tensors do not fit its config.json: {'; '.join(faults)}; copy the checkpoint again"
        raise CheckpointError(msg)
    return config, tensors


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer beside the weights.

    Raises:
        CheckpointError: there is none, or it is not of the fast kind.
    """
    remedy = "copy tokenizer.json and its configs beside the weights"
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as e:
        msg = f"{folder} has no usable tokenizer ({e}); {remedy}"
        raise CheckpointError(msg) from e
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        msg = f"{folder} gives a {type(tokenizer).__name__}, which cannot stream words; {remedy}"
        raise CheckpointError(msg)
    return tokenizer


def load_network(
    folder: str | Path,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | None = None,
    attention: str = "sdpa",
) -> VideoXLForConditionalGeneration:
    """Load a checkpoint of either layout, ready for inference.

    Args:
        folder: where config.json and the safetensors files are.
        device: where to put it.
        dtype: precision; None for the checkpoint's own, float32 on a CPU.
        attention: "sdpa", "eager", "flash_attention_2" or "flash_attention_3".

    Raises:
        CheckpointError: as ``open_checkpoint``.
    """
    folder = Path(folder)
    config, tensors = open_checkpoint(folder)
    if dtype is None:
        stored = next(iter(tensors.values())).dtype
        dtype = torch.float32 if torch.device(device).type == "cpu" else stored
    network: Any = VideoXLForConditionalGeneration.from_pretrained(
        None, config=config, state_dict=tensors, dtype=dtype, attn_implementation=attention
    )
    if (folder / "generation_config.json").is_file():
        network.generation_config = GenerationConfig.from_pretrained(folder)
    return network.to(device).eval()  # type: ignore[no-any-return]
