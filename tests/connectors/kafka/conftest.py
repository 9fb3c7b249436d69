"""A broker for the tests of one file."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator

import pytest

from tests import kafka_broker
from tests.kafka_broker import KafkaBroker


def served() -> Iterator[KafkaBroker]:
    if kafka_broker.program() is None:
        missing = pytest.fail if os.environ.get("CI", "").lower() not in {"", "0", "false"} else pytest.skip
        missing(kafka_broker.REMEDY)
    with kafka_broker.served() as broker:
        yield broker


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaBroker]:
    yield from served()


@pytest.fixture
def mortal_broker() -> Iterator[KafkaBroker]:
    """One that a test may kill."""
    yield from served()


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """kafka-python leaves sockets that could not connect to the garbage collector, which here must come in time."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
