from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.reports.samples import NASTY, START, event, exhibit_of, gap, lay, summary
from videoxl_stream.events import ExhibitKind, Severity, Status
from videoxl_stream.reports import Report, render_markdown, write_markdown
from videoxl_stream.reports.figures import FrameCounts, StreamFigures

EVENTS = [event(30), event(90, 0.2, rule="fall", severity=Severity.CRITICAL, status=Status.OPENED)]


def test_the_text_tells_what_the_page_tells() -> None:
    counts = FrameCounts(sampled_away=100, read=100, ingested=50, still=30, dropped=15, held=5)
    gate = StreamFigures(
        pipeline="site", stream_id="gate", last=START - timedelta(hours=1), frames=counts, missing_s=20
    )
    found = [*EVENTS, gap(40, 20), summary(0, "A quiet night.")]
    text = render_markdown(Report.of_events(found, title="Night").model_copy(update={"streams": (gate,)}))
    lines = text.splitlines()
    assert lines[0] == "# Night"
    assert "**2 events**, 1 critical, 1 warning, 1 going on, 1 stream, 20.0 s without footage" in lines
    assert "**Nothing is known of gate after 2026-01-01 11:00:00.**" in lines
    assert "> A quiet night." in lines
    assert "| 2026-01-01 12:00:30 | warning | fire | gate | Is there a fire? yes | 10.0 s | 90 % |  |" in lines
    assert "| gate | 2026-01-01 11:00:00 | 200 | 50 (25 %) | 30 (15 %) | 100 (50 %) | 15 (7.5 %) | 5 (2.5 %) |" in lines
    assert "| gate | 2026-01-01 12:00:40 | 2026-01-01 12:01:00 | no footage for 20.0 s |" in lines


def test_a_report_of_nothing_says_so() -> None:
    assert "**Nothing was found.**" in render_markdown(Report.of_events([], now=START))


def test_evidence_is_linked(tmp_path: Path) -> None:
    clip = exhibit_of(EVENTS[0], ExhibitKind.CLIP, path="a b/(1).mp4")
    lay(tmp_path / "evidence", clip, b"clip")
    shown = Report.of_events(EVENTS).model_copy(update={"exhibits": (clip, exhibit_of(EVENTS[1]))})
    path = write_markdown(tmp_path / "r.md", shown, evidence=tmp_path / "evidence")
    text = path.read_text(encoding="utf-8")
    assert "[clip](<evidence/a%20b/%281%29.mp4>)" in text
    assert "[picture]" not in text  # there is no such file


def test_whatever_people_write_is_text() -> None:
    nasty = f"{NASTY} | # [x](y)\n\n* `z`"
    found = event(0, rule=nasty, stream_id=nasty, question=nasty, content=nasty)
    text = render_markdown(Report.of_events([found, summary(0, nasty)], title=nasty, note=nasty))
    assert "<script" not in text
    assert "[x]" not in text.replace("\\[x", "")
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in tables[:3]} == {9}


def test_what_matters_least_is_left_out_and_said() -> None:
    found = [event(index, 0.5, id=f"{index:032x}", probability=index / 3000) for index in range(2000)]
    text = render_markdown(Report.of_events(found), max_events=10)
    assert text.count("| fire | gate |") == 10
    assert "1,990 events of lower severity or probability are left out." in text
