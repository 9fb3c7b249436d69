"""The demo's measure over many seeds.

    python -m videoxl_stream.evaluation.demo_score --seeds 1000-1009 [--blind zero] [--blind shuffle]

Renders and watches both clips of each seed as the demo does. ``--blind zero`` watches once more with a memory whose
beacons are zero whenever it is asked, ``--blind shuffle`` compares each seed's truth with what was found in the
next seed's clips: a model that sees must lose its score in both. Prints tables to the error stream and JSON to the
output.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import track
from rich.table import Table

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.blinded import BlindedVideoXL
from videoxl_stream.evaluation.comparison import Comparison
from videoxl_stream.evaluation.demo import DURATION_S, ENCODING, clip_paths, render, seed_range, watch
from videoxl_stream.evaluation.matching import MIN_IOU, Score
from videoxl_stream.events import Event
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.store import EventStore
from videoxl_stream.training.footage.clips import ClipFormat, Truth

BLIND = ("zero", "shuffle")


def score_seeds(
    seeds: Sequence[int],
    *,
    model: str = "embedded",
    blind: Sequence[str] = (),
    duration_s: float = DURATION_S,
    encoding: ClipFormat = ENCODING,
) -> dict[str, Score]:
    """Watch the clips of every seed and score what is found.

    Args:
        seeds: of the clips.
        model: "embedded" or a checkpoint folder.
        blind: "zero" and "shuffle", see the module.
        duration_s: of each clip.
        encoding: of each clip.

    Returns:
        the score over all seeds, of "memory" and of each way of being blind.

    Raises:
        ConfigError: frames of one seed cannot be shuffled.
    """
    if "shuffle" in blind and len(seeds) < 2:
        msg = f"to shuffle clips between seeds takes two or more; got {list(seeds)}"
        raise ConfigError(msg)
    seeing = VideoXL.from_pretrained(model)
    blinded = BlindedVideoXL.from_pretrained(model) if "zero" in blind else None
    truths: list[dict[str, Truth]] = []
    found: dict[str, list[list[Event]]] = {"memory": [], **{way: [] for way in blind}}
    for seed in track(seeds, "watching", console=Console(stderr=True)):
        with TemporaryDirectory() as folder:
            truths.append(render(Path(folder), seed, duration_s, encoding=encoding))
            found["memory"].append(_found(Path(folder), seeing))
            if blinded is not None:
                found["zero"].append(_found(Path(folder), blinded))
    if "shuffle" in blind:
        found["shuffle"] = [*found["memory"][1:], found["memory"][0]]
    return {
        way: sum((Comparison(truth, events).score for truth, events in zip(truths, each, strict=True)), Score())
        for way, each in found.items()
    }


def _found(folder: Path, model: VideoXL) -> list[Event]:
    with EventStore("sqlite:///:memory:") as store:
        return watch(clip_paths(folder), model, store)


def _table(way: str, score: Score) -> Table:
    table = Table("kind", "true", "found", "matched", "precision", "recall", "F1", title=way)
    for kind, counts in (*score.kinds.items(), ("all", score.total)):
        numbers = (counts.true, counts.found, counts.matched)
        shares = (counts.precision, counts.recall, counts.f1)
        table.add_row(kind, *map(str, numbers), *(f"{share:.3f}" for share in shares))
    return table


def _json(seeds: Sequence[int], model: str, scores: Mapping[str, Score]) -> str:
    ways = {
        way: {**score.total.to_json(), "kinds": {kind: counts.to_json() for kind, counts in score.kinds.items()}}
        for way, score in scores.items()
    }
    return json.dumps({"seeds": list(seeds), "model": model, "min_iou": MIN_IOU, **ways}, indent=2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, watch and print."""
    parser = argparse.ArgumentParser(
        prog="python -m videoxl_stream.evaluation.demo_score",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=seed_range, default=seed_range("1000-1009"), help="such as 1000-1009")
    parser.add_argument("--blind", action="append", choices=BLIND, default=[], help="also score it blinded")
    parser.add_argument("--model", default="embedded", help="'embedded', or a checkpoint folder")
    parser.add_argument("--seconds", type=float, default=DURATION_S, help="length of each clip")
    parser.add_argument("--fps", type=int, default=ENCODING.fps, help="of the clips")
    given = parser.parse_args(arguments)
    scores = score_seeds(
        given.seeds,
        model=given.model,
        blind=given.blind,
        duration_s=given.seconds,
        encoding=ClipFormat(fps=given.fps),
    )
    console = Console(stderr=True)
    for way, score in scores.items():
        console.print(_table(way, score))
    print(_json(given.seeds, given.model, scores))


if __name__ == "__main__":
    main()
