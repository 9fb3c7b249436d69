"""Subject: the model under measure: shipped, from a folder, or of true size with random weights, for its speed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.provenance import revision
from videoxl_stream.model.configuration import VideoXLConfig
from videoxl_stream.model.network import VideoXLForConditionalGeneration
from videoxl_stream.model.pictures import PictureProcessor
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.model.weights import embedded_path, load_tokenizer

RANDOM_7B = "random-7b"
EMBEDDED = "embedded"
_GB = 10**9


@dataclass(frozen=True)
class Subject:
    """A model with what names it in a record.

    Args:
        model: ready to watch.
        name: as it was asked for.
        revision: of its weights.
        random: whether its answers mean nothing.
    """

    model: VideoXL
    name: str
    revision: str
    random: bool = False

    @classmethod
    def load(cls, name: str, device: str = "cpu") -> Subject:
        """Load a model.

        Args:
            name: ``embedded``, a folder of weights, or ``random-7b``.
            device: where to put it.

        Raises:
            ConfigError: there is no such model or device, or the device is too small.
            CheckpointError: the folder holds no weights that can be used.
        """
        check_device(device)
        if name == RANDOM_7B:
            return cls(random_model(config_7b(), device), name, "random weights, seed 0", random=True)
        folder = folder_of(name)
        return cls(VideoXL.from_pretrained(folder, device=device), name, revision(folder))

    def to_json(self) -> dict[str, str | bool]:
        """What a record says of it."""
        return {"name": self.name, "revision": self.revision, "answers_mean_nothing": self.random}


def folder_of(name: str) -> Path:
    """The folder of weights that a name stands for.

    Raises:
        ConfigError: there is none.
    """
    folder = embedded_path() if name == EMBEDDED else Path(name)
    if not folder.is_dir():
        msg = f"there is no model {name!r}; give 'embedded', a folder of weights, or '{RANDOM_7B}'"
        raise ConfigError(msg)
    return folder


def check_device(device: str) -> None:
    """Refuse a device that is not there.

    Raises:
        ConfigError: it is not.
    """
    try:
        kind = torch.device(device).type
    except RuntimeError as e:
        msg = f"{device!r} is no device; give cpu, cuda or cuda:1"
        raise ConfigError(msg) from e
    if kind == "cuda" and not torch.cuda.is_available():
        msg = "PyTorch finds no CUDA device here; give --device cpu, or install a build of PyTorch with CUDA"
        raise ConfigError(msg)


def config_7b() -> VideoXLConfig:
    """The sizes of Video-XL 7B: CLIP ViT-L/14 at 336 pixels, Qwen2-7B, windows of 10 frames of 144 tokens."""
    return VideoXLConfig(
        vision_config={
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "image_size": 336,
            "patch_size": 14,
            "hidden_act": "quick_gelu",
        },
        text_config={
            "vocab_size": 152064,
            "hidden_size": 3584,
            "intermediate_size": 18944,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "max_position_embeddings": 32768,
            "rms_norm_eps": 1e-6,
            "rope_theta": 1e6,
            "beacon_window": 1440,
            "beacon_ratio": [2, 4, 8, 16],
        },
        vision_select_layer=-2,
    )


def random_model(config: VideoXLConfig, device: str = "cpu", seed: int = 0) -> VideoXL:
    """A model of some sizes with random weights; bfloat16 on a GPU.

    It reads text with the embedded model's tokenizer, whose questions are about as long as those of the real one.

    Raises:
        ConfigError: it does not fit on the device.
    """
    on_gpu = torch.device(device).type == "cuda"
    num_bytes = (2 if on_gpu else 4) * _num_weights(config)
    if not on_gpu and num_bytes > 8 * _GB:
        msg = f"{num_bytes / _GB:.0f} GB of random weights are for a GPU; give --device cuda"
        raise ConfigError(msg)
    if on_gpu and num_bytes > torch.cuda.mem_get_info(device)[0]:
        msg = f"{num_bytes / _GB:.0f} GB of random weights do not fit on {device}; free it, or take a larger one"
        raise ConfigError(msg)
    torch.manual_seed(seed)
    with _default_dtype(torch.bfloat16 if on_gpu else torch.float32), torch.device(device):
        network = VideoXLForConditionalGeneration(config)
    network.eval().requires_grad_(requires_grad=False)
    return VideoXL(network, load_tokenizer(embedded_path()), PictureProcessor(config.image_size, "pad"))


@contextlib.contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _num_weights(config: VideoXLConfig) -> int:
    with torch.device("meta"):
        network = VideoXLForConditionalGeneration(config)
    return sum(weight.numel() for weight in network.parameters())
