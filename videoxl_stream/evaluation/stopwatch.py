"""How long a model works."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import process_time

from videoxl_stream.frames import Image
from videoxl_stream.model.memory import VideoMemory
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.queries import Query, Span, Verdict


class Stopwatch:
    """A model that counts the seconds of processor time spent in it, whatever else the machine does meanwhile."""

    def __init__(self, model: VideoXL) -> None:
        self._model = model
        self.seconds = 0.0

    @property
    def window_frames(self) -> int:
        """As the model's."""
        return self._model.window_frames

    @property
    def fingerprint(self) -> str:
        """As the model's."""
        return self._model.fingerprint

    def open_memory(
        self, *, system: str | None = None, ratio: int | None = None, budget: int | None = None
    ) -> VideoMemory:
        """As the model's."""
        with self._running():
            return self._model.open_memory(system=system, ratio=ratio, budget=budget)

    def append(self, memory: VideoMemory, frames: Sequence[Image], timestamps: Sequence[float]) -> None:
        """As the model's."""
        with self._running():
            self._model.append(memory, frames, timestamps)

    def close_window(self, memory: VideoMemory) -> None:
        """As the model's."""
        with self._running():
            self._model.close_window(memory)

    def answer(self, memory: VideoMemory, question: str, *, span: Span | None = None) -> Iterator[str]:
        """As the model's, but all at once."""
        with self._running():
            return iter(list(self._model.answer(memory, question, span=span)))

    def verdicts(self, memory: VideoMemory, queries: Sequence[Query]) -> list[Verdict]:
        """As the model's."""
        with self._running():
            return self._model.verdicts(memory, queries)

    def save_memory(self, memory: VideoMemory, path: Path) -> None:
        """As the model's."""
        self._model.save_memory(memory, path)

    def load_memory(self, path: Path) -> VideoMemory:
        """As the model's."""
        return self._model.load_memory(path)

    def dump_memory(self, memory: VideoMemory, after: int = 0) -> bytes:
        """As the model's."""
        return self._model.dump_memory(memory, after)

    def restore_memory(self, memory: VideoMemory, parts: Sequence[bytes]) -> None:
        """As the model's."""
        self._model.restore_memory(memory, parts)

    @contextmanager
    def _running(self) -> Iterator[None]:
        begun = process_time()
        try:
            yield
        finally:
            self.seconds += process_time() - begun
