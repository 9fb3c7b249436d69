"""Conversations to ids and labels, as the original trains on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from videoxl_stream.errors import ConfigError
from videoxl_stream.model.prompts import DEFAULT_SYSTEM, IGNORE_INDEX, IMAGE_TOKEN, IMAGE_TOKEN_INDEX, Tokenizer

_ROLES = {"human": "user", "gpt": "assistant"}


@dataclass(frozen=True, slots=True)
class Example:
    """Ids with -200 for footage, and labels with -100 where nothing is learnt; not shifted."""

    input_ids: list[int]
    labels: list[int]


def chat_example(
    conversation: Sequence[Mapping[str, str]], tokenizer: Tokenizer, system: str = DEFAULT_SYSTEM
) -> Example:
    """A conversation for fine-tuning.

    Learnt are the assistant's words, and in every turn, as the original does, the markup that opens and closes it.
    Behind the footage stand two line breaks where inference prompts have one; the original trained so.

    Args:
        conversation: [{"from": "human" or "gpt", "value": text}], the footage marked ``<image>``.
        tokenizer: with Qwen's chat markup.
        system: system prompt.

    Raises:
        ConfigError: a turn is by somebody else.
    """
    start, end = tokenizer.encode("<|im_start|>"), tokenizer.encode("<|im_end|>")
    newline = tokenizer.encode("\n")
    turns = [("system", system), *(_turn(turn) for turn in conversation)]
    if len(turns) > 1 and turns[1][0] != "user":
        del turns[1]
    ids: list[int] = []
    labels: list[int] = []
    for role, text in turns:
        head, body = [*tokenizer.encode(role), *newline], _body(text, tokenizer, newline)
        learnt = body if role == "assistant" else [IGNORE_INDEX] * len(body)
        ids += [*start, *head, *body, *end, *newline]
        labels += [*start, *[IGNORE_INDEX] * len(head), *learnt, *end, *newline]
    return Example(ids, labels)


def _turn(turn: Mapping[str, str]) -> tuple[str, str]:
    try:
        role = _ROLES[turn["from"]]
    except KeyError as e:
        msg = f"turn {dict(turn)!r} must have 'from': 'human' or 'gpt', and 'value'"
        raise ConfigError(msg) from e
    return role, _footage_first(turn["value"]) if role == "user" else turn["value"]


def _footage_first(text: str) -> str:
    """Move the one ``<image>`` to the front, on a line of its own."""
    if text.count(IMAGE_TOKEN) == 1 and not text.startswith(IMAGE_TOKEN):
        return f"{IMAGE_TOKEN}\n{text.replace(IMAGE_TOKEN, '').strip()}"
    return text


def _body(text: str, tokenizer: Tokenizer, newline: list[int]) -> list[int]:
    count = text.count(IMAGE_TOKEN)
    if not count:
        return tokenizer.encode(text)
    return [*[IMAGE_TOKEN_INDEX] * count, *newline, *tokenizer.encode(text.replace(IMAGE_TOKEN, ""))]


def plain_example(conversation: Sequence[Mapping[str, str]], tokenizer: Tokenizer) -> Example:
    """A caption for pre-training: the footage, then the answer and a line break; the question is dropped."""
    caption = tokenizer.encode(conversation[1]["value"] + "\n")
    return Example([IMAGE_TOKEN_INDEX, *caption], [IGNORE_INDEX, *caption])
