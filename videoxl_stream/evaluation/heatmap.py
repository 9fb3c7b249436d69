"""The heatmap of a needle run: length x depth, one panel for each ratio."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.needle_record import depth_score
from videoxl_stream.evaluation.record import Record

_WAYS = {"several": "several needles, asked by colour", "single": "one needle", "streamed": "streamed under a budget"}


def installed() -> bool:
    """Whether matplotlib, which draws it, is installed."""
    return find_spec("matplotlib") is not None


def grid_of(made: Record, ratio: int) -> np.ndarray:
    """Share of needles named right: (depths, lengths), nan where none was asked for.

    Raises:
        ConfigError: the record is of something else.
    """
    if made.measure != "needle" or not made.scores:
        msg = f"a run of {made.measure!r} without scored needles has no heatmap; give the needle.json of eval needle"
        raise ConfigError(msg)
    names = [
        [depth_score(ratio, length, depth) for length in sorted(made.settings["lengths"])]
        for depth in made.settings["depths"]
    ]
    return np.array([[made.value(name) if name in made.scores else np.nan for name in row] for row in names])


def draw(made: Record, path: Path) -> None:
    """Draw it.

    Args:
        made: of a needle run.
        path: the picture; its suffix names the format.

    Raises:
        ConfigError: the record is of something else, or matplotlib is not installed.
    """
    ratios, lengths, depths = made.settings["ratios"], sorted(made.settings["lengths"]), made.settings["depths"]
    grids = [grid_of(made, ratio) for ratio in ratios]
    if not installed():
        msg = "a heatmap needs matplotlib; pip install 'videoxl-stream[eval]'"
        raise ConfigError(msg)
    from matplotlib.figure import Figure  # noqa: PLC0415 - optional

    # A figure of its own, without pyplot, has no global state and needs no display.
    figure = Figure(figsize=(1.6 + 4.2 * len(ratios), 3.6), layout="constrained")
    for place, (ratio, grid) in enumerate(zip(ratios, grids, strict=True)):
        axes = figure.add_subplot(1, len(ratios), place + 1)
        image = axes.imshow(grid, vmin=0, vmax=1, cmap="RdYlGn", aspect="auto")
        axes.set_xticks(range(len(lengths)), [str(length) for length in lengths])
        axes.set_yticks(range(len(depths)), [f"{depth:.0%}" for depth in depths])
        whole = made.value(f"needle, ratio {ratio}")
        axes.set(title=f"ratio {ratio}: {whole:.1%}", xlabel="frames", ylabel="depth of the needle")
        for (row, column), share in np.ndenumerate(grid):
            if not np.isnan(share):
                ink = "white" if share < 0.2 or share > 0.9 else "black"
                axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=8, color=ink)
    figure.colorbar(image, label="needles named right", shrink=0.9)
    figure.suptitle(f"{_WAYS[made.settings['mode']]}; {made.model['name']}, weights {made.model['revision'][:12]}")
    figure.savefig(path, dpi=150)
