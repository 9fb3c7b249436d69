"""What durable memory costs: bytes per camera-day, time per window, time to restore.

    python -m videoxl_stream.evaluation.durability [--minutes N] [--json FILE] [--folder FOLDER]

Rendered footage is watched by the embedded model, with a journal of each kind, on the disk of ``--folder``; then each
is restored. What a 7B model would write follows from its shape alone: 28 layers of 4 key-value heads of 128 numbers
in bfloat16, 144 tokens a frame, a frame a second; the size of its pictures is measured on rendered footage, which
has a sensor's noise.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import torch
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from videoxl_stream.buffer import Window
from videoxl_stream.frames import Frame
from videoxl_stream.journal import Durability
from videoxl_stream.journal.pictures import Pictures
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.training.footage.clips import ClipFormat, pictures
from videoxl_stream.training.footage.scenes import Scenario

KINDS = ("kv", "frames")
_DAY_S = 86_400
_FPS, _SIZE = 2, (640, 360)
_SEED = 910_000
_START = datetime(2026, 1, 1, tzinfo=UTC)
_SLOT_BYTES, _TOKENS, _LARGE_FPS, _WINDOW_S = 2 * 28 * 4 * 128 * 2, 144, 1.0, 10.0  # of the 7B model
_MEMORY_S = 3600  # what its memory holds
_CHECKPOINTS = (60, 360, 2160)
_PICTURES = ((640, 360), (1920, 1080))


@dataclass(frozen=True, slots=True)
class Watched:
    """One kind of journal on the embedded model.

    Args:
        kind: of durability.
        windows: taken in.
        day_bytes: written per camera-day, whole memories included.
        folder_bytes: on disk at the end.
        append_ms: median time of ``seen`` and ``append`` together.
        append_p99_ms: its 99th percentile.
        restore_s: time to restore at the end.
        exact: whether what was restored is the memory, bit for bit.
    """

    kind: str
    windows: int
    day_bytes: float
    folder_bytes: int
    append_ms: float
    append_p99_ms: float
    restore_s: float
    exact: bool


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What a 7B model would write.

    Args:
        kind: of durability.
        ratio: of the memory.
        checkpoint_windows: between whole memories, 10 s each; None where there are none.
        day_bytes: chunks or pictures per camera-day.
        whole_day_bytes: whole memories of an hour per camera-day.
        folder_bytes: on disk at most.
    """

    kind: str
    ratio: int
    checkpoint_windows: int | None
    day_bytes: float
    whole_day_bytes: float
    folder_bytes: float


def windows_of(num_frames: int, window_frames: int) -> list[Window]:
    """Rendered footage of a site camera, cut into full windows."""
    scenario = Scenario.of(_SEED, "site", num_frames / _FPS)
    encoding = ClipFormat(fps=_FPS, width=_SIZE[0], height=_SIZE[1])
    rendered = track(pictures(scenario, num_frames, encoding), "rendering", total=num_frames)
    frames = [
        Frame("gate", i, i / _FPS, _START + timedelta(seconds=i / _FPS), image) for i, image in enumerate(rendered)
    ]
    starts = range(0, num_frames - window_frames + 1, window_frames)
    return [Window(tuple(frames[start : start + window_frames]), short=False) for start in starts]


def watch(model: VideoXL, durability: Durability, windows: Sequence[Window], budget: int) -> Watched:
    """Let a model watch with a journal, and restore it."""
    journal = durability.open(model, "durability", "gate", budget=budget)
    memory, spent, written = journal.restore(0).memory, [], 0
    known: set[str] = set()
    for number, window in enumerate(windows):
        begun = perf_counter()
        seen = journal.seen(window)
        spent.append(perf_counter() - begun)
        model.append(memory, [frame.image for frame in seen.frames], [frame.time_s for frame in seen.frames])
        begun = perf_counter()
        journal.append(memory, number, seen)
        spent[-1] += perf_counter() - begun
        files = {path.name: path.stat().st_size for path in durability.path("durability", "gate").iterdir()}
        written += sum(size for name, size in files.items() if name not in known)
        known |= set(files)
    folder_bytes = journal.num_bytes
    journal.close()
    begun = perf_counter()
    journal = durability.open(model, "durability", "gate", budget=budget)
    restored = journal.restore(len(windows)).memory
    restore_s = perf_counter() - begun
    journal.close()
    footage_s = sum(len(window.frames) for window in windows) / _FPS
    return Watched(
        kind=str(durability.kind),
        windows=len(windows),
        day_bytes=written * _DAY_S / footage_s,
        folder_bytes=folder_bytes,
        append_ms=1000 * float(np.median(spent)),
        append_p99_ms=1000 * float(np.percentile(spent, 99)),
        restore_s=restore_s,
        exact=model.dump_memory(restored) == model.dump_memory(memory),
    )


def picture_bytes(width: int, height: int, quality: int, num_frames: int = 12) -> float:
    """Mean bytes of a JPEG of rendered footage."""
    scenario = Scenario.of(_SEED, "site", 60.0)
    rendered = islice(pictures(scenario, num_frames, ClipFormat(fps=1, width=width, height=height)), num_frames)
    frames = tuple(Frame("gate", i, float(i), _START, image) for i, image in enumerate(rendered))
    return float(np.mean([len(jpeg) for jpeg in Pictures.of(Window(frames, short=False), quality).jpegs]))


def reckon(jpeg_bytes: float) -> list[Reckoned]:
    """What a 7B model would write, from its shape and the size of a picture."""
    found = []
    for ratio in (8, 16):
        rate = _SLOT_BYTES * _TOKENS / ratio * _LARGE_FPS
        whole = rate * _MEMORY_S
        found.append(Reckoned("kv", ratio, None, rate * _DAY_S, 0, whole + rate * _WINDOW_S))
        for num_windows in _CHECKPOINTS:
            between_s = num_windows * _WINDOW_S
            seen = jpeg_bytes * _LARGE_FPS
            # A third whole memory is written before the first of two leaves.
            folder_bytes = 3 * whole + 2 * seen * between_s
            wholes = whole * _DAY_S / between_s
            found.append(Reckoned("frames", ratio, num_windows, seen * _DAY_S, wholes, folder_bytes))
    return found


def tables(watched: Sequence[Watched], reckoned: Sequence[Reckoned], jpegs: dict[str, float]) -> list[Table]:
    """All that there is to show."""
    first = Table(title="embedded model, 2 fps, 640x360, measured", box=box.SIMPLE)
    for column in ("kind", "windows", "GB a day", "MB on disk", "append ms", "p99 ms", "restore s", "exact"):
        first.add_column(column, justify="right")
    for one in watched:
        sizes = (f"{one.day_bytes / 1e9:.2f}", f"{one.folder_bytes / 1e6:.1f}")
        times = (f"{one.append_ms:.1f}", f"{one.append_p99_ms:.1f}", f"{one.restore_s:.2f}")
        first.add_row(one.kind, str(one.windows), *sizes, *times, "yes" if one.exact else "NO")
    second = Table(title="7B model, 1 fps, an hour of memory, 640x360, by arithmetic", box=box.SIMPLE)
    for column in ("kind", "ratio", "checkpoint", "GB a day", "and whole ones", "GB on disk"):
        second.add_column(column, justify="right")
    for each in reckoned:
        made = (each.kind, str(each.ratio), str(each.checkpoint_windows or ""))
        amounts = (each.day_bytes, each.whole_day_bytes, each.folder_bytes)
        second.add_row(*made, *(f"{amount / 1e9:.1f}" for amount in amounts))
    third = Table(title="mean JPEG, measured", box=box.SIMPLE)
    for column in ("size", "kB", "GB a day at 1 fps"):
        third.add_column(column, justify="right")
    for size, num_bytes in jpegs.items():
        third.add_row(size, f"{num_bytes / 1000:.0f}", f"{num_bytes * _DAY_S / 1e9:.1f}")
    return [first, second, third]


def hardware() -> str:
    """What this ran on, in words."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} CPUs, {torch.get_num_threads()} threads"


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, watch and print."""
    parser = argparse.ArgumentParser(
        prog="python -m videoxl_stream.evaluation.durability",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="of footage")
    parser.add_argument("--budget", type=int, default=2000, help="slots of the embedded model's memory")
    parser.add_argument("--json", type=Path, help="where to write every figure")
    parser.add_argument("--folder", type=Path, help="on the disk to be measured")
    given = parser.parse_args(arguments)
    model = VideoXL.from_pretrained("embedded")
    with TemporaryDirectory(dir=given.folder) as folder:
        kinds = [Durability(Path(folder) / kind, kind) for kind in KINDS]
        windows = windows_of(round(given.minutes * 60 * _FPS), model.window_frames)
        # The restart that takes longest: one window before a whole memory would be written.
        stop = len(windows) // kinds[1].checkpoint_windows * kinds[1].checkpoint_windows - 1
        watched = [watch(model, each, windows[: stop if stop > 0 else None], given.budget) for each in kinds]
    jpegs = {f"{w}x{h}": picture_bytes(w, h, kinds[1].jpeg_quality) for w, h in _PICTURES}
    reckoned = reckon(jpegs["640x360"])
    console = Console()
    for table in tables(watched, reckoned, jpegs):
        console.print(table)
    console.print(hardware())
    if given.json is not None:
        report = {
            "hardware": hardware(),
            "settings": {"minutes": given.minutes, "budget": given.budget, "fps": _FPS, "size": _SIZE},
            "embedded": [asdict(one) for one in watched],
            "7B": [asdict(each) for each in reckoned],
            "jpeg_bytes": jpegs,
        }
        given.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
