"""Passwords that were planted are nowhere in what is shown."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.cli.calling import call
from tests.connectors.kafka.footage import frame, jpeg
from tests.connectors.kafka.occurrences import occurrence
from tests.kafka_broker import KafkaBroker
from videoxl_stream.connectors import open_feed, open_sink
from videoxl_stream.connectors.kafka import FrameProducer, KafkaSecurity, KafkaSource
from videoxl_stream.errors import ConfigError, SinkError

pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")]

USER, PASSWORD = "agent-smith", "pa55/w@rd-of-mine"
LOGIN = f"{USER}:{quote(PASSWORD, safe='')}"
PLANTED = {USER, PASSWORD, quote(PASSWORD, safe=""), PASSWORD.split("@", maxsplit=1)[0]}


def check_nothing_shows(*texts: object) -> None:
    for text in texts:
        shown = f"{text} {text!r}"
        assert not {secret for secret in PLANTED if secret in shown}, shown


def words_of(action: Callable[[], object]) -> str:
    with pytest.raises((ConfigError, SinkError)) as raised:
        action()
    causes = [raised.value, raised.value.__cause__]
    return " ".join(f"{each} {each!r}" for each in causes)


def test_descriptions_show_no_secret() -> None:
    url = f"kafka://{LOGIN}@broker:9092/frames?group=site&key_password={PASSWORD.split('@', maxsplit=1)[0]}"
    source = open_feed(url)
    assert isinstance(source, KafkaSource)
    sink, producer = open_sink(url.split("?", maxsplit=1)[0]), FrameProducer.from_url(url.split("?", maxsplit=1)[0])
    security = KafkaSecurity(username=USER, password=PASSWORD)
    check_nothing_shows(source, source.name, sink, sink.name, producer, producer.name, security)  # type: ignore[attr-defined]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_logs_and_errors_show_no_secret(
    mortal_broker: KafkaBroker, caplog: pytest.LogCaptureFixture, mechanism: str
) -> None:
    caplog.set_level(logging.DEBUG)
    host = f"{LOGIN}@{mortal_broker.servers}"
    url = f"kafka://{host}/{mortal_broker.topic()}?mechanism={mechanism}"
    feed = open_feed(f"{url}&group=site").open()
    deadline = time.monotonic() + 4  # whether this broker refuses the login, or says nothing
    while time.monotonic() < deadline and not feed.connection.up:
        feed.poll(0.1, lambda _: None)
    check_nothing_shows(feed.connection)
    feed.close()
    mortal_broker.kill()
    sink = open_sink(url, timeout_s=1)
    check_nothing_shows(words_of(lambda: sink.write(occurrence(0))))
    sink.close()
    producer = FrameProducer.from_url(url)
    check_nothing_shows(words_of(lambda: producer.write_message("a", frame("a", 0).utc, jpeg())))
    producer.close()
    check_nothing_shows(caplog.text)
    assert "no broker answers" in caplog.text


def test_the_command_line_shows_no_secret(mortal_broker: KafkaBroker) -> None:
    mortal_broker.kill()
    for to in (f"kafka://{LOGIN}@{mortal_broker.servers}/frames", f"kafka://{LOGIN}@{mortal_broker.servers}/a b"):
        told = call("frames", "produce", "missing.mp4", "--to", to)
        assert told.exit_code == 2
        check_nothing_shows(told.output)


@pytest.mark.parametrize("url", [f"kafka://{LOGIN}@/frames?group=a", f"kafka://{LOGIN}@broker:x/frames?group=a"])
def test_wrong_addresses_show_no_secret(url: str) -> None:
    check_nothing_shows(words_of(lambda: open_feed(url)), words_of(lambda: open_sink(url)))
