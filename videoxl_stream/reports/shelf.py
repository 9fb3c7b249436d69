"""Where evidence lies, as seen from a report: what can be read, and what can be linked."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from videoxl_stream.errors import StoreError
from videoxl_stream.events import Exhibit
from videoxl_stream.store import EvidenceFolder


class Shelf:
    """An evidence folder, or none, and the place of the report that speaks of it.

    Args:
        evidence: the folder; None where there is none at hand.
        page: the report's file; None where it is not known, and then nothing can be linked.

    Raises:
        StoreError: there is no such folder.
    """

    def __init__(self, evidence: Path | str | None, page: Path | str | None) -> None:
        self._folder = None if evidence is None else EvidenceFolder(Path(evidence))
        self._beside = None if evidence is None or page is None else _beside(Path(evidence), Path(page))

    @property
    def is_there(self) -> bool:
        """Whether there is a folder."""
        return self._folder is not None

    def file(self, exhibit: Exhibit) -> Path | None:
        """The file of an exhibit; None where there is none, or where its path leads elsewhere."""
        try:
            path = None if self._folder is None else self._folder.file(exhibit.path)
        except StoreError:
            return None
        return path if path is not None and path.is_file() else None

    def link(self, exhibit: Exhibit) -> str | None:
        """A relative URL from the report to an exhibit's file; None where that cannot be."""
        if self._beside is None or self.file(exhibit) is None:
            return None
        return quote(f"{self._beside}/{exhibit.path}")


def _beside(evidence: Path, page: Path) -> str | None:
    """The way from a page to the folder, if it lies beside or below it, or beside the page's own folder.

    A longer way would tell whoever gets the page how this machine is laid out, and break as soon as it is moved.
    """
    way = Path(os.path.relpath(evidence.resolve(), page.resolve().parent))
    return way.as_posix() if way.parts.count("..") <= 1 else None
