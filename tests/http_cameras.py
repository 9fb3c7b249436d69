"""Live footage over HTTP from this machine: a playlist that moves on, pictures that never end, and plain files."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import av
from PIL import Image

_WINDOW = 4  # segments in the playlist
_MJPEG_STEP_S = 0.05


def write_segments(video: Path, folder: Path) -> int:
    """Cut a video into segments of a second, ``0.ts`` and so on; returns how many."""
    options = {"hls_time": "1", "hls_list_size": "0", "hls_segment_filename": str(folder / "%d.ts")}
    with av.open(video) as read, av.open(folder / "whole.m3u8", "w", format="hls", options=options) as written:
        track = written.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.dts is not None:
                packet.stream = track
                written.mux(packet)
    return len(list(folder.glob("*.ts")))


class _Footage(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        name = self.path.partition("?")[0]
        server = self.server
        assert isinstance(server, HTTPCamera)
        if server.wanted is not None and self.headers.get("Authorization") != server.wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
        elif name == "/live.m3u8":
            self._answer("application/vnd.apple.mpegurl", server.playlist().encode())
        elif name == "/mjpeg":
            self._stream(server.stopped)
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, stopped: Event) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        level = 0
        try:
            while not stopped.wait(_MJPEG_STEP_S):
                level = (level + 1) % 200
                picture = io.BytesIO()
                Image.new("RGB", (64, 48), (level, level, level)).save(picture, "JPEG")
                body = picture.getvalue()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
                self.wfile.write(head.encode() + body + b"\r\n")
        except OSError:
            pass  # the viewer has gone


class HTTPCamera(ThreadingHTTPServer):
    """Serves a folder, ``/live.m3u8`` made of its segments, and ``/mjpeg``.

    Args:
        folder: what it serves.
        num_segments: in that folder.
        wanted: the Authorization header that a viewer has to send; None lets everybody in.
    """

    daemon_threads = True

    def __init__(self, folder: Path, num_segments: int = 0, *, wanted: str | None = None) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Footage, directory=str(folder)))
        self.wanted, self.stopped = wanted, Event()
        self._num_segments = num_segments
        self._begun_at = time.monotonic()

    def playlist(self) -> str:
        """The newest segments: each second there is one more."""
        newest = min(_WINDOW + int(time.monotonic() - self._begun_at), self._num_segments)
        oldest = max(0, newest - _WINDOW)
        head = f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{oldest}\n"
        return head + "".join(f"#EXTINF:1.0,\n{number}.ts\n" for number in range(oldest, newest))


@contextmanager
def serving(camera: HTTPCamera) -> Iterator[str]:
    """Where it is, with what it serves; gone afterwards."""
    thread = Thread(target=camera.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{camera.server_address[1]}"
    finally:
        camera.stopped.set()
        camera.shutdown()
        camera.server_close()
        thread.join()
