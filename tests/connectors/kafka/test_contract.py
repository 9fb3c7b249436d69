"""Messages, places and offsets without a broker."""

from __future__ import annotations

import errno
import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.connectors.kafka.footage import START, frame, jpeg
from videoxl_stream.connectors.kafka import InFlight, KafkaSecurity, KafkaSource
from videoxl_stream.connectors.kafka.brokers import Brokers, NoBroker
from videoxl_stream.connectors.kafka.dead_letters import DeadLetters
from videoxl_stream.connectors.kafka.encodings import Encoding, encode_picture, encode_segment
from videoxl_stream.connectors.kafka.message import Format, FrameMessage, Malformed
from videoxl_stream.connectors.kafka.pictures import decode_picture
from videoxl_stream.connectors.kafka.place import Place
from videoxl_stream.connectors.kafka.pressure import Pressure
from videoxl_stream.connectors.kafka.progress import Progress
from videoxl_stream.connectors.kafka.segments import Segments
from videoxl_stream.connectors.sampling import Sampling
from videoxl_stream.errors import ConfigError, SourceOpenError

GOOD = {"stream_id": b"gate", "timestamp": b"2026-01-01T00:00:00Z", "sequence": b"7"}


def record(headers: dict[str, bytes] | None = None, value: bytes | None = None, **changes: Any) -> Any:
    usual = {"topic": "frames", "partition": 0, "offset": 3, "timestamp": 1_767_225_600_000}
    return SimpleNamespace(
        headers=list((GOOD if headers is None else headers).items()),
        value=jpeg() if value is None else value,
        **{**usual, **changes},
    )


def message(**changes: Any) -> FrameMessage:
    return FrameMessage.of(record(**changes), max_bytes=10**6)


def test_a_message_says_whose_it_is_and_when() -> None:
    one = message()
    assert (one.stream_id, one.utc, one.dated, one.sequence, one.format) == ("gate", START, True, 7, Format.PICTURE)


@pytest.mark.parametrize(
    ("stated", "utc"),
    [
        (b"2026-01-01T01:00:00+01:00", START),
        (b"2026-01-01T00:00:00", START),
        (b"1767225600000", START),
        (b"2026-01-01 00:00:00.25Z", START.replace(microsecond=250_000)),
    ],
)
def test_times_are_iso_or_milliseconds(stated: bytes, utc: datetime) -> None:
    assert message(headers={**GOOD, "timestamp": stated}).utc == utc
    assert message(headers={**GOOD, "timestamp": stated}).utc.tzinfo is UTC


def test_without_a_time_the_message_s_own_counts() -> None:
    one = message(headers={"stream_id": b"gate"})
    assert (one.utc, one.dated, one.sequence) == (START, False, None)


MALFORMED = {
    "no stream": (record({}), "stream_id"),
    "empty stream": (record({**GOOD, "stream_id": b"  "}), "stream_id"),
    "unprintable stream": (record({**GOOD, "stream_id": b"a\x00b"}), "stream_id"),
    "long stream": (record({**GOOD, "stream_id": b"x" * 201}), "stream_id"),
    "no text": (record({**GOOD, "stream_id": b"\xff\xfe"}), "UTF-8"),
    "no time": (record({**GOOD, "timestamp": b"noon"}), "timestamp"),
    "endless time": (record({**GOOD, "timestamp": b"9" * 18}), "timestamp"),
    "time before time": (record({**GOOD, "timestamp": b"-5"}), "no footage is of that time"),
    "no own time": (record({"stream_id": b"gate"}, timestamp=-1), "no footage is of that time"),
    "no number": (record({**GOOD, "sequence": b"one"}), "sequence"),
    "negative number": (record({**GOOD, "sequence": b"-1"}), "sequence"),
    "large number": (record({**GOOD, "sequence": b"9" * 30}), "sequence"),
    "nothing": (record(value=b""), "empty"),
    "text": (record(value=b"hello, world"), "neither JPEG"),
    "too large": (record(value=jpeg() + bytes(10**6)), "too large"),
}


@pytest.mark.parametrize(("one", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_what_breaks_the_contract_is_named(one: Any, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        FrameMessage.of(one, max_bytes=10**6)


@given(st.binary(max_size=400), st.dictionaries(st.sampled_from([*GOOD, "other"]), st.binary(max_size=30)))
def test_nothing_else_can_happen_to_a_message(value: bytes, headers: dict[str, bytes]) -> None:
    try:
        one = FrameMessage.of(record({**GOOD, **headers}, value), max_bytes=300)
    except Malformed as e:
        assert str(e)
    else:
        assert one.value == value


@pytest.mark.parametrize("encoding", list(Encoding))
def test_every_encoding_is_told_by_its_first_bytes(encoding: Encoding) -> None:
    frames = [frame("gate", index) for index in range(8)]
    value = encode_segment(frames, encoding) if encoding.is_segment else encode_picture(frames[0], encoding)
    assert message(value=value).format is (Format.SEGMENT if encoding.is_segment else Format.PICTURE)


@pytest.mark.parametrize("encoding", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
def test_pictures_that_break_off_are_malformed(encoding: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    value = encode_picture(replace(frame("gate", 0), image=noise), Encoding(encoding))
    with pytest.raises(Malformed, match="cannot be decoded"):
        decode_picture(value[: int(len(value) * share)], max_pixels=10**6)


@given(st.sampled_from(["jpeg", "png", "webp"]), st.integers(0, 300), st.binary(min_size=1, max_size=40))
def test_damage_anywhere_gives_a_picture_or_a_reason(encoding: str, at: int, damage: bytes) -> None:
    value = encode_picture(frame("gate", 50), Encoding(encoding))
    at = min(at, len(value))
    try:
        image = decode_picture(value[:at] + damage + value[at + len(damage) :], max_pixels=10**6)
    except Malformed:
        return
    assert image.ndim == 3


def test_large_pictures_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(Malformed, match="64 x 48"):
        decode_picture(jpeg(), max_pixels=64 * 48 - 1)


offsets = st.lists(st.integers(0, 60), unique=True, min_size=1).map(sorted)


@given(offsets, st.data())
def test_what_is_committed_is_the_first_that_is_not_done(came: list[int], data: st.DataObject) -> None:
    progress = Progress()
    assert progress.committable({0}) == {}
    undone: set[int] = set()
    newest = 0
    for offset in came:
        progress.receive(0, offset)
        undone.add(offset)
        newest = offset
        for done in data.draw(st.lists(st.sampled_from(came))):
            if done <= offset:
                progress.done(0, done)
                undone.discard(done)
        assert progress.committable({0, 1}) == {0: min(undone, default=newest + 1)}
        assert progress.num_pending == len(undone)


def test_what_nobody_uses_is_never_committed() -> None:
    progress = Progress()
    progress.receive(0, 3)()
    progress.hold(0, 4)
    progress.hold(0, 5)
    progress.receive(0, 6)()
    assert progress.committable({0}) == {0: 4}
    progress.hold(1, 8)
    assert progress.committable({1}) == {1: 8}


def test_what_is_done_late_is_not_taken_for_a_message_that_came_since() -> None:
    progress = Progress()
    done = progress.receive(0, 3)
    assert progress.give_up({0}) == {0: 3}
    progress.receive(0, 3)
    done()
    assert progress.committable({0}) == {0: 3}


def test_what_may_be_committed_is_told_once_a_second() -> None:
    progress = Progress()
    progress.receive(0, 3)
    assert progress.due() == {0: 3}
    assert progress.due() == {}


def test_a_place_survives_json_and_another_source_s_is_refused() -> None:
    place = Place("id", 3, 17, 2, 40, 10**15, 10**15 + 5, 12)
    assert Place.of(place.position, "gate") == place
    assert Place.of(None, "gate") == Place.of({"index": 0}, "gate") == Place()
    with pytest.raises(SourceOpenError, match="another kind of source"):
        Place.of({"path": "gate.mp4", "index": 4}, "gate")


def test_repeats_are_told_from_producers_that_start_over() -> None:
    place = Place("id", 0, 9, 0, 5, 0, 0, 20)
    now = message().utc_us
    for number, newest_us, repeats in ((b"20", now, True), (b"3", now + 1, True), (b"21", now, False)):
        assert place.repeats(message(headers={**GOOD, "sequence": number}), newest_us) is repeats
    assert not place.repeats(message(headers={**GOOD, "sequence": b"3"}), now - 1)
    undated = {"stream_id": b"gate", "sequence": b"3"}
    assert place.repeats(message(headers=undated), now - 1)
    assert not place.repeats(message(headers={**undated, "sequence": b"0"}), now - 1)


class Waiting:
    def __init__(self, num: int, partition: int, num_bytes: int = 0) -> None:
        self.num, self.partitions, self.num_bytes = num, {partition}, num_bytes

    def __len__(self) -> int:
        return self.num


def test_a_full_stream_rests_its_partition_until_half_is_read() -> None:
    pressure = Pressure(InFlight(messages=10, num_bytes=100))
    for num, paused in ((9, False), (10, True), (6, True), (5, False), (9, False)):
        assert (pressure.look([Waiting(num, 1), Waiting(0, 2)], {1, 2}, all_rest=False) == {1}) is paused
    for num_bytes, all_rest in ((99, False), (100, True), (51, True), (49, False)):
        assert (pressure.look([Waiting(1, 1, num_bytes)], {1, 2}, all_rest=False) == {1, 2}) is all_rest
    assert pressure.look([], {1, 2}, all_rest=True) == {1, 2}


@pytest.mark.parametrize(("num", "num_bytes"), [(1000, 1), (4, 2**25)])
def test_dead_letters_that_nobody_takes_fill_no_memory(num: int, num_bytes: int) -> None:
    letters = DeadLetters(Brokers("127.0.0.1:1"), "dead")
    value = bytes(num_bytes)
    for _ in range(num):
        assert not letters.is_full
        letters.add(record(value=value), "no picture", lambda: None)
    assert letters.is_full


def test_a_segment_that_the_system_has_no_room_for_costs_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    segments = Segments(1, 30.0)
    value = encode_segment([frame("gate", index) for index in range(4)], Encoding.MPEGTS)

    def no_room(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    sampling = Sampling.of(None)
    with monkeypatch.context() as patched:
        patched.setattr(os, "memfd_create", no_room)
        with pytest.raises(OSError, match="Too many"):
            segments.open(value, sampling, offset_us=0, last_tick=None, given=0)
    opened = segments.open(value, sampling, offset_us=0, last_tick=None, given=0)
    assert opened is not None
    opened.close()
    segments.close()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("kafka://broker:9092/frames", "names no consumer group"),
        ("kafka://broker:9092/?group=a", "is no name of a topic"),
        ("kafka://broker:9092/frames?group=a&colour=red", "colour"),
        ("kafka://broker:9092/frames?group=a&sample_fps=fast", "sample_fps"),
        ("kafka://broker:9092/frames?group=a&session_timeout_s=long", "session_timeout_s"),
        ("kafka://broker:9092/frames?group=a&session_timeout_s=0.1", "session_timeout_s"),
        ("kafka://broker:9092/frames?group=a&session_timeout_s=nan", "session_timeout_s"),
        ("kafka://broker:9092/frames?group=a&session_timeout_s=inf", "session_timeout_s"),
        ("kafka://broker:9092/frames?group=a&tls=perhaps", "tls"),
        ("kafka://broker:9092/frames?group=a&start=now", "start"),
        ("kafka://broker:99999/frames?group=a", "host:port"),
        ("kafka://broker:9092/frames?group=a&dead_letters=frames", "dead letters"),
        ("kafka://me@broker:9092/frames?group=a&mechanism=GUESS", "mechanism"),
    ],
)
def test_addresses_that_cannot_be_are_refused(url: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        KafkaSource.from_url(url)


def test_an_address_says_everything() -> None:
    url = "kafka://me:s%40fe@one:9092,two/frames?group=site&sample_fps=all&dead_letters=bad&tls=yes"
    source = KafkaSource.from_url(url)
    assert source.brokers.servers == ["one:9092", "two:9092"]
    assert source.brokers.security == KafkaSecurity(tls=True, username="me", password="s@fe")
    assert (source.topic, source.group, source.dead_letters) == ("frames", "site", "bad")
    assert source.name == "kafka://one:9092,two:9092/frames"


def test_a_server_that_no_resolver_would_take_is_one_that_does_not_answer() -> None:
    with pytest.raises(NoBroker):
        Brokers("broker..example:9092").consumer()


@pytest.mark.parametrize(
    "security",
    [{"username": "me"}, {"key_file": "key.pem"}, {"ca_file": "missing.pem"}, {"mechanism": "NONE"}],
)
def test_security_that_lacks_something_is_refused(security: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        KafkaSecurity(**security)


def test_files_that_are_of_no_use_are_refused_at_once(tmp_path: Path) -> None:
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -passout pass:secret -days 2"
    command += " -subj /CN=site -keyout key.pem -out certificate.pem"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    certificate, key, text = tmp_path / "certificate.pem", tmp_path / "key.pem", tmp_path / "text.pem"
    text.write_text("no certificate")
    KafkaSecurity(ca_file=certificate, cert_file=certificate, key_file=key, key_password="secret")
    with pytest.raises(ConfigError, match="authorities to trust"):
        KafkaSecurity(ca_file=text)
    for password in ("wrong", None):  # without one, nobody is asked on the terminal
        with pytest.raises(ConfigError, match="the password of the key") as raised:
            KafkaSecurity(cert_file=certificate, key_file=key, key_password=password)
        assert "wrong" not in str(raised.value)
