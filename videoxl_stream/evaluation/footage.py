"""The measure: the whole pipeline, from video files to SQL, against footage whose truth is known.

    python -m videoxl_stream.evaluation.footage --seeds 1000-1039 --json OUT

Each seed is a site camera and a broadcast channel of 180 s; in half of all clips nothing happens. A claim is right if
something of the same kind truly overlaps it with an intersection over union of 0.3 or more, one to one. Beside the
embedded model stand baselines: it with its memory zeroed, "always" (everything happens all the time), the difference
of consecutive frames, and a linear classifier on the mean colour of single frames; the two last were fitted on seeds
3000 to 3019 (see baselines.py). "Gated" is the model behind the motion gate. With ``--cache`` a run that was stopped
goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from videoxl_stream.evaluation.baselines import Baselines
from videoxl_stream.evaluation.clip_pair import DURATION_S, ENCODING, ClipPair
from videoxl_stream.evaluation.matching import MIN_IOU
from videoxl_stream.evaluation.scoreboard import Scoreboard
from videoxl_stream.evaluation.seeds import all_seeds, seed_range
from videoxl_stream.evaluation.tables import tables
from videoxl_stream.evaluation.trial import WATCHED, Findings, Trial
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.pipelines.embedded_rules import embedded_rules
from videoxl_stream.training import footage
from videoxl_stream.training.footage.clips import ClipFormat


@dataclass(frozen=True)
class Measure:
    """Seeds tried and scored; can be sent to another process.

    Args:
        trial: how each is tried.
        duration_s: of each clip.
        encoding: of each clip.
        cache: keeps what was found on each seed; None keeps nothing.
        looks: of each clip, ``seen`` in training or ``unseen``.
    """

    trial: Trial
    duration_s: float = DURATION_S
    encoding: ClipFormat = ENCODING
    cache: Path | None = None
    looks: str = "seen"

    def run(self, seeds: Sequence[int], jobs: int) -> Scoreboard:
        """Try all seeds that are not in the cache yet, side by side."""
        return Scoreboard(list(all_seeds(self.find, seeds, jobs).values()))

    def find(self, seed: int) -> Findings:
        """Try one seed, unless its findings were kept."""
        pair = ClipPair(seed, self.duration_s, self.encoding, self.looks)
        if self.cache is None:
            with TemporaryDirectory() as folder:
                return self.trial.run(pair, Path(folder))
        found = Findings.load(self.cache, pair, self.stamp)
        if found is None:
            with TemporaryDirectory() as folder:
                found = self.trial.run(pair, Path(folder))
            self.cache.mkdir(parents=True, exist_ok=True)
            found.save(self.cache, seed, self.stamp)
        return found

    @cached_property
    def stamp(self) -> str:
        """Names all that findings depend on: footage, weights, rules, baselines, settings."""
        parts = [VideoXL.from_pretrained(self.trial.model).fingerprint, repr(embedded_rules()), repr(self.trial)]
        parts += [str(self.duration_s), repr(asdict(self.encoding)), self.looks]
        for path in sorted(Path(footage.__path__[0]).glob("*.py")):
            parts.append(path.read_text(encoding="utf-8"))
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, watch and print."""
    parser = argparse.ArgumentParser(
        prog="python -m videoxl_stream.evaluation.footage",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=seed_range, default=seed_range("1000-1039"), help="such as 1000-1039")
    parser.add_argument("--json", type=Path, help="where to write every figure")
    parser.add_argument("--model", default="embedded", help="'embedded', or a checkpoint folder")
    parser.add_argument("--seconds", type=float, default=DURATION_S, help="length of each clip")
    parser.add_argument("--fps", type=int, default=ENCODING.fps, help="of the clips")
    parser.add_argument("--ways", nargs="+", choices=WATCHED, default=WATCHED, help="fewer are faster")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--cache", type=Path, help="folder for what was found on each seed, to go on from")
    given = parser.parse_args(arguments)
    trial = Trial(given.model, Baselines.load(), tuple(given.ways))
    board = Measure(trial, given.seconds, ClipFormat(fps=given.fps), given.cache).run(given.seeds, given.jobs)
    console = Console()
    for table in tables(board):
        console.print(table)
    if given.json is not None:
        report = {"seeds": given.seeds, "model": given.model, "min_iou": MIN_IOU, **board.to_json()}
        given.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
