"""A PostgreSQL server that is stopped under a daemon."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.disturbed import Fault
from tests.faults.site import Site
from tests.postgres import PostgreSQL


def stopped(server: PostgreSQL) -> Fault:
    """The server is shut down at once, and started again."""

    @contextmanager
    def fault(_: Site) -> Iterator[None]:
        server.stop()
        try:
            yield
        finally:
            server.start()

    return fault
