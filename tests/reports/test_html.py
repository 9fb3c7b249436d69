from __future__ import annotations

import io
import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from videoxl_stream.errors import ConfigError
from videoxl_stream.events import Event, Severity, Status, event_id
from videoxl_stream.reports import Mark, render_html, write_html

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
VOID = {"meta", "img", "rect", "line"}


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


EVENTS = [
    event(30),
    event(90, 0.2, rule="fall", severity=Severity.CRITICAL, status=Status.OPENED),
    event(5, stream_id="yard"),
]


class _Page(HTMLParser):
    """Collects tags and text, and insists that tags are closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID or (tag == "rect" and not self.get_starttag_text().endswith("/>")):  # type: ignore[union-attr]
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [found for name, found in self.tags if name == tag and attributes.items() <= found.items()]


def jpeg() -> bytes:
    written = io.BytesIO()
    Image.fromarray(np.full((12, 16, 3), 99, np.uint8)).save(written, "JPEG")
    return written.getvalue()


def test_a_report_counts_draws_and_lists_every_event() -> None:
    page = _Page(render_html(EVENTS, title="Night at the gate", note="Seen by a test."))
    assert {"Night at the gate", "Seen by a test.", "gate", "yard", "Is there a fire?"} <= set(page.words)
    assert [(page.words[at - 1], word) for at, word in enumerate(page.words) if word in ("critical", "going on")][
        :2
    ] == [
        ("1", "critical"),
        ("1", "going on"),
    ]
    assert len(page.all("svg")) == 2
    assert len(page.all("rect", **{"class": "lane"})) == 3
    assert len(page.all("rect", **{"class": "warning"})) == 2
    assert len(page.all("rect", **{"class": "critical"})) == 1
    assert [row["id"] for row in page.all("tr") if "id" in row] == [EVENTS[2].id, EVENTS[0].id, EVENTS[1].id]


def test_bars_stand_where_their_events_were() -> None:
    page = _Page(render_html(EVENTS, start=START, end=START + timedelta(seconds=200)))
    bars = sorted((bar["x"], bar["width"]) for bar in page.all("rect") if bar["class"] != "lane")
    assert bars == [("15.0%", "5.0%"), ("2.5%", "5.0%"), ("45.0%", "0.4%")]


def test_a_report_needs_nothing_from_outside() -> None:
    page = render_html(EVENTS, thumbnails={EVENTS[0].id: jpeg()})
    assert not re.search(r"https?://|<script|<link|@import|url\(", page)


def test_thumbnails_are_embedded() -> None:
    page = _Page(render_html(EVENTS, thumbnails={EVENTS[0].id: jpeg()}))
    [picture] = page.all("img")
    assert picture["src"] == "data:image/jpeg;base64," + b64encode(jpeg()).decode()


def test_a_thumbnail_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="no JPEG"):
        render_html(EVENTS, thumbnails={EVENTS[0].id: b"<svg onload=alert(1)>"})


def test_whatever_people_write_is_text() -> None:
    nasty = '"><script>alert(1)</script>'
    page = render_html([event(0, rule=nasty, stream_id=nasty, question=nasty, answer=nasty)], title=nasty, note=nasty)
    assert "<script" not in page
    assert _Page(page).words.count(nasty) >= 5


def test_a_report_of_nothing_says_so() -> None:
    assert "Nothing was found." in _Page(render_html([])).words


def test_marks_are_outlined_on_the_lane_of_their_rule() -> None:
    end = START + timedelta(seconds=200)
    burnt = Mark("gate", "fire", START + timedelta(seconds=20), START + timedelta(seconds=60), "true <b>")
    page = _Page(render_html(EVENTS, start=START, end=end, marks=[burnt]))
    [outline] = page.all("rect", **{"class": "mark"})
    assert (outline["x"], outline["width"]) == ("10.0%", "20.0%")
    assert any(word.startswith("true <b>: 2026-01-01 12:00:20") for word in page.words)
    assert len(page.all("rect", **{"class": "lane"})) == 3


def test_marks_alone_make_a_timeline() -> None:
    missed = Mark("gate", "fire", START, START + timedelta(seconds=40), "true")
    page = _Page(render_html([], marks=[missed]))
    assert {"Nothing was found.", "gate", "fire"} <= set(page.words)
    assert [outline["width"] for outline in page.all("rect", **{"class": "mark"})] == ["100.0%"]
    assert page.all("table") == []


def test_edges_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ConfigError, match="later than its start"):
        render_html(EVENTS, start=START, end=START)


def test_a_report_is_written_with_its_folders(tmp_path: Path) -> None:
    path = write_html(tmp_path / "reports" / "night.html", EVENTS, title="Night")
    assert path.read_text(encoding="utf-8") == render_html(EVENTS, title="Night")


@given(st.floats(0, 1e8), st.floats(0, 1e7))
def test_any_length_of_time_can_be_drawn(start_s: float, length_s: float) -> None:
    page = _Page(render_html([event(0), event(start_s, length_s, rule="fall")]))
    for bar in (bar for bar in page.all("rect") if bar["class"] != "lane"):
        left, width = (float(str(bar[key]).rstrip("%")) for key in ("x", "width"))
        assert left >= 0
        assert 0.4 <= width <= 100.001 - left
    assert 1 <= len({line["x1"] for line in page.all("line")}) <= 7
