"""Qwen2 with Activation Beacons, written as the difference from transformers' Qwen2.

The difference (Video-XL, arXiv 2409.14485; Activation Beacon, arXiv 2401.03462): beacon tokens have an embedding
and projections of their own, and what a token may attend to is decided by a ``Pass``, not by a causal cache.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import Qwen2Config
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.qwen2.modeling_qwen2 import Qwen2Attention, Qwen2Model, eager_attention_forward

from videoxl_stream.model.configuration import BeaconQwen2Config

_HIDDEN = -3e4


class Pass(Protocol):
    """Decides, for one run through the layers, what each token sees and what is remembered."""

    beacons: Tensor | None
    """Index of the beacon tokens within the sequence: (num_beacons,); None when there are none."""

    def attend(self, attention: BeaconAttention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attend with unrotated q, k, v (batch, tokens, heads, head_dim): (batch, tokens, heads * head_dim)."""


def is_flash(config: Qwen2Config) -> bool:
    """Whether the kernel chosen at load time takes no mask and aligns causality to the last key."""
    return "flash" in (config._attn_implementation or "")


class BeaconAttention(Qwen2Attention):
    """Qwen2's attention with projections for beacons and the mask left to a ``Pass``."""

    def __init__(self, config: BeaconQwen2Config, layer_idx: int) -> None:
        super().__init__(config, layer_idx)
        self.groups = self.num_key_value_groups
        # Query heads that share a key head are packed as more queries (``kernel``), so nothing is left to repeat.
        self.num_key_value_groups = 1
        for letter in config.beacon_param or []:
            width = (config.num_attention_heads if letter == "q" else config.num_kv_heads) * self.head_dim
            setattr(self, f"beacon_{letter}_proj", nn.Linear(config.hidden_size, width, bias=True))

    @property
    def is_flash(self) -> bool:
        """As ``is_flash`` of its config."""
        return is_flash(self.config)

    def forward(self, hidden_states: Tensor, memory_pass: Pass, **_: Any) -> tuple[Tensor, None]:  # type: ignore[override]
        """Project, let the pass attend, project back: (batch, tokens, dim) -> the same."""
        q, k, v = (self._project(hidden_states, letter, memory_pass.beacons) for letter in "qkv")
        return self.o_proj(memory_pass.attend(self, q, k, v)), None

    def _project(self, hidden: Tensor, letter: str, beacons: Tensor | None) -> Tensor:
        out: Tensor = getattr(self, f"{letter}_proj")(hidden)
        own = getattr(self, f"beacon_{letter}_proj", None)
        if own is not None and beacons is not None:
            # index_select and index_copy, not advanced indexing: the latter's backward accumulates atomically.
            out = out.index_copy(1, beacons, own(hidden.index_select(1, beacons)).to(out.dtype))
        split: Tensor = out.unflatten(-1, (-1, self.head_dim))  # (batch, tokens, heads, head_dim)
        return split

    def kernel(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        """Run the attention chosen at load time.

        Args:
            q: rotated queries (batch, tokens, heads, head_dim).
            k: rotated keys (batch, kv_heads, keys, head_dim).
            v: values, as ``k``.
            mask: additive (batch or 1, 1, groups * tokens, keys), from ``additive_mask``; None for flash kernels,
                whose keys must end with the queries' own.

        Returns:
            (batch, tokens, heads * head_dim).
        """
        batch, tokens = q.shape[:2]
        interface = ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, eager_attention_forward)
        packed = 1 if self.is_flash else self.groups
        q = q.unflatten(2, (-1, packed)).permute(0, 2, 3, 1, 4)  # (batch, heads / packed, packed, tokens, head_dim)
        out: Tensor = interface(self, q.flatten(2, 3), k, v, mask, dropout=0.0, scaling=self.scaling)[0]
        out = out.unflatten(1, (packed, tokens)).permute(0, 2, 3, 1, 4)  # (batch, tokens, heads / packed, packed, dim)
        return out.reshape(batch, tokens, -1)


def additive_mask(visible: Tensor, groups: int, dtype: torch.dtype) -> Tensor:
    """Turn visibility (rows, tokens, keys) into a mask for ``kernel``: (rows, 1, groups * tokens, keys).

    Hidden keys get a number that is low enough for any softmax and finite in every dtype, also where autocast
    narrows it: minus infinity has made gradients NaN.
    """
    mask = torch.zeros(visible.shape, dtype=dtype, device=visible.device)
    return mask.masked_fill_(~visible, _HIDDEN).repeat(1, groups, 1).unsqueeze(1)


class BeaconQwen2Model(Qwen2Model):
    """Qwen2's layers over embeddings that already hold raw tokens and beacons, under a ``Pass``."""

    config: BeaconQwen2Config

    def __init__(self, config: BeaconQwen2Config) -> None:
        super().__init__(config)
        del self.rotary_emb  # angles come from the pass, in float64
        self.beacon_embed_tokens = nn.Embedding(1, config.hidden_size)
        for index, layer in enumerate(self.layers):
            layer.self_attn = BeaconAttention(config, index)
        self.post_init()

    def forward(self, inputs_embeds: Tensor, memory_pass: Pass) -> Tensor:
        """Run all layers and the final norm: (batch, tokens, dim) -> the same."""
        hidden = inputs_embeds
        for layer in self.layers:
            hidden = layer(hidden, memory_pass=memory_pass)
        normed: Tensor = self.norm(hidden)
        return normed

    def interleave(self, features: Tensor, order: Tensor) -> Tensor:
        """Put beacon embeddings among raw tokens.

        Args:
            features: raw tokens (batch, num_raw, dim).
            order: for each place of the result, the raw token there, or ``num_raw`` for a beacon: (tokens,).
        """
        beacon = self.beacon_embed_tokens.weight.to(features.dtype).expand(features.shape[0], 1, -1)
        return torch.cat((features, beacon), dim=1).index_select(1, order)
