"""A network that begins with what an earlier one has learnt, also if it has more words or layers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from videoxl_stream.errors import CheckpointError
from videoxl_stream.model.network import VideoXLForConditionalGeneration
from videoxl_stream.model.weights import load_network

_LAYER = re.compile(r"(?<=language_model\.layers\.)\d+")
_BRANCH_ENDS = ("self_attn.o_proj.weight", "mlp.down_proj.weight")


def carry_over(
    start: Path,
    network: VideoXLForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    new_layers: Sequence[int] = (),
) -> None:
    """Copy the weights of an earlier run; a token keeps its row, one that was unknown keeps its random one.

    New layers add nothing at first: the ends of their branches are zero, so the network says what the earlier one did.

    Args:
        start: folder that the earlier run wrote.
        network: of the same sizes, but for the vocabulary and the new layers.
        tokenizer: the network's.
        new_layers: places of text layers that the earlier run lacks.

    Raises:
        CheckpointError: the sizes differ.
    """
    old, new = load_network(start, dtype=torch.float32).state_dict(), network.state_dict()
    before = PreTrainedTokenizerFast.from_pretrained(start).get_vocab()
    rows = [(number, before[token]) for token, number in tokenizer.get_vocab().items() if token in before]
    _check_depth(old, new, new_layers)
    with torch.no_grad():
        for name, weights in new.items():
            place = _place(name)
            if place in new_layers:
                if name.endswith(_BRANCH_ENDS):
                    weights.zero_()
                continue
            earlier = place - sum(added < place for added in new_layers)
            _copy(name, old[_LAYER.sub(str(earlier), name)], weights, rows)


def _place(name: str) -> int:
    """The text layer that weights belong to, -1 for none."""
    found = _LAYER.search(name)
    return int(found.group()) if found else -1


def _check_depth(old: Mapping[str, Tensor], new: Mapping[str, Tensor], new_layers: Sequence[int]) -> None:
    there, here = (1 + max(map(_place, each)) for each in (old, new))
    if here != there + len(new_layers) or any(place not in range(here) for place in new_layers):
        msg = (
            f"{here} text layers here, {there} there and {list(new_layers)} new: begin with a run of the same sizes, "
            "or name in new_layers the places of those that it lacks"
        )
        raise CheckpointError(msg)


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
