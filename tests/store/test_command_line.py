"""The commands that care for a store, on both databases; what each does is tested in tests/cli."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.calling import call
from tests.store.samples import event, exhibit
from tests.store.test_retention import files, write
from videoxl_stream.store import EventStore


def test_a_store_is_made_filled_looked_at_and_emptied(empty_url: str, tmp_path: Path) -> None:
    evidence, store = tmp_path / "evidence", ("--store", empty_url)
    ran = call("store", "migrate", *store)
    assert [line[:8] for line in ran.stdout.splitlines()] == [
        "ran 0001",
        "ran 0002",
        "ran 0003",
        "ran 0004",
        "ran 0005",
        "ran 0006",
    ]
    shown = [exhibit(window) for window in range(4)]
    write(evidence, shown)
    with EventStore(empty_url) as opened:
        opened.commit("site", "gate", events=[event(window) for window in range(4)], exhibits=shown)
    assert len(call("events", "tail", "--no-follow", "--json", *store).stdout.splitlines()) == 4
    kept = call("events", "keep", event(1).id[:8], *store)
    assert (kept.exit_code, kept.stdout) == (0, f"{event(1).id}\n")
    span = ("--since", "2026-01-01T00:00:31", "--until", "2026-01-01T00:00:35")
    forgotten = call("store", "forget", "gate", *span, "--evidence", evidence, "--yes", *store)
    assert ("vacuums" in forgotten.stdout) == empty_url.startswith("postgresql")
    assert call("store", "retain", "--events", "1d", "--evidence", evidence, *store).exit_code == 0
    assert [each["window"] for each in json.loads(call("events", "list", "--json", *store).stdout)] == [1]
    assert files(evidence) == {shown[1].path}
    assert call("store", "doctor", "--evidence", evidence, *store).stdout == "rows and files agree\n"
