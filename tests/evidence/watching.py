"""A stream and its events given to evidence as a pipeline would, and a look at what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from tests.evidence.footage import FPS, decoded, event, film, frame, packets_of
from videoxl_stream.events import Event, Exhibit, ExhibitKind, Status
from videoxl_stream.evidence import OpenEvidence
from videoxl_stream.frames import Frame, Image, Packet


@cache
def half_a_minute() -> list[Packet]:
    """Packets with a keyframe every second."""
    return packets_of(film(num=30 * FPS))


def run(
    evidence: OpenEvidence,
    events: dict[float, Event],
    packets: Sequence[Packet] = (),
    *,
    end_s: float = 30.0,
    frames: dict[float, Frame] | None = None,
) -> list[Exhibit]:
    """Give a stream as a pipeline would: packets as they come, a window of two frames every second, then events."""
    exhibits = []
    for now_s in np.arange(0.0, end_s, 1.0).tolist():
        come_s = (now_s + 0.5 if now_s else -9.0, now_s + 1.5)  # a decoder reads ahead
        evidence.add([packet for packet in packets if come_s[0] <= packet.decode_s < come_s[1]])
        exhibits += evidence.see([frame(now_s, index=2 * round(now_s)), frame(now_s + 0.5, index=2 * round(now_s) + 1)])
        if now_s in events:
            exhibits += evidence.note(events[now_s])
        exhibits += evidence.advance(now_s)
    return exhibits + evidence.finish()


def life(start_s: float, end_s: float, window: int = 0) -> dict[float, Event]:
    """An event that is noted a second after it began and closed a second after it ended."""
    first, last = start_s + 1, end_s + 1
    return {
        first: event(start_s, start_s + 1, window=window),
        last: event(start_s, end_s, status=Status.CLOSED, revision=1, window=window),
    }


def of_kind(exhibits: list[Exhibit], kind: ExhibitKind) -> list[Exhibit]:
    return [exhibit for exhibit in exhibits if exhibit.kind == kind]


def clip_of(exhibits: list[Exhibit]) -> Exhibit:
    [clip] = of_kind(exhibits, ExhibitKind.CLIP)
    return clip


def shown(folder: Path, exhibit: Exhibit) -> list[tuple[float, Image]]:
    return decoded((folder / exhibit.path).read_bytes())


def jpeg(folder: Path, exhibit: Exhibit) -> Image:
    with Pillow.open(folder / exhibit.path) as opened:
        assert opened.format == "JPEG"
        return np.asarray(opened)
