"""VideoMemory: one stream's compressed footage, outside the model."""

from __future__ import annotations

import copy
import weakref
from collections import deque
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from videoxl_stream.errors import ConfigError, ModelError, NotInMemoryError
from videoxl_stream.model.chunks import Chunk, Pending
from videoxl_stream.model.forgetting import forget
from videoxl_stream.model.rotary import Rotary, unrotate
from videoxl_stream.model.slots import FREE, KVShape, Slots
from videoxl_stream.queries import Span

_FIRST_CAPACITY = 1024
_FIRST_SCRATCH = 512


@dataclass(frozen=True, slots=True)
class View:
    """The running slots ``[first, stop)`` that a question may see.

    The sink stands directly before ``first`` and the question directly behind ``stop``. RoPE makes attention depend
    only on differences of positions, so this equals numbering sink, slots and question 0, 1, 2, ... without gaps,
    which is what the original does by rotating every key anew at each step.
    """

    first: int
    stop: int


class VideoMemory:
    """A sink, the beacons of all windows that are still remembered, and the frames that wait for a full window.

    Slot j is rotated once, at position ``num_sink + j``, where j runs on for ever and is never reused. Queries sit
    right behind the last slot; the sink is re-rotated to directly before the first whenever that moves. Because
    rotary attention sees only differences, these are exactly the original's closed-up positions, also after
    eviction and in a view; angles are float64, so this holds at any length.

    One thread uses a memory at a time. A fork shares storage until either side writes. To transformers it is a
    cache, with the two members that ``generate`` asks for.

    Args:
        shape: what one slot costs.
        rotary: makes rotations for the network's head size.
        ratio: raw tokens per slot that every window of this memory uses; None leaves it to each window.
        budget: most slots kept; None for no limit.

    Raises:
        ConfigError: the budget is not positive.
    """

    def __init__(self, shape: KVShape, rotary: Rotary, *, ratio: int | None = None, budget: int | None = None) -> None:
        if budget is not None and budget < 1:
            msg = f"a memory budget of {budget} slots keeps nothing; give a positive number of slots, or None"
            raise ConfigError(msg)
        self.rotary, self.ratio, self.budget = rotary, ratio, budget
        self.slots = Slots(shape, _FIRST_CAPACITY if budget is None else budget, _FIRST_SCRATCH)
        self.chunks: deque[Chunk] = deque()
        self.pending = Pending()
        self.first = self.next = 0  # running slots: the oldest visible, and the one that comes next
        self.carry = 0
        self.evicted: list[float] = []  # earliest and latest time of chunks that have left: later ones have seen them
        self.prefix_ids: list[int] = []  # of the sink; a repetition penalty counts them
        self.last_s: float | None = None
        self.num_scratch = 0  # places of the scratch part in use
        self.text_length = 0  # text tokens after the footage: always 0 but on forks and in generate()
        self.visible: np.ndarray | None = None  # what text sees: (places,) bool, from look_at()
        self.text_position = 0  # position of the next text token
        self._sink_first = 0  # the slot before which the stored sink stands
        self._ring_stop: int | None = None  # on a fork: slots from here on live in the scratch part, at
        self._temporary = np.zeros(0, dtype=np.int64)  # these places
        self._fork: weakref.ref[VideoMemory] | None = None

    # ---- what is in it

    is_compileable = False

    @property
    def num_sink(self) -> int:
        """Tokens of the uncompressed prefix."""
        return self.slots.num_sink

    @property
    def num_slots(self) -> int:
        """Beacons remembered."""
        return self.next - self.first

    @property
    def num_bytes(self) -> int:
        """Bytes allocated for keys and values."""
        return self.slots.num_bytes

    @property
    def held(self) -> range:
        """Running numbers of the slots remembered."""
        return range(self.first, self.next)

    @property
    def span(self) -> Span | None:
        """From the earliest remembered frame to just behind the latest; None while there is none."""
        slots = self.slot_times(View(self.first, self.next))
        times = np.concatenate((slots.flatten(), *self.pending.times))
        if len(times) == 0:
            return None
        return Span(float(times.min()), float(np.nextafter(times.max(), np.inf)))

    @property
    def is_fork(self) -> bool:
        """Whether what is written here goes to the scratch part."""
        return self._ring_stop is not None

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Text tokens taken in after the footage: what ``generate`` must not feed again."""
        return self.text_length

    def slot_times(self, view: View) -> np.ndarray:
        """Times of the first and last frame that each slot of a view stands for, in seconds: (2, slots)."""
        return self.slots.times[:, self.places(view)]

    def places(self, view: View) -> np.ndarray:
        """Where the slots of a view live: in the ring, or, if a fork wrote them, in the scratch part."""
        slots = np.arange(view.first, view.stop)
        if self._ring_stop is None:
            return self.slots.places(slots)
        old, new = slots[slots < self._ring_stop], slots[slots >= self._ring_stop]
        return np.concatenate((self.slots.places(old), self._temporary[new - self._ring_stop]))

    def new_places(self, num_slots: int) -> np.ndarray:
        """Where the next window's slots will live."""
        if self._ring_stop is not None:
            start = self.slots.scratch_start + self.num_scratch
            self._temporary = np.concatenate((self._temporary, np.arange(start, start + num_slots)))
        return self.places(View(self.next, self.next + num_slots))

    def find(self, span: Span | None) -> View:
        """The slots that stand for frames in a span; with a clock that jumped back, all from the first to the last.

        Raises:
            NotInMemoryError: there are none.
        """
        everything = View(self.first, self.next)
        if span is None:
            return everything
        start, last = self.slot_times(everything)
        inside = np.flatnonzero((last >= span.start_s) & (start < span.end_s))
        if len(inside) == 0:
            held = self.span
            where = "it is empty" if held is None else f"it holds {held.start_s:.1f} s to {held.end_s:.1f} s"
            gone = "no longer" if self._has_left(span) else "not"
            msg = f"[{span.start_s:.1f}, {span.end_s:.1f}) s is {gone} in memory: {where}; ask for a span inside that"
            raise NotInMemoryError(msg)
        return View(self.first + int(inside[0]), self.first + int(inside[-1]) + 1)

    def _has_left(self, span: Span) -> bool:
        """Whether footage of a span was here before the oldest was forgotten."""
        return bool(self.evicted) and span.end_s > self.evicted[0] and span.start_s <= self.evicted[1]

    def starts(self, span: Span) -> list[float]:
        """Times within a span at which remembered footage begins that can be told apart, ascending."""
        first = self.slot_times(View(self.first, self.next))[0]
        return [float(time_s) for time_s in np.unique(first[(first >= span.start_s) & (first < span.end_s)])]

    def beacon_states(self) -> tuple[Tensor, Tensor]:
        """Keys before rotation and values of all remembered slots, oldest first: (layers, heads, slots, dim) each."""
        places = torch.from_numpy(self.places(View(self.first, self.next)))
        positions = torch.arange(self.first, self.next) + self.num_sink
        keys = self.slots.keys[:, :, places]
        return unrotate(keys, self.rotary.at(positions.to(keys.device))), self.slots.values[:, :, places]

    def sink_states(self) -> tuple[Tensor, Tensor]:
        """Keys before rotation and values of the prefix: (layers, heads, num_sink, dim) each."""
        slots = self.slots
        return slots.sink_keys, slots.values[:, :, slots.capacity : slots.scratch_start]

    def text_states(self) -> tuple[Tensor, Tensor]:
        """Keys before rotation and values of the text behind the footage: (layers, heads, text_length, dim) each."""
        stop = self.slots.scratch_start + self.num_scratch
        places = slice(stop - self.text_length, stop)
        positions = torch.arange(self.text_position - self.text_length, self.text_position)
        keys = self.slots.keys[:, :, places]
        return unrotate(keys, self.rotary.at(positions.to(keys.device))), self.slots.values[:, :, places]

    # ---- changing it

    def begin_sink(self, num_tokens: int) -> None:
        """Make room for the prefix.

        Raises:
            ModelError: something is remembered already.
        """
        if self.next or self.num_sink or self.text_length:
            msg = "the prefix of a memory must come first; open a new memory"
            raise ModelError(msg)
        self.slots.set_sink(num_tokens)

    def make_room(self, num_slots: int) -> None:
        """Forget the oldest chunks until ``num_slots`` more fit the budget, or grow where there is none.

        Raises:
            ConfigError: they exceed the whole budget.
            ModelError: text was taken in already.
        """
        self.claim()
        if self.text_length:
            msg = "footage cannot follow text in one memory; fork it before asking"
            raise ModelError(msg)
        if self.budget is None:
            if not self.is_fork:
                self.slots.reserve(slots=self.next + num_slots)
            return
        if num_slots > self.budget:
            msg = (
                f"one window leaves {num_slots} slots but the memory budget is {self.budget}; "
                "raise the budget or the ratio"
            )
            raise ConfigError(msg)
        while self.num_slots + num_slots > self.budget:
            self.evict()

    def make_room_for_all(self, sizes: list[int]) -> None:
        """As ``make_room`` for many windows at once, which forget the old as they go."""
        self.make_room(0)
        if self.budget is None:
            self.slots.reserve(slots=self.next + sum(sizes))
        elif max(sizes) > self.budget:
            self.make_room(max(sizes))

    def evict(self) -> Chunk:
        """Forget the oldest chunk for ever; nothing else moves but the sink.

        Raises:
            ModelError: there is none.
        """
        if not self.chunks:
            msg = "nothing to evict: the memory holds no chunk"
            raise ModelError(msg)
        self.claim()
        chunk = self.chunks.popleft()
        self._count_out([chunk])
        self.first = chunk.first + chunk.num_slots
        if not self.is_fork:  # a fork only looks past it
            self.slots.ids[self.slots.places(np.arange(chunk.first, self.first))] = FREE
            self.place_sink()
        return chunk

    def _count_out(self, chunks: list[Chunk]) -> None:
        times = [*self.evicted, *(time_s for chunk in chunks for time_s in (chunk.start_s, chunk.end_s))]
        self.evicted = [min(times), max(times)] if times else []

    def forget(self, span: Span) -> bool:
        """Give up all that has seen a span, later chunks and pending frames included; see ``forgetting.forget``."""
        return forget(self, span)

    def place_sink(self) -> None:
        """Let the stored sink stand directly before the oldest slot."""
        self._sink_first = self.first
        self.slots.place_sink(self.rotary, self.first)

    def remember(self, chunk: Chunk, times: np.ndarray) -> None:
        """Count in the slots of a window whose keys and values have been written: ``times`` (2, num_slots)."""
        places = self.places(View(chunk.first, chunk.first + chunk.num_slots))
        self.slots.ids[places] = np.arange(chunk.first, chunk.first + chunk.num_slots)
        self.slots.times[:, places] = times
        self.next = chunk.first + chunk.num_slots
        if chunk.num_slots:
            self.chunks.append(chunk)

    def remember_all(self, chunks: list[Chunk], times: np.ndarray, first: int) -> None:
        """Count in many windows at once, of which everything before slot ``first`` has left again.

        Args:
            chunks: the new chunks, in order.
            times: as ``slot_times``, of the new slots.
            first: the oldest slot still remembered.
        """
        start = self.next
        old_times = self.slot_times(View(max(first, self.first), max(first, start)))
        self.first, self.next = first, start + times.shape[1]
        together = [*self.chunks, *chunks]
        self._count_out([chunk for chunk in together if chunk.first < first])
        self.chunks = deque(chunk for chunk in together if chunk.first >= first)
        kept = View(first, self.next)
        places = self.places(kept)
        self.slots.ids[: self.slots.capacity] = FREE
        self.slots.ids[places] = np.arange(kept.first, kept.stop)
        kept_times = np.concatenate((old_times, times), axis=1)
        self.slots.times[:, places] = kept_times[:, kept_times.shape[1] - len(places) :]
        self.place_sink()

    # ---- forks

    def fork(self) -> VideoMemory:
        """A memory to ask questions of: what is written to it goes to the scratch part and is never seen here.

        Keys and values are shared, not copied. A fork that is still in use when this memory changes, or forks
        again, takes a copy of its own first.
        """
        self.claim()
        twin = copy.copy(self)
        twin.chunks = self.chunks.copy()
        twin.pending = Pending(list(self.pending.features), list(self.pending.times))
        if self.is_fork:
            twin.slots = self.slots.clone()
            return twin
        twin._ring_stop = self.next
        self._fork = weakref.ref(twin)
        return twin

    def claim(self) -> None:
        """Become the only user of the storage, by giving a fork that is still in use a copy of its own."""
        other = self._fork() if self._fork is not None else None
        if other is not None:
            other.slots = self.slots.clone()
        self._fork = None
        if not self.is_fork:
            self.slots.ids[self.slots.scratch_start :] = FREE

    # ---- reading it

    def visible_places(self, view: View) -> np.ndarray:
        """Which places hold the slots of a view: (places,) bool, sink and text not among them."""
        ids = self.slots.ids
        return np.asarray((ids >= view.first) & (ids < view.stop))

    def everything_visible(self) -> np.ndarray:
        """Which places a window sees: sink and every remembered slot, (places,) bool."""
        sink = self.sink_before(self.first)
        visible = self.visible_places(View(self.first, self.next))
        visible[sink] = True
        return visible

    def sink_before(self, first: int) -> np.ndarray:
        """Places of a sink that stands directly before slot ``first``: the stored one, or a copy made for it."""
        if first == self._sink_first:
            return np.arange(self.slots.capacity, self.slots.scratch_start)
        self.slots.reserve(scratch=self.num_scratch + self.num_sink)
        start = self.slots.scratch_start + self.num_scratch
        places = slice(start, start + self.num_sink)
        self.slots.keys[:, :, places] = self.slots.sink_at(self.rotary, first)
        self.slots.values[:, :, places] = self.slots.values[:, :, self.slots.capacity : self.slots.scratch_start]
        self.num_scratch += self.num_sink
        return np.arange(places.start, places.stop)

    def look_at(self, view: View) -> None:
        """Decide what the text that follows will see: the sink and one view."""
        sink = self.sink_before(view.first)
        self.visible = self.visible_places(view)
        self.visible[sink] = True
        self.text_position = self.num_sink + view.stop

    def text_places(self) -> np.ndarray:
        """What text sees, as wide as the storage is by now: (places,) bool."""
        if self.visible is None:
            self.look_at(View(self.first, self.next))
        visible = np.zeros(len(self.slots.ids), dtype=bool)
        visible[: len(self.visible)] = self.visible  # type: ignore[arg-type]
        self.visible = visible
        return visible

    def take_text(self, num_tokens: int) -> None:
        """Count in text that has been written behind what is in the scratch part, and let later text see it."""
        start = self.slots.scratch_start + self.num_scratch
        self.text_places()[start : start + num_tokens] = True
        self.num_scratch += num_tokens
        self.text_position += num_tokens
        self.text_length += num_tokens
