"""Evidence, counts and changes come back as they were written, also when they are written twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.store.samples import START, event, exhibit
from videoxl_stream.errors import StoreError
from videoxl_stream.events import ExhibitKind, Severity, Status
from videoxl_stream.store import EventStore, Retention, StreamState, event_store
from videoxl_stream.store.reading import Page
from videoxl_stream.store.tables import EventRow

THUMBNAIL = ExhibitKind.THUMBNAIL


def test_evidence_comes_back_as_it_was(url: str) -> None:
    clip, picture, thumbnail = exhibit(0), exhibit(0, ExhibitKind.PICTURE), exhibit(1, THUMBNAIL)
    other = exhibit(5, THUMBNAIL, stream_id="yard", pipeline="home")
    with EventStore(url) as store:
        store.commit("site", "gate", events=[event(0)], exhibits=[thumbnail, picture, clip])
        store.commit("home", "yard", exhibits=[other])
    with EventStore(url) as store:
        assert store.exhibits() == [clip, picture, thumbnail, other]
        assert store.exhibits(event_id=event(0).id) == [clip, picture]
        assert store.exhibits(kind=THUMBNAIL) == [thumbnail, other]
        assert store.exhibits(stream_id="yard") == store.exhibits(pipeline="home") == [other]
        assert store.exhibits(since=START + timedelta(seconds=15)) == [thumbnail, other]
        assert store.exhibits(until=START + timedelta(seconds=10)) == [clip, picture]
        assert store.exhibits(limit=1) == [other]


def test_a_replay_writes_no_evidence_twice_and_a_clip_may_grow(url: str) -> None:
    grown = exhibit(0, num_bytes=300, end=START + timedelta(seconds=25), end_s=25)
    with EventStore(url) as store:
        for _ in range(2):
            store.commit("site", "gate", exhibits=[exhibit(0)])
        assert store.exhibits() == [exhibit(0)]
        store.commit("site", "gate", exhibits=[grown])
        assert store.exhibits() == [grown]


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../a.jpg", "a/../../b.jpg", "a\\b.jpg", "", "a//b.jpg", "./a.jpg", "a\0b"]
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with EventStore("sqlite://") as store:
        with pytest.raises(StoreError, match="no path inside the evidence folder"):
            store.commit("site", "gate", events=[event(0)], exhibits=[exhibit(0, path=path)])
        assert store.events() == []


def test_evidence_of_a_kept_event_is_kept(url: str) -> None:
    with EventStore(url) as store:
        store.commit("site", "gate", events=[event(0), event(1)], exhibits=[exhibit(0), exhibit(1)])
        assert store.keep(event(0).id)
        assert not store.keep("0" * 32)
        store.commit("site", "gate", exhibits=[exhibit(0, ExhibitKind.PICTURE), exhibit(1, ExhibitKind.PICTURE)])
        everything = Retention(events=timedelta(0), clips=timedelta(0), pictures=timedelta(0))
        gone = store.apply(everything, None, START + timedelta(days=1), dry_run=True)
        assert (gone.events, gone.exhibits) == (1, {ExhibitKind.CLIP: 1, ExhibitKind.PICTURE: 1})
        assert store.keep(event(0).id, kept=False)
        assert store.apply(everything, None, START + timedelta(days=1), dry_run=True).events == 2


def test_streams_tell_what_became_of_them(url: str) -> None:
    counts = {"read": 10, "dropped": {"drop_oldest": 2}}
    with EventStore(url) as store:
        assert store.streams() == []
        store.commit("site", "gate", events=[event(3)])
        store.commit("site", "gate", exhibits=[exhibit(1, THUMBNAIL)], counts={"read": 5})
        store.commit("site", "gate", counts=counts)
        store.commit("home", "yard", state=StreamState(1, asked={"fire": START}))
        yard, gate = store.streams()
        assert [gate] == store.streams(pipeline="site")
        assert (gate.stream_id, gate.counts) == ("gate", counts)
        assert (gate.first, gate.last) == (START + timedelta(seconds=10), START + timedelta(seconds=40))
        assert (yard.pipeline, yard.counts, yard.first, yard.last) == ("home", {}, START, START)
        assert store.restore("site", "gate") is None


def test_changes_are_told_in_their_order_and_once(url: str) -> None:
    with EventStore(url) as store:
        assert store.last_change() == 0
        store.commit("site", "gate", events=[event(0), event(1)])
        found, seen = store.changes(0)
        assert found == [event(0), event(1)]
        assert store.changes(seen) == ([], seen)
        store.commit("site", "gate", events=[event(2), event(0, 1), event(1)])
        assert store.changes(seen)[0] == [event(2), event(0, 1)]
        first, middle = store.changes(0, limit=2)
        rest, end = store.changes(middle)
        assert [*first, *rest] == [event(1), event(2), event(0, 1)]
        assert end == store.last_change() or store.changes(end) == ([], end)


def test_many_events_are_read_one_by_one(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_store, "EVENTS_BY_START", Page(EventRow.start, EventRow.id, num_rows=4))
    events = [event(window, severity=Severity.INFO if window % 2 else Severity.CRITICAL) for window in range(25)]
    same_start = [each.model_copy(update={"start": START}) for each in events[:18]]
    with EventStore(url) as store:
        store.commit("site", "gate", events=[*same_start, *events[18:]])
        assert [each.window for each in store.each_event()][18:] == list(range(18, 25))
        assert {each.id for each in store.each_event()} == {each.id for each in events}
        assert {each.severity for each in store.each_event(severity=Severity.INFO)} == {Severity.INFO}
        assert list(store.each_event(status=Status.CLOSED)) == []
        assert [each.window for each in store.events(severity=Severity.INFO, limit=1)] == [23]
