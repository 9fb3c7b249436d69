"""The last encoded pictures of a stream, ready to be cut into clips."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from videoxl_stream.frames import Packet


@dataclass(frozen=True, slots=True)
class Need:
    """Footage that a clip in the making will ask for.

    Args:
        run: that holds the moment which the clip is about.
        start_s: where the clip begins, in stream time.
    """

    run: int
    start_s: float


@dataclass(slots=True, eq=False)
class _Group:
    """A keyframe and all packets up to the next one."""

    run: int
    position_s: float  # time that the ring has seen pass; unlike stream time it never falls
    packets: list[Packet] = field(default_factory=list)
    num_bytes: int = 0

    @property
    def start_s(self) -> float:
        return self.packets[0].time_s

    def append(self, packet: Packet) -> None:
        self.packets.append(packet)
        self.num_bytes += len(packet.data)


class PacketRing:
    """A bounded ring of packets that begins with a keyframe at every moment; whole groups of pictures leave it.

    Groups that decode alike and follow one another in time make a run; another codec or a jump back in time begins
    the next run, and no cut leads from one to another.

    Args:
        keep_s: seconds kept before the newest keyframe in any case.
        max_s: seconds held at most, whatever is needed, not counting the oldest group: however far keyframes are apart,
            the last ``max_s`` are there.
        max_bytes: bytes held at most, whatever is needed.
    """

    def __init__(self, *, keep_s: float, max_s: float, max_bytes: int) -> None:
        self._keep_s, self._max_s, self._max_bytes = keep_s, max_s, max_bytes
        self._groups: deque[_Group] = deque()
        self._newest: Packet | None = None
        self._position_s = 0.0
        self._run = 0
        self._aligned = False  # a keyframe has come since the start, a change or a loss
        self.num_bytes = 0
        self.lost_groups = 0

    @property
    def packets(self) -> list[Packet]:
        """All that is held, oldest first."""
        return [packet for group in self._groups for packet in group.packets]

    @property
    def held_s(self) -> float:
        """Seconds from the oldest keyframe to the newest packet."""
        return self._position_s - self._groups[0].position_s if self._groups else 0.0

    @property
    def spare_s(self) -> float:
        """Seconds that would still be held without the oldest group."""
        return self._position_s - self._groups[1].position_s if len(self._groups) > 1 else 0.0

    def add(self, packets: Sequence[Packet], needs: Collection[Need] = ()) -> None:
        """Take in packets; let go of what no need and no pre-roll asks for, and of more where a bound demands it.

        Args:
            packets: in decoding order; those before the first keyframe cannot be used and are passed over.
            needs: of the clips in the making. Groups that a bound takes from them, or from the seconds to be kept in
                any case, count as ``lost_groups``.
        """
        for packet in packets:
            self._append(packet)
            while self._groups and self._is_over():
                self._lose(needs)
        while len(self._groups) > 1 and self._is_idle(needs):
            self._drop()

    def run_at(self, time_s: float) -> int | None:
        """The newest run that holds a moment of stream time, or else begins after it; None while empty."""
        for group in reversed(self._groups):
            if group.start_s <= time_s:
                return group.run
        return self._groups[0].run if self._groups else None

    def cut(self, need: Need, end_s: float) -> list[Packet]:
        """Return the packets that show a stretch of a run, from the keyframe before it, as far as they are held.

        Pictures that are shown before the first keyframe but come after it lean on what is not there: they are left
        out. At the end come those that the last picture needs or that are shown before it.

        Args:
            need: the run and where the stretch begins.
            end_s: where it ends.

        Returns:
            packets in decoding order; none if no picture of the stretch is held.
        """
        groups = [group for group in self._groups if group.run == need.run]
        while len(groups) > 1 and groups[1].start_s <= need.start_s:
            del groups[0]
        packets = [packet for group in groups for packet in group.packets]
        wanted = [number for number, packet in enumerate(packets) if packet.time_s < end_s]
        if not any(packets[number].time_s >= need.start_s for number in wanted):
            return []
        last = wanted[-1]
        newest_s = max(packet.time_s for packet in packets[: last + 1])
        while last + 1 < len(packets) and packets[last + 1].time_s < newest_s:
            last += 1
        start_s = packets[0].time_s
        return [packet for packet in packets[: last + 1] if packet.time_s >= start_s]

    def _append(self, packet: Packet) -> None:
        before = self._newest
        if before is not None and (packet.codec != before.codec or packet.decode_s < before.decode_s):
            self._run += 1
            self._aligned = False
        elif before is not None:
            self._position_s += packet.decode_s - before.decode_s
        self._newest = packet
        if packet.keyframe:
            self._groups.append(_Group(self._run, self._position_s))
            self._aligned = True
        if self._aligned:
            self._groups[-1].append(packet)
            self.num_bytes += len(packet.data)

    def _is_over(self) -> bool:
        return self.num_bytes > self._max_bytes or self.spare_s > self._max_s

    def _is_idle(self, needs: Collection[Need]) -> bool:
        """Whether nobody will ask for the oldest group."""
        following = self._groups[1]
        kept = self._groups[-1].position_s - following.position_s < self._keep_s
        return not kept and not self._is_needed(needs)

    def _is_needed(self, needs: Collection[Need]) -> bool:
        oldest, following = self._groups[0], self._groups[1]
        return any(
            need.run == oldest.run and (following.run != oldest.run or following.start_s > need.start_s)
            for need in needs
        )

    def _lose(self, needs: Collection[Need]) -> None:
        self.lost_groups += len(self._groups) == 1 or not self._is_idle(needs)
        self._drop()
        if not self._groups:
            self._aligned = False  # what follows leans on what has gone

    def _drop(self) -> None:
        self.num_bytes -= self._groups.popleft().num_bytes
