"""The tokenizer: any text survives, common words are one token."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from videoxl_stream.model.prompts import chat_prompt
from videoxl_stream.training.footage.phrases import Catalogue
from videoxl_stream.training.footage.tokenizer import SPECIALS, build_tokenizer, save_tokenizer

TOKENIZER = build_tokenizer()


@given(st.text().filter(lambda text: not any(special in text for special in SPECIALS)))
def test_any_text_survives(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


def test_words_of_questions_and_answers_are_one_token() -> None:
    catalogue = Catalogue.build()
    raw = TOKENIZER.backend_tokenizer
    for text in (*catalogue.questions, *catalogue.answers, "You are a helpful assistant."):
        assert raw.pre_tokenizer is not None
        for word, _ in raw.pre_tokenizer.pre_tokenize_str(text):
            assert len(raw.model.tokenize(word)) == 1, word


def test_it_is_small_deterministic_and_ends_turns_as_qwen_does(tmp_path: Path) -> None:
    again = build_tokenizer()
    assert again.backend_tokenizer.to_str() == TOKENIZER.backend_tokenizer.to_str()
    assert 512 <= len(TOKENIZER) <= 704
    assert TOKENIZER.eos_token == "<|im_end|>"
    assert all(len(TOKENIZER.encode(special)) == 1 for special in SPECIALS)


@pytest.mark.parametrize("open_end", [True, False])
def test_the_chat_template_is_the_prompt_of_the_model(open_end: bool) -> None:
    turns = [("user", "What happened?"), ("assistant", "nothing")]
    messages = [{"role": role, "content": text} for role, text in (turns[:1] if open_end else turns)]
    text = TOKENIZER.apply_chat_template(messages, tokenize=False, add_generation_prompt=open_end)
    assert text == chat_prompt([turns[0], ("assistant", None)] if open_end else [*turns])


def test_it_loads_from_its_folder(tmp_path: Path) -> None:
    saved = save_tokenizer(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    assert isinstance(loaded, PreTrainedTokenizerFast)
    text = chat_prompt([("user", "Is there a fire?"), ("assistant", "yes")])
    assert loaded.encode(text) == saved.encode(text)
    assert loaded.eos_token_id == saved.eos_token_id
