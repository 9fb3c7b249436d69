"""What the embedded model learns from: answers behind footage, and labels of frames and beacons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videoxl_stream.model.layout import Layout
from videoxl_stream.model.network import VideoXLForConditionalGeneration
from videoxl_stream.model.parallel import ParallelPass
from videoxl_stream.model.prompts import IGNORE_INDEX
from videoxl_stream.model.windows import Window
from videoxl_stream.training.footage.quizzes import MOST_NUMBERED
from videoxl_stream.training.footage.vocabulary import BRANDS, KINDS
from videoxl_stream.training.mean_loss import mean_loss
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

    Some tokens have to know what nobody asks: ``marks`` are 1 behind an option that is right and 0 behind a wrong one;
    ``mentions`` are the number of the ad that a brand's last word names, 0 if it was not shown. Both are IGNORE_INDEX
    elsewhere.
    """

    ids: Tensor
    labels: Tensor
    marks: Tensor
    mentions: Tensor
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


class TokenHead(nn.Module):
    """Reads one of some classes off single tokens."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.classes = nn.Linear(width, classes)

    def loss(self, vectors: Tensor, target: Tensor) -> Tensor:
        """Mean loss over the tokens that have a target, from (..., width) and (...); 0 if there are none."""
        learnt = target != IGNORE_INDEX
        return mean_loss(self.classes(self.norm(vectors[learnt].float())), target[learnt])


@dataclass(frozen=True, slots=True)
class Hidden:
    """Hidden states, by what is read off them.

    Those of texts are (streams, texts * tokens, dim): ``text`` at the network's end, ``mention`` two layers before it,
    ``mark`` one. Those of each frame's last beacon are (streams, frames, dim): ``order`` before the network's middle,
    ``label`` behind it. What is learnt early is there for later layers to use.
    """

    text: Tensor
    mention: Tensor
    mark: Tensor
    order: Tensor
    label: Tensor


class Objective(nn.Module):
    """The network with the heads that only training needs."""

    def __init__(self, network: VideoXLForConditionalGeneration, prefix_ids: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.frame_head = LabelHead(network.config.text.hidden_size)
        self.beacon_head = LabelHead(network.config.text.hidden_size)
        self.order_head = OrderHead(network.config.text.hidden_size)
        self.mention_head = TokenHead(network.config.text.hidden_size, MOST_NUMBERED + 1)
        self.mark_head = TokenHead(network.config.text.hidden_size, 2)
        self._prefix = tuple(prefix_ids)
        last = network.config.text.num_hidden_layers - 1
        middle = (last + 1) // 2
        self._tapped: dict[str, Tensor] = {}
        taps = {"order": middle - 1, "label": middle, "mention": last - 2, "mark": last - 1}
        for name, place in taps.items():
            network.text.layers[max(place, 0)].register_forward_hook(partial(self._tap, name))

    def _tap(self, name: str, _module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self._tapped[name] = output

    def hidden(self, features: Tensor, windows: list[Window], texts: Texts) -> Hidden:
        """Pass streams with their texts through the network.

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
        hidden = network.text(torch.cat([part.float() for part in parts], dim=1), run)
        ends = torch.from_numpy(layout.beacons[slots[1:] - 1]).to(device)  # the beacon that ends each frame
        start, tapped = layout.text_start, self._tapped
        self._tapped = {}
        return Hidden(
            text=hidden[:, start:],
            mention=tapped["mention"][:, start:],
            mark=tapped["mark"][:, start:],
            order=tapped["order"].index_select(1, ends),
            label=tapped["label"].index_select(1, ends),
        )

    def streams(self, features: Tensor, windows: list[Window], texts: Texts, labels: FrameLabels) -> dict[str, Tensor]:
        """Losses of a batch of streams.

        Args:
            features: visual tokens (streams, frames, tokens, dim).
            windows: how all of them are compressed.
            texts: what is asked.
            labels: of the frames, (streams, frames).
        """
        hidden = self.hidden(features, windows, texts)
        return {
            "answer": self._answers(hidden.text, texts.labels.flatten(1, 2)),
            "mark": self.mark_head.loss(hidden.mark, texts.marks.flatten(1, 2)),
            "mention": self.mention_head.loss(hidden.mention, texts.mentions.flatten(1, 2)),
            "order": self.order_head.loss(hidden.order, labels.brands),
            "beacon": self.beacon_head.loss(hidden.label.flatten(0, 1).unsqueeze(1), labels.flat()),
            "frame": self.frame_head.loss(features.flatten(0, 1), labels.flat()),
        }

    def _answers(self, hidden: Tensor, labels: Tensor) -> Tensor:
        """Mean cross entropy of the labelled tokens, each predicted from the token before it; 0 if there are none."""
        target = labels[:, 1:].flatten()
        learnt = (target != IGNORE_INDEX).nonzero()[:, 0]
        before = hidden[:, :-1].flatten(0, 1).index_select(0, learnt)
        return mean_loss(self.network.lm_head(before).float(), target[learnt])

    @torch.no_grad()
    def right(self, features: Tensor, windows: list[Window], texts: Texts) -> Tensor:
        """Which texts are answered right, word for word, every token given those before it: (streams, texts) bool."""
        hidden = self.hidden(features, windows, texts).text
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
