"""How a daemon stands at a moment: what its health page and its metrics are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from videoxl_stream.status import StreamStatus

_NAMED = 5  # streams that wait; the metrics count all


class Phase(StrEnum):
    """Where a daemon is in its life."""

    STARTING = "starting"
    WATCHING = "watching"
    DRAINING = "draining"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonState:
    """A look at a daemon.

    Args:
        phase: where it is in its life.
        at: wall time of the look.
        started: wall time at which it began.
        streams: how each stands.
        store_away: why nothing can be stored; empty while all is well.
        waiting: transactions that wait for the store.
        reloaded: what became of the last reload; empty if there was none, or if it worked.
        reloads: that worked.
        upkeep: why the last upkeep failed; empty if it did not.
        turned_away: streams of topics that wait for room, and why.
    """

    phase: Phase
    at: datetime
    started: datetime
    streams: Mapping[str, StreamStatus] = field(default_factory=dict)
    store_away: str = ""
    waiting: int = 0
    reloaded: str = ""
    reloads: int = 0
    upkeep: str = ""
    turned_away: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_ready(self) -> bool:
        """Whether what comes in is watched, and what is found is stored."""
        return self.phase is Phase.WATCHING and not self.store_away

    @property
    def complaints(self) -> list[str]:
        """All that is not as it should be, in words."""
        found = [f"the store is out of reach: {self.store_away}"] if self.store_away else []
        for stream in self.streams.values():
            name = f"stream {stream.stream_id}"
            if not stream.connection.up:
                found.append(f"{name} is down: {stream.connection.reason}")
            if stream.fault:
                found.append(f"{name} broke: {stream.fault}")
            if stream.not_durable:
                found.append(f"{name} is not durable: {stream.not_durable}")
            if stream.no_evidence:
                found.append(f"{name} leaves no evidence: {stream.no_evidence}")
        found += _waiting_for_room(self.turned_away)
        found += [f"upkeep failed: {self.upkeep}"] if self.upkeep else []
        return found + ([f"the last reload was refused: {self.reloaded}"] if self.reloaded else [])


def _waiting_for_room(turned_away: Mapping[str, str]) -> list[str]:
    """One line, however many there are: they all wait for the same reason."""
    if not turned_away:
        return []
    names = ", ".join([*list(turned_away)[:_NAMED], *["..."] * (len(turned_away) > _NAMED)])
    return [f"{len(turned_away)} streams of topics wait for room ({names}): {next(iter(turned_away.values()))}"]
