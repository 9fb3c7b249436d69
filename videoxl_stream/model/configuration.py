"""Configurations: the difference that beacons and frames make to Qwen2 and CLIP."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from transformers import AutoConfig, CLIPVisionConfig, PreTrainedConfig, Qwen2Config

from videoxl_stream.errors import ConfigError


class BeaconQwen2Config(Qwen2Config):
    """Qwen2 whose visual tokens are compressed by beacons (Activation Beacon, arXiv 2401.03462).

    Args:
        beacon_window: raw visual tokens in one full window.
        beacon_ratio: the ratios that may be used; with several, the network draws one per window unless told.
        beacon_param: which projections beacons have of their own, letters of "q", "k", "v".
        beacon_seed: seed of the draw (the original's 42).
    """

    model_type = "videoxl_text"

    beacon_window: int = 1440
    beacon_ratio: list[int] | None = None
    beacon_param: list[str] | None = None
    beacon_seed: int = 42

    def __post_init__(self, **kwargs: Any) -> None:
        """Fill defaults and refuse ratios that can never compress."""
        self.beacon_ratio = [8] if self.beacon_ratio is None else list(self.beacon_ratio)
        self.beacon_param = ["q", "k", "v"] if self.beacon_param is None else list(self.beacon_param)
        super().__post_init__(**kwargs)
        if self.beacon_window < 1 or not self.beacon_ratio or min(self.beacon_ratio) < 1:
            msg = f"beacon_window {self.beacon_window} and beacon_ratio {self.beacon_ratio} must be 1 or more"
            raise ConfigError(msg)
        if set(self.beacon_param) - set("qkv"):
            msg = f"beacon_param {self.beacon_param} may hold only 'q', 'k' and 'v'"
            raise ConfigError(msg)

    @property
    def ratios(self) -> list[int]:
        """The ratios that may be used, never empty."""
        return cast("list[int]", self.beacon_ratio)

    @property
    def num_kv_heads(self) -> int:
        """Key-value heads."""
        return self.num_key_value_heads or self.num_attention_heads

    @property
    def size_of_head(self) -> int:
        """Width of one head."""
        return getattr(self, "head_dim", None) or self.hidden_size // self.num_attention_heads

    @property
    def theta(self) -> float:
        """Base of the rotary frequencies."""
        return float(cast("dict[str, Any]", self.rope_parameters)["rope_theta"])


class VideoXLConfig(PreTrainedConfig):
    """A CLIP tower, a projector and a beacon Qwen2.

    Args:
        vision_select_layer: which hidden state of the tower is used; it counts the embedding output, so that -1 is
            the last layer before ``post_layernorm``.
        spatial_pool_mode: "average" or "max", over 2x2 patches of video frames.
        image_grid_pinpoints: (width, height) canvases that any-resolution images may be laid out on.
    """

    model_type = "videoxl"
    sub_configs: ClassVar = {"vision_config": CLIPVisionConfig, "text_config": BeaconQwen2Config}

    vision_config: dict[str, Any] | PreTrainedConfig | None = None
    text_config: dict[str, Any] | PreTrainedConfig | None = None
    vision_select_layer: int = -2
    spatial_pool_mode: str = "average"
    spatial_pool_stride: int = 2
    image_grid_pinpoints: list[list[int]] | None = None
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        """Complete the two inner configs and refuse pooling that the original does not have."""
        for name, kind in self.sub_configs.items():
            inner = getattr(self, name)
            if not isinstance(inner, PreTrainedConfig):
                setattr(self, name, kind(**(inner or {})))
        super().__post_init__(**kwargs)
        if self.spatial_pool_mode not in ("average", "max"):
            msg = f"spatial_pool_mode {self.spatial_pool_mode!r} is unknown; use 'average' or 'max'"
            raise ConfigError(msg)
        layers = self.vision.num_hidden_layers
        select: object = self.vision_select_layer  # not checked by the library
        if not isinstance(select, int) or not -layers - 1 <= select <= layers:
            msg = f"vision_select_layer {select!r} is no hidden state of a tower of {layers} layers"
            raise ConfigError(msg)

    @property
    def text(self) -> BeaconQwen2Config:
        """The language model's config, typed."""
        return cast("BeaconQwen2Config", self.text_config)

    @property
    def vision(self) -> CLIPVisionConfig:
        """The tower's config, typed."""
        return cast("CLIPVisionConfig", self.vision_config)

    @property
    def image_size(self) -> int:
        """Edge of the tower's square pictures, in pixels."""
        return cast("int", self.vision.image_size)

    @property
    def fill_token_id(self) -> int:
        """Id that stands for one visual token in expanded prompts: the last of the vocabulary."""
        return self.text.vocab_size - 1

    @property
    def tokens_per_frame(self) -> int:
        """Visual tokens of one video frame after pooling."""
        side = self._side // self.spatial_pool_stride
        return side * side

    @property
    def tokens_per_image(self) -> int:
        """Visual tokens of one image that is not cut, which is not pooled."""
        return self._side**2

    @property
    def _side(self) -> int:
        return self.image_size // cast("int", self.vision.patch_size)


AutoConfig.register(BeaconQwen2Config.model_type, BeaconQwen2Config)
AutoConfig.register(VideoXLConfig.model_type, VideoXLConfig)
