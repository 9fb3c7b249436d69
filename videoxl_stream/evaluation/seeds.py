"""Seeds: as people write them, and work on many of them side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TypeVar

import torch
from rich.console import Console
from rich.progress import track

T = TypeVar("T")


def seed_range(text: str) -> list[int]:
    """Seeds as people write them: ``7`` or ``1000-1009``, both ends included.

    Raises:
        ValueError: it is neither; argparse says so.
    """
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def all_seeds(work: Callable[[int], T], seeds: Sequence[int], jobs: int) -> dict[int, T]:
    """As ``each_seed`` to its end, with a bar on the error stream; in the order of the seeds."""
    ready = track(each_seed(work, seeds, jobs), "watching", total=len(seeds), console=Console(stderr=True))
    results = dict(ready)
    return {seed: results[seed] for seed in seeds}


def each_seed(work: Callable[[int], T], seeds: Sequence[int], jobs: int) -> Iterator[tuple[int, T]]:
    """Do some work for every seed, in processes of one thread each.

    Args:
        work: can be sent to another process, as its result can.
        seeds: each once.
        jobs: processes; with one the work is done right here.

    Yields:
        seeds with their results, as they get ready. When the caller stops, no other is begun.
    """
    if jobs == 1:
        yield from ((seed, work(seed)) for seed in seeds)
        return
    # Threads of PyTorch do not survive a fork; and pictures are too small for two threads to share one.
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,))
    try:
        futures = {pool.submit(work, seed): seed for seed in seeds}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)
