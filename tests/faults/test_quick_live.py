"""A small share of the faults of cameras and brokers, for every test run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import kafka_broker, postgres, rtsp_servers
from tests.connectors.kafka.conftest import collected  # noqa: F401 - kafka-python leaves sockets here, too
from tests.faults.brokers import killed_broker, malformed
from tests.faults.cameras import disturbed_cameras, killed_workers
from tests.faults.sharing import shared

pytestmark = [
    pytest.mark.service,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

Require = Callable[[bool, str], None]


@pytest.fixture
def cameras(require_service: Require) -> None:
    require_service(rtsp_servers.program() is not None, rtsp_servers.RECORDINGS_REMEDY)


@pytest.fixture
def broker(require_service: Require) -> None:
    require_service(kafka_broker.program() is not None, kafka_broker.REMEDY)


@pytest.mark.usefixtures("cameras")
def test_cameras_come_back_by_themselves(tmp_path: Path) -> None:
    outcome = disturbed_cameras(tmp_path, num_cameras=2, faults_each=1)
    assert outcome.is_well, outcome


@pytest.mark.usefixtures("cameras")
def test_a_capturing_process_that_dies_costs_one_camera_one_connection(tmp_path: Path) -> None:
    outcome = killed_workers(tmp_path, num_cameras=2, num_kills=2)
    assert outcome.is_well, outcome


@pytest.mark.usefixtures("broker")
def test_a_broker_that_dies_loses_no_event(tmp_path: Path) -> None:
    outcome = killed_broker(tmp_path, tmp_path / "clips", num_kills=1)
    assert outcome.is_well, outcome


@pytest.mark.usefixtures("broker")
def test_malformed_messages_bring_no_daemon_down(tmp_path: Path) -> None:
    outcome = malformed(tmp_path, num=70)
    assert outcome.is_well, outcome


@pytest.mark.usefixtures("broker")
def test_daemons_that_come_and_go_find_what_one_finds(tmp_path: Path, require_service: Require) -> None:
    require_service(postgres.programs() is not None, postgres.REMEDY)
    outcome = shared(tmp_path, tmp_path / "clips", num_streams=2, num_faults=1)
    assert outcome.is_well, outcome
