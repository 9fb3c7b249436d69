"""Streams for which there is no room yet: who waits, why, and whom to call when others have gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

_ON_ITS_WAY_S = 5.0  # a place is kept for who was called; a stream of which nothing is left to read never comes

Admit = Callable[[int], str]
"""Says why so many streams at once do not fit, fit for people; empty if they do."""


class WaitingRoom:
    """Streams that wait for room, in the order in which they came.

    Who is called is on its way until it arrives, leaves, or a while has passed; its place counts as taken so long, for
    those who wait. Who comes uncalled meanwhile may take it all the same: then the called one waits again.

    Args:
        admit: None lets any number in.
    """

    def __init__(self, admit: Admit | None = None) -> None:
        self._admit: Admit = admit or (lambda _: "")
        self._waiting: dict[str, str] = {}
        self._called: dict[str, float] = {}  # and until when a place is kept

    @property
    def waiting(self) -> Mapping[str, str]:
        """Who waits, and why."""
        return dict(self._waiting)

    def refusal(self, stream_id: str, num_open: int) -> str:
        """Whether a stream that has arrived must wait, and why; empty if there is room.

        Args:
            stream_id: its name; it is on its way no more.
            num_open: streams that have a place.
        """
        self._called.pop(stream_id, None)
        return self._admit(num_open + 1)

    def enter(self, stream_id: str, reason: str) -> None:
        """Let a stream wait."""
        self._waiting[stream_id] = reason

    def leave(self, stream_id: str) -> None:
        """Forget a stream that does not come any more; one that is not known is no error."""
        self._waiting.pop(stream_id, None)
        self._called.pop(stream_id, None)

    def call(self, num_open: int, now: float) -> list[str]:
        """Say who may come now, those who have waited longest first; they wait no more.

        Args:
            num_open: streams that have a place.
            now: by ``time.monotonic()``.
        """
        self._called = {name: until for name, until in self._called.items() if now < until}
        called: list[str] = []
        for name in list(self._waiting):
            if self._admit(num_open + len(self._called) + 1):
                break
            del self._waiting[name]
            self._called[name] = now + _ON_ITS_WAY_S
            called.append(name)
        return called

    def clear(self) -> None:
        """Forget everybody."""
        self._waiting.clear()
        self._called.clear()
