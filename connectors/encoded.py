"""The packets of a track, checked, dated and passed on as they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from av import Packet
from av.video.stream import VideoStream

_MAX_HELD = 1024  # packets kept until it is known how they must be turned


@dataclass(frozen=True, slots=True)
class Encoded:
    """A packet as its container gives it; times in units of the track's time base.

    Args:
        pts: presentation time.
        dts: decoding time; None where the container leaves it open.
        duration: 0 if nobody knows.
        keyframe: whether decoding can begin here.
        data: the encoded bytes.
    """

    pts: int
    dts: int | None
    duration: int
    keyframe: bool
    data: bytes


class PacketFeed:
    """Passes a track's packets on in decoding order, from a key frame on.

    Nothing is passed on before ``release``. A track whose packets carry no presentation times gives none; where
    decoding times jump back, packets are left out up to the next key frame that is in order again.

    Args:
        pass_on: takes each packet, with its decoding time.
        ticks_per_frame: how long a picture lasts, in units of the time base.
    """

    def __init__(self, pass_on: Callable[[Encoded, int], None], ticks_per_frame: int) -> None:
        self._pass_on = pass_on
        self._ticks_per_frame = ticks_per_frame
        self._held: deque[Encoded] = deque(maxlen=_MAX_HELD)
        self._timed = True
        self._whole = False  # no packet is missing since the last key frame
        self._last_dts: int | None = None
        self.released = False

    def add(self, packet: Packet[VideoStream], *, sought: int | None) -> None:
        """Take a packet.

        Args:
            packet: the next of the track.
            sought: where reading is only on its way to a picture, the picture's time; packets before the last key
                frame in front of it are forgotten.
        """
        if not (packet.size and self._timed):
            return
        if packet.pts is None:
            self._timed = False
            self._held.clear()
            return
        if sought is not None and packet.is_keyframe and packet.pts <= sought:
            self._held.clear()
        self._held.append(Encoded(packet.pts, packet.dts, packet.duration or 0, packet.is_keyframe, bytes(packet)))
        if self.released:
            self._flush()

    def break_off(self) -> None:
        """Pass nothing on before the next key frame: a packet was lost."""
        self._whole = False

    def release(self) -> None:
        """Pass on what is held, and from now on everything."""
        self.released = True
        self._flush()

    def _flush(self) -> None:
        known = next((place for place, packet in enumerate(self._held) if packet.dts is not None), None)
        if self._last_dts is None and known is None:
            return
        if self._last_dts is None and known:
            self._date_first(known)
        while self._held:
            self._give(self._held.popleft())

    def _date_first(self, num: int) -> None:
        """Some containers leave the first decoding times open: count back from the first that is known."""
        first = self._held[num].dts or 0
        for place in range(num):
            dts = first - (num - place) * (self._held[place].duration or self._ticks_per_frame)
            self._held[place] = replace(self._held[place], dts=dts)

    def _give(self, packet: Encoded) -> None:
        dts = self._last_dts if packet.dts is None else packet.dts
        if dts is None or (self._last_dts is not None and dts < self._last_dts):
            self._whole = False
            return
        self._whole = self._whole or packet.keyframe
        if self._whole:
            self._last_dts = dts
            self._pass_on(packet, dts)
