"""Events in the terminal and in files."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.calling import call
from tests.cli.interrupt import interrupted, running
from tests.store.samples import event, exhibit
from tests.store.test_retention import files, write
from videoxl_stream.events import Event, ExhibitKind, Severity, Status
from videoxl_stream.store import EventStore, Retention


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Three events with their evidence: one that has closed, a critical one of another rule, one of another stream."""
    url = f"sqlite:///{tmp_path / 'events.db'}"
    events = [
        event(0, 1, status=Status.CLOSED),
        event(1, rule="fall", severity=Severity.CRITICAL, answer="yes, a man, in red"),
        event(2, stream_id="yard"),
    ]
    exhibits = [exhibit(window, kind) for window in range(2) for kind in (ExhibitKind.CLIP, ExhibitKind.PICTURE)]
    write(tmp_path / "evidence", exhibits)
    with EventStore(url) as store:
        store.commit("site", "gate", events=events, exhibits=exhibits)
    return url


def listed(url: str, *narrowed: str) -> list[int]:
    found = call("events", "list", "--store", url, "--json", *narrowed)
    assert found.exit_code == 0, found.stderr
    return [each["window"] for each in json.loads(found.stdout)]


def test_the_list_is_narrowed_by_severity(url: str) -> None:
    assert listed(url, "--severity", "critical") == [1]


def test_times_may_be_so_long_ago(url: str) -> None:
    now = datetime.now(UTC)
    recent = event(9, start=now - timedelta(hours=3), end=now - timedelta(hours=2))
    with EventStore(url) as store:
        store.commit("site", "gate", events=[recent])
    assert listed(url, "--since", "150m") == [9]
    assert listed(url, "--since", "1.5h") == []
    assert listed(url, "--until", "1d") == [0, 1, 2]
    assert listed(url, "--since", "2026-01-01T02:00:12+02:00", "--until", "2026-01-02") == [1, 2]


@pytest.mark.parametrize("time", ["yesterday", "5y", "2026-13-01", "99999999w"])
def test_a_time_that_cannot_be_read_is_refused(url: str, time: str) -> None:
    result = call("events", "list", "--store", url, "--since", time)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


def test_tail_shows_the_last_and_ends_if_told_to(url: str) -> None:
    shown = call("events", "tail", "--store", url, "--no-follow", "--last", "2")
    assert shown.exit_code == 0
    assert [line.split()[2:4] for line in shown.stdout.splitlines()] == [["gate", "fall"], ["yard", "fire"]]
    assert call("events", "tail", "--store", url, "--no-follow", "--last", "0").stdout == ""


def test_tail_follows_what_is_found_and_what_changes(url: str) -> None:
    arguments = ["events", "tail", "--store", url, "--every", "0.02", "--json", "--stream", "gate", "--last", "1"]
    with running(*arguments) as process, EventStore(url) as store:

        def heard() -> Event:
            assert process.stdout is not None
            return Event.model_validate_json(process.stdout.readline())

        assert heard().window == 1
        store.commit("site", "gate", events=[event(5)])
        assert heard() == event(5)
        store.commit("site", "yard", events=[event(6, stream_id="yard")])
        store.commit("site", "gate", events=[event(5, 1)])
        assert heard() == event(5, 1)
        assert interrupted(process) == (130, "", "stopped\n")


def test_export_writes_lines_of_json(url: str, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    result = call("events", "export", out, "--store", url, "--rule", "fire")
    assert (result.exit_code, result.stdout) == (0, f"2 events are in {out}\n")
    with EventStore(url) as store:
        assert [Event.model_validate_json(line) for line in out.read_text().splitlines()] == store.events(rule="fire")
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.jsonl"]


def test_export_writes_a_table(url: str, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert call("events", "export", out, "--store", url).exit_code == 0
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["answer"] for row in rows] == ["yes", "yes, a man, in red", "yes"]
    assert rows[0]["start"] == "2026-01-01T00:00:00Z"
    assert list(rows[0]) == list(Event.model_fields)


def test_what_is_exported_with_its_evidence_is_kept(url: str, tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    (evidence / exhibit(1).path).unlink()
    result = call("events", "export", tmp_path / "case.jsonl", "--store", url, "--rule", "fall", "--evidence", evidence)
    assert "1 events" in result.stdout
    assert "1 files are missing" in result.stdout
    assert files(tmp_path / "case_evidence") == {exhibit(1, ExhibitKind.PICTURE).path}
    with EventStore(url) as store:
        store.apply(Retention(events=timedelta(0), budget_bytes=0), evidence, datetime.now(UTC))
        assert [each.window for each in store.events()] == [1]


def test_keep_takes_the_beginning_of_an_id(url: str, tmp_path: Path) -> None:
    first = event(0).id
    assert call("events", "keep", first[:8], "--store", url).stdout == f"{first}\n"
    with EventStore(url) as store:
        gone = store.apply(Retention(events=timedelta(0)), None, datetime.now(UTC), dry_run=True)
        assert gone.events == 2
    assert call("events", "keep", first[:8], "--undo", "--store", url).exit_code == 0
    with EventStore(url) as store:
        assert store.apply(Retention(events=timedelta(0)), None, datetime.now(UTC), dry_run=True).events == 3
    for wrong in ("", "zz"):
        result = call("events", "keep", wrong, "--store", url)
        assert result.exit_code == 2
        assert "event's id begins with" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("{tmp}/out.pdf",), "name it .jsonl or .csv"),
        (("{tmp}/nowhere/out.csv",), "No such file"),
        (("{tmp}/out.csv", "--evidence", "{tmp}/nowhere"), "there is no evidence folder"),
    ],
)
def test_an_export_that_cannot_be_is_one_line(
    url: str, tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    result = call("events", "export", *(each.format(tmp=tmp_path) for each in arguments), "--store", url)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert complaint in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("events", "list"),
        ("events", "tail"),
        ("events", "export", "out.csv"),
        ("events", "keep", "abc"),
        ("store", "migrate"),
        ("store", "retain", "--events", "1d"),
        ("store", "forget", "gate", "--since", "2h", "--until", "1h"),
        ("store", "doctor", "--evidence", "."),
    ],
)
@pytest.mark.parametrize(
    "store",
    [
        "postgresql://tester:s3cret@127.0.0.1:1/events?connect_timeout=2",
        "postgresql+nodriver://tester:s3cret@db/events",
        "mysql://tester:s3cret@db/events",
    ],
)
def test_no_command_shows_credentials(arguments: tuple[str, ...], store: str) -> None:
    result = call(*arguments, "--store", store)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert not any(secret in result.output for secret in ("s3cret", "tester"))
