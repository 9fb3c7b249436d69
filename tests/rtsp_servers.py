"""Real RTSP servers of one's own: one for recordings over TCP, one that is a camera with login, UDP and TLS."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

PATIENCE_S = 60.0
RECORDINGS_REMEDY = "no rtsp-server was found: pip install 'aio-rtsp-toolkit[server]'"
GSTREAMER_REMEDY = "GStreamer's RTSP server or openssl is missing: install what .ci/apt.txt lists"
_SYSTEM_PYTHON = "/usr/bin/python3"
_BINDINGS = "import gi; gi.require_version('GstRtspServer', '1.0'); gi.require_version('Gst', '1.0')"
CAMERA = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=160,height=120,framerate=20/1 "
    "! openh264enc gop-size=10 ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=1 )"
)


def program() -> Path | None:
    """The server of recordings; None if it is not installed."""
    path = Path(sys.executable).parent / "rtsp-server"
    return path if path.exists() else None


@cache
def has_gstreamer() -> bool:
    """Whether GStreamer's server can run here."""
    try:
        for command in ([_SYSTEM_PYTHON, "-c", _BINDINGS], ["openssl", "version"]):
            subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def free_port() -> int:
    """A TCP port that nobody uses just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} took too long"
        time.sleep(0.01)


class Server:
    """A server process that can be killed, frozen and started again on its port.

    Args:
        command: makes the command for a port.
        port: where it listens; None means any that is free.
    """

    def __init__(self, command: Callable[[int], list[str]], port: int | None = None) -> None:
        self.port = port or free_port()
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(self._command(self.port), stdout=quiet, stderr=quiet, stdin=quiet)
        wait_for(self._listens, "a server's start")

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it keep its connections and say nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the server ended at once"
        try:
            socket.create_connection(("127.0.0.1", self.port), 1.0).close()
        except OSError:
            return False
        return True


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """A server that is gone afterwards."""
    try:
        server.start()
        yield server
    finally:
        server.kill()


def recordings(folder: Path, port: int | None = None) -> Server:
    """A server of the files in a folder, at ``/NAME?play_count=0`` again and again without a break; over TCP."""

    def command(port: int) -> list[str]:
        where = ["--host", "127.0.0.1", "--port", str(port), "--control-port", str(free_port())]
        return [str(program()), "--dir", str(folder), *where]

    return Server(command, port)


def camera(*, launch: str = CAMERA, **settings: object) -> Server:
    """A camera at ``/cam``; settings are those of tests/gstreamer_server.py."""
    script = Path(__file__).parent / "gstreamer_server.py"

    def command(port: int) -> list[str]:
        asked: Mapping[str, object] = {"launch": launch, "port": port, **settings}
        return [_SYSTEM_PYTHON, str(script), json.dumps(asked)]

    return Server(command)


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that signs itself, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files]
    subprocess.run(made, check=True, capture_output=True)
    return certificate, key
