"""The outbox and a real broker: what the broker will never take is set aside, and the rest arrives."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.connectors.kafka.footage import all_records
from tests.connectors.kafka.occurrences import occurrence
from tests.kafka_broker import KafkaBroker
from videoxl_stream.connectors import open_sink
from videoxl_stream.delivery import Delivery
from videoxl_stream.events import Event
from videoxl_stream.store import EventStore

pytestmark = pytest.mark.service
LONG_S = 60.0


def test_an_event_that_is_too_large_blocks_no_other(broker: KafkaBroker, tmp_path: Path) -> None:
    topic = broker.topic()
    sent = [occurrence(number) for number in range(4)]
    sent[1] = sent[1].model_copy(update={"answer": "a" * 8_000_000})
    with EventStore(f"sqlite:///{tmp_path}/events.db") as store:
        delivery = Delivery(store, {"kafka": open_sink(f"kafka://{broker.servers}/{topic}")}, patience=2)
        delivery.start()
        store.commit("site", "gate", events=sent, outbox=delivery.names)
        delivery.wake()
        for _ in range(int(LONG_S / 0.02)):
            if delivery.status["kafka"].backlog == 0:
                break
            threading.Event().wait(0.02)
        assert delivery.close(LONG_S)
        [refused] = store.outbox.letters(refused=True)
    assert refused.event == sent[1]
    arrived = [Event.model_validate_json(record.value) for record in all_records(broker, topic, 3)]
    assert list(dict.fromkeys(arrived)) == [sent[0], sent[2], sent[3]]
