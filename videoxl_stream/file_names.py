"""Names of pipelines and streams as names of files."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

_LONGEST_NAME = 100  # file systems allow 255 bytes
_SAFE_FOR_LONG = 60


def file_name(name: str) -> str:
    """Turn any name into that of one file or folder: readable, harmless in URLs, another for each name."""
    # "=" takes the place of "%", which links would have to escape again; "quote" leaves no "=" of its own.
    safe = quote(name, safe="", errors="surrogatepass").replace("%", "=")
    if safe.startswith("."):
        safe = "=2E" + safe[1:]
    if len(safe) > _LONGEST_NAME:
        digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:32]
        return f"{safe[:_SAFE_FOR_LONG]}=={digest}"
    return safe or "=="
