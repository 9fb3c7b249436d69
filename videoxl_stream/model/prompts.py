"""Prompts in Qwen's chat markup, and their ids with the place of the footage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

IMAGE_TOKEN = "<image>"
IMAGE_TOKEN_INDEX = -200
IGNORE_INDEX = -100
DEFAULT_SYSTEM = "You are a helpful assistant."
END_OF_TURN = "<|im_end|>"


class Tokenizer(Protocol):
    """The part of a transformers tokenizer that prompts need."""

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        """Ids of a text."""


def chat_prompt(turns: Sequence[tuple[str, str | None]], system: str = DEFAULT_SYSTEM) -> str:
    """A conversation as text.

    Args:
        turns: (role, text); a text of None leaves the turn open for the model.
        system: system prompt.
    """
    parts = [f"<|im_start|>system\n{system}{END_OF_TURN}\n"]
    for role, text in turns:
        parts.append(f"<|im_start|>{role}\n" if text is None else f"<|im_start|>{role}\n{text}{END_OF_TURN}\n")
    return "".join(parts)


def around_footage(system: str = DEFAULT_SYSTEM) -> tuple[str, str]:
    """The prompt before the footage, and a template with ``{}`` for the question behind it."""
    before, after = chat_prompt([("user", f"{IMAGE_TOKEN}\n{{}}"), ("assistant", None)], system).rsplit(IMAGE_TOKEN, 1)
    return before, after


def image_token_ids(prompt: str, tokenizer: Tokenizer) -> list[int]:
    """Ids of a prompt with -200 for each ``<image>``; the pieces between are tokenised on their own."""
    pieces = [tokenizer.encode(piece) if piece else [] for piece in prompt.split(IMAGE_TOKEN)]
    bos = getattr(tokenizer, "bos_token_id", None)
    ids = pieces[0]
    for piece in pieces[1:]:
        ids = [*ids, IMAGE_TOKEN_INDEX, *(piece[1:] if bos is not None and piece[:1] == [bos] else piece)]
    return ids
