"""Ordinary ``generate()`` over a prompt with footage, or over text behind a memory."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import GenerationMixin

from videoxl_stream.errors import ConfigError
from videoxl_stream.model.configuration import VideoXLConfig
from videoxl_stream.model.memory import VideoMemory
from videoxl_stream.model.prompts import IMAGE_TOKEN_INDEX

# What a memory cannot do: be reordered, rolled back, left out, or kept in another kind of cache.
_ONLY: dict[str, object] = {
    "num_beams": 1,
    "num_return_sequences": 1,
    "use_cache": True,
    "assistant_model": None,
    "cache_implementation": None,
    "inputs_embeds": None,
    "negative_prompt_ids": None,
    "penalty_alpha": None,
    "prefill_chunk_size": None,
    "prompt_lookup_num_tokens": None,
}


class FootageGeneration(GenerationMixin):
    """The difference from transformers' generation: prompts hold footage, and the cache is a ``VideoMemory``."""

    config: VideoXLConfig
    model: Any

    def generate(self, inputs: Tensor | None = None, **kwargs: Any) -> Any:  # type: ignore[override]
        """As in transformers; the returned ids begin with the expanded prompt.

        Args:
            inputs: prompt (1, tokens) with one -200 or expanded fill ids; or ``input_ids=``. With a memory, the
                text behind the footage, from its beginning.
            kwargs: ``pixel_values`` and ``modality`` ("video" or "image"), or ``image_features``; ``ratios``; or a
                memory as ``past_key_values``, which stays as it is: what was read and said is in the returned one.
                And anything ``generate`` takes that needs no copies of the memory: no beams, no assistant.

        Raises:
            ConfigError: something of this cannot be done.
        """
        ids = kwargs.pop("input_ids", inputs)
        features = kwargs.pop("image_features", None)
        pixels, modality = kwargs.pop("pixel_values", None), kwargs.pop("modality", "video")
        self._check_options(kwargs)
        footage = features if features is not None else pixels
        ids = self._checked(ids, footage is not None, kwargs)
        if features is None and pixels is not None:
            with torch.no_grad():
                features = self.model.vision(pixels.to(ids.device), modality)
        if features is not None:
            kwargs["image_features"] = features
            ids = self.expand(ids, len(features))
        kwargs["attention_mask"] = torch.ones_like(ids)
        return super().generate(ids, use_cache=True, **kwargs)  # type: ignore[misc] # the library's self is too narrow

    def _check_options(self, kwargs: dict[str, Any]) -> None:
        """Refuse what a memory cannot do, whether it is given here or set in the generation config."""
        given = kwargs.get("generation_config") or self.generation_config
        for name, only in _ONLY.items():
            value = kwargs.get(name, None if name == "use_cache" else getattr(given, name, None))
            if value is not None and value != only:
                remedy = f"leave it at {only!r}" if only is not None else "leave it out"
                shown = f"={value!r}" if isinstance(value, int | float | str) else ""
                msg = f"generate cannot use {name}{shown}: footage is read once, into one memory; {remedy}"
                raise ConfigError(msg)
        kwargs.pop("use_cache", None)
        mask = kwargs.get("attention_mask")
        if mask is not None and not bool(mask.bool().all()):
            msg = "attention_mask hides tokens of the prompt; leave them out of the prompt instead"
            raise ConfigError(msg)

    def _checked(self, ids: Tensor | None, has_footage: bool, kwargs: dict[str, Any]) -> Tensor:
        """The prompt, on the network's device, after refusing what does not fit the footage or the memory."""
        if ids is None:
            msg = "generate() needs input_ids: a prompt (1, tokens) with one -200 where the footage stands"
            raise ConfigError(msg)
        self.check_one(ids)
        where = _place_of_footage(ids)
        memory: VideoMemory | None = kwargs.get("past_key_values")
        if memory is not None:
            if has_footage or where is not None:
                msg = "a memory holds its footage already; give it text only, without pixel_values and without -200"
                raise ConfigError(msg)
            if memory.pending.num_tokens:
                msg = (
                    f"{memory.pending.num_tokens} visual tokens still wait for a full window and would not be seen; "
                    "compress them with VideoXL.close_window, or ask with VideoXL.answer, which does"
                )
                raise ConfigError(msg)
            if ids.shape[1] <= memory.text_length:
                msg = f"the memory has read {memory.text_length} tokens of text; give those and new ones behind them"
                raise ConfigError(msg)
            kwargs["past_key_values"] = memory.fork()
        elif where is not None and not has_footage:
            msg = "the prompt holds -200, so it needs footage; give pixel_values"
            raise ConfigError(msg)
        return ids.to(self.device)  # type: ignore[attr-defined]

    def check_one(self, ids: Tensor) -> None:
        """Refuse a batch.

        Raises:
            ConfigError: ids are not (1, tokens).
        """
        if ids.ndim != 2 or ids.shape[0] != 1:
            msg = (
                f"got prompts of shape {tuple(ids.shape)}; footage is compressed one video at a time, give (1, tokens)"
            )
            raise ConfigError(msg)

    def expand(self, input_ids: Tensor, num_visual: int) -> Tensor:
        """Replace the one -200 of a prompt (1, tokens) by a fill id per visual token.

        Raises:
            ConfigError: there are several, or the batch is not one.
        """
        self.check_one(input_ids)
        where = _place_of_footage(input_ids)
        if where is None:
            return input_ids
        fill = input_ids.new_full((1, num_visual), self.config.fill_token_id)
        return torch.cat((input_ids[:, :where], fill, input_ids[:, where + 1 :]), dim=1)

    def prepare_inputs_for_generation(  # type: ignore[override]
        self, input_ids: Tensor, past_key_values: VideoMemory | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """The whole prompt with its footage first, then what the memory has not read yet."""
        if past_key_values is None:
            footage = {name: kwargs.get(name) for name in ("image_features", "ratios")}
            return {"input_ids": input_ids, **footage, "use_cache": True}
        tokens = kwargs.get("next_sequence_length") or 1
        return {"input_ids": input_ids[:, -tokens:], "past_key_values": past_key_values, "use_cache": True}

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False


def _place_of_footage(ids: Tensor) -> int | None:
    """Where the one -200 of (1, tokens) stands, if there is any."""
    where: list[int] = (ids[0] == IMAGE_TOKEN_INDEX).nonzero()[:, 0].tolist()
    if len(where) > 1:
        msg = f"the prompt holds {len(where)} image tokens; give one, with all frames or crops in pixel_values"
        raise ConfigError(msg)
    return where[0] if where else None
