"""What tests of streams share: filling a memory, asking it, comparing two."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from videoxl_stream.frames import Image
from videoxl_stream.model.memory import VideoMemory
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.queries import Query

QUESTION = "What is the man doing?"
QUERIES = [Query(QUESTION, ("yes", "no")), Query("Describe.", ("a", "the door", "He walks"))]


def filled(
    model: VideoXL,
    footage: Sequence[Image],
    cuts: Sequence[int] = (),
    times: Sequence[float] | None = None,
    *,
    ratio: int | None = None,
    budget: int | None = None,
) -> VideoMemory:
    memory = model.open_memory(ratio=ratio, budget=budget)
    times = [float(i) for i in range(len(footage))] if times is None else times
    edges = [0, *sorted(cuts), len(footage)]
    for start, stop in pairwise(edges):
        model.append(memory, footage[start:stop], times[start:stop])
    return memory


def probabilities(model: VideoXL, memory: VideoMemory, queries: Sequence[Query] = QUERIES) -> np.ndarray:
    return np.concatenate([verdict.probabilities for verdict in model.verdicts(memory, queries)])


def assert_same(one: VideoMemory, other: VideoMemory) -> None:
    assert (one.first, one.next, one.carry) == (other.first, other.next, other.carry)
    assert list(one.chunks) == list(other.chunks)
    for a, b in zip(one.beacon_states(), other.beacon_states(), strict=True):
        torch.testing.assert_close(a, b, atol=2e-5, rtol=1e-5)
