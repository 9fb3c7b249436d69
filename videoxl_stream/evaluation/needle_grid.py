"""What a needle run tries: lengths, depths, ratios, seeds, and in which way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.haystack import DEPTHS, check_depths, several
from videoxl_stream.evaluation.seeds import seed_range
from videoxl_stream.training.footage.families import check_looks

LENGTHS = (64, 256, 512, 1024, 2048)
RATIOS = (8, 16)
SEEDS = seed_range("20000-20049")
Mode = Literal["several", "single", "streamed"]


@dataclass(frozen=True)
class Grid:
    """What is tried.

    Args:
        lengths: of haystacks in frames.
        ratios: one memory of each haystack at each.
        depths: of needles, 0..1.
        seeds: of haystacks, at each length.
        mode: ``several`` needles in one haystack; a ``single`` one, in forks at each depth; or ``streamed``, several
            under a budget.
        budget_frames: footage that the memory may hold, only when streamed.
        fps: sampled frames per second.
        looks: of the footage, ``seen`` in training or ``unseen``, held out of it.

    Raises:
        ConfigError: something of it cannot be tried.
    """

    lengths: Sequence[int] = LENGTHS
    ratios: Sequence[int] = RATIOS
    depths: Sequence[float] = DEPTHS
    seeds: Sequence[int] = tuple(SEEDS)
    mode: Mode = "several"
    budget_frames: int | None = None
    fps: float = 2.0
    looks: str = "seen"

    def __post_init__(self) -> None:
        """Refuse before any footage is rendered."""
        for name, values in {"lengths": self.lengths, "ratios": self.ratios, "seeds": self.seeds}.items():
            if not values or len(set(values)) < len(values) or min(values) < (name != "seeds"):
                msg = f"{name} {list(values)} must be different positive numbers, at least one"
                raise ConfigError(msg)
        if self.mode not in get_args(Mode) or not self.fps > 0:
            msg = f"mode {self.mode!r} must be one of {', '.join(get_args(Mode))}, and fps {self.fps} above 0"
            raise ConfigError(msg)
        for length in self.lengths:
            check_depths(self.depths, length)
            if self.mode != "single":
                several(0, length, self.depths)
        check_looks(self.looks)
        self._check_budget()

    def _check_budget(self) -> None:
        if (self.budget_frames is not None) != (self.mode == "streamed"):
            msg = "a budget of frames is for streaming, which needs one: give --budget-frames, and not --single"
            raise ConfigError(msg)
        if self.budget_frames is not None and not 0 < self.budget_frames < min(self.lengths):
            msg = (
                f"a budget of {self.budget_frames} frames is not below every length {list(self.lengths)}; "
                "lower --budget-frames or leave the short lengths out"
            )
            raise ConfigError(msg)

    def settings(self) -> dict[str, Any]:
        """What the findings on one haystack depend on; lengths and seeds may be added later."""
        chosen = asdict(self)
        return {name: chosen[name] for name in ("ratios", "depths", "mode", "budget_frames", "fps", "looks")}


def mode_of(*, single: bool, budget_frames: int | None) -> Mode:
    """The mode that two options stand for."""
    return "single" if single else "several" if budget_frames is None else "streamed"
