from __future__ import annotations

import json
import os
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cameras import Camera
from tests.feeds import ScriptedFeed
from tests.flaky_store import FlakyStore
from videoxl_stream.daemon import Daemon, Health
from videoxl_stream.daemon.state import Phase
from videoxl_stream.delivery import Delivery
from videoxl_stream.errors import ConfigError, ModelError, SinkError
from videoxl_stream.events import Event, Status
from videoxl_stream.evidence import Evidence
from videoxl_stream.interfaces import Connection
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.queries import Span
from videoxl_stream.rules import Rule
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ListSink, ScriptedMemory, ScriptedModel, ScriptedSource

FIRE = Rule(name="fire", question="Is there a fire?")
FIRES = [Span(5, 7)]


class Out(ListSink):
    """A sink that can be out of reach."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False

    def flush(self) -> None:
        if self.away:
            self.events.clear()
            msg = "nobody answers"
            raise SinkError(msg)

    def close(self) -> None:
        pass


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Of a store in a file, since more than one thread uses it."""
    return f"sqlite:///{tmp_path}/events.db"


@pytest.fixture
def site(url: str) -> Iterator[Callable[..., Pipeline]]:
    stores: list[EventStore] = []

    def made(
        *sources: Any, model: ScriptedModel | None = None, store: EventStore | None = None, **how: Any
    ) -> Pipeline:
        stores.append(store or EventStore(url))
        model = model or ScriptedModel({FIRE.question: FIRES})
        return Pipeline(sources=sources, model=model, rules=[FIRE], store=stores[-1], name="site", **how)

    yield made
    for store in stores:
        store.close()


def stopping_after(pipeline: Pipeline, num_steps: int, **how: Any) -> Daemon:
    """A daemon that is told to stop at a certain step."""
    steps = iter(range(num_steps))
    daemon = Daemon(pipeline, progress=lambda _: daemon.stop() if next(steps, None) is None else None, **how)
    return daemon


def seconds(num: int) -> list[float | Exception | None]:
    return [float(second) for second in range(num)]


@contextmanager
def at_work(daemon: Daemon) -> Iterator[Daemon]:
    """Run a daemon beside the test, and stop it at the end."""
    broken: list[BaseException] = []

    def run() -> None:
        try:
            daemon.run()
        except BaseException as e:
            broken.append(e)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        until(lambda: daemon.state.phase is not Phase.STARTING or bool(broken))
        yield daemon
    finally:
        daemon.stop()
        thread.join(30)
        assert not thread.is_alive()
    if broken:
        raise broken[0]


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something to become true."""
    waiting = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if holds():
            return
        waiting.wait(0.02)
    pytest.fail("it did not come true in time")


def asked(health: Health, path: str) -> tuple[int, str]:
    assert health.address is not None
    host, port = health.address
    try:
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.read().decode()


def test_it_watches_files_to_their_end(site: Callable[..., Pipeline]) -> None:
    pipeline, upkeep = site(ScriptedSource(seconds(20), stream_id="gate")), list[int]()
    daemon = Daemon(pipeline, upkeep=lambda: upkeep.append(1), upkeep_s=1e9)
    daemon.run()
    assert [event.rule for event in pipeline.store.events()] == ["fire"]
    assert daemon.state.phase is Phase.ENDED
    assert upkeep == [1]


def test_told_to_stop_it_takes_in_what_waits(site: Callable[..., Pipeline]) -> None:
    camera = Camera()
    pipeline = site(camera)
    with at_work(Daemon(pipeline)) as daemon:
        camera.give(*range(6))
        daemon.stop()
    assert pipeline.counts["gate"].ingested == 6
    assert camera.closed
    assert [event.status for event in pipeline.store.events()] == [Status.OPENED]  # it goes on after the restart


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it(site: Callable[..., Pipeline], number: signal.Signals) -> None:
    camera, before = Camera(), signal.getsignal(number)
    pipeline = site(camera)
    daemon = Daemon(pipeline, progress=lambda _: os.kill(os.getpid(), number))
    daemon.run()
    assert daemon.state.phase is Phase.ENDED
    assert signal.getsignal(number) is before


def test_it_goes_on_where_it_stopped(site: Callable[..., Pipeline], tmp_path: Path) -> None:
    for num_steps in (3, 9, 4, 100):
        pipeline = site(ScriptedSource(seconds(40), stream_id="gate"))
        stopping_after(pipeline, num_steps).run()
    with EventStore(f"sqlite:///{tmp_path}/undisturbed.db") as store:
        site(ScriptedSource(seconds(40), stream_id="gate"), store=store).run()
        assert pipeline.store.events() == store.events()


def test_an_error_of_the_model_ends_it_and_closes_everything(site: Callable[..., Pipeline]) -> None:
    class Broken(ScriptedModel):
        def append(self, memory: ScriptedMemory, frames: Any, timestamps: Any) -> None:
            msg = "out of memory"
            raise ModelError(msg)

    camera = Camera()
    pipeline = site(camera, model=Broken())
    with pytest.raises(ModelError), at_work(Daemon(pipeline)):
        camera.give(*range(8))
        until(lambda: camera.closed > 0)


# ---- what is out of reach


def test_a_store_that_is_away_stops_nothing_and_loses_nothing(site: Callable[..., Pipeline], url: str) -> None:
    store, camera, health = FlakyStore(url), Camera(), Health(port=0)
    pipeline = site(camera, store=store)
    with at_work(Daemon(pipeline, health=health)) as daemon:
        store.away = True
        camera.give(*range(12))
        until(lambda: bool(daemon.state.store_away))
        status, text = asked(health, "/ready")
        assert (status, json.loads(text)["ready"]) == (503, False)
        assert "the store is away" in text
        assert asked(health, "/live")[0] == 200
        assert "videoxl_store_up 0.0" in asked(health, "/metrics")[1]
        store.away = False
        until(lambda: asked(health, "/ready")[0] == 200)
        until(lambda: pipeline.counts["gate"].ingested == 12)
        until(lambda: "videoxl_store_waiting 0.0" in asked(health, "/metrics")[1])
    [event] = store.events()
    assert event.rule == "fire"


def test_what_a_sink_could_not_take_it_gets_later(site: Callable[..., Pipeline]) -> None:
    camera, out = Camera(), Out()
    out.away = True
    pipeline = site(camera, outbox=["out"])
    with at_work(Daemon(pipeline, delivery=Delivery(pipeline.store, {"out": out}))):
        camera.give(*range(12))
        until(lambda: pipeline.counts["gate"].ingested == 12)
        out.away = False
        until(lambda: len(out.events) >= 2)
    assert [(event.status, event.rule) for event in out.events] == [(Status.OPENED, "fire"), (Status.CLOSED, "fire")]


def test_upkeep_that_fails_is_told_of_and_tried_again(site: Callable[..., Pipeline]) -> None:
    fails = [True]

    def upkeep() -> None:
        if fails[0]:
            msg = "no such folder"
            raise ConfigError(msg)

    with at_work(Daemon(site(Camera()), upkeep=upkeep, upkeep_s=0.01)) as daemon:
        until(lambda: daemon.state.complaints == ["upkeep failed: no such folder"])
        fails[0] = False
        until(lambda: daemon.state.complaints == [])


def test_much_evidence_brings_upkeep_before_its_time(site: Callable[..., Pipeline], tmp_path: Path) -> None:
    calls: list[int] = []
    evidence = Evidence(tmp_path / "evidence")
    camera = Camera()
    daemon = Daemon(site(camera, evidence=evidence), upkeep=lambda: calls.append(1), upkeep_s=1e9, upkeep_bytes=1)
    with at_work(daemon):
        until(lambda: calls == [1])  # at the start
        camera.give(*range(4))
        until(lambda: len(calls) >= 2)


# ---- changes while it runs


def test_it_reloads_when_told_to_and_keeps_what_it_has_if_that_fails(site: Callable[..., Pipeline]) -> None:
    camera, other = Camera(), Camera("yard")
    pipeline, wrong = site(camera), [True]

    def reload() -> None:
        if wrong[0]:
            msg = "line 3: there is no such rule"
            raise ConfigError(msg)
        pipeline.add(other)

    with at_work(Daemon(pipeline, reload=reload)) as daemon:
        daemon.reload()
        until(lambda: "the last reload was refused: line 3: there is no such rule" in daemon.state.complaints)
        wrong[0] = False
        daemon.reload()
        until(lambda: set(daemon.state.streams) == {"gate", "yard"})
        assert daemon.state.complaints == []
        other.give(*range(4))
        until(lambda: pipeline.counts["yard"].ingested == 4)


def test_a_hangup_reloads(site: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch) -> None:
    reloaded: list[int] = []
    steps: list[int] = []

    def step(_: object) -> None:
        steps.append(1)
        if len(steps) == 1:
            os.kill(os.getpid(), signal.SIGHUP)
        elif reloaded:
            daemon.stop()

    daemon = Daemon(site(Camera()), reload=lambda: reloaded.append(1), progress=step)
    daemon.run()
    assert reloaded == [1]


# ---- what it tells


def test_systemd_hears_of_it(site: Callable[..., Pipeline], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        Daemon(site(ScriptedSource(seconds(4), stream_id="gate"))).run()
        listener.setblocking(False)
        said = []
        while True:
            try:
                said.append(listener.recv(4096).decode().splitlines()[0])
            except BlockingIOError:
                break
    assert said == ["WATCHDOG=1", "READY=1", "STOPPING=1", "WATCHDOG=1"]


def test_health_pages_say_which_stream_is_down(site: Callable[..., Pipeline]) -> None:
    camera, health = Camera(), Health(port=0)
    with at_work(Daemon(site(camera), health=health)):
        camera.connection = Connection(up=False, reason="nobody answers", losses=1)
        until(lambda: "nobody answers" in asked(health, "/ready")[1])
        status, text = asked(health, "/ready")
        assert (status, json.loads(text)["complaints"]) == (200, ["stream gate is down: nobody answers"])
        assert 'videoxl_stream_up{stream="gate"} 0.0' in asked(health, "/metrics")[1]
        assert asked(health, "/secrets")[0] == 404
    assert health.address is None


def test_health_pages_say_which_streams_wait_for_room(site: Callable[..., Pipeline]) -> None:
    streams = [ScriptedSource([None] * 10**6, stream_id=f"camera-{number}") for number in range(9)]
    health, why = Health(port=0), "3 streams do not fit: 3 x 150 MiB"
    pipeline = site(feeds=[ScriptedFeed(*streams)], admit=lambda num: why if num > 2 else "")
    with at_work(Daemon(pipeline, health=health)) as daemon:
        until(lambda: len(daemon.state.turned_away) == 7)
        _, text = asked(health, "/ready")
        waiting = "camera-2, camera-3, camera-4, camera-5, camera-6, ..."
        assert f"7 streams of topics wait for room ({waiting}): {why}" in json.loads(text)["complaints"]
        assert "videoxl_streams_turned_away 7.0" in asked(health, "/metrics")[1]


def test_a_port_that_is_taken_is_said_before_anything_is_opened(site: Callable[..., Pipeline]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        daemon = Daemon(site(camera := Camera()), health=Health(port=taken.getsockname()[1]))
        with pytest.raises(ConfigError, match="another host or port"):
            daemon.run()
    assert not hasattr(camera, "opened_at")


def test_every_revision_is_told_once_over_restarts(site: Callable[..., Pipeline]) -> None:
    out = Out()
    for num_steps in (5, 6, 7, 100):
        pipeline = site(ScriptedSource(seconds(20), stream_id="gate"), outbox=["out"])
        stopping_after(pipeline, num_steps, delivery=Delivery(pipeline.store, {"out": out})).run()
    told: list[Event] = out.events
    assert [(event.revision, event.status) for event in told] == [(0, Status.OPENED), (1, Status.CLOSED)]
