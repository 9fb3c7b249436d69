"""Where prefix, windows and texts stand when a whole stream runs through the layers at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from videoxl_stream.model.memory import View
from videoxl_stream.model.windows import Window


@dataclass(frozen=True, slots=True)
class Past:
    """What is remembered before the first window: running slots ``[first, next)``, in chunks of these sizes."""

    first: int = 0
    next: int = 0
    chunk_sizes: tuple[int, ...] = ()
    budget: int | None = None


class Layout:
    """The flat sequence ``[prefix | windows | texts]``.

    Args:
        num_prefix: tokens of the prefix, which becomes the sink; 0 when the memory has its sink already.
        windows: as ``windows.cut`` gives them.
        num_texts: texts behind the footage; they do not see one another.
        text_tokens: tokens of each text.
        past: what is remembered already.
    """

    def __init__(
        self,
        num_prefix: int,
        windows: Sequence[Window],
        num_texts: int = 0,
        text_tokens: int = 0,
        past: Past | None = None,
    ) -> None:
        self.num_prefix, self.windows = num_prefix, list(windows)
        self.num_texts, self.text_tokens = num_texts, text_tokens
        self.past = past if past is not None else Past()
        sizes = [w.num_beacons for w in windows]
        self.num_slots = sum(sizes)
        self.views = list(_views(sizes, self.past))  # what each window sees
        self.starts = num_prefix + np.cumsum([0, *(w.num_tokens for w in windows)])
        self.beacons = self._flat([w.beacon_index() for w in windows])  # (num_slots,)
        self.raw = self._flat([w.raw_index() for w in windows])  # (visual tokens,)

    def _flat(self, parts: list[np.ndarray]) -> np.ndarray:
        shifted = [part + start for part, start in zip(parts, self.starts[:-1], strict=True)]
        return np.concatenate([np.zeros(0, dtype=np.int64), *shifted])

    @property
    def text_start(self) -> int:
        """First place behind the footage."""
        return int(self.starts[-1])

    @property
    def num_tokens(self) -> int:
        """Length of the whole sequence."""
        return self.text_start + self.num_texts * self.text_tokens

    @property
    def remembered(self) -> View:
        """The slots that remain after the last window."""
        first = self.views[-1].first if self.views else self.past.first
        return View(first, self.past.next + self.num_slots)

    def order(self) -> np.ndarray:
        """For each place among the windows, the visual token there, or their number for a beacon."""
        order = np.full(self.text_start - self.num_prefix, len(self.raw), dtype=np.int64)
        order[self.raw - self.num_prefix] = np.arange(len(self.raw))
        return order


def _views(sizes: Sequence[int], past: Past) -> Iterator[View]:
    """What each window sees: whole chunks leave from the front until it and its own beacons fit the budget."""
    first, stop, queue = past.first, past.next, list(past.chunk_sizes)
    for size in sizes:
        while past.budget is not None and stop - first + size > past.budget:
            first += queue.pop(0)
        yield View(first, stop)
        stop += size
        if size:
            queue.append(size)
