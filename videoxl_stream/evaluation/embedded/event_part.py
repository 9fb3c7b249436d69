"""The parts that watch for events with the whole pipeline, in seen and unseen looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from videoxl_stream.evaluation.clip_pair import DURATION_S, ENCODING
from videoxl_stream.evaluation.embedded.part import Work
from videoxl_stream.evaluation.event_record import measure_events, numbers_of_rules
from videoxl_stream.evaluation.record import Record


@dataclass(frozen=True)
class EventPart:
    """Events in pairs of clips, from the file to SQL.

    Args:
        title: of the part.
        seeds: of the pairs.
        looks: ``seen`` in training or ``unseen``.
        duration_s: of each clip.
    """

    title: str
    seeds: Sequence[int]
    looks: str = "seen"
    duration_s: float = DURATION_S
    measure: str = "events"

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the findings depend on, the thresholds among it."""
        footage = {"seeds": self.seeds, "looks": self.looks, "duration_s": self.duration_s}
        return {**footage, "encoding": asdict(ENCODING), "rules": numbers_of_rules()}

    def run(self, work: Work) -> Record:
        """Watch every pair; each one's findings are kept."""
        ways: dict[str, Any] = {"duration_s": self.duration_s, "looks": self.looks, "jobs": work.jobs}
        return measure_events(work.model, self.seeds, work.folder / "findings", **ways)[1]
