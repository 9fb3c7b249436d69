"""A daemon that watches live sources, and what can be seen of it from outside: metrics, processes, store."""

from __future__ import annotations

import http.client
import os
import re
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.faults.process import DaemonProcess, wait_for
from tests.rtsp_servers import free_port
from videoxl_stream.store import EventStore

START_S, RECOVER_S, STOP_S = 90.0, 60.0, 10.0
_FIGURE = re.compile(r'^videoxl_(\w+?)(?:_total)?\{stream="([^"]+)"\} (\S+)$', re.M)
_PAGE_KIB = 1024


class LiveSite:
    """A folder with a daemon that serves its metrics; several may share a store and memories on disk.

    Args:
        folder: made if it is not there.
        sources: as in YAML.
        url: of the store; None for a file in the folder.
        memory: folder of durable memories; None for one in the folder.
        more: fields of the site.
    """

    def __init__(
        self,
        folder: Path,
        sources: Sequence[Mapping[str, Any]],
        *,
        url: str | None = None,
        memory: Path | None = None,
        **more: Any,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.url, self.port, self.log = url or f"sqlite:///{folder / 'events.db'}", free_port(), folder / "log"
        site = {
            "name": "site",
            "sources": [dict(source) for source in sources],
            "rules": ["fire", "crowd", "tampering"],
            "budget": 1024,
            "events": self.url,
            "durability": {"folder": str(memory or folder / "memory"), "kind": "kv"},
            "health": {"port": self.port},
            **more,
        }
        self._definition = folder / "site.yaml"
        self._definition.write_text(yaml.safe_dump(site), encoding="utf-8")
        self._daemon: DaemonProcess | None = None

    @property
    def daemon(self) -> DaemonProcess:
        """The newest life."""
        assert self._daemon is not None, "it was never started"
        return self._daemon

    def start(self) -> None:
        """Let it work, and wait until it is ready."""
        self._daemon = DaemonProcess(str(self._definition), self.log)
        assert wait_for(lambda: bool(self.get("/ready")), START_S, 0.05) is not None, (
            f"it does not start; see {self.log}"
        )

    def get(self, path: str) -> str:
        """A page; empty where none comes."""
        assert self.daemon.is_running, f"the daemon ended; see {self.log}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as page:
                return str(page.read().decode())
        except (OSError, http.client.HTTPException):
            return ""

    def figures(self, name: str) -> dict[str, float]:
        """One figure of each stream."""
        found = _FIGURE.findall(self.get("/metrics"))
        return {stream: float(value) for figure, stream, value in found if figure == f"stream_{name}"}

    def figure(self, name: str, stream: str) -> float:
        """One figure of one stream; 0 where it is not known."""
        return self.figures(name).get(stream, 0.0)

    def store(self) -> EventStore:
        """What it has found."""
        return EventStore(self.url, create=False)

    # ---- its processes

    @property
    def workers(self) -> list[int]:
        """Processes that capture for it."""
        return [pid for pid in _children(self.daemon.process.pid) if b"capturing" in _command(pid)]

    @property
    def num_descriptors(self) -> int:
        """Files and sockets that it holds open."""
        return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))

    @property
    def memory_mib(self) -> float:
        """That it occupies, without its children."""
        status = Path(f"/proc/{self.daemon.process.pid}/status").read_text(encoding="utf-8")
        return int(status.partition("VmRSS:")[2].split()[0]) / _PAGE_KIB

    def stop(self) -> float:
        """Ask it to end; it must do so in time, well, and leave nobody behind. Returns seconds."""
        children = _children(self.daemon.process.pid)
        code, took = self.daemon.stop()
        assert code == 0, f"the daemon ended with {code}; see {self.log}"
        assert took <= STOP_S, f"the daemon took {took:.1f} s to end"
        left = wait_for(lambda: not any(b"videoxl" in _command(pid) for pid in children), STOP_S)
        assert left is not None, "processes are left behind"
        return took

    def end(self) -> None:
        """Let nothing of it go on, however things stand."""
        if self._daemon is not None and self._daemon.is_running:
            children = _children(self.daemon.process.pid)
            self._daemon.kill()
            wait_for(lambda: not any(b"videoxl" in _command(pid) for pid in children), STOP_S)


def alive(pid: int) -> bool:
    """Whether a process works, and is not only waited for."""
    return bool(_command(pid))


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text(encoding="utf-8").split()]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
