"""A model that sees, but is asked with an empty head: what it still gets right it has not seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from videoxl_stream.model.memory import VideoMemory, View
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.queries import Query, Span, Verdict


class BlindedVideoXL(VideoXL):
    """VideoXL whose questions find every beacon's keys and values set to zero; the memory itself stays whole."""

    def verdicts(self, memory: VideoMemory, queries: Sequence[Query]) -> list[Verdict]:
        """As ``VideoXL.verdicts`` on the zeroed memory. Ask at a window's close: what is pending would be seen."""
        with _emptied(memory):
            return super().verdicts(memory, queries)

    def answer(
        self, memory: VideoMemory, question: str, *, span: Span | None = None, max_new_tokens: int = 256
    ) -> Iterator[str]:
        """As ``VideoXL.answer`` on the zeroed memory, but all at once."""
        with _emptied(memory):
            return iter(list(super().answer(memory, question, span=span, max_new_tokens=max_new_tokens)))


@contextmanager
def _emptied(memory: VideoMemory) -> Iterator[None]:
    """Zero what the beacons hold, and put it back."""
    places = torch.from_numpy(memory.places(View(memory.first, memory.next)))
    slots = memory.slots
    keys, values = slots.keys[:, :, places], slots.values[:, :, places]  # copies: the index is a tensor
    slots.keys[:, :, places] = 0
    slots.values[:, :, places] = 0
    try:
        yield
    finally:
        slots.keys[:, :, places], slots.values[:, :, places] = keys, values
