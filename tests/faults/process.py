"""``videoxl-stream run`` in a process of its own, which a test may kill."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_CODE = "from videoxl_stream.cli import main; main()"
_ROOT = Path(__file__).parents[2]


class DaemonProcess:
    """One life of a daemon.

    Args:
        site: the YAML file, or ``FILE.py:NAME``.
        log: where it writes what it has to say; lives follow each other in it.
        environment: variables besides those of this process.
        options: of the command.
    """

    def __init__(
        self,
        site: str,
        log: Path,
        environment: Mapping[str, str] | None = None,
        options: Sequence[str] = ("--resume", "--log-format", "json"),
    ) -> None:
        path = os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-c", _CODE, "run", site, *options],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **(environment or {})},
            cwd=log.parent,
        )

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def kill(self) -> None:
        """End it without a warning, as the kernel does."""
        self.process.kill()
        self._end()

    def stop(self, within_s: float = 30.0) -> tuple[int, float]:
        """Ask it to end; its exit code, and how long that took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(within_s)
        self._end()
        return code, time.monotonic() - began

    def wait(self, within_s: float) -> int:
        """Wait until it ends by itself."""
        code = self.process.wait(within_s)
        self._end()
        return code

    def _end(self) -> None:
        self.process.wait()
        self._log.close()


def windows_done(store: Path) -> int:
    """Windows that all streams of a SQLite store have passed."""
    if not store.exists():
        return 0
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=5)
    try:
        [(done,)] = connection.execute("SELECT COALESCE(SUM(windows), 0) FROM streams").fetchall()
    except sqlite3.OperationalError:  # the tables are being made
        return 0
    finally:
        connection.close()
    return int(done)


def wait_for(holds: Callable[[], bool], within_s: float, every_s: float = 0.005) -> float | None:
    """Wait for a moment, and say how long that took; None if it never came."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() > began + within_s:
            return None
        time.sleep(every_s)
    return time.monotonic() - began


def pause(rng: random.Random, longest_s: float) -> None:
    """Let a moment pass, so that a kill falls anywhere."""
    time.sleep(rng.uniform(0, longest_s))
