"""What of a stream is written down as evidence, and when."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import av

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event, Exhibit, ExhibitKind, Status
from videoxl_stream.evidence.album import Album, to_jpeg
from videoxl_stream.evidence.encode import encode, unpack
from videoxl_stream.evidence.folder import StreamFolder
from videoxl_stream.evidence.masking import MaskedClip
from videoxl_stream.evidence.remux import can_remux, remux, suffix_of
from videoxl_stream.evidence.ring import Need, PacketRing
from videoxl_stream.frames import Frame, Packet
from videoxl_stream.regions import Regions

_THUMBNAIL_WIDTH, _THUMBNAIL_QUALITY = 160, 70
_CLIP_SUFFIXES = (".mp4", ".mkv")
_FINISH_S = 60.0
_MOST_ENCODING = 4  # clips with masks at once, of one stream
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceCounts:
    """What became of one stream's evidence so far.

    Args:
        written: files.
        failed: files that could not be written.
        lost: groups of pictures, or kept pictures, that a bound took away although they were still wanted.
        num_bytes: of the files written.
    """

    written: int = 0
    failed: int = 0
    lost: int = 0
    num_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """How evidence is kept: a clip and a picture of each event, a thumbnail of each window; a cheap description.

    Clips of sources that give packets are remuxed as they are: nothing is encoded again, and the clip begins at the
    keyframe before the wanted moment. Clips of other sources are encoded from the pictures that the model was shown.
    Where a stream has privacy masks, clips are decoded, masked and encoded: nothing unmasked is ever written.

    Args:
        folder: for all pipelines; made when it is needed.
        pre_roll_s: seconds shown before an event.
        post_roll_s: seconds shown after it.
        max_clip_s: seconds of a clip at most, both rolls included.
        thumbnails: whether windows get one.
        picture_quality: of JPEGs, 1 to 95.
        reach_s: how long before it is noted an event may begin and still be shown whole: the look-back of the rules
            and the footage that waits. What is kept in memory grows with it.
        ring_bytes: packets, and again kept pictures, held in memory per stream at most; this bound wins over all
            others.

    Raises:
        ConfigError: a value cannot work.
    """

    folder: Path | str
    pre_roll_s: float = 5.0
    post_roll_s: float = 5.0
    max_clip_s: float = 60.0
    thumbnails: bool = True
    picture_quality: int = 85
    reach_s: float = 60.0
    ring_bytes: int = 64 * 2**20

    def __post_init__(self) -> None:
        """Refuse what would only fail at the first event."""
        for name in ("pre_roll_s", "post_roll_s", "reach_s"):
            if not getattr(self, name) >= 0:
                msg = f"{name} is {getattr(self, name)}; give 0 or more seconds"
                raise ConfigError(msg)
        if not self.max_clip_s > self.pre_roll_s:
            msg = f"max_clip_s={self.max_clip_s} leaves no room behind pre_roll_s={self.pre_roll_s}; give more"
            raise ConfigError(msg)
        if not 1 <= self.picture_quality <= 95:
            msg = f"picture_quality is {self.picture_quality}; give 1 to 95"
            raise ConfigError(msg)
        if not self.ring_bytes > 0:
            msg = f"ring_bytes is {self.ring_bytes}; give a number above 0"
            raise ConfigError(msg)

    def open(self, pipeline: str, stream_id: str, regions: Regions | None = None) -> OpenEvidence:
        """Begin for one stream.

        Args:
            pipeline: name of the pipeline.
            stream_id: name of the stream.
            regions: of the stream; its masks are kept out of every file.
        """
        return OpenEvidence(self, pipeline, stream_id, regions or Regions())


@dataclass(frozen=True, slots=True)
class _Plan:
    """A clip that waits for its end."""

    event: Event
    run: int | None  # of packets; None where there were none


class OpenEvidence:
    """The evidence of one stream in the making; made by ``Evidence.open``. One thread uses it.

    A file that cannot be written, for a full disk or damaged footage, is counted, never raised; the first of several
    in a row is logged. Every ``Exhibit`` returned is whole on disk. The same footage and events give the same files
    under the same names.
    """

    def __init__(self, evidence: Evidence, pipeline: str, stream_id: str, regions: Regions) -> None:
        self._evidence = evidence
        self._pipeline, self._stream_id, self._regions = pipeline, stream_id, regions
        self._folder = StreamFolder(Path(evidence.folder), pipeline, stream_id)
        keep_s = evidence.pre_roll_s + evidence.reach_s
        max_s = keep_s + evidence.max_clip_s
        self._ring = PacketRing(keep_s=keep_s, max_s=max_s, max_bytes=evidence.ring_bytes)
        self._album = Album(quality=evidence.picture_quality, keep_s=keep_s, max_s=max_s, max_bytes=evidence.ring_bytes)
        self._plans: dict[str, _Plan] = {}
        self._encoding: list[_Encoding] = []
        self._seen_s = -math.inf
        self._written = self._failed = self._written_bytes = 0
        self._warned = False
        self.failing = ""
        """Why the newest file could not be written; empty if it was."""

    @property
    def counts(self) -> EvidenceCounts:
        """What became of the evidence so far."""
        lost = self._ring.lost_groups + self._album.lost_pictures
        return EvidenceCounts(written=self._written, failed=self._failed, lost=lost, num_bytes=self._written_bytes)

    @property
    def num_bytes(self) -> int:
        """Bytes of packets and pictures held in memory."""
        return self._ring.num_bytes + self._album.num_bytes

    def add(self, packets: Sequence[Packet]) -> None:
        """Keep encoded packets, in decoding order, for clips to come."""
        needs = [Need(plan.run, self._start_s(plan)) for plan in self._plans.values() if plan.run is not None]
        self._ring.add(packets, needs)
        self._warn_of_loss()

    def see(self, frames: Sequence[Frame]) -> list[Exhibit]:
        """Keep the frames of a window that is taken in, and write its thumbnail; call it before ``note``.

        Where time has jumped back, clips that are planned are written first: what they wait for will not come.

        Args:
            frames: in order of time, at least one, as ``Regions.draw`` returned them.
        """
        exhibits = []
        if frames[0].time_s < self._seen_s:
            exhibits = self.finish()
            self._album.clear()
        self._seen_s = frames[-1].time_s
        needed_s = min(map(self._start_s, self._plans.values()), default=math.inf)
        for frame in frames:
            self._album.add(replace(frame, image=self._regions.hide(frame.image)), needed_s)
        self._warn_of_loss()
        if self._evidence.thumbnails:
            exhibits += self._write_thumbnail(frames)
        return exhibits

    def note(self, event: Event) -> list[Exhibit]:
        """Take any revision of an event: the first gives a picture and plans a clip, later ones move its end.

        The picture is what the model was shown in the middle of the event, as far as it is known.
        """
        exhibits = []
        plan = self._plans.get(event.id)
        if plan is None:
            if event.revision > 0 and self._has_clip(event):
                return []  # it was as long as it may be, or written before a restart
            plan = _Plan(event, self._ring.run_at(event.start_s))
            if event.revision == 0 or not self._place(event, ".jpg").exists():
                exhibits = self._write_picture(event)
        self._plans[event.id] = _Plan(event, plan.run)
        return exhibits

    def advance(self, now_s: float) -> list[Exhibit]:
        """Write the clips whose end has been reached.

        An event that is going on keeps its clip waiting until it is closed or the clip is as long as it may be.

        Args:
            now_s: stream time up to which footage has been given to ``add`` and ``see``.
        """
        due = [plan for plan in self._plans.values() if self._due_s(plan) <= now_s]
        return self._write_clips(due) + self._collect()

    def finish(self, wait_s: float = _FINISH_S) -> list[Exhibit]:
        """Write all clips that are planned, with what footage there is: the stream has ended.

        Args:
            wait_s: for clips with masks, which are encoded elsewhere; those that take longer are given up.
        """
        return self._write_clips(list(self._plans.values())) + self._collect(wait_s, last=True)

    def _start_s(self, plan: _Plan) -> float:
        return plan.event.start_s - self._evidence.pre_roll_s

    def _end_s(self, plan: _Plan) -> float:
        longest_s = self._start_s(plan) + self._evidence.max_clip_s
        return min(plan.event.end_s + self._evidence.post_roll_s, longest_s)

    def _due_s(self, plan: _Plan) -> float:
        if plan.event.status == Status.CLOSED:
            return self._end_s(plan)
        return self._start_s(plan) + self._evidence.max_clip_s

    def _place(self, event: Event, suffix: str) -> Path:
        return self._folder.place(event.start, event.id + suffix)

    def _has_clip(self, event: Event) -> bool:
        return any(self._place(event, suffix).exists() for suffix in _CLIP_SUFFIXES)

    def _write_thumbnail(self, frames: Sequence[Frame]) -> list[Exhibit]:
        middle = frames[len(frames) // 2]
        path = self._folder.place(middle.utc, "thumbnails", f"{middle.utc:%H%M%S}-{middle.index:08d}.jpg")
        jpeg = to_jpeg(self._regions.hide(middle.image), _THUMBNAIL_QUALITY, width=_THUMBNAIL_WIDTH)
        shown = _Shown(middle.time_s, middle.time_s, middle.utc, middle.time_s)
        return self._write(path, ExhibitKind.THUMBNAIL, None, shown, lambda partial: _put(jpeg, partial))

    def _write_picture(self, event: Event) -> list[Exhibit]:
        kept = self._album.nearest((event.start_s + event.end_s) / 2)
        if kept is None:
            return self._fail(f"there is no picture of event {event.id}: no frames were seen before it was noted")
        path = self._place(event, ".jpg")
        shown = _Shown(kept.time_s, kept.time_s, kept.utc, kept.time_s)
        return self._write(path, ExhibitKind.PICTURE, event, shown, lambda partial: _put(kept.jpeg, partial))

    def _write_clips(self, plans: Sequence[_Plan]) -> list[Exhibit]:
        exhibits = []
        for plan in plans:
            del self._plans[plan.event.id]
            exhibits += self._write_clip(plan)
        return exhibits

    def _write_clip(self, plan: _Plan) -> list[Exhibit]:
        event, start_s, end_s = plan.event, self._start_s(plan), self._end_s(plan)
        packets = [] if plan.run is None else self._ring.cut(Need(plan.run, start_s), end_s)
        if packets:
            return self._write_packets(event, packets, start_s)
        kept = self._album.cut(start_s, end_s)
        if not kept:
            return self._fail(f"there is no clip of event {event.id}: its footage is not in memory any more")
        last_s = kept[-1].time_s - kept[-2].time_s if len(kept) > 1 else 1.0
        shown = _Shown(kept[0].time_s, kept[-1].time_s + last_s, event.start, event.start_s)
        path = self._place(event, ".mp4")
        return self._write(path, ExhibitKind.CLIP, event, shown, lambda partial: encode(unpack(kept), partial))

    def _write_packets(self, event: Event, packets: Sequence[Packet], start_s: float) -> list[Exhibit]:
        codec = packets[0].codec
        first_s, end_s = packets[0].time_s, max(packet.time_s + packet.duration_s for packet in packets)
        if can_remux(codec) and not self._regions.masks:
            path, shown = self._place(event, suffix_of(codec)), _Shown(first_s, end_s, event.start, event.start_s)
            return self._write(path, ExhibitKind.CLIP, event, shown, lambda partial: remux(packets, partial))
        # What is encoded anyway need not begin at a keyframe.
        first_s = min(packet.time_s for packet in packets if packet.time_s >= start_s)
        path, shown = self._place(event, ".mp4"), _Shown(first_s, end_s, event.start, event.start_s)
        return self._begin_masked(event, packets, shown, path)

    def _begin_masked(self, event: Event, packets: Sequence[Packet], shown: _Shown, path: Path) -> list[Exhibit]:
        if len(self._encoding) == _MOST_ENCODING:
            return self._fail(f"{path} cannot be made: {_MOST_ENCODING} clips with masks are being encoded already")
        try:
            clip = MaskedClip(packets, shown.start_s, self._regions, self._folder.partial(path))
        except OSError as e:
            return self._fail(f"{path} cannot be written: {e}")
        self._encoding.append(_Encoding(event, shown, path, clip))
        return []

    def _collect(self, wait_s: float = 0.0, *, last: bool = False) -> list[Exhibit]:
        """The clips with masks that are done by then; at last, the others are given up."""
        exhibits, left, deadline = [], [], time.monotonic() + wait_s
        for one in self._encoding:
            if one.clip.wait(max(0.0, deadline - time.monotonic())) or last:
                exhibits += self._end_masked(one)
            else:
                left.append(one)
        self._encoding = left
        return exhibits

    def _end_masked(self, one: _Encoding) -> list[Exhibit]:
        error = one.clip.error
        one.clip.close()
        if error:
            self._folder.give_up(one.path)
            return self._fail(f"{one.path} cannot be made: {error}")
        return self._list(one.path, ExhibitKind.CLIP, one.event, one.shown, lambda: self._folder.adopt(one.path))

    def _write(
        self, path: Path, kind: ExhibitKind, event: Event | None, shown: _Shown, write: Callable[[Path], None]
    ) -> list[Exhibit]:
        return self._list(path, kind, event, shown, lambda: self._folder.write(path, write))

    def _list(
        self, path: Path, kind: ExhibitKind, event: Event | None, shown: _Shown, put: Callable[[], int]
    ) -> list[Exhibit]:
        try:
            exhibit = Exhibit(
                path=self._folder.relative(path),
                kind=kind,
                pipeline=self._pipeline,
                stream_id=self._stream_id,
                event_id=None if event is None else event.id,
                start=shown.utc(shown.start_s),
                end=shown.utc(shown.end_s),
                start_s=shown.start_s,
                end_s=shown.end_s,
                num_bytes=put(),
            )
        except (av.FFmpegError, OSError, ValueError, OverflowError) as e:
            return self._fail(f"{path} cannot be written: {e}")
        self._written += 1
        self._written_bytes += exhibit.num_bytes
        self.failing = ""
        return [exhibit]

    def _fail(self, why: str) -> list[Exhibit]:
        # A full disk would otherwise be told of at every window.
        level = logging.DEBUG if self.failing else logging.WARNING
        _log.log(level, "evidence of stream %s: %s", self._stream_id, why)
        self._failed += 1
        self.failing = why
        return []

    def _warn_of_loss(self) -> None:
        if not self._warned and self.counts.lost:
            self._warned = True
            _log.warning(
                "evidence of stream %s: %d bytes do not hold the footage that clips want; give a higher ring_bytes "
                "or a lower reach_s",
                self._stream_id,
                self._evidence.ring_bytes,
            )


@dataclass(frozen=True, slots=True)
class _Shown:
    """A stretch of stream time, and what time it is in UTC at one moment of it."""

    start_s: float
    end_s: float
    known: datetime
    known_s: float

    def utc(self, time_s: float) -> datetime:
        return self.known + timedelta(seconds=time_s - self.known_s)


@dataclass(frozen=True, slots=True)
class _Encoding:
    """A clip with masks that is being made."""

    event: Event
    shown: _Shown
    path: Path
    clip: MaskedClip


def _put(data: bytes, path: Path) -> None:
    path.write_bytes(data)
