"""Secrets that a test plants, and where of them anything can be read."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus


class Planted:
    """Distinct secrets by the place they stand in, of characters that encodings change."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}

    def __getitem__(self, place: str) -> str:
        """The secret of a place, as people write it."""
        return self._secrets.setdefault(place, f"zq{len(self._secrets):02}+{place[::-1]}/é")

    def add(self, place: str, secret: str) -> str:
        """Plant a secret that has to be of a certain form."""
        self._secrets[place] = secret
        return secret

    def in_url(self, place: str) -> str:
        """The same, percent-encoded."""
        return quote(self[place], safe="")

    def found_in(self, text: str) -> set[str]:
        """The places whose secrets can be read in a text."""
        small = text.lower()
        return {place for place, secret in self._secrets.items() if any(each in small for each in _spellings(secret))}


def _spellings(secret: str) -> Iterator[str]:
    data = secret.encode()
    middle = base64.b64encode(data[: len(data) // 3 * 3]).decode()  # also where more follows
    escaped = json.dumps(secret)[1:-1]
    for each in (secret, quote(secret, safe=""), quote(secret), quote_plus(secret), middle, escaped, repr(data)[2:-1]):
        yield each.lower()


def texts_below(folder: Path, leave_out: Iterable[Path] = ()) -> Iterator[tuple[str, str]]:
    """All files in a folder, their names among what can be read."""
    hidden = set(leave_out)
    for path in sorted(folder.rglob("*")):
        if path in hidden:
            continue
        content = path.read_bytes().decode(errors="replace") if path.is_file() else ""
        yield str(path.relative_to(folder)), f"{path.relative_to(folder)}\n{content}"
