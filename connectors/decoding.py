"""The process that decodes: reads files one after another, as it is asked to, and writes what they hold to a pipe.

    python -m videoxl_stream.connectors.decoding

Started by ``Decoder``, never by hand. Requests are lines of JSON on standard input: ``open`` names a file, what to
sample and where to go on; the answer is ``opened``, with what is known of the file. ``begin`` says where the file
lies on the stream's clock; then come frames and packets, and ``progress`` where there are long none of them, until
``ended`` tells what became of the file. When standard input closes, the process ends.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, BinaryIO

import av.logging
from av import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videoxl_stream.connectors import wire
from videoxl_stream.connectors.encoded import Encoded, PacketFeed
from videoxl_stream.connectors.outcomes import Fate
from videoxl_stream.connectors.sampling import Sampling
from videoxl_stream.connectors.track import Refused, Track, quarter_turns

_SIGN_OF_LIFE_S = 0.5

Requests = SimpleQueue[dict[str, Any]]


class Reading:
    """One file being read.

    Args:
        request: what was asked.
        fd: where to write.

    Raises:
        Refused: the file cannot be read, or not from the position asked for.
    """

    def __init__(self, request: dict[str, Any], fd: int) -> None:
        self._fd = fd
        self._path = Path(request["path"])
        self._sampling = Sampling.from_json(request["sampling"])
        self._offset_s = Fraction(0)
        self._sought: int | None = None
        self._sampled_away = 0
        self._last_tick: int | None = None
        self._sent_at = time.monotonic()
        self._feed: PacketFeed | None = None
        self._track = self._open_track()
        if request["packets"]:
            self._feed = PacketFeed(self._send_packet, self._track.ticks_per_frame)
        self._resumed_at: int | None = None
        if request["resume"] is not None:
            self._go_on_from(**request["resume"])

    def announce(self) -> None:
        """Tell what is known of the file."""
        track = self._track
        length_s = None if track.length_s is None else float(track.length_s)
        self._send(
            "opened",
            recorded_at=None if track.recorded_at is None else track.recorded_at.isoformat(),
            modified_at=datetime.fromtimestamp(self._path.stat().st_mtime, UTC).isoformat(),
            length_s=length_s,
            expected_frames=self._sampling.expected_frames(track.length_s, track.fps),
        )

    def run(self, offset_us: int, last_tick: int | None) -> None:
        """Send all that is wanted of the file.

        Raises:
            Refused: it does not end as it should.
        """
        self._offset_s = Fraction(offset_us, 10**6)
        self._last_tick = last_tick
        if self._resumed_at is not None:
            self._last_tick = self._sampling.tick(self._stream_s(self._resumed_at))
        for pts, picture in self._track:
            self._release_packets(picture)
            time_s = self._stream_s(pts)
            tick = self._sampling.tick(time_s)
            if tick is not None and tick == self._last_tick:
                self._sampled_away += 1
                continue
            self._last_tick = tick
            self._send_picture(picture, pts, float(time_s))
        self._track.check_end()

    def send_ended(self, fate: Fate, reason: str) -> None:
        """Say how it ended."""
        self._send("ended", fate=fate, reason=reason, **self._counts())

    def close(self) -> None:
        """Release the file."""
        self._track.close()

    def _open_track(self) -> Track:
        return Track(self._path, keyframes_only=self._sampling.keyframes, each_packet=self._note)

    def _go_on_from(self, pts: int, decoded: int, seekable: int) -> None:
        self._sought = pts
        if not (seekable and self._track.seek_behind(pts, decoded)):
            self._track.close()
            self._track = self._open_track()
            if not self._track.count_to(pts, decoded):
                msg = "does not hold the position it should go on from: it has changed, start it afresh"
                raise Refused(Fate.DAMAGED, msg)
        self._sought, self._resumed_at = None, pts

    def _note(self, packet: Packet[VideoStream]) -> None:
        if self._feed is not None:
            self._feed.add(packet, sought=self._sought)
        if time.monotonic() - self._sent_at > _SIGN_OF_LIFE_S:
            self._send("progress", **self._counts())

    def _stream_s(self, pts: int) -> Fraction:
        return self._offset_s + self._track.time_s(pts)

    def _counts(self) -> dict[str, int | None]:
        end_s = self._offset_s + self._track.decoded_s
        return {
            "sampled_away": self._sampled_away + self._track.passed_over,
            "damaged_packets": self._track.damaged_packets,
            "last_tick": self._last_tick,
            "end_us": round(end_s * 10**6),
        }

    def _release_packets(self, picture: VideoFrame) -> None:
        """Only a decoded picture tells how the track must be turned."""
        if self._feed is None or self._feed.released:
            return
        name, extradata, width, height = self._track.codec
        turns = quarter_turns(picture)
        self._send("codec", extradata, name=name, width=width, height=height, quarter_turns=turns)
        self._feed.release()

    def _send_picture(self, picture: VideoFrame, pts: int, time_s: float) -> None:
        try:
            rgb = picture.reformat(format="rgb24")
        except (av.FFmpegError, ValueError) as e:
            msg = f"has a picture at {time_s:.1f} s that cannot be used: convert the file"
            raise Refused(Fate.DAMAGED, msg) from e
        self._send(
            "frame",
            memoryview(rgb.planes[0]),
            time_s=time_s,
            pts=pts,
            decoded=self._track.decoded,
            seekable=int(self._track.seekable),
            height=rgb.height,
            width=rgb.width,
            quarter_turns=quarter_turns(picture),
            **self._counts(),
        )

    def _send_packet(self, packet: Encoded, dts: int) -> None:
        self._send(
            "packet",
            packet.data,
            time_s=float(self._stream_s(packet.pts)),
            decode_s=float(self._stream_s(dts)),
            duration_s=float(packet.duration * self._track.time_base),
            keyframe=packet.keyframe,
        )

    def _send(self, kind: str, body: bytes | memoryview = b"", /, **header: object) -> None:
        wire.send(self._fd, {"kind": kind, **header}, body)
        self._sent_at = time.monotonic()


def read_file(request: dict[str, Any], requests: Requests, fd: int) -> None:
    """Read one file to its end; whatever is wrong with it ends here, in words."""
    reading: Reading | None = None
    fate, reason = Fate.READ, ""
    try:
        reading = Reading(request, fd)
        reading.announce()
        begin = requests.get()
        reading.run(begin["offset_us"], begin["last_tick"])
    except Refused as e:
        fate, reason = e.fate, e.reason
    except BrokenPipeError:
        raise  # nobody listens any more
    except Exception as e:  # a file may be damaged in ways that nobody foresaw: it costs itself only
        fate, reason = Fate.DAMAGED, f"cannot be decoded ({type(e).__name__}: {e}): copy it again"
    if reading is None:
        wire.send(fd, {"kind": "ended", "fate": fate, "reason": reason})
        return
    reading.send_ended(fate, reason)
    reading.close()


def listen(lines: BinaryIO, requests: Requests) -> None:
    """Take requests; when there can be no more, end the process, whatever it is doing."""
    for line in lines:
        requests.put(json.loads(line))
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
    try:
        wire.send(fd, {"kind": "ready"})
        while True:
            read_file(requests.get(), requests, fd)
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
