"""Cameras whose servers die, freeze and hang up, behind a network that garbles; and capturing processes that die."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from tests.connectors.clips import write_video
from tests.faults.live import RECOVER_S, START_S, LiveSite
from tests.faults.outcome import Outcome, median
from tests.faults.process import wait_for
from tests.rtsp_servers import Server, recordings, running
from tests.tcp_proxy import Proxy, passing
from videoxl_stream.events import Event, Status
from videoxl_stream.outages import DOWN

KINDS = ("killed", "frozen", "garbled", "cut", "refused")
STALL_S, OPEN_S = 2.0, 3.0
_NOTICED_S = STALL_S + 4.0  # and looked at, by a daemon that shares the machine
_LOOK_S = 0.1
_LONGEST_S, _LONGEST_PEACE_S = 6.0, 5.0
_MORE_DESCRIPTORS, _MORE_MIB = 8, 150


@dataclass(slots=True)
class Camera:
    """One camera, the way to it, and what became of its faults.

    Args:
        stream_id: as the daemon knows it.
        server: of its own.
        proxy: in between.
    """

    stream_id: str
    server: Server
    proxy: Proxy
    tried: int = 0
    survived: int = 0
    unseen: int = 0  # outages that left no event
    recoveries: list[float] = field(default_factory=list)

    @contextmanager
    def fault(self, kind: str) -> Iterator[None]:
        """Let it be out of order in some way."""
        undo: Callable[[], None]
        if kind == "killed":
            self.server.kill()
            undo = self.server.start
        elif kind == "frozen":
            self.server.freeze()
            undo = self.server.thaw
        elif kind == "garbled":
            self.proxy.flips_per_kib = 40.0
            undo = self._pass_unharmed
        else:
            self.proxy.refuses = kind == "refused"
            self.proxy.cut()
            undo = self._accept
        try:
            yield
        finally:
            undo()

    def _pass_unharmed(self) -> None:
        self.proxy.flips_per_kib = 0.0

    def _accept(self) -> None:
        self.proxy.refuses = False


@contextmanager
def watched(folder: Path, num_cameras: int, seed: int) -> Iterator[tuple[LiveSite, list[Camera]]]:
    """A daemon that watches so many cameras, once footage of all of them comes."""
    folder.mkdir(parents=True, exist_ok=True)
    write_video(folder / "moving.mp4", range(0, 40_000, 100), size=(96, 128), b_frames=0)
    with ExitStack() as opened:
        cameras = []
        for number in range(num_cameras):
            server = opened.enter_context(running(recordings(folder)))
            proxy = opened.enter_context(passing(Proxy(server.port, seed=seed + number, honest_bytes=2000)))
            cameras.append(Camera(f"camera-{number}", server, proxy))
        sources = [
            {
                "url": f"rtsp://127.0.0.1:{camera.proxy.port}/moving.mp4?play_count=0",
                "stream_id": camera.stream_id,
                "sample_fps": 4,
                "open_timeout_s": OPEN_S,
                "stall_timeout_s": STALL_S,
            }
            for camera in cameras
        ]
        site = LiveSite(folder / "site", sources)
        opened.callback(site.end)
        site.start()
        for camera in cameras:
            assert flows(site, camera, START_S) is not None, f"{camera.stream_id} never came; see {site.log}"
        yield site, cameras


def flows(site: LiveSite, camera: Camera, within_s: float) -> float | None:
    """Wait until a new frame comes; says how long that took."""
    before = site.figure("frames_read", camera.stream_id)
    return wait_for(lambda: site.figure("frames_read", camera.stream_id) > before, within_s, _LOOK_S)


def disturbed_cameras(folder: Path, *, num_cameras: int = 10, faults_each: int = 3, seed: int = 11) -> Outcome:
    """Faults of all kinds at random moments, at each camera one after another, at different cameras at once."""
    with watched(folder, num_cameras, seed) as (site, cameras):
        wait_for(lambda: min(site.figures("windows").values()) >= 4, START_S, _LOOK_S)
        descriptors, memory_mib = site.num_descriptors, site.memory_mib
        kinds = random.Random(seed).sample(list(KINDS) * num_cameras * faults_each, num_cameras * faults_each)

        def disturb(number: int) -> None:
            rng = random.Random(f"{seed} {number}")
            for kind in kinds[number::num_cameras]:
                _one_fault(site, cameras[number], kind, rng)

        with ThreadPoolExecutor(num_cameras) as pool:
            list(pool.map(disturb, range(num_cameras)))
        never = [each.stream_id for each in cameras if flows(site, each, RECOVER_S) is None]
        wait_for(lambda: min(site.figures("up").values()) == 1, RECOVER_S, _LOOK_S)
        time.sleep(2 * _LOOK_S)
        more = (site.num_descriptors - descriptors, site.memory_mib - memory_mib)
        with site.store() as store:
            events = store.events()
        took = site.stop()
    assert more[0] <= _MORE_DESCRIPTORS, f"{more[0]} descriptors more than before the faults"
    assert more[1] <= _MORE_MIB, f"{more[1]:.0f} MiB more than before the faults"
    return Outcome(
        name="RTSP servers killed, frozen, garbled, cut off, refused",
        tried=sum(each.tried for each in cameras),
        survived=sum(each.survived for each in cameras),
        lost=len(never) + sum(each.unseen for each in cameras),
        duplicated=sum(event.rule == DOWN and event.status != Status.CLOSED for event in events) + overlaps(events),
        seconds_to_recover=median(second for each in cameras for second in each.recoveries),
        remark=f"{num_cameras} cameras; lost: cameras that stayed away, outages without an event; duplicated: outages "
        f"still open, alarms that overlap; {more[0]:+d} descriptors, {more[1]:+.0f} MiB; stopped in {took:.1f} s",
    )


def _one_fault(site: LiveSite, camera: Camera, kind: str, rng: random.Random) -> None:
    time.sleep(rng.uniform(0, _LONGEST_PEACE_S))
    told, frames = _told(site, camera), site.figure("frames_read", camera.stream_id)
    camera.tried += 1
    began, quiet = time.monotonic(), [time.monotonic()]

    def new_frames() -> bool:
        nonlocal frames
        now = site.figure("frames_read", camera.stream_id)
        if now > frames:
            frames = now
            quiet.append(time.monotonic())
            return True
        return False

    with camera.fault(kind):
        until = began + rng.uniform(0.2, _LONGEST_S)
        while time.monotonic() < until:
            new_frames()
            time.sleep(_LOOK_S)
    took = wait_for(new_frames, RECOVER_S, _LOOK_S)
    if took is None:
        return
    camera.survived += 1
    camera.recoveries.append(took)
    longest = max(later - earlier for earlier, later in pairwise(quiet))
    if longest > _NOTICED_S:
        camera.unseen += wait_for(lambda: _told(site, camera) > told, 5.0, _LOOK_S) is None


def _told(site: LiveSite, camera: Camera) -> int:
    """Revisions of outages so far; one event can tell of several."""
    with site.store() as store:
        events = store.events(stream_id=camera.stream_id, rule=DOWN)
    return sum(event.revision + 1 for event in events)


def overlaps(events: list[Event]) -> int:
    """Alarms of one rule and stream that were raised while another of them was on."""
    found = 0
    for stream_id, rule in {(event.stream_id, event.rule) for event in events}:
        same = [event for event in events if (event.stream_id, event.rule) == (stream_id, rule)]
        found += sum(later.start < earlier.end for earlier, later in pairwise(sorted(same, key=lambda one: one.start)))
    return found


def killed_workers(folder: Path, *, num_cameras: int = 3, num_kills: int = 10, seed: int = 12) -> Outcome:
    """kill -9 of capturing processes: each costs one camera one connection."""
    rng = random.Random(seed)
    survived = others = 0
    recoveries = []
    with watched(folder, num_cameras, seed) as (site, cameras):
        for _ in range(num_kills):
            time.sleep(rng.uniform(0, 2.0))
            before = site.figures("losses")
            victim = rng.choice(site.workers)
            os.kill(victim, signal.SIGKILL)
            assert wait_for(lambda: site.figures("losses") != before, RECOVER_S, _LOOK_S) is not None  # noqa: B023
            hit = [name for name, losses in site.figures("losses").items() if losses > before[name]]
            others += len(hit) - 1
            took = max(flows(site, each, RECOVER_S) or RECOVER_S for each in cameras if each.stream_id in hit)
            recoveries.append(took)
            back = wait_for(lambda: len(site.workers) == num_cameras, RECOVER_S, _LOOK_S)
            survived += took < RECOVER_S and len(hit) == 1 and back is not None
        site.stop()
    return Outcome(
        name="kill -9 of capturing processes",
        tried=num_kills,
        survived=survived,
        lost=others,
        duplicated=0,
        seconds_to_recover=median(recoveries),
        remark=f"{num_cameras} cameras; lost: connections of other cameras",
    )
