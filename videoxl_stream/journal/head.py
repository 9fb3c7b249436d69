"""Head: what a stream's folder was made with, so that nothing else goes on with it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from videoxl_stream.errors import MemoryFormatError
from videoxl_stream.interfaces import MemoryT, VideoModel
from videoxl_stream.journal.segments import SegmentFolder

HEAD = "memory.json"
_VERSION = 1
_WORDS = {
    "version": "version of the format",
    "kind": "kind of durability",
    "fingerprint": "model",
    "ratio": "ratio",
    "system": "system prompt",
    "window_frames": "frames in a window",
}


@dataclass(frozen=True, slots=True)
class Head:
    """What decides whether a memory can be gone on with.

    Args:
        kind: of durability.
        fingerprint: of the model.
        ratio: raw visual tokens per kept one.
        system: digest of the system prompt; None for the model's own.
        window_frames: frames in a full window.
        version: of the format.
    """

    kind: str
    fingerprint: str
    ratio: int | None
    system: str | None
    window_frames: int
    version: int = _VERSION

    @classmethod
    def of(cls, model: VideoModel[MemoryT], memory: MemoryT, *, system: str | None, kind: str) -> Head:
        """What a memory that has just been opened is made with."""
        digest = None if system is None else hashlib.sha256(system.encode()).hexdigest()
        return cls(kind, model.fingerprint, memory.ratio, digest, model.window_frames)

    @property
    def text(self) -> bytes:
        """As it stands in the file."""
        made = asdict(self)
        return json.dumps({"made_with": made, "digest": _digest(made)}, indent=1).encode()

    def check(self, folder: SegmentFolder) -> None:
        """Compare with what a folder holds; none, or none that can be read, is no fault.

        Raises:
            MemoryFormatError: it was made with something else.
        """
        there, own = _read(folder), asdict(self)
        other = [name for name in _WORDS if there is not None and there.get(name) != own[name]]
        if there is None or not other:
            return
        differ = "; ".join(f"{_WORDS[name]} {there.get(name)!r}, not {own[name]!r}" for name in other)
        msg = (
            f"{folder.path} holds memory that was made otherwise ({differ}). Either start with what it was made "
            "with, or begin afresh and lose it: Durability(..., fresh=True) for one start, or delete that folder"
        )
        raise MemoryFormatError(msg)


def _read(folder: SegmentFolder) -> dict[str, Any] | None:
    try:
        there = json.loads(folder.path.joinpath(HEAD).read_bytes())
        return dict(there["made_with"]) if there["digest"] == _digest(there["made_with"]) else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _digest(made: object) -> str:
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()
