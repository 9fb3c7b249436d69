"""A haystack: long rendered footage without ads of its own, in which single frames hold one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.choices import brand_of
from videoxl_stream.frames import Image
from videoxl_stream.training.footage.channel_plan import BANNER, CARD, STICKER
from videoxl_stream.training.footage.drawing import Drawing
from videoxl_stream.training.footage.insert_plan import Insert
from videoxl_stream.training.footage.painter import Painter
from videoxl_stream.training.footage.renderer import Renderer
from videoxl_stream.training.footage.scenes import Rates, Scenario
from videoxl_stream.training.footage.vocabulary import ANOMALIES, COLOURS, STYLES, SYMBOLS

DEPTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
FORMS = {CARD: "card", BANNER: "banner", STICKER: "sticker"}
LEAST_FRAMES = 20
# Nothing may cover the lens: a needle behind it would not be there.
_RATES = Rates({kind: 0.3 for kind in ANOMALIES if kind != "tampering"})
_JITTER = 0.02
_AT_ONCE = 128
_FRAME_SEEDS = 2**24


@dataclass(frozen=True, slots=True)
class Needle:
    """One frame that shows a brand.

    Args:
        depth: where it was wanted, 0 the beginning, 1 the end; it lies within 2 % of that.
        frame: where it is.
        brand: 1..20.
        form: card, banner or sticker.
    """

    depth: float
    frame: int
    brand: int
    form: int

    @property
    def colour(self) -> int:
        """Index into COLOURS."""
        return (self.brand - 1) // len(SYMBOLS)


@dataclass(frozen=True)
class Haystack:
    """Footage of a seed with some needles.

    Args:
        seed: of the footage; an even one is a site camera, an odd one a broadcast channel.
        num_frames: sampled.
        needles: in any order.
        fps: sampled frames per second.
        size: height and width in pixels.
        looks: ``seen`` in training or ``unseen``, see ``footage.families``.
    """

    seed: int
    num_frames: int
    needles: tuple[Needle, ...] = ()
    fps: float = 2.0
    size: tuple[int, int] = (144, 256)
    looks: str = "seen"

    @property
    def style(self) -> str:
        """Of the footage."""
        return STYLES[self.seed % len(STYLES)]

    def time_s(self, frame: int) -> float:
        """Presentation time of a frame."""
        return frame / self.fps

    @cached_property
    def scenario(self) -> Scenario:
        """What happens; a frame shows the middle of its time, so that a needle fills exactly its own."""
        step_s = 1 / self.fps
        inserts = [Insert(one.frame * step_s, (one.frame + 1) * step_s, one.brand, one.form) for one in self.needles]
        duration_s = self.num_frames * step_s
        return Scenario.of(self.seed, self.style, duration_s, _RATES, inserts=inserts, looks=self.looks)

    def pictures(self, frames: Sequence[int], device: str = "cpu") -> Iterator[Image]:
        """Render some frames, (height, width, 3) each; a frame looks the same whichever others are rendered.

        Args:
            frames: their numbers.
            device: where it is rendered; pictures of a GPU differ a little from those of a CPU.
        """
        on_gpu = torch.device(device).type == "cuda"
        paint = Renderer() if on_gpu else Painter()
        generator, sigma = torch.Generator(device), float(self.scenario.batch.noise[0])
        for start in range(0, len(frames), _AT_ONCE):
            part = frames[start : start + _AT_ONCE]
            times = (torch.tensor([part], dtype=torch.float64) + 0.5) / self.fps
            drawn = self.scenario.batch.draw(times.float()).compact()
            drawn = Drawing(*(tensor.to(device) for tensor in (drawn.backdrop, drawn.shapes, drawn.gain)))
            for frame, picture in zip(part, paint(drawn, *self.size)[0], strict=True):
                generator.manual_seed(self.seed * _FRAME_SEEDS + frame)
                grain = torch.randn(picture.shape, generator=generator, device=device).mul_(sigma)
                yield grain.add_(picture).round_().clamp_(0, 255).to(torch.uint8).cpu().numpy()


def several(seed: int, num_frames: int, depths: Sequence[float]) -> tuple[tuple[Needle, ...], int]:
    """Needles of different colours for one haystack, and a colour that none of them has.

    There are as many colours as depths, so each haystack leaves out one of the depths, in turn.

    Raises:
        ConfigError: see ``check_depths``; or there are more depths than colours.
    """
    check_depths(depths, num_frames)
    if len(depths) > len(COLOURS):
        msg = f"{len(depths)} depths need as many colours, and there are {len(COLOURS)}; give fewer, or use --single"
        raise ConfigError(msg)
    rng = np.random.default_rng((seed, num_frames))
    colours = rng.permutation(len(COLOURS)).tolist()
    left_out = seed // len(STYLES) % len(depths) if len(depths) == len(COLOURS) else None
    wanted = [depth for place, depth in enumerate(depths) if place != left_out]
    needles = [
        _needle(rng, num_frames, depth, brand_of(colour, int(rng.integers(len(SYMBOLS)))))
        for depth, colour in zip(wanted, colours, strict=False)
    ]
    return tuple(needles), colours[len(wanted)]


def one_each(seed: int, num_frames: int, depths: Sequence[float]) -> tuple[Needle, ...]:
    """A needle for each depth, of which a haystack holds one at a time.

    Raises:
        ConfigError: see ``check_depths``.
    """
    check_depths(depths, num_frames)
    rng = np.random.default_rng((seed, num_frames, 1))
    most = len(COLOURS) * len(SYMBOLS)
    return tuple(_needle(rng, num_frames, depth, 1 + int(rng.integers(most))) for depth in depths)


def check_depths(depths: Sequence[float], num_frames: int) -> None:
    """Refuse depths and lengths with which needles could not be told apart.

    Raises:
        ConfigError: there are fewer than 20 frames, a depth is not within 0 and 1, or two are too close.
    """
    if num_frames < LEAST_FRAMES:
        msg = f"a haystack of {num_frames} frames is none; give lengths of {LEAST_FRAMES} frames or more"
        raise ConfigError(msg)
    ordered = sorted(depths)
    least = 2 * _JITTER + 2 / num_frames
    if not ordered or ordered[0] < 0 or ordered[-1] > 1 or min(map(_less, ordered, ordered[1:]), default=1.0) < least:
        msg = (
            f"depths {list(depths)} must lie from 0 to 1, {least:.2f} or more apart at {num_frames} frames, "
            "such as 0 0.25 0.5 0.75 1"
        )
        raise ConfigError(msg)


def _less(earlier: float, later: float) -> float:
    return later - earlier


def _needle(rng: np.random.Generator, num_frames: int, depth: float, brand: int) -> Needle:
    place = min(1.0, max(0.0, depth + rng.uniform(-_JITTER, _JITTER)))
    if depth in (0.0, 1.0):  # the very ends stay as likely as anything beside them
        place = abs(depth - rng.uniform(0, _JITTER))
    form = (CARD, BANNER, STICKER)[int(rng.integers(len(FORMS)))]
    return Needle(depth, round(place * (num_frames - 1)), brand, form)
