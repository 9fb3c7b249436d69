"""``videoxl-stream run`` as a service of systemd: what it tells, and that it ends in time whatever hangs."""

from __future__ import annotations

import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import postgres
from tests.connectors.clips import every, write_video
from tests.daemon.notified import Systemd
from tests.faults.process import DaemonProcess, wait_for
from tests.silent_server import SilentServer

STOP_S = 10.0
PATIENCE_S = 60.0
A_WINDOW_S = 10.0  # far longer than one takes
SIGNING_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Systemd]:
    with Systemd(tmp_path) as manager:
        yield manager


@pytest.fixture
def silent() -> Iterator[SilentServer]:
    with SilentServer() as server:
        yield server


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., Path]:
    def write(port: int = 0, **more: Any) -> Path:
        whole = {
            "sources": [{"url": f"rtsp://127.0.0.1:{port}/cam", "stream_id": "gate"}],
            "rules": ["fire"],
            "budget": 256,
            "limits": {"max_bytes": 10_000_000},
            "events": f"sqlite:///{tmp_path}/events.db",
            "durability": {"folder": str(tmp_path / "memory")},
            **more,
        }
        path = tmp_path / "site.yaml"
        path.write_text(yaml.safe_dump(whole), encoding="utf-8")
        return path

    return write


@pytest.fixture
def start(tmp_path: Path, manager: Systemd) -> Iterator[Callable[[Path], DaemonProcess]]:
    with ExitStack() as ending:

        def started(path: Path) -> DaemonProcess:
            daemon = DaemonProcess(str(path), tmp_path / "log", manager.environment)
            ending.callback(daemon.kill)
            manager.wait_for("READY=1")
            return daemon

        yield started


def test_it_tells_how_it_stands_from_start_to_end(
    manager: Systemd, silent: SilentServer, site: Callable[..., Path], start: Callable[[Path], DaemonProcess]
) -> None:
    path = site(silent.port)
    daemon = start(path)
    camera = silent.wait_for_guest()
    manager.wait_for("WATCHDOG=1")
    manager.wait_for("WATCHDOG=1")
    assert "STATUS=watching 1 streams" in manager.told

    site(silent.port, rules=["fire", "fall"])
    daemon.process.send_signal(signal.SIGHUP)
    manager.wait_for("RELOADING=1")
    assert any(line.startswith("MONOTONIC_USEC=") for line in manager.told)
    manager.wait_for("READY=1")

    code, _ = daemon.stop(STOP_S)
    assert code == 0
    assert "STOPPING=1" in manager.rest()
    assert manager.told.index("STOPPING=1") > manager.told.index("RELOADING=1")
    _is_left_alone(camera)


def test_a_reload_that_is_refused_leaves_it_at_work(
    manager: Systemd,
    silent: SilentServer,
    tmp_path: Path,
    site: Callable[..., Path],
    start: Callable[[Path], DaemonProcess],
) -> None:
    daemon = start(site(silent.port))
    site(silent.port, rules=["no such rule"])
    daemon.process.send_signal(signal.SIGHUP)
    manager.wait_for("RELOADING=1")
    manager.wait_for("READY=1")
    manager.wait_for("WATCHDOG=1")
    assert daemon.stop(STOP_S)[0] == 0
    assert "the new definition was refused" in (tmp_path / "log").read_text(encoding="utf-8")


def test_it_ends_in_time_while_a_webhook_hangs(
    silent: SilentServer, tmp_path: Path, site: Callable[..., Path], start: Callable[[Path], DaemonProcess]
) -> None:
    sink = {"url": f"http://127.0.0.1:{silent.port}/hook", "secret": SIGNING_KEY, "timeout_s": 300}
    footage = _footage(tmp_path, gap_ms=60_000)
    daemon = start(site(sources=[footage], sinks=[sink]))
    silent.wait_for_guest()  # the gap is an event
    assert daemon.stop(STOP_S)[0] == 0


def test_it_ends_in_time_while_another_program_locks_the_store(
    tmp_path: Path, site: Callable[..., Path], start: Callable[[Path], DaemonProcess]
) -> None:
    daemon = start(site(sources=[_footage(tmp_path)]))
    before = _chunks(tmp_path)
    with closing(sqlite3.connect(tmp_path / "events.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        _wait_for_a_chunk(tmp_path, before)
        assert daemon.stop(STOP_S)[0] == 0


@pytest.mark.service
@pytest.mark.parametrize("fault", ["away", "locked"])
def test_it_ends_in_time_without_its_server(
    tmp_path: Path,
    site: Callable[..., Path],
    start: Callable[[Path], DaemonProcess],
    require_service: Callable[[bool, str], None],
    fault: str,
) -> None:
    programs = postgres.programs()
    require_service(programs is not None, postgres.REMEDY)
    assert programs is not None
    with postgres.served(programs) as server, ExitStack() as ending:
        server.create("events")
        daemon = start(site(sources=[_footage(tmp_path)], events=server.url("events")))
        before = _chunks(tmp_path)
        if fault == "locked":
            other = ending.enter_context(server.connected("events"))
            ending.enter_context(other.transaction())
            other.execute("LOCK TABLE streams IN EXCLUSIVE MODE")
        else:
            server.stop()
            ending.callback(server.start)
        _wait_for_a_chunk(tmp_path, before)
        assert daemon.stop(STOP_S)[0] == 0


def _footage(folder: Path, gap_ms: int = 0) -> str:
    """Far more than is worked off in these tests; with a gap behind the first two windows, or none."""
    moments = every(500, 4000)
    write_video(folder / "yard.mp4", [*moments[:20], *(moment + gap_ms for moment in moments[20:])])
    return str(folder / "yard.mp4")


def _chunks(folder: Path) -> set[Path]:
    return set(folder.glob("memory/**/*.added"))


def _wait_for_a_chunk(folder: Path, before: set[Path]) -> None:
    """Wait until one more is durable: to store what was found in it is what comes next.

    None comes where it was the last one ``before`` that could not be stored any more.
    """
    came = wait_for(lambda: bool(_chunks(folder) - before), A_WINDOW_S if before else PATIENCE_S)
    assert came is not None or before


def _is_left_alone(camera: socket.socket) -> None:
    """See that nobody holds a connection to a camera any more."""
    camera.settimeout(PATIENCE_S)
    try:
        while camera.recv(4096):
            pass
    except ConnectionResetError:
        pass
