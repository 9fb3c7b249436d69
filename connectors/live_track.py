"""The packets of one live stream with their UTC, while its connection lasts; runs where FFmpeg may crash."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
from av import Codec, Packet
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videoxl_stream.connectors.outages import ENDED, NO_VIDEO, Outage, outage
from videoxl_stream.connectors.stream_clock import ClockSetBackError, Moment, StreamClock

MICROSECOND = Fraction(1, 10**6)
_SETTLING_S = 0.5  # at its beginning a connection gives in one go what FFmpeg has read to know the stream
_MAX_SETTLING = 256  # packets
_REORDERED_US = 1_000_000  # pictures shown before others that come first
_EARLY_US = 500_000  # how far ahead of its time a packet may be passed on; what is live is never early
_MAX_PAUSE_S = 1.0
_NO_KEYFRAME_S = 30.0  # after which a stream is taken for one that has none
_COMMON_CODEC = "h264"
_MAX_PIXELS = 1 << 26
_USUAL_FRAME_US = 40_000
_PRFT = struct.Struct("=q")  # UTC in microseconds comes first in FFmpeg's AVProducerReferenceTime


class LiveTrack:
    """The video track of one connection.

    Args:
        link: how the camera is reached.
        hardware: whether to decode on a GPU if there is one that can.
        threads: of FFmpeg.

    Raises:
        Outage: the camera cannot be reached, or sends no video.
    """

    def __init__(self, link: Mapping[str, Any], *, hardware: bool, threads: int) -> None:
        self._link = link
        self._container = _opened(link, _accelerator() if hardware else None)
        tracks = [each for each in self._container.streams.video if not each.disposition & Disposition.attached_pic]
        if not tracks or tracks[0].codec_context is None:
            raise Outage(NO_VIDEO)
        self._stream: VideoStream = tracks[0]
        self.context: VideoCodecContext = self._stream.codec_context
        self.context.options = {"max_pixels": str(_MAX_PIXELS)}
        self.context.thread_count = threads
        # A recording comes as fast as the network is; RTSP servers give even recordings at their own pace.
        self._recording = link["url"].startswith("http") and self._container.duration is not None
        self.frame_us = _USUAL_FRAME_US  # how long a picture is shown
        self._clock: StreamClock | None = None
        self._last_decoded_us: int | None = None
        self._guessing = True

    @property
    def codec(self) -> tuple[str, bytes, int, int]:
        """Name, extradata, width and height of what is in the packets."""
        return self.context.name, self.context.extradata or b"", self.context.width, self.context.height

    def packets(self, last_us: int | None) -> Iterator[Packet[VideoStream] | None]:
        """Packets from a key frame on, their times in microseconds of UTC; None for one that is left out or held.

        Args:
            last_us: UTC of the last footage that was given before.

        Raises:
            Outage: no more come.
        """
        held: list[tuple[Packet[VideoStream], int]] = []
        held_since = 0.0
        arriving = self._from_key_frame()
        while self._clock is None:
            ended: Outage | None = None
            try:
                packet = next(arriving)
            except Outage as e:
                packet, ended = None, e
            if packet is not None:
                held_since = held_since if held else time.monotonic()
                held.append((packet, time.time_ns() // 1000))
            if held and (ended or self._recording or _is_settled(len(held), held_since)):
                yield from self._settle(held, last_us)
            if ended:
                raise ended
            yield None
        for packet in arriving:
            if packet is not None:
                yield self._timed(packet, self._moment(packet, time.time_ns() // 1000), self._clock)
            else:
                yield None

    def _settle(
        self, held: Sequence[tuple[Packet[VideoStream], int]], last_us: int | None
    ) -> Iterator[Packet[VideoStream]]:
        """Tie the clock by a connection's first packets, and give them."""
        self._date([packet for packet, _ in held])
        moments = [self._moment(*each) for each in held]
        self._clock = clock = StreamClock(moments, last_us=last_us)
        for (packet, _), moment in zip(held, moments, strict=True):
            yield self._timed(packet, moment, clock)

    def decode(self, packet: Packet[VideoStream], *, alone: bool) -> list[VideoFrame]:
        """Decode a packet; one that stands alone is not kept waiting for the next.

        Raises:
            av.FFmpegError: it does not decode.
        """
        pictures = self.context.decode(packet)
        if alone:
            pictures += self.context.decode(None)
            self.context.flush_buffers()
        return pictures

    @property
    def seen_us(self) -> int | None:
        """UTC up to which this connection sends once more what the one before gave."""
        return None if self._clock is None else self._clock.seen_us

    def close(self) -> None:
        """Hang up."""
        self._container.close()

    def _from_key_frame(self) -> Iterator[Packet[VideoStream] | None]:
        begun_at, begun = time.monotonic(), False
        try:
            for packet in self._container.demux(self._stream):
                begun = begun or packet.is_keyframe or time.monotonic() - begun_at > _NO_KEYFRAME_S
                yield packet if begun and packet.size else None
        except av.FFmpegError as e:
            raise outage(e, self._link, opening=False) from None  # its text quotes the address
        raise Outage(ENDED)

    def _date(self, packets: Sequence[Packet[VideoStream]]) -> None:
        """A connection's first packets may have no times: count back from the first that has."""
        dated = [(place, each.pts) for place, each in enumerate(packets) if each.pts is not None]
        times = sorted(at for _, at in dated)
        steps = sorted(later - earlier for earlier, later in pairwise(times) if later > earlier)
        tick_us = _tick_us(packets[0])
        if steps:  # what the stream announces may be far from it
            self.frame_us = round(steps[len(steps) // 2] * tick_us)
        first, first_pts = dated[0] if dated else (0, None)
        for place, packet in enumerate(packets[:first]):
            packet.pts = packet.dts = (first_pts or 0) - round((first - place) * self.frame_us / tick_us)

    def _moment(self, packet: Packet[VideoStream], arrived_us: int) -> Moment:
        """Say when a packet is shown and when it came; its duration is known then."""
        tick_us = _tick_us(packet)
        packet.duration = step_us = round(packet.duration * tick_us) if packet.duration else self.frame_us
        shown_us = None if packet.pts is None else round(packet.pts * tick_us)
        decoded_us = None if packet.dts is None else round(packet.dts * tick_us)
        self._last_decoded_us = decoded_us = self._in_order(decoded_us, shown_us, step_us)
        sent_us = None
        if packet.has_sidedata("prft"):
            sent_us = _PRFT.unpack_from(bytes(packet.get_sidedata("prft")))[0]
        return Moment(decoded_us if shown_us is None else shown_us, decoded_us, arrived_us, sent_us)

    def _in_order(self, decoded_us: int | None, shown_us: int | None, step_us: int) -> int:
        """A packet's decoding time; as long as the connection leaves some open, those it gives may lag behind."""
        last_us = self._last_decoded_us
        if last_us is None:
            return next(each for each in (decoded_us, shown_us, 0) if each is not None)
        if decoded_us is None:
            self._guessing = True
            near = shown_us is None or abs(shown_us - last_us) < _REORDERED_US
            return last_us + step_us if shown_us is None else max(last_us, shown_us) if near else shown_us
        self._guessing = self._guessing and 0 < last_us - decoded_us < _REORDERED_US
        return last_us if self._guessing else decoded_us

    def _timed(self, packet: Packet[VideoStream], moment: Moment, clock: StreamClock) -> Packet[VideoStream]:
        try:
            clock.observe(moment)
        except ClockSetBackError:
            msg = "is connected to anew: this machine's clock was set back"
            raise Outage(msg) from None
        if not clock.by_camera:
            early_us = clock.utc_us(moment.decoded_us) - time.time_ns() // 1000 - _EARLY_US
            time.sleep(max(0.0, min(early_us / 10**6, _MAX_PAUSE_S)))
        packet.time_base = MICROSECOND
        packet.pts, packet.dts = clock.utc_us(moment.shown_us), clock.utc_us(moment.decoded_us)
        return packet


def _is_settled(num_held: int, since: float) -> bool:
    return num_held == _MAX_SETTLING or time.monotonic() - since > _SETTLING_S


def _tick_us(packet: Packet[VideoStream]) -> Fraction:
    return (packet.time_base or MICROSECOND) / MICROSECOND


def _opened(link: Mapping[str, Any], accelerator: HWAccel | None) -> InputContainer:
    try:
        url, form, options = str(link["url"]), link["format"], dict(link["options"])
        return av.open(url, mode="r", format=form, options=options, metadata_errors="replace", hwaccel=accelerator)
    except (av.FFmpegError, OSError) as e:
        raise outage(e, link, opening=True) from None  # its text quotes the address


def _accelerator() -> HWAccel | None:
    """The first kind of hardware that is there and not only known."""
    for device in hwdevices_available():
        try:
            HWAccel(device).create(Codec(_COMMON_CODEC, "r"))
            return HWAccel(device, allow_software_fallback=True)
        except (av.FFmpegError, OSError, ValueError, RuntimeError, NotImplementedError):
            continue
    return None
