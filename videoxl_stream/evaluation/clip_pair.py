"""A pair of clips: what a seed shows on a site camera and on a broadcast channel, as real video files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import torch

from videoxl_stream.connectors.file import FileSource
from videoxl_stream.training.footage.clips import ClipFormat, Truth, truth_path, write_clip
from videoxl_stream.training.footage.scenes import Scenario
from videoxl_stream.training.footage.vocabulary import STYLES

DURATION_S = 180.0
SAMPLE_FPS = 2.0  # as the embedded model was trained
ENCODING = ClipFormat(fps=4)
START = datetime(2026, 1, 1, 12, tzinfo=UTC)  # when the clips' cameras were switched on

ShareDone = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class ClipPair:
    """The two clips of a seed; their streams are named ``site-7`` and ``channel-7``.

    Args:
        seed: of both; half of all streams have no event.
        duration_s: of each clip.
        encoding: size, frame rate and quality.
        looks: ``seen`` in training or ``unseen``, see ``footage.families``.
        only: leave out the clip of the other style.
    """

    seed: int
    duration_s: float = DURATION_S
    encoding: ClipFormat = ENCODING
    looks: str = "seen"
    only: Sequence[str] = STYLES

    @property
    def styles(self) -> dict[str, str]:
        """The style of each stream."""
        return {f"{style}-{self.seed}": style for style in self.only}

    @property
    def scenarios(self) -> dict[str, Scenario]:
        """What happens on each stream; nothing is rendered."""
        return {
            name: Scenario.of(self.seed, style, self.duration_s, looks=self.looks)
            for name, style in self.styles.items()
        }

    def paths(self, folder: Path) -> dict[str, Path]:
        """Where the clip of each stream stands."""
        return {name: folder / f"{name}.mp4" for name in self.styles}

    def render(self, folder: Path, *, threads: int = 1, on_progress: ShareDone | None = None) -> dict[str, Truth]:
        """Render and encode both clips; their truth is written beside them.

        Args:
            folder: where ``paths`` finds them.
            threads: 2 renders them side by side.
            on_progress: is told stream and share done, maybe from several threads.

        Returns:
            the truth of each stream.
        """

        def one(name: str) -> Truth:
            tell = None if on_progress is None else partial(on_progress, name)
            path = self.paths(folder)[name]
            return write_clip(
                path,
                self.seed,
                self.styles[name],
                self.duration_s,
                encoding=self.encoding,
                looks=self.looks,
                on_progress=tell,
            )

        # A picture is too small to share: threads that wait for one another would take twice as long.
        before = torch.get_num_threads()
        try:
            with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                return dict(zip(self.styles, pool.map(one, self.styles), strict=True))
        finally:
            torch.set_num_threads(before)

    def truths(self, folder: Path) -> dict[str, Truth]:
        """Read what ``render`` wrote beside the clips.

        Raises:
            ConfigError: it was written by another version.
        """
        return {name: Truth.load(truth_path(path)) for name, path in self.paths(folder).items()}

    def sources(self, folder: Path) -> list[FileSource]:
        """The clips as streams, at the rate at which the embedded model was trained."""
        return [
            FileSource(path, sample_fps=SAMPLE_FPS, stream_id=name, start=START)
            for name, path in self.paths(folder).items()
        ]
