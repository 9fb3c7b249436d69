"""Files of questions as benchmarks publish them: a JSON list of objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from videoxl_stream.errors import ConfigError


def entries_of(path: Path, form: str) -> list[dict[str, Any]]:
    """Read the entries of a file, one at least.

    Args:
        path: of the file.
        form: what it should hold, for messages.

    Raises:
        ConfigError: it holds no list of objects.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        msg = f"{path} cannot be read as JSON ({e}); give {form}"
        raise ConfigError(msg) from e
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        msg = f"{path} holds no list of questions; give {form}, see docs/evaluation.md"
        raise ConfigError(msg)
    return entries
