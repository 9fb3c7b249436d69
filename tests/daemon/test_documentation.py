"""docs/daemon.md says what a daemon shows, and what its fields are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cameras import Camera
from tests.daemon.test_daemon import Out, asked, at_work, until
from videoxl_stream.config import Site
from videoxl_stream.daemon import Daemon, Health
from videoxl_stream.delivery import Delivery
from videoxl_stream.evidence import Evidence
from videoxl_stream.journal import Durability
from videoxl_stream.pipeline import Pipeline
from videoxl_stream.rules import Rule
from videoxl_stream.store import EventStore
from videoxl_stream.testing import ScriptedModel

PAGE = (Path(__file__).parents[2] / "docs" / "daemon.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(videoxl_\w+)` \| (\w+) \| (\w*) ?\| (.+) \|$", re.MULTILINE)


def test_the_table_of_metrics_is_what_a_daemon_shows(tmp_path: Path) -> None:
    with EventStore(f"sqlite:///{tmp_path}/events.db") as store:
        delivery, health, camera = Delivery(store, {"file": Out()}), Health(port=0), Camera()
        rule = Rule(name="fire", question="Is there a fire?")
        pipeline = Pipeline(
            sources=[camera],
            model=ScriptedModel({}),
            rules=[rule],
            store=store,
            outbox=["file"],
            evidence=Evidence(tmp_path / "evidence"),
            durability=Durability(tmp_path / "memory"),
        )
        shown: list[str] = []

        def complete() -> bool:
            shown.append(asked(health, "/metrics")[1])
            return "videoxl_stream_last_frame_age_seconds{" in shown[-1]

        with at_work(Daemon(pipeline, delivery=delivery, health=health)):
            camera.give(*range(12))
            until(complete)
    assert sorted(ROW.findall(PAGE)) == sorted(_metrics(shown[-1]))


def test_the_site_on_the_page_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [text] = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    secret = tmp_path / "gate-password"
    secret.write_text("word\n", encoding="utf-8")
    for name in ("KAFKA_PASSWORD", "DATABASE_PASSWORD", "HOOK"):
        monkeypatch.setenv(name, "word")
    monkeypatch.setenv("PAGER_SECRET", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
    path = tmp_path / "site.yaml"
    text = text.replace("/run/secrets/gate-password", str(secret)).replace("&ca_file=/etc/ca.pem", "")
    path.write_text(text, encoding="utf-8")
    Site.from_yaml(path).check()


def _metrics(text: str) -> list[tuple[str, str, str, str]]:
    """Name, type, label and meaning of each metric of ours."""
    kinds = dict(re.findall(r"^# TYPE (videoxl_\w+) (\w+)$", text, re.MULTILINE))
    about = dict(re.findall(r"^# HELP (videoxl_\w+) (.+)$", text, re.MULTILINE))
    labels = dict(re.findall(r"^(videoxl_\w+)\{(\w+)=", text, re.MULTILINE))
    return [(name, kind, labels.get(name, ""), about[name]) for name, kind in kinds.items()]
