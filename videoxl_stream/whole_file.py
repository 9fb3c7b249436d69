"""Files that are there only when they are whole."""

from __future__ import annotations

import os
from pathlib import Path

from videoxl_stream.errors import ConfigError


def write_text(path: Path, text: str) -> Path:
    """Write a file as UTF-8, as ``write_bytes`` does."""
    return write_bytes(path, text.encode("utf-8", errors="replace"))


def write_bytes(path: Path, data: bytes) -> Path:
    """Write a file, and the folders above it.

    Returns:
        the path.

    Raises:
        ConfigError: it cannot be written; what stood there before is still there.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")  # several processes may write the same file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(data)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as e:
        msg = f"{path} cannot be written: {e.strerror}; give a file in a folder of yours"
        raise ConfigError(msg) from e
    return path
