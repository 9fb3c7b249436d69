"""Whether a stream still fits: said with the arithmetic, before anything is opened."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from videoxl_stream.buffer import BufferLimits
from videoxl_stream.errors import ConfigError
from videoxl_stream.evidence import Evidence
from videoxl_stream.interfaces import Source, VideoModel

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_TYPICAL_PICTURE = (360, 640, 3)
_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """How much one process takes on; a cheap description.

    Args:
        max_bytes: of memory for all streams together; None means 80 % of what the machine, or the container, has.
        max_load: share of the model's time that taking footage in may need; what is left answers questions. None
            lets any number in: buffers' policies then drop what is too much.

    Raises:
        ConfigError: a value is not positive.
    """

    max_bytes: int | None = None
    max_load: float | None = 0.7

    def __post_init__(self) -> None:
        """Refuse limits that nothing can keep."""
        for name in ("max_bytes", "max_load"):
            given = getattr(self, name)
            if given is not None and not given > 0:
                msg = f"{name} is {given}; give a number above 0, or null"
                raise ConfigError(msg)

    def check(self, sources: Sequence[Source], needs: Needs, *, topics: Sequence[str] = (), beside: int = 0) -> None:
        """Refuse streams that do not fit together.

        Args:
            sources: all that are to be watched at once.
            needs: what one stream takes.
            topics: names of feeds; there must be room for one of their streams at least.
            beside: streams of feeds that are watched already.

        Raises:
            ConfigError: they do not; the message shows the sum, and what could be changed.
        """
        live = [source for source in sources if source.live]
        endless = [*(f"{source.stream_id!r} is live" for source in live), *(f"{name} has no end" for name in topics)]
        if endless and needs.is_endless:
            msg = f"{endless[0]}, and a memory without a budget grows without an end: give a budget (of slots)"
            raise ConfigError(msg)
        if refusal := self.refusal(len(sources) + max(beside, min(1, len(topics))), needs):
            raise ConfigError(refusal)
        self._check_load([source for source in live if needs.fps_of(source)], needs)

    def refusal(self, num: int, needs: Needs) -> str:
        """Why so many streams at once do not fit into memory, with the sum; empty if they do.

        Args:
            num: of streams.
            needs: what one of them takes.
        """
        limit = self.max_bytes or int(0.8 * machine_bytes())
        if num * needs.num_bytes <= limit:
            return ""
        return (
            f"{num} streams do not fit: {num} x ({needs.told()}) = {num * needs.num_bytes // _MIB} MiB, more than "
            f"the {limit // _MIB} MiB of max_bytes. At most {limit // needs.num_bytes} do; or lower the memory's "
            "budget, limits.max_bytes or evidence.ring_bytes, or raise max_bytes"
        )

    def _check_load(self, live: Sequence[Source], needs: Needs) -> None:
        load = sum(needs.load_of(source) for source in live)
        if self.max_load is not None and load > self.max_load:
            shares = [f"{needs.fps_of(source):g} fps" for source in live[:3]] + ["..."] * (len(live) > 3)
            msg = (
                f"{len(live)} live streams ({', '.join(shares)}) do not fit: a window of {needs.window_frames} frames "
                f"takes the model {needs.window_s:.3f} s, so together they need {load:.2f} of its time, more than "
                f"max_load={self.max_load:g}. Watch fewer, lower sample_fps, or start another process for some"
            )
            raise ConfigError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one stream takes.

    Args:
        memory_bytes: of keys and values.
        buffer_bytes: of pictures that may wait.
        ring_bytes: of packets and pictures kept for evidence.
        window_frames: frames in a window.
        window_s: seconds that the model takes for one.
        is_endless: whether the memory has no budget.
    """

    memory_bytes: int
    buffer_bytes: int
    ring_bytes: int
    window_frames: int
    window_s: float
    is_endless: bool

    @classmethod
    def of(
        cls,
        model: VideoModel[Any],
        *,
        limits: BufferLimits | None,
        evidence: Evidence | None,
        **settings: Any,
    ) -> Needs:
        """Measure: open a memory and let the model take in two windows of noise, of which the second counts."""
        memory = model.open_memory(**settings)
        window_s = 0.0
        noise = np.random.default_rng(0)
        for number in range(2):
            frames = [noise.integers(0, 256, _TYPICAL_PICTURE, np.uint8) for _ in range(model.window_frames)]
            began = time.perf_counter()
            model.append(memory, frames, [number * model.window_frames + index for index in range(len(frames))])
            window_s = time.perf_counter() - began
        return cls(
            memory_bytes=memory.num_bytes,
            buffer_bytes=(limits or BufferLimits()).max_bytes,
            ring_bytes=0 if evidence is None else 2 * evidence.ring_bytes,
            window_frames=model.window_frames,
            window_s=window_s,
            is_endless=settings.get("budget") is None,
        )

    @property
    def num_bytes(self) -> int:
        """All together."""
        return self.memory_bytes + self.buffer_bytes + self.ring_bytes

    def told(self) -> str:
        """The sum in words."""
        parts = {"memory": self.memory_bytes, "waiting frames": self.buffer_bytes, "evidence": self.ring_bytes}
        return " + ".join(f"{size // _MIB} MiB {name}" for name, size in parts.items() if size)

    def fps_of(self, source: Source) -> float:
        """Frames per second of footage that a source gives; 0 if it does not say."""
        fps = getattr(source, "sample_fps", None)
        return float(fps) if isinstance(fps, int | float) else 0.0

    def load_of(self, source: Source) -> float:
        """Share of the model's time that a source needs."""
        return self.fps_of(source) / self.window_frames * self.window_s


def machine_bytes() -> int:
    """Memory of this machine, or of the container that it runs in."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in _CGROUP_LIMITS:
        path = Path(name)
        if path.is_file() and (text := path.read_text().strip()).isdigit():
            found.append(int(text))
    return min(found)
