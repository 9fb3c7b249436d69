from __future__ import annotations

import re
from base64 import b64decode, b64encode
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.reports.samples import NASTY, START, Page, event, exhibit_of, gap, jpeg, lay, summary, thumbnail
from videoxl_stream.errors import ConfigError, StoreError
from videoxl_stream.events import Event, ExhibitKind, Severity, Status
from videoxl_stream.reports import Mark, Report, render_html, write_html
from videoxl_stream.reports.figures import FrameCounts, StreamFigures

EVENTS = [
    event(30),
    event(90, 0.2, rule="fall", severity=Severity.CRITICAL, status=Status.OPENED),
    event(5, stream_id="yard"),
]


def report(*events: Event, **fields: object) -> Report:
    return Report.of_events(events).model_copy(update=fields)


def test_a_page_counts_draws_and_lists_every_event() -> None:
    page = Page(render_html(Report.of_events(EVENTS, title="Night at the gate", note="Seen by a test.")))
    assert {"Night at the gate", "Seen by a test.", "gate", "yard", "Is there a fire?"} <= set(page.words)
    assert page.tiles() | {"events": "3", "critical": "1", "going on": "1", "streams": "2"} == page.tiles()
    assert len(page.all("svg", role="img")) == 2
    assert len(page.all("rect", **{"class": "lane"})) == 3
    assert len(page.all("rect", **{"class": "warning"})) == 2
    assert len(page.all("rect", **{"class": "critical"})) == 1
    assert [row["id"] for row in page.all("tr") if "id" in row] == [EVENTS[2].id, EVENTS[0].id, EVENTS[1].id]


def test_a_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    clip = exhibit_of(EVENTS[0], ExhibitKind.CLIP)
    lay(tmp_path / "evidence", clip, b"clip")
    marks = (Mark("gate", "fire", START, EVENTS[0].end, "true"),)
    shown = report(*EVENTS, gap(40, 20), summary(0, "Quiet."), exhibits=(clip,), marks=marks)
    page = Page(
        render_html(shown, evidence=tmp_path / "evidence", page=tmp_path / "r.html", pictures={EVENTS[0].id: jpeg()})
    )
    assert not re.search(r"https?:|[\"'(]//|<link|@import|url\((?!#)", page.source)
    sources = [str(tag.get(key)) for _, tag in page.tags for key in ("src", "href", "srcset", "action") if key in tag]
    assert sorted(source.partition(":")[0] for source in sources) == ["data", f"evidence/{clip.path}"]


def test_only_our_own_script_may_run() -> None:
    page = render_html(report(*EVENTS))
    [script] = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    [policy] = Page(page).all("meta", **{"http-equiv": "Content-Security-Policy"})
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in str(policy["content"])
    assert str(policy["content"]).startswith("default-src 'none'; img-src data:;")


def test_pictures_at_hand_are_embedded_as_they_are() -> None:
    page = Page(render_html(report(*EVENTS), pictures={EVENTS[0].id: jpeg()}))
    [picture] = page.all("img")
    assert picture["src"] == "data:image/jpeg;base64," + b64encode(jpeg()).decode()
    assert picture["alt"] == "fire on gate at 2026-01-01 12:00:30"
    assert page.words.count("no picture") == 2


def test_a_picture_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="no JPEG"):
        render_html(report(*EVENTS), pictures={EVENTS[0].id: b"<svg onload=alert(1)>"})


def test_evidence_is_embedded_small_and_linked_whole(tmp_path: Path) -> None:
    picture, clip = exhibit_of(EVENTS[0]), exhibit_of(EVENTS[0], ExhibitKind.CLIP)
    small = thumbnail(40)
    lay(tmp_path / "evidence", picture, jpeg(1280, 720))
    lay(tmp_path / "evidence", clip, b"clip")
    lay(tmp_path / "evidence", small, jpeg(160, 90))
    shown = report(*EVENTS, exhibits=(picture, clip), thumbnails=(small,))
    path = write_html(tmp_path / "out" / "r.html", shown, evidence=tmp_path / "evidence")
    page = Page(path.read_text(encoding="utf-8"))
    sizes = [Image.open(BytesIO(b64decode(str(one["src"]).partition(",")[2]))).size for one in page.all("img")]
    assert sizes == [(160, 90), (360, 202)]
    links = [str(link["href"]) for link in page.all("a")]
    assert links == [f"../evidence/{picture.path}", f"../evidence/{clip.path}"]
    assert all((path.parent / link).is_file() for link in links)
    assert all(one["alt"] for one in page.all("img"))


def test_evidence_far_away_is_shown_but_not_linked(tmp_path: Path) -> None:
    picture = exhibit_of(EVENTS[0])
    lay(tmp_path / "evidence", picture, jpeg())
    shown = report(*EVENTS, exhibits=(picture,))
    page = Page(render_html(shown, evidence=tmp_path / "evidence", page=tmp_path / "a" / "b" / "r.html"))
    assert len(page.all("img")) == 1
    assert page.all("a") == []
    assert "evidence" not in page.text


@pytest.mark.parametrize("data", [None, b"", b"<svg/>", jpeg()[:40]])
def test_a_picture_that_is_missing_or_damaged_is_told_of(tmp_path: Path, data: bytes | None) -> None:
    (tmp_path / "evidence").mkdir()
    picture = exhibit_of(EVENTS[0])
    if data is not None:
        lay(tmp_path / "evidence", picture, data)
    page = Page(render_html(report(*EVENTS, exhibits=(picture,)), evidence=tmp_path / "evidence", picture_width=8))
    assert page.all("img") == []
    assert "1 picture of the store cannot be read." in page.text


def test_no_file_outside_the_evidence_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "secret.jpg").write_bytes(jpeg())
    outside = exhibit_of(EVENTS[0], path="../secret.jpg")
    absolute = exhibit_of(EVENTS[1], path=str(tmp_path / "secret.jpg"))
    shown = report(*EVENTS, exhibits=(outside, absolute))
    page = Page(render_html(shown, evidence=tmp_path / "evidence", page=tmp_path / "r.html"))
    assert page.all("img") == page.all("a") == []


def test_an_evidence_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no evidence folder"):
        render_html(report(*EVENTS), evidence=tmp_path / "evidence")


def test_whatever_people_write_is_text() -> None:
    nasty: dict[str, object] = {"rule": NASTY, "stream_id": NASTY, "pipeline": NASTY}
    found = event(0, question=NASTY, answer=NASTY, content=NASTY, **nasty)  # type: ignore[arg-type]
    said = [summary(0, NASTY, **{**nasty, "rule": "summary"}), gap(20, 5, content=NASTY, stream_id=NASTY)]
    mark = Mark(NASTY, NASTY, found.start, found.end, NASTY)
    shown = Report.of_events([found, *said], title=NASTY, note=NASTY, marks=[mark])
    page = render_html(shown, pictures={found.id: jpeg()})
    assert page.count("<script") == page.count("</script") == 1
    assert "alert(1)" not in re.findall(r"<script>(.*?)</script>", page, re.DOTALL)[0]
    assert sum(NASTY in word for word in Page(page).words) >= 10


def test_a_report_of_nothing_says_so() -> None:
    page = Page(render_html(Report.of_events([], now=START)))
    assert "Nothing was found." in page.words
    assert page.all("table") == page.all("script") == []


def test_quiet_streams_are_named() -> None:
    page = Page(render_html(Report.of_events(EVENTS, streams=["attic", "cellar", "gate"])))
    assert "Nothing was found on attic, cellar." in page.words


def test_marks_are_outlined_on_the_lane_of_their_rule() -> None:
    end = START.replace(minute=3, second=20)
    burnt = Mark("gate", "fire", START.replace(second=20), START.replace(minute=1), "true <b>")
    page = Page(render_html(Report.of_events(EVENTS, start=START, end=end, marks=[burnt])))
    [outline] = page.all("rect", **{"class": "mark"})
    assert (outline["x"], outline["width"]) == ("10.0%", "20.0%")
    assert any(word.startswith("true <b>: 2026-01-01 12:00:20") for word in page.words)
    assert len(page.all("rect", **{"class": "lane"})) == 3


def test_marks_alone_make_a_timeline() -> None:
    missed = Mark("gate", "fire", START, START.replace(second=40), "true")
    page = Page(render_html(Report.of_events([], marks=[missed])))
    assert {"Nothing was found.", "gate", "fire"} <= set(page.words)
    assert [outline["width"] for outline in page.all("rect", **{"class": "mark"})] == ["100.0%"]
    assert page.all("table") == []


def test_gaps_are_hatched_listed_and_added_up() -> None:
    end = START.replace(minute=3, second=20)
    jump = gap(100, 50, answer="clock jump", content="UTC by +50.0 s")
    page = Page(render_html(Report.of_events([event(10), gap(40, 20), jump], start=START, end=end)))
    assert [(one["x"], one["width"]) for one in page.all("rect", **{"class": "gap"})] == [
        ("20.0%", "10.0%"),
        ("50.0%", "25.0%"),
    ]
    assert page.tiles()["without footage"] == "20.0 s"
    assert {"gap: no footage for 20.0 s", "clock jump: UTC by +50.0 s"} <= set(page.words)
    assert page.tiles()["event"] == "1"


def test_summaries_stand_above_everything_else() -> None:
    page = Page(render_html(report(*EVENTS, summary(0, "A quiet night.\nThen a fire."))))
    words = page.words
    assert words.index("A quiet night.\nThen a fire.") < words.index("Timelines") < words.index("Events")
    assert page.tiles()["events"] == "3"
    assert len([row for row in page.all("tr") if "id" in row]) == 3


def test_frames_are_accounted_for() -> None:
    counts = FrameCounts(sampled_away=100, read=100, ingested=50, still=30, dropped=15, held=5)
    streams = (
        StreamFigures(pipeline="site", stream_id="gate", last=START, frames=counts),
        StreamFigures(pipeline="site", stream_id="yard", frames=counts.model_copy(update={"held": 4})),
    )
    page = Page(render_html(report(*EVENTS, streams=streams)))
    told = page.text.partition("the period above.")[2]
    assert "gate 2026-01-01 12:00:00 200 50 25 % 30 15 % 100 50 % 15 7.5 % 5 2.5 %" in told
    assert told.count("does not add up") == 2  # of the stream, and so of all
    assert "all 400 does not add up" in told


def test_a_stream_that_fell_silent_is_told_of_first() -> None:
    last = START + timedelta(minutes=10)
    dead = StreamFigures(pipeline="site", stream_id="gate", last=last)
    alive = StreamFigures(pipeline="site", stream_id="yard", last=START + timedelta(minutes=59, seconds=30))
    shown = Report.of_events([event(0)], end=START + timedelta(hours=1))
    page = Page(render_html(shown.model_copy(update={"streams": (dead, alive)})))
    notice = "Nothing is known of gate after 2026-01-01 12:10:00."
    assert page.words.index(notice) < page.words.index("Timelines")
    assert page.text.count("Nothing is known of") == 1
    assert len(page.all("rect", **{"class": "gap"})) == 1


def test_two_pipelines_that_watch_one_camera_are_told_apart() -> None:
    page = Page(render_html(report(event(0), event(0, pipeline="night"))))
    assert {"night / gate", "site / gate"} <= set(page.words)


def test_what_is_too_much_for_a_page_is_left_out_and_said() -> None:
    quiet = [event(index, 0.5, id=f"{index:032x}", probability=index / 3000) for index in range(2000)]
    loud = event(1000, 0.5, rule="fall", severity=Severity.CRITICAL, probability=0.5)
    small = {each.id: jpeg() for each in quiet}
    page = Page(render_html(report(*quiet, loud), pictures=small, max_events=100, max_pictures=10))
    rows = [row["id"] for row in page.all("tr") if "id" in row]
    assert len(rows) == 100
    assert loud.id in rows
    assert set(rows) - {loud.id} == {each.id for each in quiet[-99:]}
    assert len(page.all("img")) == 10
    assert "leaves out 1,901 events" in page.text
    assert "Pictures of 1,990 events" in page.text
    assert page.tiles()["events"] == "2001"
    assert len(page.all("rect", **{"class": "warning"})) <= 250
    assert len(page.source) < 200_000


def test_times_are_those_of_the_zone() -> None:
    page = Page(render_html(Report.of_events([event(0)], timezone="Asia/Kolkata")))
    assert "17:30:00" in page.words
    assert "Start (Asia/Kolkata)" in page.words
    assert "2026-01-01 17:30:00 to 2026-01-01 17:30:10, Asia/Kolkata; pipeline site" in page.words


def test_every_table_says_what_its_columns_are() -> None:
    page = Page(render_html(report(*EVENTS, gap(40, 20))))
    assert len(page.all("table")) == len(page.all("thead")) == 3
    assert all(head.get("scope") in {"col", "row"} for head in page.all("th"))
    identities = [str(tag["id"]) for _, tag in page.tags if "id" in tag]
    assert len(identities) == len(set(identities))
    named = [str(tag["aria-labelledby"]) for _, tag in page.tags if "aria-labelledby" in tag]
    assert set(named) <= set(identities)


def test_a_page_is_written_with_its_folders(tmp_path: Path) -> None:
    path = write_html(tmp_path / "reports" / "night.html", shown := Report.of_events(EVENTS, title="Night"))
    assert path.read_text(encoding="utf-8") == render_html(shown)
    assert list(path.parent.iterdir()) == [path]


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_html(tmp_path / "file" / "night.html", report(*EVENTS))
