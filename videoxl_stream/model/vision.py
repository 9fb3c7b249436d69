"""Frames to visual tokens: CLIP tower, projector, 2x2 pooling."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPVisionModel

from videoxl_stream.errors import ConfigError
from videoxl_stream.model.configuration import VideoXLConfig


class Projector(nn.Module):
    """Two linear layers with an exact GELU between, from the tower's width to the language model's."""

    def __init__(self, config: VideoXLConfig) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(config.vision.hidden_size, config.text.hidden_size)
        self.linear_2 = nn.Linear(config.text.hidden_size, config.text.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        """Project (..., vision dim) to (..., text dim)."""
        out: Tensor = self.linear_2(F.gelu(self.linear_1(x)))
        return out


class VisionEncoder(nn.Module):
    """What the original does between pixels and the language model."""

    def __init__(self, config: VideoXLConfig) -> None:
        super().__init__()
        self.tower = CLIPVisionModel(config.vision)
        self.projector = Projector(config)
        self.config = config

    def patches(self, pixel_values: Tensor) -> Tensor:
        """The tower's selected hidden state without CLS: (pictures, 3, size, size) -> (pictures, patches, dim).

        Layers behind the selected one are not run.
        """
        tower = self.tower
        dtype = tower.embeddings.patch_embedding.weight.dtype
        hidden: Tensor = tower.pre_layrnorm(tower.embeddings(pixel_values.to(dtype)))
        layers = tower.encoder.layers
        index = self.config.vision_select_layer  # counts the embedding output, so that state n is behind layer n
        num_layers = index if index >= 0 else len(layers) + 1 + index
        for layer in layers[:num_layers]:
            hidden = layer(hidden, attention_mask=None)
        return hidden[:, 1:]

    def video(self, pixel_values: Tensor) -> Tensor:
        """Visual tokens of video frames: (frames, 3, size, size) -> (frames, tokens, dim), pooled, row-major."""
        return self._pool(self.projector(self.patches(pixel_values)), self.config.spatial_pool_mode)

    def image(self, pixel_values: Tensor) -> Tensor:
        """Visual tokens of one image, cut or whole: (crops, 3, size, size) -> (tokens, dim).

        One crop keeps all its patches. Of several the first (the whole image) is dropped and each other crop is
        pooled by averaging, whatever the config says of videos.
        """
        tokens: Tensor = self.projector(self.patches(pixel_values))
        if len(tokens) == 1:
            return tokens[0]
        return self._pool(tokens[1:], "average").flatten(0, 1)

    def forward(self, pixel_values: Tensor, modality: str = "video") -> Tensor:
        """Visual tokens (tokens, dim) of a video's frames or of one image's crops.

        Raises:
            ConfigError: another modality.
        """
        if modality == "video":
            return self.video(pixel_values).flatten(0, 1)
        if modality == "image":
            return self.image(pixel_values)
        msg = f"modality {modality!r} is unknown; use 'video' or 'image'"
        raise ConfigError(msg)

    def _pool(self, tokens: Tensor, mode: str) -> Tensor:
        side = round(tokens.shape[1] ** 0.5)
        grid = tokens.transpose(1, 2).unflatten(2, (side, side))  # (pictures, dim, side, side)
        pool = F.avg_pool2d if mode == "average" else F.max_pool2d
        return pool(grid, self.config.spatial_pool_stride).flatten(2).transpose(1, 2)
