"""Clips: real H.264 files of rendered footage, with their truth beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from numpy.typing import NDArray

from videoxl_stream.errors import ConfigError
from videoxl_stream.training.footage.conditions import LOW_BIT_RATE
from videoxl_stream.training.footage.insert_plan import Insert
from videoxl_stream.training.footage.painter import Painter
from videoxl_stream.training.footage.scenes import Occurrence, Rates, Scenario

TRUTH_VERSION = 2
_COARSER = 10
_KEY_S = 4
"""Seconds from key frame to key frame, as cameras send them; x264's own 250 frames are a minute at 4 per second."""
_CHUNK = 128


@dataclass(frozen=True)
class Truth:
    """What really happens in a clip, in order of time, its conditions and its family."""

    clip: str
    seed: int
    style: str
    duration_s: float
    occurrences: tuple[Occurrence, ...]
    conditions: tuple[str, ...] = ()
    family: str = ""

    def save(self, path: Path) -> None:
        """Write the truth as JSON."""
        path.write_text(json.dumps({"version": TRUTH_VERSION, **asdict(self)}, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Truth:
        """Read what ``save`` wrote.

        Raises:
            ConfigError: the file is of another version.
        """
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = data.pop("version", None)
        if version != TRUTH_VERSION:
            msg = f"{path} is of version {version}, not {TRUTH_VERSION}: write the clip again."
            raise ConfigError(msg)
        occurrences = tuple(Occurrence(**occurrence) for occurrence in data.pop("occurrences"))
        return cls(occurrences=occurrences, conditions=tuple(data.pop("conditions")), **data)


@dataclass(frozen=True)
class ClipFormat:
    """How a clip is encoded: ``crf`` is x264's quality, 18 fine, 35 coarse; clips of a low bit rate get 10 more."""

    fps: int = 12
    width: int = 384
    height: int = 216
    crf: int = 24
    preset: str = "veryfast"


def truth_path(clip: Path) -> Path:
    """Name the truth file of a clip: ``a.mp4`` has ``a.truth.json``."""
    return clip.with_suffix(".truth.json")


def write_clip(
    path: Path,
    seed: int,
    style: str,
    duration_s: float,
    *,
    rates: Rates | None = None,
    inserts: Sequence[Insert] = (),
    looks: str = "seen",
    encoding: ClipFormat | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Truth:
    """Render a stream and encode it as H.264 (yuv420p, index in front); the same seed gives the same footage.

    The truth is written beside it, see ``truth_path``. One clip in five has a low bit rate, as its seed decides.

    Args:
        path: the clip, usually ``.mp4``.
        seed: of the scenario and its sensor noise.
        style: ``site`` or ``channel``.
        duration_s: seconds; rounded to whole frames.
        rates: how often each kind happens.
        inserts: ads of a frame or two that come on top.
        looks: ``seen`` as in training, or ``unseen``: only what is held out of it, see ``families.HELD_OUT``.
        encoding: size, frame rate and quality.
        on_progress: is told the share of the clip that is done, 0..1.

    Raises:
        ConfigError: the style or the looks are unknown.
    """
    encoding = encoding or ClipFormat()
    scenario = Scenario.of(seed, style, duration_s, rates, inserts=inserts, looks=looks)
    total = round(duration_s * encoding.fps)
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=encoding.fps)
        stream.width, stream.height, stream.pix_fmt = encoding.width, encoding.height, "yuv420p"
        # Several threads, and x264's macroblock tree at some widths, give other bytes on each run.
        stream.codec_context.thread_count = 1
        stream.codec_context.gop_size = _KEY_S * encoding.fps
        crf = encoding.crf + (_COARSER if LOW_BIT_RATE in scenario.conditions else 0)
        stream.options = {"crf": str(crf), "preset": encoding.preset, "mbtree": "0"}
        for number, picture in enumerate(pictures(scenario, total, encoding)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, encoding.fps)
            container.mux(stream.encode(frame))
            if on_progress is not None:
                on_progress((number + 1) / total)
        container.mux(stream.encode(None))
    truth = Truth(path.name, seed, style, duration_s, scenario.occurrences, scenario.conditions, scenario.family)
    truth.save(truth_path(path))
    return truth


def pictures(scenario: Scenario, total: int, encoding: ClipFormat) -> Iterator[NDArray[np.uint8]]:
    """Render the frames of a clip (height, width, 3), with the scenario's sensor noise."""
    painter = Painter()
    generator = torch.Generator().manual_seed(scenario.seed)
    sigma = float(scenario.batch.noise[0])
    for first in range(0, total, _CHUNK):
        times = torch.arange(first, min(first + _CHUNK, total)).view(1, -1) / encoding.fps
        for picture in painter(scenario.batch.draw(times), encoding.height, encoding.width)[0]:
            grain = torch.randn(picture.shape, generator=generator).mul_(sigma)
            yield grain.add_(picture).round_().clamp_(0, 255).to(torch.uint8).numpy()
