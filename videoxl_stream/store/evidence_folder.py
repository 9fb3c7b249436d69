"""The folder that holds the files of evidence, and what may be done to them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from videoxl_stream.errors import StoreError


class EvidenceFolder:
    """Files of evidence by the paths that exhibits give, and never a file outside the folder.

    Args:
        path: the folder.

    Raises:
        StoreError: there is none, as when a disk is not mounted.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            msg = f"there is no evidence folder {path}; mount its disk, or give the folder that the pipeline writes to"
            raise StoreError(msg)
        self.path = path

    def file(self, path: str) -> Path:
        """Where an exhibit's file is.

        Raises:
            StoreError: the path leads out of the folder.
        """
        return self.path / checked(path)

    def size(self, path: str) -> int | None:
        """Bytes of an exhibit's file; None where there is none."""
        file = self.file(path)
        return file.stat().st_size if file.is_file() else None

    def delete(self, path: str) -> bool:
        """Delete an exhibit's file; says whether it was there.

        Raises:
            OSError: the file cannot be deleted.
        """
        try:
            self.file(path).unlink()
        except FileNotFoundError:
            return False
        return True

    def files(self) -> Iterator[tuple[str, os.stat_result]]:
        """Every file, as exhibits name it; folders are read bit by bit."""
        folders = [self.path]
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    else:
                        yield Path(entry.path).relative_to(self.path).as_posix(), entry.stat(follow_symlinks=False)


def checked(path: str) -> str:
    """The path of an exhibit, if it stays inside the folder.

    Raises:
        StoreError: it does not.
    """
    parts = PurePosixPath(path).parts
    if (
        not parts
        or path.startswith("/")
        or ".." in parts
        or "\\" in path
        or "\0" in path
        or str(PurePosixPath(path)) != path
    ):
        msg = f"{path!r} is no path inside the evidence folder; give one relative to it, with forward slashes"
        raise StoreError(msg)
    return path
