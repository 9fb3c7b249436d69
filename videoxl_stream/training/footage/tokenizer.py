"""A small byte-level tokenizer with Qwen's chat markup, learnt from the questions and answers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from videoxl_stream.training.footage.phrases import corpus

SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CHAT_TEMPLATE = (
    "{% if not messages or messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}"
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def build_tokenizer(texts: Iterable[str] | None = None, size: int = 704) -> PreTrainedTokenizerFast:
    """Learn a tokenizer of at most ``size`` tokens; the same texts give the same tokens.

    All 256 bytes are tokens, so any text survives encoding and decoding. ``<|im_end|>`` ends a sequence.
    """
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=alphabet, special_tokens=list(SPECIALS), show_progress=False
    )
    raw.train_from_iterator(list(corpus() if texts is None else texts), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def save_tokenizer(folder: Path, size: int = 704) -> PreTrainedTokenizerFast:
    """Build the tokenizer and write its files into ``folder``."""
    tokenizer = build_tokenizer(size=size)
    tokenizer.save_pretrained(str(folder))
    return tokenizer
