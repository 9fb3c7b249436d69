"""Part: one of the measures that the command is made of, with a record of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from videoxl_stream.evaluation.record import Record


@dataclass(frozen=True, slots=True)
class Work:
    """What a part is run with.

    Args:
        model: ``embedded`` or a folder of weights.
        revision: of its weights.
        folder: of the part alone; a run that was stopped goes on there.
        clips: folder of rendered clips, which parts share.
        device: where the needle parts put the model.
        jobs: processes.
    """

    model: str
    revision: str
    folder: Path
    clips: Path
    device: str = "cpu"
    jobs: int = 2

    @property
    def named(self) -> dict[str, str | bool]:
        """What a record says of the model."""
        return {"name": self.model, "revision": self.revision, "answers_mean_nothing": False}


class Part(Protocol):
    """One measure; plain data, so that it can be compared with a record that was made elsewhere."""

    @property
    def title(self) -> str:
        """What it measures, for a bar or a heading."""

    @property
    def measure(self) -> str:
        """Of its record, which also names the record's file."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What its record's settings must hold; plain JSON."""

    def run(self, work: Work) -> Record:
        """Measure, going on from what is done already.

        Raises:
            ConfigError: the folder holds a run that was begun otherwise.
        """


def differing(part: Part, record: Record, revision: str) -> list[str]:
    """In what a record is not one of this part and of these weights; empty where it is."""
    found = {"measure": record.measure, "model revision": record.model.get("revision"), **record.settings}
    wanted = {"measure": part.measure, "model revision": revision, **part.settings}
    plain = json.loads(json.dumps({name: found.get(name) for name in wanted}))
    return [
        f"{name} is {plain[name]!r}, not {value!r}"
        for name, value in json.loads(json.dumps(wanted)).items()
        if plain[name] != value
    ]
