from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.reports.samples import START, Page, event, exhibit_of, gap, summary, thumbnail
from videoxl_stream.errors import ConfigError
from videoxl_stream.events import ExhibitKind, Severity, Status
from videoxl_stream.evidence import Evidence
from videoxl_stream.gaps import GAP, LastFrame
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.queries import Span
from videoxl_stream.reports import Mark, Report, render_html
from videoxl_stream.rules import Rule
from videoxl_stream.store import EventStore, StreamState
from videoxl_stream.testing import ScriptedModel, ScriptedSource

FIRE, FALL = event(30), event(90, 0.2, rule="fall", severity=Severity.CRITICAL, status=Status.OPENED)
YARD = event(5, stream_id="yard")
COUNTS = {"sampled_away": 10, "read": 20, "ingested": 12, "still": 4, "dropped": 3, "held": 1, "windows": 9}


@pytest.fixture
def store() -> Iterator[EventStore]:
    state = StreamState(windows=20, asked={"fire": START + timedelta(seconds=200), "ad": START})
    with EventStore("sqlite:///:memory:") as opened:
        found = [FIRE, FALL, gap(40, 20), summary(0, "A quiet night.")]
        proof = [exhibit_of(FIRE), exhibit_of(FIRE, ExhibitKind.CLIP), exhibit_of(YARD)]
        opened.commit("site", "gate", events=found, exhibits=proof[:2], state=state, counts=COUNTS)
        opened.commit("site", "yard", events=[YARD], exhibits=proof[2:])
        yield opened


def test_a_report_tells_findings_summaries_and_gaps_apart(store: EventStore) -> None:
    report = Report.of(store)
    assert report.events == (YARD, FIRE, FALL)
    assert [event.content for event in report.summaries] == ["A quiet night."]
    assert [event.rule for event in report.gaps] == ["stream.gap"]
    assert {exhibit.event_id for exhibit in report.exhibits} == {FIRE.id, YARD.id}
    assert len(report.exhibits) == 3


def test_figures_are_those_of_the_store(store: EventStore) -> None:
    report = Report.of(store)
    rules = {rule.rule: rule for rule in report.rules}
    assert set(rules) == {"ad", "fall", "fire"}
    assert (rules["ad"].total, rules["ad"].longest_s) == (0, 0)
    assert (rules["fire"].total, rules["fire"].total_s, rules["fire"].longest_s) == (2, 20, 10)
    assert rules["fall"].severities == {Severity.CRITICAL: 1, Severity.WARNING: 0, Severity.INFO: 0}
    assert (rules["fall"].going_on, rules["fire"].going_on) == (1, 0)
    gate, yard = report.streams
    assert (gate.events, gate.gaps, gate.missing_s, gate.rules) == (2, 1, 20, ("ad", "fire"))
    assert (yard.events, yard.gaps, yard.frames) == (1, 0, None)
    assert gate.frames is not None
    assert gate.frames.shares()["sampled away"] == (10, 10 / 30)
    assert (gate.frames.decoded, gate.frames.adds_up) == (30, True)
    assert report.frames == gate.frames


def test_without_times_it_is_about_all_that_is_known(store: EventStore) -> None:
    report = Report.of(store)
    assert (report.start, report.end) == (START, START + timedelta(seconds=200))


def test_a_period_takes_what_touches_it(store: EventStore) -> None:
    since, until = START + timedelta(seconds=35), START + timedelta(seconds=50)
    report = Report.of(store, since=since, until=until)
    assert report.events == (FIRE,)
    assert (report.start, report.end) == (since, until)
    assert [(stream.gaps, stream.missing_s) for stream in report.streams] == [(1, 10), (0, 0)]


def test_streams_of_which_nothing_was_heard_are_there_all_the_same(store: EventStore) -> None:
    since = START + timedelta(days=1)
    report = Report.of(store, since=since, until=since + timedelta(hours=1))
    assert (report.events, report.gaps, report.exhibits) == ((), (), ())
    assert [stream.stream_id for stream in report.streams] == ["gate", "yard"]


def test_streams_and_pipelines_are_chosen(store: EventStore) -> None:
    store.commit("night", "gate", events=[event(7, pipeline="night")])
    assert [each.pipeline for each in Report.of(store, streams=["gate"]).streams] == ["night", "site"]
    assert Report.of(store, pipeline="night").events == (event(7, pipeline="night"),)
    assert Report.of(store, streams=["yard"]).events == (YARD,)


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"pipeline": "day"}, r"no pipeline 'day'; it knows \['site'\]"),
        ({"streams": ["gate", "roof"]}, r"no stream 'roof'; it knows \['gate', 'yard'\]"),
        ({"timezone": "Mars/Olympus"}, "no time zone 'Mars/Olympus'"),
        ({"timezone": "../etc/passwd"}, "no time zone"),
        ({"since": START, "until": START}, "later than its start"),
    ],
)
def test_what_cannot_be_told_of_is_refused(store: EventStore, wanted: dict[str, object], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Report.of(store, **wanted)  # type: ignore[arg-type]


def test_an_empty_store_gives_an_empty_report() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    with EventStore("sqlite:///:memory:") as store:
        report = Report.of(store, now=now)
        assert (report.start, report.streams, report.rules) == (now, (), ())
        assert report.end > report.start
        assert Report.of(store, until=now, now=now).end == now


def test_thumbnails_are_spread_over_the_period(store: EventStore) -> None:
    store.commit("site", "gate", exhibits=[thumbnail(second) for second in range(0, 120, 5)])
    start, end = START, START + timedelta(seconds=120)
    found = Report.of(store, since=start, until=end).thumbnails
    assert [exhibit.start_s for exhibit in found] == [5.0 + 10 * number for number in range(12)]


def test_a_quiet_stream_is_known_up_to_its_last_frame() -> None:
    seen = LastFrame(3600.0, START + timedelta(hours=1))
    with EventStore("sqlite:///:memory:") as store:
        store.commit("site", "gate", state=StreamState(windows=720, rules={GAP: seen.to_json(), "fire": "{}"}))
        store.commit("site", "yard", state=StreamState(windows=720, rules={GAP: "of another version"}))
        gate, yard = Report.of(store).streams
    assert (gate.last, gate.rules) == (seen.utc, ("fire",))
    assert yard.last is None


def test_a_report_of_a_run_agrees_with_the_run(tmp_path: Path) -> None:
    rule = Rule(name="fire", question="Is there a fire?")
    script = [float(second) for second in (*range(40), *range(100, 130))]
    with EventStore("sqlite:///:memory:") as store:
        pipeline = Pipeline(
            sources=[ScriptedSource(script, stream_id="gate", start=START)],
            model=ScriptedModel({rule.question: [Span(9, 14), Span(120, 121)]}),
            rules=[rule, replace(rule, name="smoke", question="Is there smoke?")],
            store=store,
            name="site",
            evidence=Evidence(tmp_path / "evidence"),
        )
        found = pipeline.run()
        report = Report.of(store)
    assert {each.id for each in report.events} == {each.id for each in found if each.rule == "fire"}
    assert [(each.start_s, each.end_s) for each in report.gaps] == [(39, 100)]
    [gate] = report.streams
    assert (gate.rules, gate.gaps, gate.missing_s) == (("fire", "smoke"), 1, 61)
    assert gate.last is not None
    assert gate.last >= START + timedelta(seconds=129)
    assert gate.frames is not None
    assert (gate.frames.adds_up, gate.frames.read) == (True, len(script))
    page = Page(render_html(report, evidence=tmp_path / "evidence", page=tmp_path / "report.html"))
    assert len(page.all("img")) == len(report.events) + len(report.thumbnails) > 2
    assert all((tmp_path / str(link["href"])).is_file() for link in page.all("a"))
    assert len(page.all("a")) == 2 * len(report.events)


def test_counts_of_another_kind_are_not_told() -> None:
    with EventStore("sqlite:///:memory:") as store:
        store.commit("site", "gate", events=[FIRE], counts={"read": 3, "ingested": "many"})
        assert Report.of(store).streams[0].frames is None


def test_events_at_hand_make_a_report_with_marks_and_streams() -> None:
    missed = Mark("roof", "fire", START, START + timedelta(seconds=300), "true")
    report = Report.of_events([FALL, FIRE], marks=[missed], streams=["gate", "cellar"])
    assert report.events == (FIRE, FALL)
    assert (report.start, report.end) == (START, missed.end)
    assert [stream.stream_id for stream in report.streams] == ["cellar", "roof", "gate"]


def test_edges_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ConfigError, match="later than its start"):
        Report.of_events([FIRE], start=START, end=START)
