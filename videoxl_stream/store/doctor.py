"""Whether rows and files agree, looked at from both sides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

import sqlalchemy as sa

from videoxl_stream.errors import StoreError
from videoxl_stream.store.database import Database
from videoxl_stream.store.evidence_folder import EvidenceFolder
from videoxl_stream.store.reading import EXHIBITS_BY_PATH, PAGE_ROWS, Row, pages
from videoxl_stream.store.tables import EventRow, ExhibitRow

_PARTIAL = (".partial", ".part")  # what writers name a file until it is whole


class Fault(StrEnum):
    """What is wrong with a file of evidence or its row."""

    MISSING = "missing"
    SIZE = "size"
    UNFINISHED = "unfinished"
    EVENTLESS = "eventless"
    PARTIAL = "partial"
    STRAY = "stray"


REMEDIES = {
    Fault.MISSING: "delete the row",
    Fault.SIZE: "correct the row",
    Fault.UNFINISHED: "delete the file and the row",
    Fault.EVENTLESS: "delete the file and the row",
    Fault.PARTIAL: "delete the file",
    Fault.STRAY: "delete the file",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Args:
        fault: its kind; ``REMEDIES`` says what mending it does.
        path: of the file, relative to the evidence folder.
        what: in words.
    """

    fault: Fault
    path: str
    what: str


class Doctor:
    """Looks for what is wrong, and mends it; never holds all rows or all files.

    Args:
        database: of the store.
        folder: of evidence.
        settled_s: files changed after this moment, in seconds since 1970, are left alone: their rows may be on the way.
    """

    def __init__(self, database: Database, folder: EvidenceFolder, settled_s: float) -> None:
        self._database, self._folder, self._settled_s = database, folder, settled_s

    def examine(self) -> Iterator[Finding]:
        """Everything that is wrong, rows first. What has been found may be mended before the next is asked for.

        Raises:
            StoreError: the database or the folder cannot be read.
        """
        has_event = sa.exists().where(EventRow.id == ExhibitRow.event_id)
        explained = sa.or_(ExhibitRow.event_id.is_(None), has_event).label("explained")
        query = sa.select(ExhibitRow.path, ExhibitRow.num_bytes, ExhibitRow.leaving, explained)
        for rows in pages(self._database, query, EXHIBITS_BY_PATH):
            yield from (finding for row in rows if (finding := self._row(row)) is not None)
        files = self._folder.files()
        while batch := list(islice(files, PAGE_ROWS)):
            yield from self._files([path for path, stat in batch if stat.st_mtime <= self._settled_s])

    def mend(self, finding: Finding) -> None:
        """Do what the remedy of a finding says.

        Raises:
            StoreError: a file cannot be deleted, or the row cannot be changed.
        """
        row = ExhibitRow.path == finding.path
        size = self._folder.size(finding.path)
        if finding.fault == Fault.SIZE:
            change: Any = sa.update(ExhibitRow).where(row).values(num_bytes=size or 0)
        else:
            change = sa.delete(ExhibitRow).where(row)
            if finding.fault != Fault.MISSING:
                self._delete(finding.path)
            elif size is not None:
                return  # it came meanwhile
        with self._database.writing() as connection:
            connection.execute(change)

    def _row(self, row: Row) -> Finding | None:
        if row.leaving:
            return Finding(Fault.UNFINISHED, row.path, "was given up, but not deleted to the end")
        if not row.explained:
            return Finding(Fault.EVENTLESS, row.path, "belongs to an event that is not there")
        file = self._folder.file(row.path)
        if not file.is_file():
            return Finding(Fault.MISSING, row.path, "has a row but no file")
        stat = file.stat()
        if stat.st_size != row.num_bytes and stat.st_mtime <= self._settled_s:
            return Finding(Fault.SIZE, row.path, f"has {stat.st_size} bytes, its row says {row.num_bytes}")
        return None

    def _files(self, paths: list[str]) -> Iterator[Finding]:
        query = sa.select(ExhibitRow.path).where(ExhibitRow.path.in_(paths))
        with self._database.reading() as connection:
            known = set(connection.execute(query).scalars())
        for path in paths:
            if path not in known:
                if path.endswith(_PARTIAL):
                    yield Finding(Fault.PARTIAL, path, "was left half written")
                else:
                    yield Finding(Fault.STRAY, path, "is a file without a row")

    def _delete(self, path: str) -> None:
        try:
            self._folder.delete(path)
        except OSError as e:
            msg = f"{self._folder.path / path} cannot be deleted: {e.strerror}; make its folder writable"
            raise StoreError(msg) from e
