from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.samples import event
from videoxl_stream.connectors import open_sink
from videoxl_stream.connectors.json_lines import JSONLinesSink
from videoxl_stream.errors import ConfigError, SinkError
from videoxl_stream.events import Event


def events_in(path: Path) -> Iterator[Event]:
    return map(Event.model_validate_json, path.read_text(encoding="utf-8").splitlines())


def test_each_event_is_a_line_once_it_is_flushed(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    sink = JSONLinesSink(path)
    sink.write(event(0, answer="yes\nindeed"))
    sink.write(event(0, 1))
    assert not path.exists()
    sink.flush()
    sink.flush()
    sink.write(event(1))
    sink.flush()
    sink.close()
    assert list(events_in(path)) == [event(0, answer="yes\nindeed"), event(0, 1), event(1)]


@pytest.mark.parametrize("torn", [b"", b'{"half', b"x" * 200_000])
def test_what_a_crash_left_half_written_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "events.jsonl"
    for whole in (b"", event(0).model_dump_json().encode() + b"\n"):
        path.write_bytes(whole + torn)
        sink = JSONLinesSink(path)
        sink.write(event(1))
        sink.flush()
        assert list(events_in(path)) == ([event(0)] if whole else []) + [event(1)]


def test_a_folder_that_comes_later_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "later" / "events.jsonl"
    sink = JSONLinesSink(path)
    sink.write(event(0))
    with pytest.raises(SinkError, match="folder exists"):
        sink.flush()
    path.parent.mkdir()
    sink.write(event(0))
    sink.flush()
    path.rename(path.with_suffix(".1"))  # as logs are rotated
    sink.write(event(1))
    sink.flush()
    assert list(events_in(path.with_suffix(".1"))) == [event(0)]
    assert list(events_in(path)) == [event(1)]


def test_a_url_or_a_path_finds_it(tmp_path: Path) -> None:
    for where in (tmp_path / "a b.jsonl", str(tmp_path / "a b.jsonl"), f"file://{tmp_path}/a%20b.jsonl"):
        sink = open_sink(where)
        assert isinstance(sink, JSONLinesSink)
        assert sink.path == tmp_path / "a b.jsonl"


def test_a_scheme_that_nobody_knows_is_named() -> None:
    with pytest.raises(ConfigError, match=r"mqtt://.*kafka") as caught:
        open_sink("mqtt://ann:s3cret@host/topic")
    assert "s3cret" not in str(caught.value)
