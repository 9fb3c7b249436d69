"""Secrets are planted wherever one may be given; then everything that anybody can read is searched for them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import postgres
from tests.connectors.clips import every, write_video
from tests.faults.process import DaemonProcess, wait_for
from tests.planted import Planted, texts_below
from tests.rtsp_servers import free_port

PATIENCE_S = 60.0
SIGNING_KEY = "enEhU2lnbmluZ0tleU9mVGhlV2ViaG9va3MhIzAxMjM="
CODE = "from videoxl_stream.cli import main; main()"
CRASHING = '''
"""A pipeline of a site with secrets, whose model breaks."""
from videoxl_stream.config import Site
from videoxl_stream.testing import ScriptedModel

class Broken(ScriptedModel):
    def append(self, memory, frames, timestamps):
        raise RuntimeError("out of luck")

def pipeline():
    return Site.from_yaml("site.yaml").pipeline(model=Broken())
'''


@pytest.fixture
def planted() -> Planted:
    return Planted()


@contextmanager
def refusing() -> Iterator[int]:
    """An HTTP server that lets nobody in; its port."""

    class Refusal(BaseHTTPRequestHandler):
        def _refuse(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(401 if self.command == "GET" else 500)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_HEAD = _refuse

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class Place:
    """A folder with a site full of secrets, and all that was said there."""

    def __init__(self, folder: Path, planted: Planted, http_port: int) -> None:
        self.folder, self._planted, self._http = folder, planted, http_port
        self.health_port = free_port()
        self.said: list[tuple[str, str]] = []
        self.kept = folder / "kept"
        self.kept.mkdir()
        self.environment = {"CAMERA_PASSWORD": planted["variable"], "HOOK_KEY": planted.add("key", SIGNING_KEY)}
        (folder / "file-secret").write_text(planted["file"] + "\n", encoding="utf-8")
        write_video(folder / "yard.mp4", [*every(500, 20), *(70_000 + at for at in every(500, 20))])

    def write(self, *, name: str = "site.yaml", **changes: Any) -> Path:
        """Write its definition."""
        secret, closed = self._planted, free_port()
        path = self.folder / name
        url = f"{secret.in_url('user')}:{secret.in_url('password')}@127.0.0.1"
        broker = f"{secret.in_url('kafka-user')}:{secret.in_url('kafka-password')}@127.0.0.1:{closed}"
        camera = {"url": f"http://127.0.0.1:{self._http}/video.mjpg?token={secret.in_url('token')}"}
        hook = f"http://127.0.0.1:{self._http}/hooks/{secret.in_url('hook')}"
        away = f"https://127.0.0.1:{closed}/{secret.in_url('hook-away')}?key={secret.in_url('hook-query')}"
        site = {
            "sources": [
                {"url": f"rtsp://{url}:{closed}/cam?auth={secret.in_url('query')}", "stream_id": "gate"},
                {**camera, "stream_id": "a", "username": "viewer", "password": "${CAMERA_PASSWORD}"},
                {
                    **camera,
                    "stream_id": "b",
                    "username": secret["name"],
                    "password": f"${{file:{self.folder}/file-secret}}",
                },
                {"url": f"rtsp://127.0.0.1:{closed}/user=admin_password={secret.in_url('path')}_channel=1.sdp"},
                {"url": f"kafka://{broker}/frames?group=site&mechanism=PLAIN&tls=false"},
                str(self.folder / "yard.mp4"),
            ],
            "rules": ["fire"],
            "budget": 256,
            "limits": {"max_bytes": 10_000_000},
            "events": f"sqlite:///{self.kept}/events.db",
            "evidence": {"folder": str(self.kept / "evidence"), "ring_bytes": 1_000_000},
            "durability": {"folder": str(self.kept / "memory")},
            "sinks": [
                {
                    "url": hook,
                    "name": "hook",
                    "secret": "${HOOK_KEY}",
                    "headers": {"authorization": f"Bearer {secret['header']}".replace("é", "e")},
                },
                {"url": away, "name": "away", "secret": "${HOOK_KEY}"},
                {
                    "url": f"kafka://{broker}/events?mechanism=PLAIN&tls=false&key_password={secret.in_url('key-password')}"
                },
                str(self.kept / "events.jsonl"),
            ],
            "health": {"port": self.health_port},
            **changes,
        }
        secret.add("header", f"{secret['header']}".replace("é", "e"))
        path.write_text(yaml.safe_dump(site, allow_unicode=True), encoding="utf-8")
        return path

    def call(self, *arguments: str) -> int:
        """Let the command line say something."""
        environment = {**os.environ, **self.environment, "OMP_NUM_THREADS": "1", "COLUMNS": "300"}
        environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, "-c", CODE, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            check=False,
            timeout=PATIENCE_S,
        )
        self.said.append((" ".join(arguments), (done.stdout + done.stderr).decode(errors="replace")))
        return done.returncode

    def ask(self, page: str) -> str:
        """Look at a page of its health."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}{page}", timeout=PATIENCE_S) as answer:
                text = str(answer.read().decode())
        except OSError:
            text = ""
        self.said.append((page, text))
        return text

    def leaks(self) -> set[tuple[str, str]]:
        """Where a secret can be read, and which."""
        texts = [*self.said, *texts_below(self.kept)]
        return {(where, place) for where, text in texts for place in self._planted.found_in(text)}


@pytest.fixture
def place(tmp_path: Path, planted: Planted) -> Iterator[Place]:
    with refusing() as port:
        yield Place(tmp_path, planted, port)


def test_the_search_finds_what_is_there(planted: Planted) -> None:
    secret = planted["password"]
    assert planted.found_in(f"...{secret}...") == {"password"}
    assert planted.found_in(f"x{planted.in_url('password')}x") == {"password"}
    assert planted.found_in(json.dumps({"error": secret})) == {"password"}
    assert not planted.found_in("nothing")


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_daemon_that_fails_everywhere_tells_no_secret(place: Place, form: str) -> None:
    path, log = place.write(), place.kept / "log"
    options = ["--resume", "--log-format", form, "--log-level", "debug"]
    with ExitStack() as ending:
        daemon = DaemonProcess(str(path), log, place.environment, options)
        ending.callback(daemon.kill)

        def everything_failed() -> bool:
            assert daemon.is_running, log.read_text(encoding="utf-8")
            said = log.read_text(encoding="utf-8")
            wanted = ("stream gate", "stream a", "stream b", "sink hook", "sink away", "sink kafka")
            return all(each in said for each in wanted)

        assert wait_for(everything_failed, PATIENCE_S) is not None, log.read_text(encoding="utf-8")
        assert wait_for(lambda: "videoxl_sink_waiting" in place.ask("/metrics"), PATIENCE_S) is not None
        assert "complaints" in place.ask("/ready") or place.said[-1][1] == ""
        place.ask("/live")
        path.write_text(path.read_text(encoding="utf-8").replace("fire", "no such rule"), encoding="utf-8")
        daemon.process.send_signal(signal.SIGHUP)
        refused = "the new definition was refused"
        assert wait_for(lambda: refused in log.read_text(encoding="utf-8"), PATIENCE_S) is not None
        daemon.stop()
    store = f"sqlite:///{place.kept}/events.db"
    for command in (["events", "list"], ["events", "list", "--json"], ["outbox", "list"], ["outbox", "list", "--json"]):
        assert place.call(*command, "--store", store) == 0, place.said[-1]
    place.call("report", "--events", store, "--output", str(place.kept / "report.html"))
    assert len(list(place.kept.rglob("*"))) > 5
    assert place.leaks() == set()


@pytest.mark.parametrize(
    "slip",
    [
        "password: *{secret}",
        "password: !{secret} x",
        "password: x{secret}\n    password: {secret}",
        "rtsp://me:{secret}@127.0.0.1/cam: \n    rtsp://me:{secret}@127.0.0.1/cam: ",
        "password: [{secret}]",
        "password: '{secret}\n",
        "transport: {secret}",
        "sample_fps: {secret}",
        "start: {secret}",
        "password: ${{NO_SUCH_VARIABLE}}x{secret}",
        "password: &{secret} x\n    username: &{secret} x",
        "rtsp://me:{secret}@127.0.0.1/cam: ",
    ],
)
def test_a_slip_in_the_yaml_tells_no_secret(tmp_path: Path, slip: str) -> None:
    from tests.cli.calling import call

    secret = "hunter2secret"
    text = "sources:\n  - url: rtsp://127.0.0.1/cam\n    {slip}\nrules: [fire]\nbudget: 256\n"
    path = tmp_path / "site.yaml"
    path.write_text(text.format(slip=slip.format(secret=secret)), encoding="utf-8")
    told = call("config", "check", path)
    assert told.exit_code == 2, told.output
    assert "site.yaml" in told.output
    assert secret not in told.output


def test_commands_that_fail_tell_no_secret(place: Place, planted: Planted) -> None:
    path = place.write(admission={"max_bytes": 1})
    assert place.call("config", "check", str(path)) == 0
    assert place.call("run", str(path)) == 2
    away = f"postgresql://{planted.in_url('pg-user')}:{planted.in_url('pg')}@127.0.0.1:{free_port()}/events"
    away += f"?sslpassword={planted.in_url('pg-option')}"
    assert place.call("run", str(place.write(events=away)), "--log-format", "json") == 2
    assert place.call("outbox", "list", "--store", away) == 2
    assert place.call("report", "--events", away) == 2
    assert place.call("run", str(path), "--log-format", "json", "--log-level", "chatty") == 2
    camera = f"rtsp://{planted.in_url('user')}:{planted.in_url('password')}@127.0.0.1:{free_port()}"
    assert place.call("run", camera) == 2
    assert place.call("config", "check", camera) == 2
    assert place.call("run", "surveillance", "--source", f"{camera}x/cam") == 2
    assert not [text for _, text in place.said if "Traceback" in text]
    assert place.leaks() == set()


@pytest.mark.service
def test_a_database_that_refuses_the_password_tells_no_secret(
    place: Place, planted: Planted, require_service: Callable[[bool, str], None]
) -> None:
    programs = postgres.programs()
    require_service(programs is not None, postgres.REMEDY)
    assert programs is not None
    with postgres.served(programs) as server:
        there = server.url("nowhere").replace("tester:s3cret", f"{planted.in_url('pg-user')}:{planted.in_url('pg')}")
        assert place.call("run", str(place.write(events=there)), "--log-format", "json") == 2
        assert place.call("store", "check", "--store", there) == 2
    assert place.leaks() == set()


def test_a_crash_shows_where_and_no_secret(place: Place) -> None:
    place.write(sources=[str(place.folder / "yard.mp4")])
    (place.folder / "own.py").write_text(CRASHING, encoding="utf-8")
    assert place.call("run", "own.py:pipeline", "--log-format", "json", "--log-level", "debug") == 1
    assert "Traceback" in place.said[-1][1]
    assert place.leaks() == set()
