"""Finished pieces of a run, kept in a folder, so that a run which was stopped goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from videoxl_stream.errors import ConfigError
from videoxl_stream.whole_file import write_text

_SETTINGS = "settings.json"


class Finished:
    """What is done already.

    Args:
        folder: made with the first piece, so that a run which is refused leaves nothing behind.
        settings: all that a piece depends on; plain JSON.

    Raises:
        ConfigError: the folder belongs to a run with other settings.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self._settings: dict[str, Any] = json.loads(json.dumps(settings))
        if (folder / _SETTINGS).exists():
            self._compare(_read(folder / _SETTINGS), self._settings)

    def _compare(self, begun: dict[str, Any], wanted: dict[str, Any]) -> None:
        names = [name for name in {**begun, **wanted} if begun.get(name) != wanted.get(name)]
        if names:
            changed = "; ".join(f"{name} was {begun.get(name)!r} and is {wanted.get(name)!r}" for name in names)
            msg = (
                f"{self.folder} holds a run that was begun otherwise: {changed}. "
                "Go on with the same settings, or give another folder with --out"
            )
            raise ConfigError(msg)

    def get(self, name: str) -> dict[str, Any] | None:
        """A piece that is done, or None.

        Raises:
            ConfigError: its file is damaged.
        """
        path = self._path(name)
        return _read(path) if path.exists() else None

    def put(self, name: str, piece: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a piece; there is all of its file or none.

        Returns:
            the piece as ``get`` will give it.
        """
        if not (self.folder / _SETTINGS).exists():
            _write(self.folder / _SETTINGS, self._settings)
        _write(self._path(name), piece)
        return _read(self._path(name))

    def _path(self, name: str) -> Path:
        return self.folder / "pieces" / f"{name}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        msg = f"{path} cannot be read ({e}); delete it, and it is done again"
        raise ConfigError(msg) from e
    return content


def _write(path: Path, content: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(content) + "\n")
