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
        self.held: dict[str, Source] = {}
        self._given: dict[str, Source] = {}

    def open(self) -> ScriptedFeed:
        return self

    def poll(self, timeout_s: float, leave: Leave) -> Sequence[Source]:
        if self.leaving:
            leave(self.leaving)
            for stream_id in self.leaving:
                self.held.pop(stream_id, None)
            self.coming = [source for source in self.coming if source.stream_id not in self.leaving]
            self.leaving = []
        coming, self.coming = self.coming, []
        self._given |= {source.stream_id: source for source in coming}
        return coming

    def hold_back(self, stream_id: str) -> None:
        assert stream_id not in self.held
        self.held[stream_id] = self._given[stream_id]

    def bring_back(self, stream_id: str) -> None:
        self.coming.append(self.held.pop(stream_id))

    def renew(self, reason: str) -> None:
        self.renewals.append(reason)

    def close(self) -> None:
        pass
