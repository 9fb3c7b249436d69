"""A disk that is full: of evidence, memory and the store together."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.site import Site

_STEP_BYTES = 1 << 16


def can_mount() -> bool:
    """Whether a small file system of one's own can be had."""
    return os.geteuid() == 0 and Path("/bin/mount").exists()


@contextmanager
def small_disk(folder: Path, num_bytes: int) -> Iterator[None]:
    """A file system of so many bytes, at a folder."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={num_bytes}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(site: Site) -> Iterator[None]:
    """Fill the disk that a site lies on, to the last byte."""
    filler = site.folder.parent / "filler"
    with filler.open("wb", buffering=0) as file:
        size = _STEP_BYTES
        while size:
            try:
                written = file.write(bytes(size))
            except OSError:
                written = 0
            size = size if written == size else size // 2
    try:
        yield
    finally:
        filler.unlink()
