"""A site of rendered footage, watched by the model that comes along."""

from __future__ import annotations

from pathlib import Path

import yaml

from videoxl_stream.evaluation.clip_pair import ClipPair

_RULES = ["fire", "intrusion", "fall", "crowd", "ad", "tampering", {"use": "count", "every_s": 20}]


class FootageSite:
    """Writes the definition of a site that watches two clips, a camera's and a channel's.

    Args:
        folder: of the clips, which are rendered here unless they are there.
        seed: of what happens.
        duration_s: of each clip.
        durability: kind of durable memory.
    """

    def __init__(self, folder: Path, *, seed: int, duration_s: float, durability: str = "kv") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._pair = ClipPair(seed, duration_s)
        self._clips = self._pair.paths(folder)
        if not all(path.exists() for path in self._clips.values()):
            self._pair.render(folder, threads=2)
        self._durability = durability

    def __call__(self, folder: Path, url: str) -> str:
        """Write it; everything that it makes lies in its folder."""
        sources = [
            {"url": str(path), "stream_id": name, "start": "2026-01-01T00:00:00Z"} for name, path in self._clips.items()
        ]
        site = {
            "name": "site",
            "sources": sources,
            "rules": _RULES,
            "budget": 2048,
            "events": url,
            "evidence": {"folder": str(folder / "evidence")},
            "durability": {"folder": str(folder / "memory"), "kind": self._durability, "checkpoint_windows": 7},
            "sinks": [str(folder / "events.jsonl")],
        }
        path = folder / "site.yaml"
        path.write_text(yaml.safe_dump(site), encoding="utf-8")
        return str(path)
