"""The care of a store from the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.cli.calling import call
from tests.store.samples import event, exhibit
from tests.store.test_retention import files, write
from videoxl_stream.cli.references import load_pipeline
from videoxl_stream.events import ExhibitKind, Severity
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ScriptedModel

NOTHING_ON_DISK = "no memory of gate on disk is known of; if it kept some all the same, name its definition: --site\n"
_SITE = """
from pathlib import Path
from videoxl_stream import Durability, Pipeline, Rule
from videoxl_stream.queries import Span
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ScriptedModel, ScriptedSource

HERE = Path(__file__).parent

def pipeline():
    return Pipeline(
        sources=[ScriptedSource([float(second) for second in range(40)], stream_id="gate")],
        model=ScriptedModel({{"Is there a fire?": [Span(5, 7), Span(30, 33)]}}),
        rules=[Rule(name="fire", question="Is there a fire?")],
        store=EventStore(f"sqlite:///{{HERE}}/site.db"),
        name="site",
        durability=Durability(HERE / "memory", "{kind}"),
    )
"""
_SPAN = ("--since", "2026-01-01T00:00:29", "--until", "2026-01-01T00:00:31")
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
    assert [line[:8] for line in ran] == ["ran 0001", "ran 0002", "ran 0003", "ran 0004", "ran 0005", "ran 0006"]
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
    assert call(*options, "--dry-run").stdout == NOTHING_ON_DISK + expected
    refused = call(*options, answer="n\n")
    assert refused.exit_code == 1
    assert refused.stdout.startswith(
        NOTHING_ON_DISK + expected + "Forget gate from 2026-01-01 00:00:12 to 2026-01-01 00:00:18 UTC"
    )
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


@pytest.fixture(params=["kv", "frames"])
def watched(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A definition that was run: its memory is on disk."""
    (tmp_path / "site.py").write_text(_SITE.format(kind=request.param))
    definition = f"{tmp_path / 'site.py'}:pipeline"
    assert call("run", definition).exit_code == 0
    return definition


def test_forget_reaches_the_memory_on_disk(watched: str, tmp_path: Path) -> None:
    memory = tmp_path / "memory" / "site" / "gate"
    planned = call("store", "forget", "gate", *_SPAN, "--site", watched, "--dry-run")
    assert planned.stdout.startswith(f"memory in {memory} is looked through\nwould delete 1 events")
    done = call("store", "forget", "gate", *_SPAN, "--site", watched, "--yes")
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"memory in {memory} had seen it\ndeleted 1 events" in done.stdout
    again = call("store", "forget", "gate", *_SPAN, "--site", watched, "--yes")
    assert f"memory in {memory} has not seen it\ndeleted 0 events" in again.stdout
    with load_pipeline(watched) as pipeline:
        pipeline.open(resume=True)
        left = pipeline.memory("gate").span
        pipeline.store.close()
    assert left is not None
    assert left.end_s <= 29


def test_forget_refuses_to_leave_memory_on_disk_behind(watched: str, tmp_path: Path) -> None:
    options = ("store", "forget", "gate", *_SPAN, "--store", f"sqlite:///{tmp_path / 'site.db'}", "--yes")
    for more in ((), ("--memory-gone",)):
        refused = call(*options, *more)
        assert refused.exit_code == 2
        assert "nothing was deleted" in refused.stderr
        assert "--site" in refused.stderr
    shutil.rmtree(tmp_path / "memory")
    assert call(*options).exit_code == 2
    done = call(*options, "--memory-gone")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "deleted 1 events: 0B of evidence")
    assert call(*options).exit_code == 0


def test_a_site_says_itself_where_all_is(url: str, evidence: Path, tmp_path: Path) -> None:
    site = {"sources": ["gate.mp4"], "rules": ["fire"], "events": url, "evidence": {"folder": str(evidence)}}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(site))
    span = ("--since", "2026-01-01T00:00:12", "--until", "2026-01-01T00:00:18")
    options = ("store", "forget", "gate", *span, "--site", tmp_path / "site.yaml", "--yes")
    refused = call(*options, "--store", url, "--pipeline", "site")
    assert refused.exit_code == 2
    assert "leave --store, --pipeline out" in refused.stderr
    done = call(*options)
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "no memory of gate on disk is known of")
    assert windows(url) == [0, 2, 3]


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
