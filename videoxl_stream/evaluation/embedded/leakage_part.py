"""The part that says how much a view knows of what happened before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from itertools import islice
from typing import Any

from videoxl_stream.evaluation.bar import bar
from videoxl_stream.evaluation.embedded.part import Work
from videoxl_stream.evaluation.finished import Finished
from videoxl_stream.evaluation.leakage import LEAKING, VIEWS, Pair, compare, scenarios
from videoxl_stream.evaluation.provenance import hardware, versions
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.seeds import each_seed
from videoxl_stream.model.video_xl import VideoXL

LATER = tuple(VIEWS)[1:]
"""Views that hold none of the event."""


@dataclass(frozen=True)
class LeakagePart:
    """Streams watched after an event and after nothing.

    Args:
        title: of the part.
        first_seed: for every kind, streams are of the first seeds from here on that have an event.
        num_streams: of each kind.
        kinds: of events.
    """

    title: str
    first_seed: int
    num_streams: int
    kinds: Sequence[str] = LEAKING
    measure: str = "leakage"

    @property
    def settings(self) -> Mapping[str, Any]:
        """Which streams."""
        return {"first_seed": self.first_seed, "num_streams": self.num_streams, "kinds": self.kinds}

    def run(self, work: Work) -> Record:
        """Compare every pair that is not done yet."""
        begun = {"measure": self.measure, "model": work.revision, "first_seed": self.first_seed}
        finished, streams = Finished(work.folder, begun), self._streams()
        left = [one for one in streams if finished.get(_name(*one)) is None]
        watch = partial(_compare, streams=left, model=work.model)
        with bar(self.title, len(streams)) as tell:
            for number, (place, pair) in enumerate(each_seed(watch, range(len(left)), work.jobs), 1):
                finished.put(_name(*left[place]), asdict(pair))
                tell(len(streams) - len(left) + number)
        made = Record(self.measure, work.named, self.settings, versions(), hardware())
        for one in streams:
            _count(made, Pair(**(finished.get(_name(*one)) or {})))
        return made

    def _streams(self) -> list[tuple[str, int]]:
        """Kind and seed of each."""
        return [
            (kind, eventful.seed)
            for kind in self.kinds
            for eventful, _ in islice(scenarios(kind, self.first_seed), self.num_streams)
        ]


@lru_cache(maxsize=1)
def _model(name: str) -> VideoXL:
    """Load weights once in each process."""
    return VideoXL.from_pretrained(name)


def _name(kind: str, seed: int) -> str:
    return f"{kind}-{seed}"


def _compare(place: int, *, streams: Sequence[tuple[str, int]], model: str) -> Pair:
    kind, seed = streams[place]
    return compare(_model(model), kind, *next(scenarios(kind, seed)))


def _count(made: Record, pair: Pair) -> None:
    """Changes of the probability of "yes", and whether only the past turned the answer to it."""
    seen = pair.after_event["the event"] >= 0.5 > pair.after_nothing["the event"]
    made.add(["event seen", f"{pair.kind}: event seen"], f"{pair.kind}/seen", str(pair.seed), seen)
    for view in LATER:
        turned = pair.after_event[view] >= 0.5 > pair.after_nothing[view]
        figures = {"change": abs(pair.leaked(view)), "turned to yes": turned}
        for name, value in figures.items():
            scores = [f"{view}: {name}", f"{pair.kind}, {view}: {name}"]
            made.add(scores, f"{pair.kind}/{view}/{name}", str(pair.seed), value)
