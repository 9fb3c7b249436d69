"""The streams that are watched just now, and whose turn it is; some come and go by themselves."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from videoxl_stream.errors import ConfigError, InUse, SourceReadError, StreamTaken
from videoxl_stream.interfaces import Feed, OpenFeed, Source
from videoxl_stream.reading import LiveReader
from videoxl_stream.stream import Stream
from videoxl_stream.waiting_room import WaitingRoom

_IDLE_S = 0.2  # how long one round of all streams waits where nothing comes
_POLL_EVERY_S = 0.02
_TRY_AGAIN_S = 0.5  # to open what another process is still using
_log = logging.getLogger(__name__)


class Lineup:
    """Streams that take turns.

    Args:
        open_stream: opens a source; whether where it stopped before.
        leave: lets a stream go that another process takes over.
        room: where streams of feeds wait that do not fit.
        turn_away: told of such a stream, and why it must wait.
    """

    def __init__(
        self,
        open_stream: Callable[[Source, bool], Stream],
        leave: Callable[[Stream], None],
        room: WaitingRoom,
        turn_away: Callable[[str, str], None],
    ) -> None:
        self._open_stream, self._leave = open_stream, leave
        self._room, self._turn_away = room, turn_away
        self._streams: dict[str, Stream] = {}
        self._turns: deque[Stream] = deque()
        self._feeds: list[OpenFeed] = []
        self._waiting: dict[str, tuple[Source, float]] = {}  # not open yet, and when to try
        self._brought: dict[str, OpenFeed] = {}  # by which feed a stream came
        self._namesakes: dict[tuple[OpenFeed, str], str] = {}  # of other streams, and why they are not watched
        self._latest: Stream | None = None
        self.is_open = False  # was opened at some time; a closed one stays readable
        self._told: set[str] = set()  # of streams that wait, people know
        self._quiet = 0  # turns since anything came
        self._polled_at = -_POLL_EVERY_S

    def __iter__(self) -> Iterator[Stream]:
        return iter(self._streams.values())

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def ended(self) -> bool:
        """Whether every stream has, and none can come any more; False before anything was opened."""
        return bool(self._streams) and not self._feeds and all(stream.finished for stream in self)

    def __getitem__(self, stream_id: str) -> Stream:
        try:
            return self._streams[stream_id]
        except KeyError as e:
            msg = f"stream {stream_id!r} is not open; open are {sorted(self._streams)}"
            raise ConfigError(msg) from e

    @property
    def waiting(self) -> Mapping[str, str]:
        """Streams of feeds for which there is no room, or whose names are taken, and why."""
        return {name: reason for (_, name), reason in self._namesakes.items()} | dict(self._room.waiting)

    @property
    def latest(self) -> Stream | None:
        """The stream whose turn it was."""
        return self._latest

    def open(self, sources: Sequence[Source], feeds: Sequence[Feed], *, resume: bool) -> None:
        """Open everything, with streams of an earlier time forgotten; if anything cannot be opened, nothing is.

        Raises:
            SourceOpenError: a source cannot be opened.
        """
        self._streams, self._quiet, self.is_open = {}, 0, True
        self._waiting.clear()
        self._brought.clear()
        self._namesakes.clear()
        self._room.clear()
        try:
            for source in sources:
                self.add(source, resume=resume)
            for feed in feeds:
                self._feeds.append(feed.open())
        except BaseException:
            for stream in self.close():
                stream.close()
            self._streams, self.is_open = {}, False
            raise

    def add(self, source: Source, *, resume: bool) -> Stream:
        """Open one more.

        Raises:
            ConfigError: there is a stream of that name, at work.
            SourceOpenError: it cannot be opened.
        """
        name = source.stream_id
        if name in self._streams and not self._streams[name].finished:
            msg = f"there is a stream {name!r} already; give the source another stream_id"
            raise ConfigError(msg)
        stream = self._streams[name] = self._open_stream(source, resume)
        self._turns.append(stream)
        return stream

    def next(self) -> Stream | None:
        """The stream whose turn it is, after letting feeds bring others; None if there is none."""
        self._poll()
        self._latest = None
        if not self._turns:
            return None
        self._latest = self._turns[0]
        self._turns.rotate(-1)
        return self._latest

    def read(self, stream: Stream) -> None:
        """Let a frame come in; where nothing came in a whole round, wait a little."""
        patience_s = 0.0 if self._quiet < len(self._turns) else _IDLE_S / len(self._turns)
        self._quiet = 0 if stream.reader.read(patience_s) else self._quiet + 1

    def finish(self, stream: Stream) -> None:
        """Give a stream no more turns; it stays known."""
        stream.finished = True
        if stream in self._turns:
            self._turns.remove(stream)

    def remove(self, stream: Stream) -> None:
        """Know a stream no more."""
        self.finish(stream)
        del self._streams[stream.stream_id]

    def lose(self, taken: StreamTaken) -> None:
        """Let a stream go that another process has gone on with.

        That of a feed comes again if it is ours after all. A source of our own has broken: two were told to watch it.
        """
        stream = self._streams.get(taken.stream_id)
        if stream is None or stream.finished:
            return
        _log.warning("%s", taken)
        feed = self._brought.pop(taken.stream_id, None)
        if feed is None:
            stream.reader.break_off(SourceReadError(str(taken)))
            self.finish(stream)
        else:
            self.remove(stream)
            feed.renew(str(taken))
        self._leave(stream)

    def stop(self) -> list[Stream]:
        """Let no more footage come in of live sources, and give back their streams."""
        readers = {stream.stream_id: stream.reader for stream in self._turns}
        live = {name: reader for name, reader in readers.items() if isinstance(reader, LiveReader)}
        for reader in live.values():
            reader.stop()
        for reader in live.values():
            reader.join()
        return [stream for stream in self._turns if stream.stream_id in live]

    def close(self) -> list[Stream]:
        """Close all feeds, and give back the streams that were at work, for the caller to close."""
        working = list(self._turns)
        self._turns.clear()
        self._waiting.clear()
        self._room.clear()
        with ExitStack() as closing:
            while self._feeds:
                closing.callback(self._feeds.pop().close)
        return working

    def _poll(self) -> None:
        now = time.monotonic()
        if not self._feeds or (self._turns and now < self._polled_at + _POLL_EVERY_S):
            return
        self._polled_at = now
        for feed in self._feeds:
            patience_s = 0.0 if self._turns else _IDLE_S / len(self._feeds)
            for source in feed.poll(patience_s, partial(self._let_go, feed)):
                self._receive(feed, source, now)
        for name in [name for name, (_, at) in self._waiting.items() if at <= now]:
            self._let_in(name)
        for name in self._room.call(len(self._streams) + len(self._waiting), now):
            _log.info("there is room for stream %s now", name)
            self._brought[name].bring_back(name)

    def _receive(self, feed: OpenFeed, source: Source, now: float) -> None:
        """Take note of what a feed has brought; who writes to a topic must not end another stream by its name."""
        name = source.stream_id
        at_work = name in self._streams and not self._streams[name].finished
        if self._brought.get(name, feed) is not feed or (at_work and name not in self._brought):
            reason = f"a topic brings a stream {name!r}, and another source has that name; rename one of them"
            _log.warning("%s", reason)
            self._namesakes[feed, name] = reason
            feed.hold_back(name)
            return
        self._waiting[name] = source, now
        self._brought[name] = feed

    def _let_in(self, stream_id: str) -> None:
        """Open what a feed has brought, or let it wait for room; its feed then keeps nothing of it meanwhile."""
        reason = self._room.refusal(stream_id, len(self._streams))
        if not reason:
            self._try_to_open(stream_id)
            return
        self._turn_away(stream_id, reason)
        _log.warning("stream %s is not watched, and waits for room: %s", stream_id, reason)
        self._room.enter(stream_id, reason)
        del self._waiting[stream_id]
        self._brought[stream_id].hold_back(stream_id)

    def _try_to_open(self, stream_id: str) -> None:
        """Open what a feed has brought; who had it before may still be letting go of it."""
        source, _ = self._waiting[stream_id]
        try:
            self.add(source, resume=True)
        except InUse as e:
            if stream_id not in self._told:
                _log.warning("stream %s waits to be opened: %s", stream_id, e)
            self._told.add(stream_id)
            self._waiting[stream_id] = source, time.monotonic() + _TRY_AGAIN_S
        else:
            del self._waiting[stream_id]
            self._told.discard(stream_id)

    def _let_go(self, feed: OpenFeed, stream_ids: Sequence[str]) -> None:
        for stream_id in stream_ids:
            self._namesakes.pop((feed, stream_id), None)
            if self._brought.get(stream_id) is not feed:
                continue
            self._waiting.pop(stream_id, None)
            self._brought.pop(stream_id, None)
            self._room.leave(stream_id)
            stream = self._streams.get(stream_id)
            if stream is not None:
                self.remove(stream)
                self._leave(stream)
