from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calling import call
from tests.store.samples import event
from videoxl_stream.store import EventStore


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Two events on the way to two sinks; one of them refused by one."""
    url = f"sqlite:///{tmp_path / 'events.db'}"
    with EventStore(url) as opened:
        opened.commit("site", "gate", events=[event(0), event(1)], outbox=["kafka", "pager"])
        opened.outbox.failed("pager", opened.outbox.waiting("pager")[0].seq, "413 [too] large", refused=True)
    return url


def test_what_was_not_delivered_is_shown_with_the_reason(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = call("outbox", "list", "--store", store).stdout
    assert "413 [too] large" in shown
    assert "kafka: 2 waiting, 0 refused\npager: 1 waiting, 1 refused\n" in shown
    lines = call("outbox", "list", "--store", store, "--json", "--refused").stdout.splitlines()
    [letter] = map(json.loads, lines)
    assert (letter["sink"], letter["attempts"], letter["event"]["window"]) == ("pager", 1, 0)
    lines = call("outbox", "list", "--store", store, "--json", "--waiting", "--sink", "kafka").stdout.splitlines()
    assert [json.loads(line)["event"]["window"] for line in lines] == [0, 1]


def test_what_was_refused_is_tried_again(store: str) -> None:
    assert call("outbox", "retry", "--store", store, "--event", event(1).id[:8]).stdout == "0 will be tried again\n"
    assert call("outbox", "retry", "--store", store, "--sink", "pager").stdout == "1 will be tried again\n"
    with EventStore(store) as opened:
        assert opened.outbox.backlog()["pager"].refused == 0


def test_only_who_says_so_drops(store: str) -> None:
    assert call("outbox", "drop", "--store", store, answer="n\n").exit_code == 1
    assert call("outbox", "drop", "--store", store, "--waiting", "--yes").exit_code == 2  # of which sink?
    assert "dropped 1\n" in call("outbox", "drop", "--store", store, answer="y\n").stdout
    assert call("outbox", "drop", "--store", store, "--sink", "kafka", "--waiting", "--yes").stdout == "dropped 2\n"
    with EventStore(store) as opened:
        assert {sink: left.waiting for sink, left in opened.outbox.backlog().items()} == {"pager": 1}
        assert len(opened.events()) == 2


def test_nothing_to_show_is_said(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    EventStore(url).close()
    assert call("outbox", "list", "--store", url).stdout == "everything has been delivered\n"


def test_forgetting_says_what_was_still_on_its_way(store: str) -> None:
    span = ("--since", "2026-01-01T00:00:00", "--until", "2026-01-01T00:00:05")
    told = call("store", "forget", "gate", *span, "--store", store, "--yes").stdout
    assert "2 revisions of these events had not been delivered to a sink" in told
    assert "kafka: 1 waiting, 0 refused\n" in call("outbox", "list", "--store", store).stdout
