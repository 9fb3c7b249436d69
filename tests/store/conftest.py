"""Stores of both kinds, empty and new for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.postgres import REMEDY, PostgreSQL, programs, served
from videoxl_stream.store import EventStore

TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSQL | None]:
    folder = programs()
    if folder is None:
        yield None
        return
    with served(folder) as running:
        running.execute(f'CREATE DATABASE "{TEMPLATE}"')
        EventStore(running.url(TEMPLATE)).close()
        yield running


@pytest.fixture
def postgres(server: PostgreSQL | None, require_service: Callable[[bool, str], None]) -> PostgreSQL:
    require_service(server is not None, REMEDY)
    assert server is not None
    return server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'events.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def url(request: pytest.FixtureRequest) -> str:
    """Of a store that is new and empty."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    server: PostgreSQL = request.getfixturevalue("postgres")
    return server.url(server.create(TEMPLATE))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def empty_url(request: pytest.FixtureRequest) -> str:
    """Of a database that no store has ever been in."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    server: PostgreSQL = request.getfixturevalue("postgres")
    return server.url(server.create())
