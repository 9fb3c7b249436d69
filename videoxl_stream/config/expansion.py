"""What does not stand in a site's file itself: variables of the environment, and files that hold a secret."""

from __future__ import annotations

import os
import re
from pathlib import Path

from videoxl_stream.errors import ConfigError

_PLACE = re.compile(r"\$\{(?:(\w+)|file:([^}]+))\}")


def expand(text: str) -> str:
    """Put in what ``${NAME}``, a variable of the environment, and ``${file:PATH}``, the text of a file, stand for.

    Raises:
        ConfigError: a variable is not set, or a file cannot be read. No message holds what they stand for.
    """
    return _PLACE.sub(lambda found: _variable(found[1]) if found[1] else _content(Path(found[2])), text)


def _variable(name: str) -> str:
    if name not in os.environ:
        msg = f"the variable {name} is not set in the environment; set it, or write out what it stands for"
        raise ConfigError(msg)
    return os.environ[name]


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "it is no text"
        msg = f"the file {path} cannot be read ({reason}); make it, or give the user who runs this the right to"
        raise ConfigError(msg) from e
