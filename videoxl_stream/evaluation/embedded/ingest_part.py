"""The part that measures how fast footage is taken in on two cores, and how much memory the process takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.bar import bar
from videoxl_stream.evaluation.embedded.ingest import RATIO, SIZE, THREADS, Ingest
from videoxl_stream.evaluation.embedded.part import Work
from videoxl_stream.evaluation.finished import Finished
from videoxl_stream.evaluation.provenance import hardware, versions
from videoxl_stream.evaluation.record import Record

_PROGRAM = "videoxl_stream.evaluation.embedded.ingest"


@dataclass(frozen=True)
class IngestPart:
    """One process for each size of memory; nothing else should run meanwhile.

    Args:
        title: of the part.
        slots: sizes of memory.
        num_windows: timed at each.
        first_seed: of the footage; as many more are taken as it needs.
    """

    title: str
    slots: Sequence[int]
    num_windows: int
    first_seed: int
    measure: str = "ingest"

    @property
    def settings(self) -> Mapping[str, Any]:
        """Sizes and footage."""
        chosen = {"slots": self.slots, "num_windows": self.num_windows, "seed": self.first_seed}
        return {**chosen, "ratio": RATIO, "picture": SIZE, "threads": THREADS}

    def run(self, work: Work) -> Record:
        """Measure sizes that are not done yet."""
        begun = {"measure": self.measure, "model": work.revision, **self.settings}
        finished = Finished(work.folder, begun)
        made = Record(self.measure, work.named, self.settings, versions(), hardware())
        with bar(self.title, len(self.slots)) as tell:
            for number, slots in enumerate(self.slots, 1):
                found = finished.get(str(slots)) or finished.put(str(slots), self._measured(work.model, slots))
                _count(made, slots, Ingest(**found))
                tell(number)
        return made

    def _measured(self, model: str, slots: int) -> dict[str, Any]:
        """Measure in a process of its own.

        Raises:
            ConfigError: it could not.
        """
        numbers = {"slots": slots, "windows": self.num_windows, "seed": self.first_seed}
        words = [word for name, number in numbers.items() for word in (f"--{name}", str(number))]
        environment = os.environ | {"OMP_NUM_THREADS": str(THREADS), "MKL_NUM_THREADS": str(THREADS)}
        command = [sys.executable, "-m", _PROGRAM, "--model", model, *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip() or "it said nothing").splitlines()[-1]
            msg = f"python -m {_PROGRAM} --slots {slots} failed: {reason}; run it by hand to see all that it says"
            raise ConfigError(msg)
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def _count(made: Record, slots: int, found: Ingest) -> None:
    rate, peak = f"frames/s, {slots} slots", f"peak bytes, {slots} slots"
    made.values |= {rate: (found.fps, len(found.window_s)), peak: (float(found.peak_bytes), 1)}
    made.details.setdefault("intervals", {})[rate] = found.interval
    made.details[f"{slots} slots"] = {"held": found.slots, "ask_s": round(found.ask_s, 4), "load": found.load}
    made.hardware = found.hardware
