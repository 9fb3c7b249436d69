"""One daemon's folder, and what it found there, compared with what another found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.faults.process import DaemonProcess
from videoxl_stream.errors import StoreError
from videoxl_stream.events import Event
from videoxl_stream.store import EventStore

_RUN_S = 900.0

Write = Callable[[Path, str], str]
"""Writes a definition with a store's URL into a folder; gives back how ``videoxl-stream run`` is told of it."""


class Site:
    """A folder in which one daemon works: its definition, store, memory, and the file that its sink writes.

    Args:
        folder: made if it is not there.
        write: its definition.
        url: of the store, if it is not a file in the folder.
    """

    def __init__(self, folder: Path, write: Write, url: str | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.sent, self.log = folder, folder / "events.jsonl", folder / "log"
        self.url = url or f"sqlite:///{folder / 'events.db'}"
        self.definition = write(folder, self.url)
        self._store: EventStore | None = None

    @classmethod
    def undisturbed(cls, folder: Path, write: Write) -> Self:
        """A site whose daemon worked to the end in peace; one that is there already is taken as it is."""
        is_there = folder.exists()
        site = cls(folder, write)
        if not is_there:
            code = site.start().wait(_RUN_S)
            assert code == 0, f"the undisturbed daemon ended with {code}; see {site.log}"
        return site

    def start(self) -> DaemonProcess:
        """Let it work."""
        return DaemonProcess(self.definition, self.log)

    @property
    def windows(self) -> int:
        """Windows that all streams have passed, as far as the store can be asked."""
        try:
            self._store = self._store or EventStore(self.url, create=False)
            streams = self._store.streams()
            states = [self._store.restore(stream.pipeline, stream.stream_id) for stream in streams]
        except StoreError:
            return 0
        return sum(state.windows for state in states if state is not None)

    def found(self) -> list[Event]:
        """All events, as they stand in the store."""
        with EventStore(self.url, create=False) as store:
            return store.events()

    def received(self) -> set[tuple[str, int]]:
        """What a consumer that knows repeats has received."""
        lines = self.sent.read_text(encoding="utf-8").splitlines() if self.sent.exists() else []
        return {(event["id"], event["revision"]) for event in map(json.loads, lines)}

    def close(self) -> None:
        """Let go of the store."""
        if self._store is not None:
            self._store.close()


@dataclass(frozen=True, slots=True)
class Difference:
    """How a disturbed site differs from one that nobody disturbed.

    Args:
        lost: events that are not in the store, and revisions that no consumer got.
        duplicated: events and revisions that should not be there.
        equal: whether every field of every event is the same.
    """

    lost: int
    duplicated: int
    equal: bool

    @classmethod
    def of(cls, site: Site, undisturbed: Site) -> Difference:
        """Compare what two sites found, and what they sent."""
        found, expected = site.found(), undisturbed.found()
        ids, expected_ids = {event.id for event in found}, {event.id for event in expected}
        got, sent = site.received(), undisturbed.received()
        return cls(
            lost=len(expected_ids - ids) + len(sent - got),
            duplicated=len(ids - expected_ids) + len(got - sent),
            equal=found == expected,
        )
