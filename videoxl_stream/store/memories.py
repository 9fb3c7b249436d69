"""Where streams keep their memories on disk: whoever deletes a span must know of all of them."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from videoxl_stream.store.database import Database
from videoxl_stream.store.tables import MemoryRow


class Memories:
    """Folders of durable memory, by stream; noted before anything is written there.

    A folder that was used once stays noted: what it holds does not go by itself.

    Args:
        database: of the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, pipeline: str, stream_id: str, path: Path) -> None:
        """Take note of a stream's own folder; noting it twice changes nothing.

        Raises:
            StoreError: it was not noted.
        """
        row = self._database.upsert(MemoryRow).values(pipeline=pipeline, stream_id=stream_id, path=str(path))
        with self._database.writing() as connection:
            connection.execute(row.on_conflict_do_nothing())

    def folders(self, stream_id: str, *, pipeline: str | None = None) -> list[Path]:
        """All folders that a stream ever kept memory in, on whatever machine, by name.

        Args:
            stream_id: name of the stream.
            pipeline: of this pipeline only; None for all.

        Raises:
            StoreError: the database cannot be read.
        """
        query = sa.select(MemoryRow.path).filter_by(stream_id=stream_id).order_by(MemoryRow.path)
        if pipeline is not None:
            query = query.filter_by(pipeline=pipeline)
        with self._database.reading() as connection:
            return [Path(path) for path in connection.execute(query).scalars()]

    def drop(self, stream_id: str, path: Path) -> None:
        """Know of a folder no more, since it has been deleted.

        Raises:
            StoreError: it is still noted.
        """
        with self._database.writing() as connection:
            connection.execute(sa.delete(MemoryRow).filter_by(stream_id=stream_id, path=str(path)))
