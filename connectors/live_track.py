"""The packets of one live stream with their UTC, while its connection lasts; runs where FFmpeg may crash."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import av
from av import Packet
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
_MAX_UNDATED = 32  # packets
_REORDERED_US = 1_000_000  # pictures shown before others that come first
_EARLY_US = 500_000  # how far ahead of its time a packet may be passed on; what is live is never early
_MAX_PAUSE_S = 1.0
_NO_KEYFRAME_S = 30.0  # after which a stream is taken for one that has none
_MAX_PIXELS = 1 << 26
_USUAL_FPS = 25
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
        self._clock: StreamClock | None = None
        self._last_dts: int | None = None

    @property
    def codec(self) -> tuple[str, bytes, int, int]:
        """Name, extradata, width and height of what is in the packets."""
        return self.context.name, self.context.extradata or b"", self.context.width, self.context.height

    @property
    def frame_us(self) -> int:
        """How long a picture is shown, by the rate that the stream announces."""
        rate = self._stream.average_rate or self._stream.guessed_rate or _USUAL_FPS
        return max(1, round(10**6 / rate))

    def packets(self, last_us: int | None) -> Iterator[Packet[VideoStream]]:
        """Packets from a key frame on, their times in microseconds of UTC.

        Args:
            last_us: UTC of the last footage that was given before.

        Raises:
            Outage: no more come.
        """
        held: list[tuple[Packet[VideoStream], Moment]] = []
        begun_at = time.monotonic()
        for packet in self._dated():
            moment = self._moment(packet)
            if self._clock is not None:
                yield self._timed(packet, moment, self._clock)
                continue
            held.append((packet, moment))
            if time.monotonic() - begun_at > _SETTLING_S or len(held) == _MAX_SETTLING or self._recording:
                self._clock = StreamClock([each for _, each in held], last_us=last_us)
                for earlier in held:
                    yield self._timed(*earlier, self._clock)

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

    def _from_key_frame(self) -> Iterator[Packet[VideoStream]]:
        begun_at, begun = time.monotonic(), False
        try:
            for packet in self._container.demux(self._stream):
                begun = begun or packet.is_keyframe or time.monotonic() - begun_at > _NO_KEYFRAME_S
                if begun and packet.size:
                    yield packet
        except av.FFmpegError as e:
            raise outage(e, self._link, opening=False) from None  # its text quotes the address
        raise Outage(ENDED)

    def _dated(self) -> Iterator[Packet[VideoStream]]:
        """A connection's first packets may have no times: count back from the first that has."""
        undated: list[Packet[VideoStream]] = []
        for packet in self._from_key_frame():
            dts = packet.dts if packet.dts is not None else packet.pts
            if dts is None and self._last_dts is None and len(undated) < _MAX_UNDATED:
                undated.append(packet)
                continue
            step = packet.duration or max(1, round(self.frame_us * MICROSECOND / (packet.time_base or MICROSECOND)))
            for place, earlier in enumerate(undated):
                earlier.pts = earlier.dts = (dts or 0) - (len(undated) - place) * step
            yield from (*undated, packet)
            undated = []

    def _moment(self, packet: Packet[VideoStream]) -> Moment:
        """Say when a packet is shown and when it came; its duration is known then."""
        tick_us = (packet.time_base or MICROSECOND) / MICROSECOND
        packet.duration = step_us = round(packet.duration * tick_us) if packet.duration else self.frame_us
        guessed_us = 0 if self._last_dts is None else self._last_dts + step_us
        shown_us = None if packet.pts is None else round(packet.pts * tick_us)
        if packet.dts is not None:
            decoded_us = round(packet.dts * tick_us)
        elif shown_us is None or -_REORDERED_US < shown_us - guessed_us < 0:
            decoded_us = guessed_us
        else:
            decoded_us = shown_us
        self._last_dts = decoded_us
        sent_us = None
        if packet.has_sidedata("prft"):
            sent_us = _PRFT.unpack_from(bytes(packet.get_sidedata("prft")))[0]
        return Moment(decoded_us if shown_us is None else shown_us, decoded_us, _now_us(), sent_us)

    def _timed(self, packet: Packet[VideoStream], moment: Moment, clock: StreamClock) -> Packet[VideoStream]:
        try:
            clock.observe(moment)
        except ClockSetBackError:
            msg = "is connected to anew: this machine's clock was set back"
            raise Outage(msg) from None
        if not clock.by_camera:
            early_us = clock.utc_us(moment.decoded_us) - _now_us() - _EARLY_US
            time.sleep(max(0.0, min(early_us / 10**6, _MAX_PAUSE_S)))
        packet.time_base = MICROSECOND
        packet.pts, packet.dts = clock.utc_us(moment.shown_us), clock.utc_us(moment.decoded_us)
        return packet


def _now_us() -> int:
    return time.time_ns() // 1000


def _opened(link: Mapping[str, Any], accelerator: HWAccel | None) -> InputContainer:
    try:
        url, form, options = str(link["url"]), link["format"], dict(link["options"])
        return av.open(url, mode="r", format=form, options=options, metadata_errors="replace", hwaccel=accelerator)
    except (av.FFmpegError, OSError) as e:
        raise outage(e, link, opening=True) from None  # its text quotes the address


def _accelerator() -> HWAccel | None:
    for device in hwdevices_available():
        try:
            return HWAccel(device, allow_software_fallback=True)
        except (av.FFmpegError, OSError, ValueError, NotImplementedError):
            continue
    return None
