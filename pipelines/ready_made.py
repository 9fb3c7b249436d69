"""The definitions that come along, by name."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

from videoxl_stream.config import Site
from videoxl_stream.errors import ConfigError

NAMES = ("surveillance", "ad_detection", "daily_summary")


def path_of(name: str) -> Path:
    """Where a ready-made definition is, as YAML.

    Raises:
        ConfigError: none has that name.
    """
    if "://" in name:  # it may hold a password
        msg = "a URL is no definition; give FILE.yaml, or a ready-made one with --source URL"
        raise ConfigError(msg)
    if name not in NAMES:
        near = get_close_matches(name, NAMES, n=1)
        instead = f" (did you mean {near[0]!r}?)" if near else ""
        msg = f"{name!r} is no definition{instead}; give FILE.yaml, FILE.py:NAME, or one of {', '.join(NAMES)}"
        raise ConfigError(msg)
    return Path(str(files("videoxl_stream.pipelines") / f"{name}.yaml"))


def ready_made(name: str) -> Site:
    """A ready-made definition, still without sources.

    Raises:
        ConfigError: none has that name.
    """
    return Site.from_yaml(path_of(name))
