"""A store that can be sent away."""

from __future__ import annotations

from videoxl_stream.errors import StoreError
from videoxl_stream.events import Event
from videoxl_stream.store import Claim, EventStore


class FlakyStore(EventStore):
    """A store that takes nothing as long as it is told to."""

    def __init__(self, url: str = "sqlite://") -> None:
        super().__init__(url)
        self.away = False

    def commit(self, *args: object, **how: object) -> list[Event]:
        self._refuse()
        return super().commit(*args, **how)  # type: ignore[arg-type]

    def claim(self, pipeline: str, stream_id: str) -> Claim:
        self._refuse()
        return super().claim(pipeline, stream_id)

    def _refuse(self) -> None:
        if self.away:
            msg = "the store is away"
            raise StoreError(msg)
