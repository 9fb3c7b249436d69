"""A feed that a test speaks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from videoxl_stream.interfaces import Connection, Source

Leave = Callable[[Sequence[str]], None]


class ScriptedFeed:
    """Brings what a test puts into it, and takes away what it says; a description and in use at once."""

    def __init__(self, *sources: Source) -> None:
        self.name = "feed"
        self.connection = Connection()
        self.coming: list[Source] = [*sources]
        self.leaving: list[str] = []
        self.renewals: list[str] = []

    def open(self) -> ScriptedFeed:
        return self

    def poll(self, timeout_s: float, leave: Leave) -> Sequence[Source]:
        if self.leaving:
            leave(self.leaving)
            self.leaving = []
        coming, self.coming = self.coming, []
        return coming

    def renew(self, reason: str) -> None:
        self.renewals.append(reason)

    def close(self) -> None:
        pass
