"""VideoXLProcessor: text and footage to what ``generate`` takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PILImage
from transformers import BatchFeature, PreTrainedTokenizerFast

from videoxl_stream.errors import CheckpointError, ConfigError
from videoxl_stream.frames import Image
from videoxl_stream.model.checkpoint import read_config, read_headers, read_json
from videoxl_stream.model.configuration import VideoXLConfig
from videoxl_stream.model.pictures import Fit, PictureProcessor, check_picture
from videoxl_stream.model.prompts import DEFAULT_SYSTEM, IMAGE_TOKEN, IMAGE_TOKEN_INDEX, around_footage, image_token_ids
from videoxl_stream.model.weights import load_tokenizer, network_config

PICTURES_FILE = "preprocessor_config.json"

Picture = Image | PILImage.Image


class VideoXLProcessor:
    """Has the interface of transformers' processors: call it, decode with it, save and load it.

        inputs = processor(text=processor.chat("Is the gate open?"), videos=frames)
        ids = network.generate(**inputs, max_new_tokens=20)
        print(processor.decode(ids[0, -20:]))

    It is no ``ProcessorMixin``: that would load tokenizers through a config.json it knows, which the released one is
    not, and pictures through torchvision, which nothing else here needs.

    Args:
        tokenizer: with Qwen's chat markup.
        pictures: fits frames to the tower.
        config: of the network that is fed.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, pictures: PictureProcessor, config: VideoXLConfig) -> None:
        self.tokenizer, self.pictures, self.config = tokenizer, pictures, config

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, *, fit: Fit | None = None, config: VideoXLConfig | None = None
    ) -> VideoXLProcessor:
        """Load it from a checkpoint of the released or of our own layout.

        Args:
            folder: the checkpoint.
            fit: how frames are made square; None for what the checkpoint says, else the whole picture, padded.
            config: of the network, where it is known already.

        Raises:
            CheckpointError: tokenizer, config or preprocessing are missing or damaged.
            ConfigError: another way to fit.
        """
        folder = Path(folder)
        if config is None:
            raw = read_config(folder)
            config, _ = network_config(folder, raw, {name: s.shape for name, s in read_headers(folder).items()})
        return cls(load_tokenizer(folder), load_pictures(folder, config.image_size, fit), config)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write tokenizer and preprocessing beside a network of our own layout."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.tokenizer.save_pretrained(folder)
        p = self.pictures
        content = {"size": p.size, "fit": p.how, "image_mean": list(p.mean), "image_std": list(p.std)}
        (Path(folder) / PICTURES_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def __call__(
        self,
        text: str | Sequence[str] | None = None,
        *,
        videos: Sequence[Picture] | np.ndarray | None = None,
        images: Picture | Sequence[Picture] | None = None,
        expand: bool = False,
    ) -> BatchFeature:
        """Prepare one prompt with the frames of one video, or with one image, or with neither.

        Args:
            text: the prompt, ``<image>`` where the footage stands, as ``chat`` writes it.
            videos: frames, (height, width, 3) uint8 RGB or PIL, or one list of them.
            images: one picture; where the config has canvases it is cut to keep its resolution.
            expand: whether to write a fill id for each visual token instead of the one -200.

        Returns:
            ``input_ids`` (1, tokens), and with footage ``pixel_values`` (pictures, 3, size, size) and ``modality``.

        Raises:
            ConfigError: text and footage do not fit together.
        """
        if videos is not None and images is not None:
            msg = "one prompt takes a video or an image, not both; ask about them one after the other"
            raise ConfigError(msg)
        prompt = _only(text, "text") if not isinstance(text, str) else text
        data: dict[str, Any] = {}
        if videos is not None:
            data = {"pixel_values": self.pictures.frames(_frames(videos)), "modality": "video"}
        elif images is not None:
            picture = _array(images if isinstance(images, np.ndarray | PILImage.Image) else _only(images, "images"))
            data = {"pixel_values": self.pictures.image(picture, self.config.image_grid_pinpoints), "modality": "image"}
        places = prompt.count(IMAGE_TOKEN)
        if places != bool(data):
            msg = f"the prompt holds {IMAGE_TOKEN} {places} times for {int(bool(data))} pieces of footage; use chat()"
            raise ConfigError(msg)
        ids = image_token_ids(prompt, self.tokenizer)
        if expand and data:
            fills = [self.config.fill_token_id] * self.num_visual_tokens(len(data["pixel_values"]), data["modality"])
            where = ids.index(IMAGE_TOKEN_INDEX)
            ids[where : where + 1] = fills
        return BatchFeature({"input_ids": torch.tensor([ids]), **data})

    def num_visual_tokens(self, num_pictures: int, modality: str = "video") -> int:
        """Visual tokens of a video's frames or of one image's crops."""
        if modality == "video":
            return num_pictures * self.config.tokens_per_frame
        if num_pictures > 1:  # the first is the whole image, which is not used beside its crops
            return (num_pictures - 1) * self.config.tokens_per_frame
        return self.config.tokens_per_image

    def chat(self, question: str, system: str = DEFAULT_SYSTEM) -> str:
        """The prompt that asks one question about footage."""
        before, after = around_footage(system)
        return before + IMAGE_TOKEN + after.format(question)

    def decode(self, ids: Any, *, skip_special_tokens: bool = True) -> str:
        """Words of the ids of one answer."""
        return str(self.tokenizer.decode(ids, skip_special_tokens=skip_special_tokens))

    def batch_decode(self, sequences: Any, *, skip_special_tokens: bool = True) -> list[str]:
        """Words of each of several answers."""
        return [self.decode(ids, skip_special_tokens=skip_special_tokens) for ids in sequences]


def load_pictures(folder: Path, size: int, how: Fit | None = None) -> PictureProcessor:
    """Preprocessing as the checkpoint says, where it says so.

    Args:
        folder: the checkpoint.
        size: edge of the pictures that its tower takes.
        how: another way to make frames square.

    Raises:
        CheckpointError: what the checkpoint says cannot be used.
        ConfigError: another way to fit.
    """
    file = folder / PICTURES_FILE
    stored: dict[str, Any] = read_json(file) if file.is_file() else {}
    options = {name: stored[f"image_{name}"] for name in ("mean", "std") if f"image_{name}" in stored}
    try:
        pictures = PictureProcessor(size, stored.get("fit", "pad"), **options)
    except (ConfigError, TypeError) as e:
        msg = f"{file} cannot be used ({e}); copy this file again"
        raise CheckpointError(msg) from e
    return pictures if how is None else PictureProcessor(size, how, pictures.mean, pictures.std)


def _only(values: Any, what: str) -> Any:
    """The one element of a list."""
    if values is None or len(values) != 1:
        msg = f"{what} must be one, got {0 if values is None else len(values)}; one prompt is read at a time"
        raise ConfigError(msg)
    return values[0]


def _frames(videos: Any) -> list[Image]:
    """The frames of one video, however it is wrapped."""
    if len(videos) and not isinstance(videos[0], PILImage.Image) and np.ndim(videos[0]) != 3:
        videos = _only(videos, "videos")
    if len(videos) == 0:
        msg = "the video has no frames; give at least one"
        raise ConfigError(msg)
    return [_array(frame) for frame in videos]


def _array(picture: Any) -> Image:
    """A picture as uint8 (height, width, 3) RGB."""
    array = np.asarray(picture.convert("RGB") if isinstance(picture, PILImage.Image) else picture)
    check_picture(array, "a picture")
    return array
