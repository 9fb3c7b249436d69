"""Curves of a training run: losses over its steps, and what it answered right of what was held out.

python -m videoxl_stream.training.curves docs/training/run_11.json docs/images/training.png
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from videoxl_stream.errors import ConfigError

_SMOOTH = 9  # rows that a point is the median of
_LOSSES = ("answer", "beacon", "frame", "order", "mention", "mark")
_TOPICS = ("ad", "colour", "which", "order", "ads", "times", "which: letter", "order: letter", "before", "next")
Log = Sequence[Mapping[str, Any]]


def losses(log: Log, phase: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Steps and smoothed losses of a phase, each (rows,), by name; a step without such a loss says 0 and is left out.

    Raises:
        ConfigError: the log has no such phase.
    """
    rows = [row for row in log if row["phase"] == phase]
    if not rows:
        msg = f"there is no phase {phase!r} in this log; give the state.json of a run, or its log.json"
        raise ConfigError(msg)
    found = {}
    for name in _LOSSES:
        points = np.array([(row["step"], row[name]) for row in rows if row.get(name)])
        if len(points):
            found[name] = (points[:, 0], smoothed(points[:, 1]))
    return found


def smoothed(values: np.ndarray) -> np.ndarray:
    """The running median, (rows,): steps of different lengths have losses of different sizes."""
    around = np.pad(values, _SMOOTH // 2, mode="edge")
    medians: np.ndarray = np.median(np.lib.stride_tricks.sliding_window_view(around, _SMOOTH), axis=-1)
    return medians


def held_out(log: Log, topic: str, ratio: int) -> dict[int, float]:
    """Share of held-out texts about a topic that were answered right, by length, at the end of the last piece."""
    found = {row["frames"]: row[topic] for row in log if row["phase"] == "held out" and row["ratio"] == ratio}
    return dict(sorted(found.items()))


def draw(log: Log, path: Path) -> None:
    """Draw losses on the left, what was held out on the right.

    Args:
        log: of a run.
        path: the picture; its suffix names the format.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - optional

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, (steps, values) in losses(log, "streams").items():
        left.plot(steps, values, label=name)
    left.set(xlabel="step", ylabel="loss (running median)", yscale="log", title="streams")
    _legend_below(left)
    known = [topic for topic in _TOPICS if any(topic in row for row in log)]
    for topic in known:
        found = held_out([row for row in log if topic in row], topic, 8)
        right.plot(list(found), list(found.values()), marker="o", label=topic)
    right.set(xlabel="frames", xscale="log", ylim=(0, 1.02), title="held out, ratio 8: answered right")
    _legend_below(right)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def _legend_below(axes: Any) -> None:
    axes.legend(fontsize="small", ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.14), frameon=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(
        prog="python -m videoxl_stream.training.curves",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("log", type=Path, help="log.json of a model, or state.json of a run")
    parser.add_argument("picture", type=Path)
    given = parser.parse_args(arguments)
    content = json.loads(given.log.read_text(encoding="utf-8"))
    draw(content if isinstance(content, list) else content["log"], given.picture)


if __name__ == "__main__":
    main()
