"""Files being read, one after another, by a decoding process."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from videoxl_stream.connectors.decoder import Decoder, DecoderLost
from videoxl_stream.connectors.messages import Message
from videoxl_stream.connectors.outcomes import Fate, FileOutcome
from videoxl_stream.connectors.received import ReceivedPackets
from videoxl_stream.connectors.recordings import Recordings, Timeline
from videoxl_stream.connectors.sampling import Sampling
from videoxl_stream.connectors.wire import Header
from videoxl_stream.errors import EndOfStream, SourceError, SourceOpenError, SourceReadError
from videoxl_stream.frames import Frame, Packet
from videoxl_stream.interfaces import Connection, Position

_DECODER_LOST = {Fate.CRASHED, Fate.STALLED}
_log = logging.getLogger(__name__)


class OpenFiles:
    """One file or many being read; made by ``FileSource.open``.

    Args:
        recordings: the files.
        stream_id: name of the stream they make.
        sampling: which pictures are wanted.
        start: UTC of the first picture; None means what the files say.
        stall_timeout_s: as for ``FileSource``.
        resume: an earlier ``position()``.
        packets: whether to hand out encoded packets.

    Raises:
        SourceOpenError: the one file cannot be read, or ``resume`` is not a position in the files.
    """

    def __init__(
        self,
        recordings: Recordings,
        *,
        stream_id: str,
        sampling: Sampling,
        start: datetime | None,
        stall_timeout_s: float,
        resume: Position | None,
        packets: bool,
    ) -> None:
        self._recordings = recordings
        self._stream_id = stream_id
        self._sampling = sampling
        self._start = start
        self._stall_timeout_s = stall_timeout_s
        self._packets = ReceivedPackets() if packets else None
        self._outcomes: list[FileOutcome] = []
        self._over: SourceError | None = None
        self._decoder: Decoder | None = None
        self._reading = False  # the decoder was asked for the next file
        self._opened: Header | None = None  # what is known of that file
        self._num_frames = 0  # given of that file
        self._counts = Counter[str]()  # of that file
        self._counts_before = Counter[str]()  # of all before it
        self._timeline = Timeline()
        self._index = 0
        self._last_tick: int | None = None
        self._position: Position = {"index": 0}
        self._resume: dict[str, int] | None = None
        if resume and resume.get("index") != 0:
            self._go_on_from(resume)
        if recordings.alone or self._resume is not None:
            self._open_now()

    @property
    def outcomes(self) -> tuple[FileOutcome, ...]:
        """What became of each file so far, in order; at the end of the stream there is one for each."""
        return tuple(self._outcomes)

    @property
    def duration_s(self) -> float | None:
        """Announced length of a single file in seconds, if it announces one; None for many."""
        return self._announced("length_s")

    @property
    def expected_frames(self) -> int | None:
        """About how many frames all reads give, counted from the file's start; None for many files."""
        expected = self._announced("expected_frames")
        return None if expected is None else int(expected)

    @property
    def decoder_pid(self) -> int | None:
        """Id of the process that decodes just now; None if there is none."""
        return None if self._decoder is None else self._decoder.pid

    @property
    def sampled_away(self) -> int:
        """Frames decoded so far that sampling passed over, or packets that were not decoded for it."""
        return self._counts_before["sampled_away"] + self._counts["sampled_away"]

    @property
    def connection(self) -> Connection:
        """Always up: a file that breaks is broken."""
        return Connection()

    @property
    def damaged_packets(self) -> int:
        """Packets so far that did not decode."""
        return self._counts_before["damaged_packets"] + self._counts["damaged_packets"]

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next sampled frame, or None when none was decoded within ``timeout_s``.

        Raises:
            EndOfStream: there are no more frames.
            SourceReadError: the file asked for is broken or truncated, or no file of many gave a frame; all that
                decodes has been given. Or no process for decoding can be started.
        """
        deadline = time.monotonic() + timeout_s
        while self._over is None:
            message = self._receive(deadline)
            if message is not None and message.kind == "frame":
                frame = self._frame(message)
                if frame is not None:
                    return frame
            elif message is not None:
                self._take(message)
            # Also while packets come and come: whoever reads has to fetch them.
            if time.monotonic() >= deadline:
                return None
        raise self._over

    def packets(self) -> tuple[Packet, ...]:
        """Encoded packets of what was read since the last call, if they were asked for at ``open``.

        They run ahead of the frames by as much as the decoder does, and begin with the key frame from which a
        resumed reading decodes. Tracks that do not say when a packet is shown give none.
        """
        return () if self._packets is None else self._packets.take()

    def position(self) -> Position:
        """Where the next read begins."""
        return self._position

    def acknowledge(self, position: Position) -> None:
        """Do nothing: files stay as they are."""

    def close(self) -> None:
        """End the decoding process; may be called twice."""
        if self._over is None:
            msg = f"{self._stream_id} was closed; open the source again"
            self._over = SourceReadError(msg)
        self._drop_decoder()

    @property
    def _path(self) -> Path:
        return self._recordings.files[len(self._outcomes)]

    def _announced(self, what: str) -> float | None:
        known = self._opened if self._recordings.alone else None
        return None if known is None else known[what]

    def _go_on_from(self, resume: Position) -> None:
        try:
            path, recorded = str(resume["path"]), datetime.fromisoformat(str(resume["recorded"]))
            index, offset_us = int(resume["index"]), int(resume["offset_us"])
            self._resume = {key: int(resume[key]) for key in ("pts", "decoded", "seekable")}
        except (KeyError, ValueError, TypeError) as e:
            msg = f"{dict(resume)!r} is no position in files; pass what position() of {self._stream_id!r} gave"
            raise SourceOpenError(msg) from e
        names = [self._recordings.name(file) for file in self._recordings.files]
        if path not in names:
            msg = f"{path}, where {self._stream_id!r} should go on, is no longer among its files: start it afresh"
            raise SourceOpenError(msg)
        passed = self._recordings.files[: names.index(path)]
        self._outcomes = [FileOutcome(file, Fate.PASSED) for file in passed]
        self._timeline = Timeline(offset_us, offset_us, recorded)
        self._index, self._position = index, dict(resume)

    def _open_now(self) -> None:
        """Wait until the first file is open: what is wrong with it is to be known at once."""
        path, num_before = self._path, len(self._outcomes)
        while self._opened is None and len(self._outcomes) == num_before and self._over is None:
            message = self._receive(math.inf)
            if message is not None:
                self._take(message)
        refused = next((outcome for outcome in self._outcomes[num_before:] if outcome.fate not in _DECODER_LOST), None)
        if self._over is None and refused is not None:
            self._over = SourceReadError(f"{path} {refused.reason}")
        if self._over is not None:
            self._drop_decoder()
            raise SourceOpenError(str(self._over)) from self._over.__cause__

    def _receive(self, deadline: float) -> Message | None:
        """The decoder's next message; None if there is none in time, or the file came to its end without one."""
        try:
            decoder = self._decoder_at_work()
            return None if decoder is None else decoder.receive(deadline - time.monotonic())
        except DecoderLost as e:
            self._decoder = None
            if e.ready:
                self._settle(e.fate, e.reason)
            else:
                msg = f"the decoding process does not start, so {self._path} cannot be read; it {e.reason}"
                self._over = SourceReadError(msg)
        except OSError as e:
            msg = f"the system gives no process to decode {self._path} ({e.strerror}); close what is not needed"
            self._over = SourceReadError(msg)
            self._over.__cause__ = e
        return None

    def _decoder_at_work(self) -> Decoder | None:
        """The decoder, reading a file; None if there is no more to read."""
        if not self._reading and len(self._outcomes) == len(self._recordings.files):
            self._finish()
            return None
        if self._decoder is None:
            self._decoder = Decoder(self._stall_timeout_s)
        if not self._reading:
            self._reading, self._opened = True, None
            self._decoder.request(
                {
                    "path": str(self._path),
                    "sampling": self._sampling.to_json(),
                    "packets": self._packets is not None,
                    "resume": self._resume,
                }
            )
        return self._decoder

    def _take(self, message: Message) -> None:
        header = message.header
        if message.kind == "opened":
            self._begin(header)
        elif message.kind == "ended":
            self._count(header)
            self._settle(Fate(header["fate"]), header["reason"])
        elif message.kind == "progress":
            self._count(header)
        elif self._packets is not None:
            self._packets.add(message)

    def _begin(self, opened: Header) -> None:
        """Place the file on the stream's clock, and let it be read."""
        self._opened = opened
        created = None if opened["recorded_at"] is None else datetime.fromisoformat(opened["recorded_at"])
        if self._resume is None:
            self._timeline.begin(created, datetime.fromisoformat(opened["modified_at"]))
        else:
            self._timeline.dated = created is not None
        if self._decoder is not None:
            self._decoder.request({"offset_us": self._timeline.offset_us, "last_tick": self._last_tick})

    def _count(self, header: Header) -> None:
        self._counts = Counter({key: header.get(key, 0) for key in ("sampled_away", "damaged_packets")})
        self._timeline.end_us = max(self._timeline.end_us, header.get("end_us", 0))
        if header.get("last_tick") is not None:
            self._last_tick = header["last_tick"]

    def _frame(self, message: Message) -> Frame | None:
        header = message.header
        self._count(header)
        try:
            utc = self._utc(header["time_s"])
        except OverflowError:
            self._drop_decoder()
            self._settle(Fate.DAMAGED, f"has a picture at {header['time_s']:.0f} s, which no calendar reaches")
            return None
        self._index += 1
        self._num_frames += 1
        self._position = {
            "index": self._index,
            "path": self._recordings.name(self._path),
            "offset_us": self._timeline.offset_us,
            "recorded": str(self._timeline.recorded),
            **{key: header[key] for key in ("pts", "decoded", "seekable")},
        }
        return Frame(self._stream_id, self._index - 1, header["time_s"], utc, message.picture())

    def _utc(self, time_s: float) -> datetime:
        return self._timeline.utc(time_s) if self._start is None else self._start + timedelta(seconds=time_s)

    def _settle(self, fate: Fate, reason: str) -> None:
        """Account for the file that was being read."""
        path, damaged = self._path, self._counts["damaged_packets"]
        if fate is Fate.READ and damaged:
            reason = f"{damaged} packets did not decode"
        self._outcomes.append(FileOutcome(path, fate, self._num_frames, reason))
        self._counts_before.update(self._counts)
        self._counts = Counter()
        self._reading, self._resume, self._num_frames = False, None, 0
        if fate is not Fate.READ and self._recordings.alone:
            self._over = SourceReadError(f"{path} {reason}")
            self._drop_decoder()
        elif fate is not Fate.READ:
            _log.warning("stream %s: %s %s", self._stream_id, path, reason)

    def _finish(self) -> None:
        """Nothing is left: an end, or a fault if there never was anything."""
        self._drop_decoder()
        fates = Counter(outcome.fate for outcome in self._outcomes)
        if self._index == 0 and set(fates) - {Fate.READ, Fate.PASSED}:
            told = ", ".join(f"{number} {fate}" for fate, number in fates.items())
            self._over = SourceReadError(f"no file of {self._stream_id!r} gave a frame ({told}); its outcomes say why")
        else:
            self._over = EndOfStream(f"{self._stream_id!r} has no more frames")

    def _drop_decoder(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None
