"""From the times that a camera gives its pictures to UTC."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

_SLEW = 0.005  # correction per second of footage: 40 ms between pictures become 40.2 ms at most
_WINDOW_US = 30_000_000  # in which the network delivers at least one picture without delay
_LATE_US = 2_000_000  # late all through a window: the camera stood still
_AHEAD_US = 5_000_000  # ahead of arrival at once: the camera's times jumped
_SET_BACK_US = 10_000_000
_CAMERA_CLOCK_US = 5_000_000  # how wrong a camera's clock may be and still be believed
_OVERLAP_US = 60_000_000  # of footage that is sent again after a reconnection
_JITTER_US = 1_000_000


class ClockSetBackError(Exception):
    """Raised when this machine's clock was set back: time can only go on afresh."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a packet is shown, by the camera and by clocks; all in microseconds.

    Args:
        shown_us: presentation time.
        decoded_us: decoding time.
        arrived_us: UTC of its arrival.
        sent_us: UTC at which the camera says it was taken; None if it says nothing.
    """

    shown_us: int
    decoded_us: int
    arrived_us: int
    sent_us: int | None = None


class StreamClock:
    """UTC of one connection's presentation times.

    They are tied to UTC where the camera tells it, else by the packets that came with the least delay within half a
    minute: what the network delays it delays only now and then. The tie follows drift slowly, so that the spacing of
    pictures is the camera's; it is made anew where decoding times run back or leap ahead.

    Args:
        moments: of the connection's first packets.
        last_us: UTC of the last footage before this connection.
    """

    def __init__(self, moments: Sequence[Moment], *, last_us: int | None) -> None:
        told = [moment for moment in moments if _told(moment)]
        self.by_camera = bool(told)  # whether the camera's clock tells UTC
        best = min(map(_tie, told or moments))
        self._tie_us = float(best)
        self._ties = deque([(moments[-1].arrived_us, best)])  # arrival and tie; later ones are greater
        self._since_us = moments[0].arrived_us
        self._last = moments[0]
        self._given_us = 0.0
        first_us = self.utc_us(min(moment.shown_us for moment in moments))
        back_us = 0 if last_us is None else last_us - first_us
        if last_us is not None and 0 <= back_us <= _JITTER_US:
            self._tie_us += back_us + 1
        # Up to where this connection sends what the one before gave already, as HLS does.
        self.seen_us = last_us if last_us is not None and _JITTER_US < back_us <= _OVERLAP_US else None

    def utc_us(self, at_us: int) -> int:
        """UTC of one of the connection's times."""
        return round(at_us + self._tie_us)

    def observe(self, moment: Moment) -> None:
        """Take note of a packet before its times are asked for.

        Raises:
            ClockSetBackError: UTC is far behind what it was.
        """
        step_us = moment.decoded_us - self._last.decoded_us
        waited_us = moment.arrived_us - self._last.arrived_us
        if step_us < 0 or step_us > max(0, waited_us) + _AHEAD_US:
            self._tie_anew(moment)
        else:
            self._follow(moment, step_us)
        self._last = moment
        self._given_us = max(self._given_us, self._tie_us + moment.shown_us)

    def _tie_anew(self, moment: Moment) -> None:
        self.by_camera = _told(moment)
        self._tie_us = float(max(_tie(moment), self._given_us + 1 - moment.decoded_us))
        self._restart(moment)

    def _restart(self, moment: Moment) -> None:
        self._ties.clear()
        self._since_us = moment.arrived_us

    def _follow(self, moment: Moment, step_us: int) -> None:
        if _told(moment) is not self.by_camera:
            self.by_camera = not self.by_camera
            self._restart(moment)
        error_us = self._least_tie(moment) - self._tie_us
        if error_us < -_SET_BACK_US:
            raise ClockSetBackError
        if error_us > _LATE_US and moment.arrived_us - self._since_us > _WINDOW_US:
            self._tie_us += error_us
        else:
            most_us = _SLEW * step_us
            self._tie_us += max(-most_us, min(most_us, error_us))

    def _least_tie(self, moment: Moment) -> int:
        tie_us = _tie(moment)
        while self._ties and self._ties[-1][1] >= tie_us:
            self._ties.pop()
        self._ties.append((moment.arrived_us, tie_us))
        while self._ties[0][0] < moment.arrived_us - _WINDOW_US:
            self._ties.popleft()
        return self._ties[0][1]


def _told(moment: Moment) -> bool:
    return moment.sent_us is not None and abs(moment.sent_us - moment.arrived_us) <= _CAMERA_CLOCK_US


def _tie(moment: Moment) -> int:
    """What has to be added to presentation times, if this packet was not delayed."""
    sent_us = moment.sent_us if _told(moment) else None
    return (moment.arrived_us if sent_us is None else sent_us) - moment.shown_us
