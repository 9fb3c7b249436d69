"""Pictures small enough to be part of a page."""

from __future__ import annotations

import io
import warnings
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image, UnidentifiedImageError

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event, Exhibit, ExhibitKind
from videoxl_stream.reports.figures import rank
from videoxl_stream.reports.report import Report
from videoxl_stream.reports.shelf import Shelf

_JPEG = b"\xff\xd8\xff"
_QUALITY = 78


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of a page, as ``data:`` URLs.

    Args:
        of_events: by event id.
        of_exhibits: thumbnails, by path.
        left_out: events whose picture would have been one too many.
        missing: pictures that the store knows but that are not there, or no pictures.
    """

    of_events: Mapping[str, str] = field(default_factory=dict)
    of_exhibits: Mapping[str, str] = field(default_factory=dict)
    left_out: int = 0
    missing: int = 0


def embed(
    report: Report,
    shelf: Shelf,
    given: Mapping[str, bytes],
    *,
    max_pictures: int,
    max_thumbnails: int,
    width: int,
) -> Pictures:
    """Read and scale the pictures of a report's events, those of the events that matter most first, and thumbnails.

    Args:
        report: what is shown.
        shelf: where the evidence lies.
        given: JPEGs at hand, by event id; they go before evidence.
        max_pictures: of events.
        max_thumbnails: of all streams; where there are more, the later streams have none.
        width: of event pictures in pixels; wider ones are scaled down.

    Raises:
        ConfigError: what is given is no JPEG.
    """
    paths = {one.event_id: one for one in report.exhibits if one.kind == ExhibitKind.PICTURE} if shelf.is_there else {}
    wanted = [
        event for event in sorted(report.events, key=rank, reverse=True) if event.id in paths or event.id in given
    ]
    of_events: dict[str, str] = {}
    missing = 0
    for event in wanted[:max_pictures]:
        picture = _given(event, given[event.id]) if event.id in given else _read(shelf, paths[event.id], width)
        if picture is None:
            missing += 1
        else:
            of_events[event.id] = picture
    thumbnails = report.thumbnails[:max_thumbnails] if shelf.is_there else ()
    read = {one.path: _read(shelf, one, width) for one in thumbnails}
    of_exhibits = {path: picture for path, picture in read.items() if picture is not None}
    missing += len(read) - len(of_exhibits)
    return Pictures(of_events, of_exhibits, left_out=len(wanted[max_pictures:]), missing=missing)


def _given(event: Event, jpeg: bytes) -> str:
    if not jpeg.startswith(_JPEG):
        msg = f"the picture of event {event.id} is no JPEG; encode it as one"
        raise ConfigError(msg)
    return _url(jpeg)


def _read(shelf: Shelf, exhibit: Exhibit, width: int) -> str | None:
    """A picture as a URL; None where there is none, or where the file is something else."""
    path = shelf.file(exhibit)
    if path is None:
        return None
    try:
        jpeg = path.read_bytes()
        with warnings.catch_warnings(), Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if image.width <= width:
                return _url(jpeg)
            height = max(1, round(image.height * width / image.width))
            image.draft("RGB", (width, height))
            written = io.BytesIO()
            image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS).save(
                written, "JPEG", quality=_QUALITY
            )
            return _url(written.getvalue())
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def _url(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"
