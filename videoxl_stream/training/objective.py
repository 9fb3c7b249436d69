"""What the embedded model learns from: answers behind footage, and labels of frames and beacons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videoxl_stream.model.layout import Layout
from videoxl_stream.model.network import VideoXLForConditionalGeneration
from videoxl_stream.model.parallel import ParallelPass
from videoxl_stream.model.prompts import IGNORE_INDEX
from videoxl_stream.model.windows import Window
from videoxl_stream.training.footage.vocabulary import BRANDS, KINDS
from videoxl_stream.training.running_order import OrderHead

_NO_BRAND_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class FrameLabels:
    """What can be seen in each frame: kinds (..., kinds) bool, brand shown (...) int, 0 for none, people (...) int."""

    kinds: Tensor
    brands: Tensor
    people: Tensor

    def flat(self) -> FrameLabels:
        """The same with all frames in one dimension."""
        return FrameLabels(self.kinds.flatten(0, -2), self.brands.flatten(), self.people.flatten())


@dataclass(frozen=True, slots=True)
class Texts:
    """Questions with their answers, padded: ids and labels (streams, texts, tokens), frames [first, stop) each sees.

    Hints are labels, too, but amid the question: behind each option whether it is right, which nobody is asked.
    """

    ids: Tensor
    labels: Tensor
    hints: Tensor
    ranges: np.ndarray  # (streams, texts, 2)
    topics: np.ndarray  # (streams, texts), -1 where nothing is asked


class LabelHead(nn.Module):
    """Reads frame labels off vectors, one or several a frame."""

    def __init__(self, width: int, positive_weight: float = 3.0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.kinds = nn.Linear(width, len(KINDS))
        self.brands = nn.Linear(width, len(BRANDS) + 1)
        self._positive_weight = positive_weight

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of kinds and brands per frame from (frames, vectors, width): the strongest vector speaks."""
        x = self.norm(vectors.float())
        return torch.logsumexp(self.kinds(x), dim=1), torch.logsumexp(self.brands(x), dim=1)

    def loss(self, vectors: Tensor, labels: FrameLabels) -> Tensor:
        """Mean loss over frames."""
        kinds, brands = self(vectors)
        weight = torch.full((len(KINDS),), self._positive_weight, device=kinds.device)
        rare = torch.ones(len(BRANDS) + 1, device=kinds.device)
        rare[0] = _NO_BRAND_WEIGHT
        return F.binary_cross_entropy_with_logits(kinds, labels.kinds.float(), pos_weight=weight) + F.cross_entropy(
            brands, labels.brands, weight=rare
        )


class Objective(nn.Module):
    """The network with the heads that only training needs."""

    def __init__(self, network: VideoXLForConditionalGeneration, prefix_ids: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.frame_head = LabelHead(network.config.text.hidden_size)
        self.beacon_head = LabelHead(network.config.text.hidden_size)
        self.order_head = OrderHead(network.config.text.hidden_size)
        self._prefix = tuple(prefix_ids)
        self._tapped: list[Tensor] = []
        middle = network.config.text.num_hidden_layers // 2
        for place in (max(middle - 1, 0), middle):  # the order first: layers enough must be left to compare it
            network.text.layers[place].register_forward_hook(self._tap)

    def _tap(self, _module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self._tapped.append(output)

    def hidden(self, features: Tensor, windows: list[Window], texts: Texts) -> tuple[Tensor, Tensor, Tensor]:
        """Hidden states of the texts (streams, texts * tokens, dim), and of each frame's last beacon after two layers.

        Those of the beacons, (streams, frames, dim), are taken before the middle of the network and behind it.

        Args:
            features: visual tokens (streams, frames, tokens, dim).
            windows: how all of them are compressed.
            texts: what is asked.
        """
        network, device = self.network, features.device
        streams, num_frames, tokens = features.shape[:3]
        prefix = torch.tensor(self._prefix, device=device)
        num_texts, text_tokens = texts.ids.shape[1:]
        layout = Layout(len(prefix), windows, num_texts=num_texts, text_tokens=text_tokens)
        slots = slots_before(windows, tokens, num_frames)
        run = ParallelPass(layout, network.rotary, len(prefix), device, text_views=slots[texts.ranges])
        order = torch.from_numpy(layout.order()).to(device)
        parts = (
            network.text.embed_tokens(prefix).expand(streams, -1, -1),
            network.text.interleave(features.flatten(1, 2), order),
            network.text.embed_tokens(texts.ids.flatten(1, 2)),
        )
        self._tapped.clear()
        hidden = network.text(torch.cat([part.float() for part in parts], dim=1), run)
        ends = torch.from_numpy(layout.beacons[slots[1:] - 1]).to(device)  # the beacon that ends each frame
        early, later = (tapped.index_select(1, ends) for tapped in self._tapped)
        return hidden[:, layout.text_start :], early, later

    def streams(self, features: Tensor, windows: list[Window], texts: Texts, labels: FrameLabels) -> dict[str, Tensor]:
        """Losses of a batch of streams.

        Args:
            features: visual tokens (streams, frames, tokens, dim).
            windows: how all of them are compressed.
            texts: what is asked.
            labels: of the frames, (streams, frames).
        """
        hidden, early, beacons = self.hidden(features, windows, texts)
        return {
            "answer": self._answers(hidden, texts.labels.flatten(1, 2)),
            "hint": self._answers(hidden, texts.hints.flatten(1, 2)),
            "order": self.order_head.loss(early, labels.brands),
            "beacon": self.beacon_head.loss(beacons.flatten(0, 1).unsqueeze(1), labels.flat()),
            "frame": self.frame_head.loss(features.flatten(0, 1), labels.flat()),
        }

    def _answers(self, hidden: Tensor, labels: Tensor) -> Tensor:
        """Mean cross entropy of the labelled tokens, each predicted from the token before it; 0 if there are none."""
        target = labels[:, 1:].flatten()
        learnt = (target != IGNORE_INDEX).nonzero()[:, 0]
        before = hidden[:, :-1].flatten(0, 1).index_select(0, learnt)
        loss = F.cross_entropy(self.network.lm_head(before).float(), target[learnt], reduction="sum")
        return loss / max(len(learnt), 1)

    @torch.no_grad()
    def right(self, features: Tensor, windows: list[Window], texts: Texts) -> Tensor:
        """Which texts are answered right, word for word, every token given those before it: (streams, texts) bool."""
        hidden, _, _ = self.hidden(features, windows, texts)
        best: Tensor = self.network.lm_head(hidden).argmax(dim=-1).unflatten(1, texts.labels.shape[1:])
        target = texts.labels[..., 1:]
        return ((best[..., :-1] == target) | (target == IGNORE_INDEX)).all(dim=-1)


def slots_before(windows: Sequence[Window], tokens_per_frame: int, num_frames: int) -> np.ndarray:
    """How many slots lie before each frame, and before the end: (frames + 1,)."""
    ends = np.zeros(num_frames * tokens_per_frame, dtype=np.int64)
    start = 0
    for window in windows:
        ends[start + window.last_raw()] = 1
        start += window.num_raw
    return np.concatenate(([0], np.cumsum(ends)))[::tokens_per_frame]
