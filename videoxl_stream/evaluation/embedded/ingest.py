"""How fast footage is taken in, and how much memory that takes; a process of its own, so that nothing else counts.

    python -m videoxl_stream.evaluation.embedded.ingest --slots 1000 [--model FOLDER]

A memory is filled to a number of slots with footage encoded before. Then window after window of rendered frames, no
two alike, goes through the vision tower into the memory, which forgets as much each time; rendering is not timed.
At the end the embedded rules ask all that they ask about a window. Writes one JSON object to the output.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from statistics import median
from time import perf_counter

import torch

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.one_thread import one_thread
from videoxl_stream.evaluation.provenance import hardware, versions
from videoxl_stream.evaluation.subject import Subject
from videoxl_stream.frames import Image
from videoxl_stream.model.memory import VideoMemory
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.pipelines.embedded_rules import QUESTIONS
from videoxl_stream.queries import Query
from videoxl_stream.training.footage.clips import ClipFormat, pictures
from videoxl_stream.training.footage.scenes import Scenario

RATIO, FPS, THREADS = 8, 2, 2
SIZE = (384, 216)
_WARM_UP, _DIFFERENT = 3, 12  # windows


@dataclass(frozen=True, slots=True)
class Ingest:
    """What taking in footage cost.

    Args:
        slots: that the memory held all the time.
        window_frames: of a window.
        window_s: seconds each window took, in order.
        ask_s: seconds that all questions of the rules took, at the end.
        peak_bytes: the most that was resident, from the start of the process.
        load: of the machine in the minute before, processes that wanted a core.
        hardware: what it ran on.
        versions: of Python and packages.
    """

    slots: int
    window_frames: int
    window_s: Sequence[float]
    ask_s: float
    peak_bytes: int
    load: float
    hardware: dict[str, str | int]
    versions: dict[str, str]

    @property
    def fps(self) -> float:
        """Frames a second, by the median window."""
        return self.window_frames / median(self.window_s)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of that: order statistics, which ask nothing of the times' distribution."""
        ordered, total = sorted(self.window_s), len(self.window_s)
        reach = 0.98 * math.sqrt(total)
        slow = ordered[min(total - 1, math.ceil(total / 2 + reach))]
        fast = ordered[max(0, math.floor(total / 2 - reach) - 1)]
        return self.window_frames / slow, self.window_frames / fast


def measure(name: str, slots: int, num_windows: int, seed: int) -> Ingest:
    """Fill a memory, then take in windows.

    Args:
        name: ``embedded`` or a folder of weights.
        slots: held; no window may be larger.
        num_windows: timed.
        seed: of the footage.

    Raises:
        ConfigError: there is no such model, or the slots hold no window.
    """
    load = os.getloadavg()[0]
    model = Subject.load(name).model
    memory = model.open_memory(ratio=RATIO, budget=slots)
    windows = _windows(seed, model.window_frames)
    a_window = -(-model.network.config.text.beacon_window // RATIO)
    _fill(model, memory, list(islice(windows, min(_DIFFERENT, slots // a_window))), slots // a_window)
    spent = []
    for window in islice(windows, _WARM_UP + num_windows):
        start_s = memory.last_s + 1 / FPS if memory.last_s is not None else 0.0
        times = [start_s + index / FPS for index in range(len(window))]
        begun = perf_counter()
        model.append(memory, window, times)
        spent.append(perf_counter() - begun)
    begun = perf_counter()
    model.verdicts(memory, [Query(question) for question in QUESTIONS.values()])
    asked_s, held = perf_counter() - begun, memory.num_slots
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return Ingest(held, model.window_frames, spent[_WARM_UP:], asked_s, peak, load, hardware(), versions())


def _windows(seed: int, window_frames: int) -> Iterator[list[Image]]:
    """Rendered footage without end, a site camera and a channel by turns, one window at a time."""
    rendered = _footage(seed)
    while True:
        with one_thread():
            window = list(islice(rendered, window_frames))
        yield window


def _footage(seed: int) -> Iterator[Image]:
    encoding, frames = ClipFormat(fps=FPS, width=SIZE[0], height=SIZE[1]), 60 * FPS
    while True:
        style = "channel" if seed % 2 else "site"
        yield from pictures(Scenario.of(seed, style, frames / FPS), frames, encoding)
        seed += 1


def _fill(model: VideoXL, memory: VideoMemory, windows: Sequence[list[Image]], num_windows: int) -> None:
    """Take in encoded windows over and over, until there are so many."""
    features = torch.cat([model.encode(window) for window in windows])
    frames, done = num_windows * model.window_frames, 0
    while done < frames:
        part = features[: min(len(features), frames - done)]
        model.append_encoded(memory, part, [(done + index) / FPS for index in range(len(part))])
        done += len(part)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure and write."""
    parser = argparse.ArgumentParser(
        prog="python -m videoxl_stream.evaluation.embedded.ingest",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", default="embedded", help="'embedded', or a folder of weights")
    parser.add_argument("--slots", type=int, default=1000, help="that the memory holds")
    parser.add_argument("--windows", type=int, default=60, help="timed")
    parser.add_argument("--seed", type=int, default=940_000, help="of the footage")
    given = parser.parse_args(arguments)
    if given.windows < 1:
        msg = f"{given.windows} windows cannot be timed; give --windows 1 or more"
        raise ConfigError(msg)
    torch.set_num_threads(THREADS)
    print(json.dumps(asdict(measure(given.model, given.slots, given.windows, given.seed))))


if __name__ == "__main__":
    main()
