"""A report from the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.calling import call
from tests.reports.samples import Page, event, exhibit_of, jpeg, lay
from videoxl_stream.store import EventStore

RECENT = event(0, start=datetime.now(UTC) - timedelta(hours=2), end=datetime.now(UTC) - timedelta(hours=1))


@pytest.fixture
def url(tmp_path: Path) -> str:
    """An old event with its picture, and one of another stream that has just been."""
    url = f"sqlite:///{tmp_path / 'events.db'}"
    old = event(30)
    lay(tmp_path / "evidence", exhibit_of(old), jpeg())
    with EventStore(url) as store:
        store.commit("site", "gate", events=[old], exhibits=[exhibit_of(old)])
        store.commit("site", "yard", events=[RECENT.model_copy(update={"stream_id": "yard"})])
    return url


def test_a_page_is_written_with_its_pictures(url: str, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = call("report", "--events", url, "--evidence", tmp_path / "evidence", "--out", out, "--title", "Night")
    assert done.exit_code == 0, done.stderr
    page = Page(out.read_text(encoding="utf-8"))
    assert page.tiles()["events"] == "2"
    assert len(page.all("img")) == 1
    assert "Night" in page.words
    assert done.stdout.startswith("2 events, 2 streams, 2026-01-01 12:00:30 to ")
    assert f"UTC, are in {out} (" in done.stdout


def test_a_period_that_begins_so_long_ago_ends_now(url: str, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    before = datetime.now(UTC)
    assert call("report", "--store", url, "--since", "24h", "--out", out).exit_code == 0
    data = json.loads(out.read_text(encoding="utf-8"))
    assert [each["stream_id"] for each in data["events"]] == ["yard"]
    assert before <= datetime.fromisoformat(data["end"]) <= datetime.now(UTC)
    assert [each["stream_id"] for each in data["streams"]] == ["gate", "yard"]


def test_streams_are_chosen_and_times_shown_in_a_zone(url: str, tmp_path: Path) -> None:
    out = tmp_path / "report.md"
    done = call("report", "--store", url, "--stream", "gate", "--timezone", "Asia/Kolkata", "--out", out)
    assert done.exit_code == 0, done.stderr
    assert "| 2026-01-01 17:30:30 | warning | fire | gate |" in out.read_text(encoding="utf-8")
    assert "yard" not in out.read_text(encoding="utf-8")
    assert "1 event, 1 stream, 2026-01-01 17:30:30 to 2026-01-01 17:30:40 Asia/Kolkata" in done.stdout


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["--out", "report.pdf"], "name it .html, .md or .json"),
        (["--timezone", "Mars"], "IANA name"),
        (["--stream", "roof"], "no stream 'roof'"),
        (["--pipeline", "day"], "no pipeline 'day'"),
        (["--evidence", "nowhere"], "no evidence folder"),
        (["--out", "events.db/report.html"], "cannot be written"),
        (["--since", "2026-01-02", "--until", "2026-01-01"], "later than its start"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("report", "--store", url, *given)
    assert done.exit_code == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert not Path("report.html").exists()


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    done = call("report", "--store", f"sqlite:///{tmp_path / 'none.db'}", "--out", tmp_path / "r.html")
    assert (done.exit_code, "no event store" in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []
