"""What is to be stored, in order: nothing of it is lost while the store is out of reach."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from videoxl_stream.errors import StreamTaken
from videoxl_stream.events import Event, Exhibit
from videoxl_stream.interfaces import Sink
from videoxl_stream.status import StreamCounts
from videoxl_stream.store import EventStore, StreamState


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """One transaction to be.

    Args:
        stream_id: name of the stream.
        events: any number.
        exhibits: files of evidence that are there.
        state: how far the stream has come; None leaves it.
        counts: what became of its frames; None leaves it.
        claim: under which it is written; None for what does no harm although another process has the stream.
        stored: called once all that is in the store.
    """

    stream_id: str
    events: Sequence[Event] = ()
    exhibits: Sequence[Exhibit] = ()
    state: StreamState | None = None
    counts: StreamCounts | None = None
    claim: int | None = None
    stored: Callable[[], None] = lambda: None


class Ledger:
    """Writes entries to the store one after another, and tells sinks what was new.

    Args:
        store: where events go.
        pipeline: name of the pipeline.
        sinks: told of each event after it is stored.
        outbox: names of sinks that the store keeps every new revision for, until it is delivered.
        taken: called with what says that another process goes on with a stream, of which nothing waits any more.
    """

    def __init__(
        self,
        store: EventStore,
        pipeline: str,
        sinks: Sequence[Sink],
        outbox: Sequence[str],
        taken: Callable[[StreamTaken], None],
    ) -> None:
        self._store, self._pipeline, self._sinks, self._outbox = store, pipeline, tuple(sinks), tuple(outbox)
        self._taken = taken
        self._entries: deque[Entry] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    def write(self, entry: Entry) -> list[Event]:
        """Store an entry, after all that wait.

        Returns:
            the events of all entries that were stored.

        Raises:
            StoreError: it waits now; ``settle`` tries again.
        """
        self._entries.append(entry)
        return self.settle()

    def settle(self) -> list[Event]:
        """Store all that waits, oldest first.

        Returns:
            the events of all that was stored.

        Raises:
            StoreError: the oldest, and what is behind it, waits on.
        """
        events: list[Event] = []
        while self._entries:
            entry = self._entries[0]
            try:
                fresh = self._commit(entry)
            except StreamTaken as e:
                self.drop(entry.stream_id)
                self._taken(e)
                continue
            self._entries.popleft()
            entry.stored()
            for event in fresh:
                for sink in self._sinks:
                    sink.write(event)
            events += entry.events
        return events

    def clear(self) -> None:
        """Give up what waits: streams go on from what is stored."""
        self._entries.clear()

    def drop(self, stream_id: str) -> None:
        """Give up what waits of a stream: another process goes on from what is stored."""
        self._entries = deque(entry for entry in self._entries if entry.stream_id != stream_id)

    def _commit(self, entry: Entry) -> list[Event]:
        outbox: Mapping[str, Sequence[str]] = {"outbox": self._outbox} if self._outbox else {}
        return self._store.commit(
            self._pipeline,
            entry.stream_id,
            events=entry.events,
            state=entry.state,
            exhibits=entry.exhibits,
            counts=None if entry.counts is None else asdict(entry.counts),
            claim=entry.claim,
            **outbox,
        )
