"""The layout in which sy1998/Video_XL is released: its names, and its config.json in our words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers.utils import CONFIG_NAME

from videoxl_stream.errors import CheckpointError
from videoxl_stream.model.checkpoint import read_json
from videoxl_stream.model.configuration import VideoXLConfig

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
# What the original's code could also do, but no released model does; the only values that are written here.
_ONLY: dict[str, tuple[object, ...]] = {
    "beacon_accum": (True,),
    "beacon_attn": ("full-coverage",),
    "beacon_parallel_window": (1,),
    "beacon_pos": ("interleave",),
    "beacon_sink_size": (0,),
    "mm_projector_type": ("mlp2x_gelu",),
    "mm_vision_select_feature": ("patch",),
}
_VISION_PREFIX = "model.vision_tower.vision_tower.vision_model."
_CLIP_HEAD_DIM = 64

Shapes = Mapping[str, tuple[int, ...]]


def our_name(released: str) -> str:
    """Name of a released tensor in our network."""
    for pattern, replacement in _RENAMES:
        released, count = re.subn(pattern, replacement, released)
        if count:
            break
    return released


def released_config(
    folder: Path, config: Mapping[str, Any], shapes: Shapes, *, init_beacons: bool = False
) -> VideoXLConfig:
    """Our config for a released checkpoint, recognised by its beacon_* and mm_* keys, whatever its model_type says.

    Args:
        folder: the checkpoint.
        config: its config.json.
        shapes: of its tensors, by stored name.
        init_beacons: whether beacons may be unknown to it.

    Raises:
        CheckpointError: it is another kind of model, or uses a part of the original that is not written here.
    """
    recognise(folder, config, init_beacons=init_beacons)
    text = {key: config[key] for key in _TEXT_KEYS if config.get(key) is not None}
    text["rope_theta"] = config.get("rope_theta") or 1e6
    if "beacon_window" in config:
        text.setdefault("beacon_param", [])  # the original's default: beacons without projections of their own
    aspect = str(config.get("image_aspect_ratio"))  # what else there is leaves an image whole
    select = config.get("mm_vision_select_layer")
    return VideoXLConfig(
        text_config=text,
        vision_config=_vision_config(folder, config, shapes),
        vision_select_layer=-1 if select is None else select,
        spatial_pool_mode=config.get("mm_spatial_pool_mode") or "average",
        spatial_pool_stride=config.get("mm_spatial_pool_stride") or 2,
        image_grid_pinpoints=config.get("image_grid_pinpoints") if "anyres" in aspect else None,
        tie_word_embeddings=bool(config.get("tie_word_embeddings")),
        dtype=config.get("torch_dtype"),
    )


def recognise(folder: Path, config: Mapping[str, Any], *, init_beacons: bool = False) -> None:
    """Refuse a config.json that is not of a released Video-XL.

    Raises:
        CheckpointError: it is of another kind of model, or uses a part of the original that is not written here.
    """
    needed = ["mm_hidden_size", "hidden_size", "vocab_size"] + ([] if init_beacons else ["beacon_window"])
    lacking = [key for key in needed if key not in config]
    if lacking:
        msg = (
            f"{folder / CONFIG_NAME} has no {', '.join(lacking)}: this is no Video-XL checkpoint "
            f"(model_type {config.get('model_type')!r}); give a folder in the layout of sy1998/Video_XL or our own"
        )
        raise CheckpointError(msg)
    for key, known in _ONLY.items():
        value = config.get(key)
        if value is not None and value not in known:
            msg = f"{folder / CONFIG_NAME} sets {key}={value!r}, only {known[0]!r} is supported; give other weights"
            raise CheckpointError(msg)


def _vision_config(folder: Path, config: Mapping[str, Any], shapes: Shapes) -> dict[str, Any]:
    """The tower's config: beside the checkpoint if it is there, else read off the tensors' shapes.

    The released config names a path of its trainers' machine, so only its last part is tried, inside the folder.
    """
    name = Path(str(config.get("mm_vision_tower") or "")).name
    tower = folder / name / CONFIG_NAME
    if name not in {"", ".", ".."} and tower.is_file():
        content = read_json(tower)
        inner = content.get("vision_config", content)
        if not isinstance(inner, dict):
            msg = f"{tower} has no vision_config; copy this file again"
            raise CheckpointError(msg)
        return dict(inner)
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
