"""A database by URL: opened, brought up to date, and its errors in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from videoxl_stream.errors import StoreError

_BUSY_TIMEOUT_MS = 10_000


class Database:
    """A connection pool to a database whose tables are those of this version.

    Args:
        url: SQLAlchemy's form. SQLite files are opened in WAL mode, so that readers never wait for the writer.
        create: whether a SQLite file that is not there is made.

    Raises:
        StoreError: the database cannot be reached, is no database or belongs to a newer version.
    """

    def __init__(self, url: str, *, create: bool = True) -> None:
        self._url = _parse(url)
        if not create and self._is_sqlite and not Path(self._url.database or "").is_file():
            msg = f"there is no event store {self.name}; give the URL of one that a pipeline has written"
            raise StoreError(msg)
        with self.errors():
            self._engine = self._connect()
            self._upgrade()

    @property
    def name(self) -> str:
        """The URL without user, password and options: fit for logs and people."""
        url = self._url
        return sa.URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()

    @property
    def _is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Tell the library's errors in our words, without credentials."""
        try:
            yield
        except (SQLAlchemyError, ImportError, CommandError) as e:
            reason = str(e.orig if isinstance(e, DBAPIError) else e).strip()
            if self._url.password:
                reason = reason.replace(str(self._url.password), "***")
            msg = f"event store {self.name}: {reason}. {_remedy(e)}"
            raise StoreError(msg) from e

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection to read with."""
        with self.errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction: all of it happens, or nothing."""
        with self.errors(), self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Release all connections; may be called twice."""
        self._engine.dispose()

    def _connect(self) -> sa.Engine:
        if not self._is_sqlite:
            return sa.create_engine(self._url, pool_pre_ping=True)
        in_memory = self._url.database in (None, "", ":memory:")
        engine = sa.create_engine(self._url, **({"poolclass": StaticPool} if in_memory else {}))
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _upgrade(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        head = ScriptDirectory.from_config(config).get_current_head()
        with self._engine.connect() as connection:
            if MigrationContext.configure(connection).get_current_revision() == head:
                return
        with self.writing() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _parse(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
        parsed.get_dialect()
    except (ArgumentError, ValueError, ImportError):
        # Their messages may quote what was given, password and all.
        msg = "the store's URL cannot be read; give one such as sqlite:///events.db or postgresql+psycopg://host/name"
        raise StoreError(msg) from None
    return parsed


def _remedy(error: Exception) -> str:
    if isinstance(error, ImportError):
        return f"Install the driver: pip install {error.name}"
    if isinstance(error, CommandError):
        return "It was written by a newer version of videoxl-stream: upgrade this one, or give another store"
    return "Check that the folder or server exists, may be written to and holds an event store, not something else"


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transaction handling starts too late for "read, then write"; we say BEGIN ourselves.
    connection.isolation_level = None
    for pragma in (f"busy_timeout={_BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer that begins as a reader may find that another has written meanwhile, and would have to give up.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
