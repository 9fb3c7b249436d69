"""From the outbox to the sinks: a thread for each, so that one that is down holds up nobody."""

from __future__ import annotations

import logging
import math
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from time import monotonic

from pydantic import ValidationError

from videoxl_stream.errors import ConfigError, SinkError, StoreError
from videoxl_stream.events import Event
from videoxl_stream.interfaces import RemoteSink
from videoxl_stream.store import Backlog, EventStore, Letter, Outbox

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_LONGEST_ASKED_S = 3600.0
_LONGEST_NAME = 255

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """How it stands with one sink.

    Args:
        delivered: letters that it has taken since the start.
        refused: letters that it will never take, in the outbox.
        backlog: letters that wait, as the store said when it could last be asked.
        oldest: UTC at which the oldest of them was written; None if there are none.
        failing_since: UTC since which nothing gets through; None while all is well.
        error: why, fit for people and without credentials; empty while all is well.
    """

    delivered: int = 0
    refused: int = 0
    backlog: int = 0
    oldest: datetime | None = None
    failing_since: datetime | None = None
    error: str = ""


class Delivery:
    """Writes what waits in a store's outbox to the sinks, in the order of the changes, each sink by itself.

    Delivery: at least once. A letter leaves the outbox after the sink has confirmed it, so a crash in between sends
    it again: consumers tell repeats by the event's id and revision. What a sink refuses for good, ``patience`` times
    in a row, is set aside in the outbox, with the reason, and waits for a person. One process delivers the events of
    a store: a second one would lose nothing, but send everything twice and out of order.

    Args:
        store: whose outbox it is; what a pipeline commits while this stands still waits there.
        sinks: by the names that are given to ``EventStore.commit``. Their threads use and close them.
        batch: letters written before a flush.
        patience: how often a letter must be refused for good in a row to be set aside.
        poll_s: how often to look for letters that nobody announced by ``wake``.
        seed: of the jitter in the waits after failures; give each process of a large site its own.

    Raises:
        ConfigError: a sink has no name, a number is not positive, or the store is in memory.
    """

    def __init__(
        self,
        store: EventStore,
        sinks: Mapping[str, RemoteSink],
        *,
        batch: int = 100,
        patience: int = 5,
        poll_s: float = 5.0,
        seed: str = "",
    ) -> None:
        _check(sinks, batch, patience, poll_s)
        if not store.outbox.for_threads:
            msg = "a store in memory cannot be used by the threads that deliver; give a file, sqlite:///events.db"
            raise ConfigError(msg)
        self._outbox = store.outbox
        self._backlog: Mapping[str, Backlog] = {}
        self._lanes = {
            name: _Lane(
                name,
                sink,
                store.outbox,
                batch=batch,
                patience=patience,
                poll_s=poll_s,
                random=Random(f"{seed}/{name}"),
            )
            for name, sink in sinks.items()
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Of the sinks, to be given to ``EventStore.commit``."""
        return tuple(self._lanes)

    @property
    def status(self) -> dict[str, DeliveryStatus]:
        """How it stands with each sink; while the store is out of reach, what waits is as it was."""
        try:
            self._backlog = self._outbox.backlog()
        except StoreError as e:
            _log.debug("backlog unknown: %s", e)
        return {name: lane.status(self._backlog.get(name, Backlog())) for name, lane in self._lanes.items()}

    def start(self) -> None:
        """Begin; returns at once."""
        for lane in self._lanes.values():
            lane.thread.start()

    def wake(self) -> None:
        """Say that something was written; call it after each commit. Cuts no wait after a failure short."""
        for lane in self._lanes.values():
            lane.woken.set()

    def close(self, timeout_s: float = 5.0) -> bool:
        """Deliver what can be delivered at once, and stop; may be called twice.

        A sink that fails now is not tried again, and one that hangs is left to itself: what is not confirmed stays
        in the outbox for the next start.

        Args:
            timeout_s: after which it returns whatever happens.

        Returns:
            whether every sink has stopped and is closed.
        """
        deadline = monotonic() + timeout_s
        for lane in self._lanes.values():
            lane.stop(deadline)
        for lane in self._lanes.values():
            if lane.thread.is_alive():
                lane.thread.join(max(0.0, deadline - monotonic()))
        return not any(lane.thread.is_alive() for lane in self._lanes.values())


class _Lane:
    """One sink, and the thread that serves it."""

    def __init__(
        self, name: str, sink: RemoteSink, outbox: Outbox, *, batch: int, patience: int, poll_s: float, random: Random
    ) -> None:
        self._name, self._sink, self._outbox = name, sink, outbox
        self._batch, self._patience, self._poll_s, self._random = batch, patience, poll_s, random
        self.thread = threading.Thread(target=self._run, name=f"deliver-{name}", daemon=True)
        self.woken = threading.Event()
        self._closing = threading.Event()
        self._deadline = math.inf
        self._confirmed: list[int] = []  # taken by the sink, but still in the outbox
        self._refusals = (-1, 0)  # a letter, and how often in a row it was refused for good
        self._singly = 0  # letters to be sent one by one, because one of them failed
        self._failures = 0
        self._storeless = False  # whether it was the store that failed last
        self._delivered = 0
        self._trouble: tuple[datetime, str] | None = None

    def status(self, backlog: Backlog) -> DeliveryStatus:
        since, error = self._trouble or (None, "")
        return DeliveryStatus(self._delivered, backlog.refused, backlog.waiting, backlog.oldest, since, error)

    def stop(self, deadline: float) -> None:
        self._deadline = min(self._deadline, deadline)
        self._closing.set()
        self.woken.set()
        if self.thread.ident is None:
            self._deadline = -math.inf  # it only closes the sink
            self.thread.start()

    def _run(self) -> None:
        try:
            while True:
                self.woken.clear()
                last = self._closing.is_set()
                wait_s = self._serve()
                if last or (wait_s and self._closing.is_set()):
                    return
                # Who committed something has found the store again; what it says of the sink is nothing.
                interrupt = self.woken if not wait_s or self._storeless else self._closing
                interrupt.wait(wait_s or self._poll_s)
        finally:
            self._close()

    def _serve(self) -> float:
        """Deliver until nothing waits; returns for how long to leave the sink alone, if that failed."""
        self._storeless = False
        try:
            while not self._late and self._deliver():
                pass
        except SinkError as e:
            return self._fail(str(e), e.wait_s)
        except StoreError as e:
            self._storeless = True
            return self._fail(str(e))
        except Exception as e:  # whatever a sink of a user's own raises, its events must not be lost
            return self._fail(_place(e))
        return 0.0

    def _deliver(self) -> bool:
        """Deliver a batch; returns whether there was one."""
        self._delete_confirmed()
        letters = self._outbox.waiting(self._name, 1 if self._singly else self._batch)
        self._singly = max(0, self._singly - 1)
        written = 0
        try:
            for letter in letters:
                self._sink.write(_event(letter))
                written += 1
            if letters:
                self._sink.flush()
        except SinkError as e:
            if len(letters) > 1 and (e.for_good or 0 < written < len(letters)):
                self._singly = len(letters)  # one by one it shows which it was; what it did to the others is not known
            else:
                self._blame(letters[0], e)
        else:
            self._confirmed = [letter.seq for letter in letters]
            self._delivered += len(letters)
            self._recover()
            self._delete_confirmed()
        return bool(letters)

    def _blame(self, letter: Letter, error: SinkError) -> None:
        """Write down what a letter could not be delivered for, and set it aside if that is for good.

        Raises:
            SinkError: the error, unless the letter is out of the way.
        """
        seq, times = self._refusals
        self._refusals = (letter.seq, (times + 1 if seq == letter.seq else 1) if error.for_good else 0)
        refused = self._refusals[1] >= self._patience
        if not self._late:
            self._outbox.failed(self._name, letter.seq, str(error), refused=refused)
        if not refused:
            raise error
        _log.error("sink %s refused event %s for good: %s", self._name, letter.event_id, error)

    @property
    def _late(self) -> bool:
        """Whether nobody waits for this thread any more: the store may be closed by now."""
        return monotonic() >= self._deadline

    def _delete_confirmed(self) -> None:
        if self._confirmed and not self._late:
            self._outbox.delivered(self._name, self._confirmed)
            self._confirmed = []

    def _fail(self, error: str, asked_s: float = 0.0) -> float:
        if self._trouble is None:
            _log.warning("sink %s is not served, and will be tried again: %s", self._name, error)
        self._trouble = (self._trouble[0] if self._trouble else datetime.now(UTC), error)
        wait_s = min(_LONGEST_WAIT_S, math.ldexp(_FIRST_WAIT_S, min(self._failures, 16)))
        wait_s *= self._random.uniform(0.5, 1.0)
        self._failures += 1
        return max(wait_s, min(asked_s, _LONGEST_ASKED_S))

    def _recover(self) -> None:
        if self._trouble is not None:
            _log.info("sink %s is served again", self._name)
        self._trouble, self._failures = None, 0

    def _close(self) -> None:
        try:
            self._sink.close()
        except Exception as e:  # nothing is lost by it
            _log.warning("sink %s could not be closed: %s", self._name, _place(e))


def _event(letter: Letter) -> Event:
    try:
        return letter.event
    except ValidationError as e:
        msg = "another version of videoxl-stream wrote it; deliver it with that one"
        raise SinkError(msg, for_good=True) from e


def _place(error: Exception) -> str:
    """An error that is not ours, without its words: nobody knows what secrets are in them."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, {frame.filename}:{frame.lineno}; a sink should raise SinkError"


def _check(sinks: Mapping[str, RemoteSink], batch: int, patience: int, poll_s: float) -> None:
    if wrong := [name for name in sinks if not name.strip() or len(name) > _LONGEST_NAME]:
        msg = f"sinks need names of 1 to {_LONGEST_NAME} characters, but there are {wrong}"
        raise ConfigError(msg)
    if min(batch, patience) < 1 or poll_s <= 0:
        msg = f"batch {batch}, patience {patience} and poll_s {poll_s} must be positive"
        raise ConfigError(msg)
