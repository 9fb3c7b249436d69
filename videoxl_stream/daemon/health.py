"""What a monitor asks a daemon over HTTP: is it alive, is it ready, what are the figures."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from videoxl_stream.clock import WallClock
from videoxl_stream.daemon.metrics import registry_of
from videoxl_stream.daemon.state import DaemonState, Phase
from videoxl_stream.delivery import Delivery
from videoxl_stream.errors import ConfigError

_REQUEST_TIMEOUT_S = 5.0
_log = logging.getLogger(__name__)

Answer = tuple[HTTPStatus, str, bytes]


class Health:
    """Serves ``/live``, ``/ready`` and ``/metrics`` (in Prometheus' text format).

    ``/live`` fails once the daemon has not come round for ``live_s``: restart it. ``/ready`` fails while what is found
    cannot be stored, before streams are open and while it ends; its JSON lists all that is not as it should be, also
    where that is no reason to fail. No answer holds credentials.

    Args:
        host: to listen on; only this machine, if nothing is said.
        port: 0 takes any that is free, see ``address``.
        live_s: the longest that one turn may take, with everything that the model does in it.

    Raises:
        ConfigError: the port is none.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 9464, *, live_s: float = 120.0) -> None:
        if not 0 <= port < 2**16:
            msg = f"port {port} is none; give 1 to 65535, or 0 for any that is free"
            raise ConfigError(msg)
        self._host, self._port, self._live = host, port, timedelta(seconds=live_s)
        self._served: tuple[str, int] | None = None

    @property
    def address(self) -> tuple[str, int] | None:
        """Where it listens; None unless it does."""
        return self._served

    @contextmanager
    def served(self, look: Callable[[], DaemonState], delivery: Delivery | None = None) -> Iterator[None]:
        """Answer as long as this lasts.

        Args:
            look: how the daemon stands.
            delivery: whose sinks are told of.

        Raises:
            ConfigError: the address is in use, or none of this machine.
        """
        pages = _Pages(look, delivery, self._live)
        try:
            server = _Server((self._host, self._port), _handler(pages))
        except (OSError, OverflowError) as e:
            msg = f"health pages cannot be served on {self._host}:{self._port} ({e}); give another host or port"
            raise ConfigError(msg) from e
        thread = Thread(target=server.serve_forever, name="health", daemon=True)
        thread.start()
        host, port = server.server_address[:2]
        self._served = str(host), port
        _log.info("health pages at http://%s:%d/ready", host, port)
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
            self._served = None


class _Pages:
    """The answers, by path."""

    def __init__(self, look: Callable[[], DaemonState], delivery: Delivery | None, live: timedelta) -> None:
        self._look, self._delivery, self._live = look, delivery, live
        self._registry = registry_of(look, delivery)

    def get(self, path: str) -> Answer | None:
        pages = {"/live": self._alive, "/ready": self._ready, "/metrics": self._metrics}
        page = pages.get(path.partition("?")[0])
        return None if page is None else page()

    def _alive(self) -> Answer:
        state = self._look()
        quiet = WallClock().now() - state.at
        alive = quiet < self._live or state.phase is not Phase.WATCHING
        return _json(alive, {"live": alive, "phase": state.phase, "last_turn_s": round(quiet.total_seconds(), 1)})

    def _ready(self) -> Answer:
        state = self._look()
        sinks = self._delivery.status if self._delivery is not None else {}
        failing = [f"sink {name} takes nothing: {sink.error}" for name, sink in sinks.items() if sink.error]
        about = {
            "ready": state.is_ready,
            "phase": state.phase,
            "complaints": state.complaints + failing,
            "streams": {
                name: {
                    "up": stream.connection.up,
                    "newest": None if stream.newest is None else stream.newest.isoformat(),
                    "seen": None if stream.seen is None else stream.seen.isoformat(),
                    "dropped": stream.counts.dropped,
                }
                for name, stream in state.streams.items()
            },
        }
        return _json(state.is_ready, about)

    def _metrics(self) -> Answer:
        return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self._registry)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A monitor that hangs up is no news."""
        _log.debug("a request for health pages broke off", exc_info=True)


def _json(well: bool, about: dict[str, object]) -> Answer:
    status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
    return status, "application/json", json.dumps(about, indent=1).encode() + b"\n"


def _handler(pages: _Pages) -> type[BaseHTTPRequestHandler]:
    class Request(BaseHTTPRequestHandler):
        timeout = _REQUEST_TIMEOUT_S

        def do_GET(self) -> None:
            status, kind, body = pages.get(self.path) or (HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            _log.debug(format, *args)

    return Request
