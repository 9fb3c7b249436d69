"""What the README and docs/pipelines.md say to write runs as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.calling import call
from tests.connectors.clips import every, write_video
from videoxl_stream.config import Site
from videoxl_stream.store import EventStore

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as ``make demo`` leaves it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()
    for name in ("demo/site-38.mp4", "gate.mp4", "yard.mp4"):
        write_video(tmp_path / name, every(500, 20))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


def blocks(page: str, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


@pytest.mark.parametrize("page", ["README.md", "docs/pipelines.md"])
def test_the_first_lines_run(page: str) -> None:
    code = blocks(page, "python")[0]
    assert code.count("\n") <= 5
    exec(code, {})
    with EventStore("sqlite:///events.db", create=False) as store:
        [stream] = store.streams()
    assert stream.counts is not None
    assert stream.counts["ingested"] == 20
    assert list(Path("evidence").rglob("*.jpg"))


def test_the_site_can_be_run(place: Path) -> None:
    [text] = blocks("README.md", "yaml")
    (place / "site.yaml").write_text(text, encoding="utf-8")
    Site.from_yaml("site.yaml").check()


@pytest.mark.parametrize("page", ["README.md", "docs/pipelines.md"])
def test_its_commands_run(page: str, place: Path) -> None:
    (place / "site.yaml").write_text(blocks("README.md", "yaml")[0], encoding="utf-8")
    text = (ROOT / page).read_text(encoding="utf-8")
    commands = re.findall(r"^videoxl-stream ((?:run|config|report) .*)$", text, re.MULTILINE)
    assert len(commands) >= 4
    for command in commands:
        told = call(*shlex.split(command, comments=True))
        assert told.exit_code == 0, f"{command}: {told.output}"
