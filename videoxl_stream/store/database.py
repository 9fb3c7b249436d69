"""A database by URL: opened, brought up to date, and its errors in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from videoxl_stream.errors import StoreError
from videoxl_stream.store.tables import Tables

_FULL = {sqlite3.SQLITE_FULL, "53100"}  # PostgreSQL's disk_full
_BUSY = {sqlite3.SQLITE_BUSY, "55P03"}  # lock_not_available
_BUSY_TIMEOUT_MS = 10_000
# A writer that begins as a reader may find that another has written meanwhile, and would have to give up.
_WRITES = "BEGIN IMMEDIATE"
# Options of a URL whose values say what went wrong; any other may be a secret.
_HARMLESS = {"host", "port", "dbname", "sslmode", "connect_timeout", "timeout", "application_name"}
# How long a server that is gone, stuck or locked may hold anybody up; what the URL says goes first.
_LIBPQ = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_SERVER = "-c lock_timeout=10s -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s"
_POOL_TIMEOUT_S = 10.0
_MIGRATION_LOCK = 0x76786C73  # any number that no other program's advisory locks have: "vxls"


class Database:
    """A connection pool to a database whose tables are those of this version.

    Args:
        url: SQLAlchemy's form. SQLite files are opened in WAL mode, so that readers never wait for the writer.
        create: whether a SQLite file that is not there is made.
        upgrade: whether older tables are brought up to date.

    Raises:
        StoreError: the database cannot be reached, is no database or belongs to a newer version.
    """

    def __init__(self, url: str, *, create: bool = True, upgrade: bool = True) -> None:
        self._url = _parse(url)
        if not create and self.is_sqlite and not Path(self._url.database or "").is_file():
            msg = f"there is no event store {self.name}; give the URL of one that a pipeline has written"
            raise StoreError(msg)
        with self.errors():
            self._engine = self._connect()
            if upgrade and self.pending():
                self.upgrade()

    @property
    def name(self) -> str:
        """The URL without user, password and options: fit for logs and people."""
        url = self._url
        return sa.URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file that is ours, not a server."""
        return self._url.get_backend_name() == "sqlite"

    @property
    def in_memory(self) -> bool:
        """Whether it is on no disk; then only the thread that opened it can use it."""
        return self.is_sqlite and self._url.database in (None, "", ":memory:")

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Tell the library's errors in our words, without credentials."""
        try:
            yield
        except (SQLAlchemyError, ImportError, CommandError, RevisionError) as e:
            reason = " ".join(str(e.orig if isinstance(e, DBAPIError) else e).split())
            for secret in _secrets(self._url):
                reason = reason.replace(secret, "***")
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
        with self.errors(), self._engine.connect().execution_options(begin=_WRITES) as connection, connection.begin():
            yield connection

    @contextmanager
    def trying(self) -> Iterator[sa.Connection]:
        """One transaction that is taken back at the end, to see what would happen."""
        with self.errors(), self._engine.connect().execution_options(begin=_WRITES) as connection:
            with connection.begin() as transaction:
                yield connection
                transaction.rollback()

    def upsert(self, table: type[Tables]) -> Insert:
        """An INSERT that can say what happens where the row is there already."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)  # type: ignore[return-value]

    def scrub(self) -> bool:
        """Let nothing of deleted rows stay in the files; says whether that is in our hands, which it is for SQLite.

        Raises:
            StoreError: another program is using the database.
        """
        if not self.is_sqlite:
            return False
        with self.errors(), self._engine.connect().execution_options(begin="") as connection:
            connection.exec_driver_sql("VACUUM")
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one()
        if busy:
            msg = (
                f"event store {self.name}: what was deleted may still be read in the database's files, because "
                "another program is using them. Stop it, and do this again"
            )
            raise StoreError(msg)
        return True

    def close(self) -> None:
        """Release all connections; may be called twice."""
        self._engine.dispose()

    def _connect(self) -> sa.Engine:
        if not self.is_sqlite:
            # A server that was restarted is noticed before its connection is used.
            return sa.create_engine(
                self._url, connect_args=_limits(self._url), pool_pre_ping=True, pool_timeout=_POOL_TIMEOUT_S
            )
        engine = sa.create_engine(self._url, **({"poolclass": StaticPool} if self.in_memory else {}))
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine

    def pending(self) -> list[str]:
        """Migrations that are still to be run, in order, each as its number and what it is for."""
        script = ScriptDirectory.from_config(self._config())
        with self.errors(), self._engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
            revisions = [] if current == script.get_current_head() else script.iterate_revisions("head", current)
            return [f"{revision.revision}  {revision.doc}" for revision in revisions][::-1]

    def upgrade(self) -> None:
        """Run the migrations that are pending, in one transaction."""
        config = self._config()
        with self.writing() as connection:
            if not self.is_sqlite:  # large tables take their time
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def _config(self) -> Config:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        return config


def _parse(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
        if parsed.drivername in {"postgresql", "postgres"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        parsed.get_dialect()
    except (ArgumentError, ValueError, ImportError):
        # Their messages may quote what was given, password and all.
        msg = "the store's URL cannot be read; give one such as sqlite:///events.db or postgresql+psycopg://host/name"
        raise StoreError(msg) from None
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        msg = f"an event store cannot be kept in {parsed.get_backend_name()}; give a URL of SQLite or PostgreSQL"
        raise StoreError(msg)
    return parsed


def _limits(url: sa.URL) -> dict[str, Any]:
    """What to add to a PostgreSQL server's address, in the words of its own library; others have other words."""
    if url.get_driver_name() not in {"psycopg", "psycopg2"}:
        return {}
    given = url.normalized_query
    missing: dict[str, Any] = {name: value for name, value in _LIBPQ.items() if name not in given}
    return {**missing, "options": " ".join((_SERVER, *given.get("options", ())))}


def _secrets(url: sa.URL) -> list[str]:
    """What of a URL must not be shown, longest first, since one may hold another."""
    options = [value for name, values in url.normalized_query.items() if name not in _HARMLESS for value in values]
    user = f'"{url.username}"' if url.username else ""  # as servers quote it; bare, it may be part of any word
    return sorted(filter(None, (url.password, user, *options)), key=len, reverse=True)


def _remedy(error: Exception) -> str:
    if isinstance(error, ImportError):
        wanted = "'videoxl-stream[postgres]'" if error.name == "psycopg" else error.name
        return f"Install the driver: pip install {wanted}"
    if isinstance(error, (CommandError, RevisionError)):
        return "It was written by a newer version of videoxl-stream: upgrade this one, or give another store"
    cause = getattr(error, "orig", None)
    codes = {getattr(cause, "sqlite_errorcode", 0) & 0xFF, getattr(cause, "sqlstate", None)}
    if codes & _FULL:
        return "Free room on its disk, and it goes on; no restart is needed"
    if codes & _BUSY:
        return "Another program holds it: wait for that one, or stop it"
    return "Check that the folder or server exists, may be written to and holds an event store, not something else"


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transaction handling starts too late for "read, then write"; we say BEGIN ourselves.
    connection.isolation_level = None
    for pragma in (f"busy_timeout={_BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    begin = connection.get_execution_options().get("begin", "BEGIN")
    if begin:
        connection.exec_driver_sql(begin)
