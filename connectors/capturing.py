"""The process that captures one live stream, one connection after another, and writes what it shows to a pipe.

    python -m videoxl_stream.connectors.capturing

Started by ``OpenCamera``, never by hand. A request is a line of JSON on standard input: how to reach the camera, what
is wanted of it, and where the clock stands. The answer is ``connected`` with the first packet, then frames and packets
and ``progress`` where there are none of them, and at the connection's end ``ended`` with the reason; ``last`` says
that this process ends with it. When standard input closes, the process ends.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
from fractions import Fraction
from queue import SimpleQueue
from threading import Thread
from typing import Any

import av.logging
from av import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videoxl_stream.connectors.decoding import Requests, listen
from videoxl_stream.connectors.encoded import Encoded, PacketFeed
from videoxl_stream.connectors.live_track import LiveTrack
from videoxl_stream.connectors.outages import HANG, Outage, silence, stall
from videoxl_stream.connectors.outlet import Outlet
from videoxl_stream.connectors.sampling import Sampling
from videoxl_stream.connectors.track import quarter_turns
from videoxl_stream.connectors.watch import Watch

_SIGN_OF_LIFE_S = 0.5
_HANGING_UP_S = 2.0


class Capture:
    """One connection to one camera.

    Args:
        request: what was asked.
        outlet: where to write.
    """

    def __init__(self, request: dict[str, Any], outlet: Outlet) -> None:
        self._request, self._outlet = request, outlet
        self._sampling = Sampling.from_json(request["sampling"])
        self._keyframes = request["decode"] == "keyframes"
        self._stall_s: float = request["stall_timeout_s"]
        self._epoch_us: int | None = request["epoch_us"]
        self._last_us: int | None = request["last_us"]
        self._last_tick = None if self._last_us is None else self._sampling.tick(self._since_epoch(self._last_us))
        self._counts = {"sampled_away": 0, "damaged_packets": 0, "dropped": 0}
        self._shown_us: int | None = None  # UTC of the newest picture of this connection
        self._size: tuple[int, int] | None = None
        self._feed: PacketFeed | None = None
        self._watch = Watch(self._show_life, self._give_up)

    def run(self) -> None:
        """Send what the camera shows, and say in the end why it shows no more."""
        reason = self._watched()
        self._watch.stop()
        self._end(reason)

    def _watched(self) -> str:
        try:
            with self._watch.limit(self._request["open_timeout_s"], silence(self._request["open_timeout_s"])):
                hardware = self._request["decode"] == "hardware"
                track = LiveTrack(self._request["link"], hardware=hardware, threads=self._request["threads"])
        except Outage as e:
            return e.reason
        reason = self._follow(track)
        with self._watch.limit(_HANGING_UP_S, reason):  # a server that is gone cannot say goodbye
            track.close()
        return reason

    def _follow(self, track: LiveTrack) -> str:
        packets = track.packets(self._last_us)
        try:
            while True:
                with self._watch.limit(self._stall_s, stall(self._stall_s)):
                    packet = next(packets)
                if packet is not None:
                    self._take(packet, track)
        except Outage as e:
            return e.reason
        except Exception as e:  # a stream may be damaged in ways that nobody foresaw: it costs one connection
            return f"sends what cannot be used ({type(e).__name__})"

    def _take(self, packet: Packet[VideoStream], track: LiveTrack) -> None:
        if self._epoch_us is None:
            self._epoch_us = packet.pts
        if self._size is None:
            self._begin(track)
        seen = packet.pts is None or (track.seen_us is not None and packet.pts <= track.seen_us)
        if self._feed is not None and not seen:
            self._feed.add(packet, sought=None)
        if self._keyframes and not packet.is_keyframe:
            self._counts["sampled_away"] += 1
            return
        try:
            with self._watch.limit(self._stall_s, HANG):
                pictures = track.decode(packet, alone=self._keyframes)
        except av.FFmpegError:
            self._counts["damaged_packets"] += 1
            return
        for picture in pictures:
            self._see(picture, track)

    def _begin(self, track: LiveTrack) -> None:
        _, _, width, height = track.codec
        self._size = (width, height)
        if self._request["packets"]:
            self._feed = PacketFeed(self._send_packet, track.frame_us)
        self._outlet.send({"kind": "connected", "epoch_us": self._epoch_us})

    def _see(self, picture: VideoFrame, track: LiveTrack) -> None:
        size = (picture.width, picture.height)
        if self._feed is not None and not self._feed.released:
            self._size = size
            name, extradata, width, height = track.codec
            about = {"name": name, "width": width, "height": height, "quarter_turns": quarter_turns(picture)}
            self._outlet.send({"kind": "codec", **about}, extradata)
            self._feed.release()
        elif self._feed is not None and size != self._size:
            msg = f"shows pictures of {size[0]}x{size[1]} now, and is connected to anew for them"
            raise Outage(msg)
        at_us = picture.pts
        if at_us is None or (track.seen_us is not None and at_us <= track.seen_us):
            self._counts["sampled_away"] += 1
            return
        # Some servers give times in decoding order; nothing after this may run back.
        at_us = self._shown_us = at_us if self._shown_us is None else max(at_us, self._shown_us + 1)
        tick = self._sampling.tick(self._since_epoch(at_us))
        if tick is not None and tick == self._last_tick:
            self._counts["sampled_away"] += 1
            return
        self._last_tick = tick
        self._send_picture(picture, at_us)

    def _since_epoch(self, at_us: int) -> Fraction:
        return Fraction(at_us - (self._epoch_us or 0), 10**6)

    def _send_picture(self, picture: VideoFrame, at_us: int) -> None:
        try:
            rgb = picture.reformat(format="rgb24")
        except (av.FFmpegError, ValueError):
            self._counts["damaged_packets"] += 1
            return
        about = {
            "time_us": at_us - (self._epoch_us or 0),
            "height": rgb.height,
            "width": rgb.width,
            "quarter_turns": quarter_turns(picture),
        }
        if not self._outlet.offer({"kind": "frame", **about, **self._counts}, memoryview(rgb.planes[0])):
            self._counts["dropped"] += 1

    def _send_packet(self, packet: Encoded, dts: int) -> None:
        about = {
            "time_s": float(self._since_epoch(packet.pts)),
            "decode_s": float(self._since_epoch(dts)),
            "duration_s": packet.duration / 10**6,
            "keyframe": packet.keyframe,
        }
        if not self._outlet.offer({"kind": "packet", **about}, packet.data) and self._feed is not None:
            self._feed.break_off()

    def _show_life(self) -> None:
        if self._outlet.quiet_s > _SIGN_OF_LIFE_S:
            self._outlet.send({"kind": "progress", **self._counts})

    def _end(self, reason: str, *, last: bool = False) -> None:
        self._outlet.send({"kind": "ended", "reason": reason, "last": last, **self._counts})

    def _give_up(self, reason: str) -> None:
        """FFmpeg does not come back: nothing but the end of the process ends that."""
        self._end(reason, last=True)
        self._outlet.flush()
        os._exit(0)


def main() -> None:
    """Serve requests until standard input closes."""
    # What FFmpeg or a library prints must not come between the messages.
    fd = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash here is expected, and costs no disk
    av.logging.restore_default_callback()
    av.logging.set_libav_level(av.logging.ERROR)
    requests: Requests = SimpleQueue()
    Thread(target=listen, args=(sys.stdin.buffer, requests), daemon=True).start()
    outlet = Outlet(fd)
    outlet.send({"kind": "ready"})
    while True:
        Capture(requests.get(), outlet).run()
        gc.collect()  # FFmpeg's buffers are freed with the objects around them, which hold each other


if __name__ == "__main__":
    main()
