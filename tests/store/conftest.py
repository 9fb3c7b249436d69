"""Stores of both kinds, empty and new for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.postgres import REMEDY, PostgreSQL, programs, served
from videoxl_stream.store import EventStore

# One database is used again and again: making one takes longer than most tests.
USED_AGAIN = "used_again"
EMPTY = "TRUNCATE events, exhibits, outbox, streams, rules; UPDATE counters SET value = 0"


_NUMBERS = count()


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSQL | None]:
    folder = programs()
    if folder is None:
        yield None
        return
    with served(folder) as running:
        running.create(USED_AGAIN)
        EventStore(running.url(USED_AGAIN)).close()
        yield running


@pytest.fixture
def postgres(server: PostgreSQL | None, require_service: Callable[[bool, str], None]) -> PostgreSQL:
    require_service(server is not None, REMEDY)
    assert server is not None
    return server


@pytest.fixture
def own_server(require_service: Callable[[bool, str], None]) -> Iterator[PostgreSQL]:
    """A server that may be stopped; the other tests go on with theirs."""
    folder = programs()
    require_service(folder is not None, REMEDY)
    assert folder is not None
    with served(folder) as running:
        running.create("events")
        yield running


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'events.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def url(request: pytest.FixtureRequest) -> str:
    """Of a store that is new and empty."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    server: PostgreSQL = request.getfixturevalue("postgres")
    server.execute(EMPTY, USED_AGAIN)
    return server.url(USED_AGAIN)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def empty_url(request: pytest.FixtureRequest) -> str:
    """Of a database that no store has ever been in."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    server: PostgreSQL = request.getfixturevalue("postgres")
    name = f"new_{next(_NUMBERS)}"
    server.create(name)
    return server.url(name)
