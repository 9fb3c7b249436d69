"""Daemon: one pipeline at work until it is told to stop."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Thread

from videoxl_stream.clock import WallClock
from videoxl_stream.daemon.health import Health
from videoxl_stream.daemon.signals import handled
from videoxl_stream.daemon.state import DaemonState, Phase
from videoxl_stream.daemon.systemd import Notifier
from videoxl_stream.delivery import Delivery
from videoxl_stream.errors import StoreError, VideoXLStreamError
from videoxl_stream.events import Event, Status
from videoxl_stream.pipeline import Pipeline, Progress

_LOOK_EVERY_S = 1.0
_LONGEST_WAIT_S = 5.0  # between two tries to reach the store
_DELIVERY_SHARE = 0.4  # of the time for draining
_log = logging.getLogger(__name__)


class Daemon:
    """Steps a pipeline, and does between two steps all that has to be done besides.

    A store that is out of reach stops nothing: what was found waits, live sources are read on, and their buffers'
    policy decides what becomes of footage that nobody can take in. An error of the model ends it: start it again,
    and it goes on from the last chunk.

    Args:
        pipeline: opened here, going on where the store says, and closed.
        delivery: of what the pipeline puts into the outbox; started and closed here.
        upkeep: called every ``upkeep_s`` seconds, such as to let go of what need not be kept.
        reload: called after SIGHUP, or ``reload()``, to change the pipeline's sources and rules; an error of this
            package leaves things as they are.
        health: served while this runs.
        progress: told after every step.
        resume: whether to go on where the store says that each stream stopped.
        upkeep_s: seconds between two calls of ``upkeep``.
        upkeep_bytes: of evidence, after which ``upkeep`` is called before its time; None waits for the time.
        drain_s: after a signal to stop, the seconds in which what waits is worked off and delivered.
        overdue: called from a thread ``overdue_s`` seconds after it was told to stop, if the program is still there
            then, such as to end it: a database that holds everybody up, or a disk, can make stopping slow.
        overdue_s: see ``overdue``.
    """

    def __init__(  # noqa: PLR0913 - plain keyword arguments
        self,
        pipeline: Pipeline,
        *,
        delivery: Delivery | None = None,
        upkeep: Callable[[], None] | None = None,
        reload: Callable[[], None] | None = None,
        health: Health | None = None,
        progress: Callable[[Progress], None] | None = None,
        resume: bool = True,
        upkeep_s: float = 60.0,
        upkeep_bytes: int | None = None,
        drain_s: float = 6.0,
        overdue: Callable[[], None] | None = None,
        overdue_s: float = 9.0,
    ) -> None:
        self._pipeline, self._delivery, self._health = pipeline, delivery, health
        self._upkeep, self._reload, self._progress = upkeep, reload, progress
        self._resume, self._upkeep_s, self._drain_s = resume, upkeep_s, drain_s
        self._upkeep_bytes, self._written = math.inf if upkeep_bytes is None else upkeep_bytes, 0
        self._overdue, self._overdue_s = overdue, overdue_s
        self._notifier = Notifier()
        # Queues of this kind may be put to from a signal, wherever the program is; an Event may not.
        self._stopping, self._woken, self._ends = False, SimpleQueue[None](), SimpleQueue[None]()
        self._asked = SimpleQueue[Callable[[], None]]()
        self._looked_at = self._upkeep_at = 0.0
        self._failures = 0
        now = WallClock().now()
        self._state = DaemonState(phase=Phase.STARTING, at=now, started=now)

    @property
    def state(self) -> DaemonState:
        """How it stood at the last look; may be read from any thread."""
        return self._state

    def stop(self) -> None:
        """Let it drain and end; may be called from any thread, and from a signal."""
        self._stopping = True
        self._woken.put(None)
        self._ends.put(None)

    def reload(self) -> None:
        """Let it read its definition again before the next step; from any thread, and from a signal."""
        self.call(self._change)

    def call(self, what: Callable[[], None]) -> None:
        """Let it call something before the next step, such as ``pipeline.add``; from any thread.

        An error of this package is logged.
        """
        self._asked.put(what)

    def run(self) -> None:
        """Work until told to stop, or until every stream has ended.

        Raises:
            SourceOpenError: a source cannot be opened.
            ModelError: the model cannot go on.
        """
        with ExitStack() as ending:
            ending.enter_context(handled(stop=self.stop, reload=self.reload))
            if self._overdue is not None:
                Thread(target=self._wait_for_end, args=(self._overdue,), name="overdue", daemon=True).start()
            if self._health is not None:
                ending.enter_context(self._health.served(lambda: self._state, self._delivery))
            if self._delivery is not None:
                self._delivery.start()
            ending.callback(self._look, Phase.ENDED)
            ending.push(self._end)
            self._open()
            self._look(Phase.WATCHING)
            self._notifier.ready(f"watching {len(self._state.streams)} streams")
            while not (self._stopping or self._pipeline.ended):
                self._turn()

    # ---- one turn

    def _open(self) -> None:
        """Open the pipeline, however long the store takes to answer."""
        while not self._stopping:
            try:
                return self._pipeline.open(resume=self._resume)
            except StoreError as e:
                self._wait_for_store(e)
        return None

    def _turn(self) -> None:
        self._do_what_was_asked()
        try:
            events = self._pipeline.step()
        except StoreError as e:
            self._wait_for_store(e)
            return
        if self._failures:
            _log.warning("the store is back")
            self._failures, self._state = 0, replace(self._state, store_away="")
        self._tell(events)
        self._look_after()

    def _tell(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.status != Status.UPDATED:
                about = {"stream": event.stream_id, "rule": event.rule, "event": event.id, "severity": event.severity}
                _log.info("%s", event, extra=about)
        if events and self._delivery is not None:
            self._delivery.wake()
        latest = self._pipeline.latest
        if self._progress is not None and latest is not None:
            self._progress(replace(latest, events=tuple(events)))

    def _wait_for_store(self, error: StoreError) -> None:
        level = logging.DEBUG if self._failures else logging.ERROR
        _log.log(level, "nothing can be stored, what is found waits: %s", error)
        self._failures += 1
        self._state = replace(self._state, store_away=str(error))
        self._look(self._state.phase)
        with suppress(Empty):
            self._woken.get(timeout=min(_LONGEST_WAIT_S, 0.2 * 2 ** min(self._failures, 6)) * random.uniform(0.5, 1.0))

    def _do_what_was_asked(self) -> None:
        while True:
            try:
                what = self._asked.get_nowait()
            except Empty:
                return
            try:
                what()
            except VideoXLStreamError as e:
                _log.error("what was asked of it could not be done: %s", e)

    def _change(self) -> None:
        if self._reload is None:
            _log.warning("asked to reload, but there is no definition to read again")
            return
        self._notifier.reloading(time.monotonic())
        try:
            self._reload()
        except VideoXLStreamError as e:
            _log.error("the new definition was refused, all stays as it is: %s", e)
            self._state = replace(self._state, reloaded=str(e))
        else:
            _log.info("reloaded")
            self._state = replace(self._state, reloaded="", reloads=self._state.reloads + 1)
        self._look(self._state.phase)
        self._notifier.ready("reloaded")

    # ---- besides

    def _look_after(self) -> None:
        now = time.monotonic()
        if now >= self._looked_at + _LOOK_EVERY_S:
            self._look(self._state.phase)
        written = sum(stream.evidence_bytes for stream in self._state.streams.values())
        if self._upkeep is not None and (now >= self._upkeep_at or written - self._written >= self._upkeep_bytes):
            self._upkeep_at, self._written = now + self._upkeep_s, written
            self._keep_up(self._upkeep)

    def _keep_up(self, upkeep: Callable[[], None]) -> None:
        try:
            upkeep()
        except VideoXLStreamError as e:
            _log.error("upkeep failed, it is tried again in %g s: %s", self._upkeep_s, e)
            self._state = replace(self._state, upkeep=str(e))
        else:
            self._state = replace(self._state, upkeep="")

    def _look(self, phase: Phase) -> None:
        self._looked_at = time.monotonic()
        streams, waiting = self._pipeline.status, self._pipeline.waiting
        away = self._pipeline.turned_away
        self._state = replace(self._state, phase=phase, at=_now(), streams=streams, waiting=waiting, turned_away=away)
        self._notifier.alive(f"{phase}: {len(streams)} streams, {len(self._state.complaints)} complaints")

    # ---- the end

    def _wait_for_end(self, overdue: Callable[[], None]) -> None:
        self._ends.get()
        time.sleep(self._overdue_s)
        overdue()

    def _end(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Work off and deliver what waits, in the time that there is; after an error, only deliver."""
        self._notifier.stopping()
        self._state = replace(self._state, phase=Phase.DRAINING)
        began = time.monotonic()
        if self._stopping:
            _log.info("stopping")
        try:
            self._pipeline.drain(began + self._drain_s * (1 - _DELIVERY_SHARE) if error is None else -math.inf)
        except StoreError as e:
            _log.error("what waits cannot be stored; its footage is taken in again at the next start: %s", e)
        finally:
            if self._delivery is not None:
                self._delivery.wake()
                self._delivery.close(max(0.0, began + self._drain_s - time.monotonic()))


def _now() -> datetime:
    return WallClock().now()
