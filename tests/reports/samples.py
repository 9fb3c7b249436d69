"""Events, evidence and pages to look into."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from PIL import Image

from videoxl_stream.events import Event, Exhibit, ExhibitKind, Severity, Status, event_id

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
NASTY = '"><script>alert(1)</script>'
_VOID = {"meta", "img", "line", "br"}


def event(start_s: float, length_s: float = 10, **changes: object) -> Event:
    fields: dict[str, object] = {
        "id": event_id("site", "gate", str(changes), int(start_s)),
        "status": Status.CLOSED,
        "pipeline": "site",
        "stream_id": "gate",
        "rule": "fire",
        "severity": Severity.WARNING,
        "window": int(start_s),
        "start": START + timedelta(seconds=start_s),
        "end": START + timedelta(seconds=start_s + length_s),
        "start_s": start_s,
        "end_s": start_s + length_s,
        "question": "Is there a fire?",
        "answer": "yes",
        "probability": 0.9,
    }
    return Event.model_validate(fields | changes)


def gap(start_s: float, length_s: float, **changes: object) -> Event:
    said: dict[str, object] = {"answer": "gap", "content": f"no footage for {length_s:.1f} s"}
    said |= {"rule": "stream.gap", "severity": Severity.INFO, "question": "Is footage missing?"}
    return event(start_s, length_s, **(said | changes))


def summary(start_s: float, text: str, **changes: object) -> Event:
    said: dict[str, object] = {"rule": "summary", "answer": "", "content": text, "question": "What happened?"}
    return event(start_s, 60, **(said | changes))


def exhibit_of(event: Event, kind: ExhibitKind = ExhibitKind.PICTURE, **changes: object) -> Exhibit:
    fields: dict[str, object] = {
        "path": f"{event.stream_id}/{event.id}.{'mp4' if kind == ExhibitKind.CLIP else 'jpg'}",
        "kind": kind,
        "pipeline": event.pipeline,
        "stream_id": event.stream_id,
        "event_id": event.id,
        "start": event.start,
        "end": event.end,
        "start_s": event.start_s,
        "end_s": event.end_s,
        "num_bytes": 1,
    }
    return Exhibit.model_validate(fields | changes)


def thumbnail(at_s: float, **changes: object) -> Exhibit:
    at = {"start": START + timedelta(seconds=at_s), "end": START + timedelta(seconds=at_s), "event_id": None}
    path = {"path": f"thumbnails/{at_s}.jpg", "start_s": at_s, "end_s": at_s}
    return exhibit_of(event(at_s), ExhibitKind.THUMBNAIL, **(at | path | changes))


def jpeg(width: int = 16, height: int = 12) -> bytes:
    written = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 99, np.uint8)).save(written, "JPEG")
    return written.getvalue()


def lay(folder: Path, exhibit: Exhibit, data: bytes) -> None:
    path = folder / exhibit.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


class Page(HTMLParser):
    """Collects tags and text, and insists that tags are closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.source = page
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())

    @property
    def text(self) -> str:
        """Everything that is said, as one line."""
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [found for name, found in self.tags if name == tag and attributes.items() <= found.items()]

    def tiles(self) -> dict[str, str]:
        """The figures on top, by what they count."""
        top = self.source[self.source.index("<dl") : self.source.index("</dl>")]
        return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", top))
