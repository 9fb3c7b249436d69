"""The care of a store from the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.calling import call
from tests.store.samples import event, exhibit
from tests.store.test_retention import files, write
from videoxl_stream.events import ExhibitKind, Severity
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ScriptedModel

_PICTURE = np.zeros((2, 2, 3), np.uint8)


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    return tmp_path / "evidence"


@pytest.fixture
def url(tmp_path: Path, evidence: Path) -> str:
    """Four events of 1 January 2026 with clip and thumbnail, the second critical."""
    url = f"sqlite:///{tmp_path / 'events.db'}"
    kinds = (ExhibitKind.CLIP, ExhibitKind.THUMBNAIL)
    exhibits = [exhibit(window, kind) for window in range(4) for kind in kinds]
    write(evidence, exhibits)
    severities = [Severity.INFO, Severity.CRITICAL, Severity.INFO, Severity.INFO]
    events = [event(window, severity=severity) for window, severity in enumerate(severities)]
    with EventStore(url) as store:
        store.commit("site", "gate", events=events, exhibits=exhibits)
    return url


def windows(url: str) -> list[int]:
    with EventStore(url) as store:
        return [each.window for each in store.events()]


def test_migrate_tells_what_it_runs(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert "there is no event store" in call("store", "migrate", "--store", url, "--dry-run").stderr
    ran = call("store", "migrate", "--store", url).stdout.splitlines()
    assert [line[:8] for line in ran] == ["ran 0001", "ran 0002", "ran 0003", "ran 0004", "ran 0005"]
    for options in ((), ("--dry-run",)):
        assert call("store", "migrate", "--store", url, *options).stdout == f"{url} is up to date\n"


def test_retain_says_what_would_go_and_lets_it_go(url: str, evidence: Path) -> None:
    options = ("--store", url, "--events", "30d", "--severity", "critical=5200w", "--thumbnails", "1w")
    planned = call("store", "retain", *options, "--dry-run")
    assert planned.stdout == "would delete 3 events, 3 clips, 4 thumbnails: 700B of evidence\n"
    assert windows(url) == [0, 1, 2, 3]
    gone = call("store", "retain", *options, "--evidence", evidence)
    assert (gone.exit_code, gone.stdout) == (0, planned.stdout.replace("would delete", "deleted"))
    assert windows(url) == [1]
    assert files(evidence) == {exhibit(1).path}


def test_retain_tells_of_kept_evidence_over_the_budget_and_of_stuck_files(url: str, evidence: Path) -> None:
    with EventStore(url) as store:
        store.keep(event(0).id)
    stuck = evidence / exhibit(1).path
    stuck.unlink()
    stuck.mkdir()
    result = call("store", "retain", "--store", url, "--budget", "0KB", "--evidence", evidence)
    assert result.exit_code == 1
    assert "exceeds the budget by 100B" in result.stdout
    assert f"warning: {exhibit(1).path}" in result.stderr


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ((), "nothing says what may go"),
        (("--events", "soon"), "is no age"),
        (("--severity", "loud=3d"), "severities are info, warning, critical"),
        (("--rule", "30d"), "names no class"),
        (("--budget", "much"), "is no size"),
        (("--events", "1d"), "no evidence folder was named"),
        (("--events", "1d", "--evidence", "nowhere"), "there is no evidence folder"),
    ],
)
def test_retain_refuses_what_it_cannot_do(url: str, options: tuple[str, ...], complaint: str) -> None:
    result = call("store", "retain", "--store", url, *options)
    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.replace("│", "").split())


def test_forget_asks_first(url: str, evidence: Path) -> None:
    span = ("--since", "2026-01-01T00:00:12", "--until", "2026-01-01T00:00:18")
    options = ("store", "forget", "gate", *span, "--store", url, "--evidence", evidence)
    expected = "would delete 1 events, 1 clips, 1 thumbnails: 200B of evidence\n"
    assert call(*options, "--dry-run").stdout == expected
    refused = call(*options, answer="n\n")
    assert refused.exit_code == 1
    assert refused.stdout.startswith(expected + "Forget gate from 2026-01-01 00:00:12 to 2026-01-01 00:00:18 UTC")
    assert windows(url) == [0, 1, 2, 3]
    done = call(*options, "--yes")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, expected.strip().replace("would delete", "deleted"))
    assert windows(url) == [0, 2, 3]
    assert len(files(evidence)) == 6


def test_forget_rewrites_saved_memories(url: str, evidence: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from videoxl_stream.testing import ScriptedModel\nmodel = ScriptedModel({})\n")
    model = ScriptedModel({})
    paths = []
    for name, first in (("seen", 0), ("before", -100)):
        memory = model.open_memory()
        times = [float(first + second) for second in range(40)]
        for time_s in times:
            model.append(memory, [_PICTURE], [time_s])
        model.save_memory(memory, tmp_path / name)
        paths.append(tmp_path / name)
    options = ("store", "forget", "gate", "--since", "2026-01-01T00:00:12", "--until", "2026-01-01T00:00:18")
    memories = (option for path in paths for option in ("--memory", path))
    result = call(
        *options, "--store", url, "--evidence", evidence, "--yes", "--model", f"{tmp_path / 'mine.py'}:model", *memories
    )
    assert result.exit_code == 0, result.output
    assert f"{paths[0]} had seen it" in result.stdout
    assert f"{paths[1]} has not seen it" in result.stdout
    left = model.load_memory(paths[0]).span
    assert left is not None
    assert left.end_s <= 12
    assert model.load_memory(paths[1]).times == times


def test_a_memory_whose_clock_nobody_knows_is_not_guessed_at(url: str, tmp_path: Path) -> None:
    (tmp_path / "memory").touch()
    result = call(
        "store", "forget", "hall", "--since", "2h", "--until", "1h", "--store", url, "--memory", tmp_path / "memory"
    )
    assert result.exit_code == 2
    assert "knows nothing of stream 'hall'" in result.stderr


def test_doctor_finds_and_mends(url: str, evidence: Path) -> None:
    options = ("store", "doctor", "--store", url, "--evidence", evidence, "--settled", "0s")
    assert call(*options).stdout == "rows and files agree\n"
    (evidence / exhibit(0).path).unlink()
    (evidence / "stray.jpg").touch()
    found = call(*options)
    assert found.exit_code == 1
    assert f"{exhibit(0).path} has a row but no file" in found.stdout
    assert "1 stray: delete the file" in found.stdout
    assert call(*options, "--fix", answer="n\n").exit_code == 1
    assert (evidence / "stray.jpg").exists()
    mended = call(*options, "--fix", "--yes")
    assert (mended.exit_code, mended.stdout.splitlines()[-1]) == (0, "mended 2")
    assert call(*options).exit_code == 0
    assert not (evidence / "stray.jpg").exists()
