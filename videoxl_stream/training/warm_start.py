"""A network that begins with what an earlier one has learnt, also if it speaks with more words."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from videoxl_stream.errors import CheckpointError
from videoxl_stream.model.network import VideoXLForConditionalGeneration
from videoxl_stream.model.weights import load_network


def carry_over(start: Path, network: VideoXLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast) -> None:
    """Copy the weights of an earlier run; a token keeps its row, one that was unknown keeps its random one.

    Args:
        start: folder that the earlier run wrote.
        network: of the same sizes, but for the vocabulary.
        tokenizer: the network's.

    Raises:
        CheckpointError: the sizes differ.
    """
    old, new = load_network(start, dtype=torch.float32).state_dict(), network.state_dict()
    before = PreTrainedTokenizerFast.from_pretrained(start).get_vocab()
    rows = [(number, before[token]) for token, number in tokenizer.get_vocab().items() if token in before]
    with torch.no_grad():
        for name, weights in new.items():
            _copy(name, old[name], weights, rows)


def _copy(name: str, old: Tensor, new: Tensor, rows: list[tuple[int, int]]) -> None:
    by_token = name.split(".")[-2] in {"embed_tokens", "lm_head"}
    if old.shape == new.shape and not by_token:
        new.copy_(old)
    elif old.shape[1:] == new.shape[1:] and by_token:
        places, sources = (torch.tensor(column, device=new.device) for column in zip(*rows, strict=True))
        new[places] = old.to(new.device)[sources]
        new[-1] = old[-1].to(new.device)  # stands for a visual token
    else:
        msg = f"{name} is {tuple(new.shape)} here and {tuple(old.shape)} there: begin with a run of the same sizes"
        raise CheckpointError(msg)
