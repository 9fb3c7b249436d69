"""The demo: footage that nobody has seen before, watched from its video files, scored against its truth.

Two clips are rendered and encoded as H.264, a site camera and a broadcast channel, of one seed that the embedded
model was never trained on (training draws from seeds of 5,000,000 and more). ``SEED`` was chosen by what happens in
the clips, before any model had watched them, and a test keeps it so: it is the first number from 1 on for which
``is_telling`` holds, that is, the site shows at least two occurrences of each of its kinds, the channel at least
three ads, and in at least a quarter of each clip nothing happens. Thresholds were chosen on seeds 2000 to 2039.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter

import torch

from videoxl_stream.connectors.file import FileSource
from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.comparison import Comparison
from videoxl_stream.evaluation.demo_report import write_report, write_summary
from videoxl_stream.events import Event
from videoxl_stream.interfaces import Sink
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.pipeline import Pipeline, Progress
from videoxl_stream.pipelines.embedded_rules import embedded_rules
from videoxl_stream.queries import Span
from videoxl_stream.store import EventStore
from videoxl_stream.training.footage.clips import ClipFormat, Truth, truth_path, write_clip
from videoxl_stream.training.footage.phrases import BRAND_QUESTIONS
from videoxl_stream.training.footage.scenes import Rates, Scenario
from videoxl_stream.training.footage.vocabulary import STYLES

SEED = 1
DURATION_S = 180.0
SAMPLE_FPS = 2.0
ENCODING = ClipFormat(fps=8)
RATES = Rates(quiet=0.0, spread=(1.0,))
START = datetime(2026, 1, 1, 12, tzinfo=UTC)  # when the clips' cameras were switched on
FILES = ("summary.json", "report.html", "events.db", "events.db-wal", "events.db-shm")

ShareDone = Callable[[str, float], None]


def seed_range(text: str) -> list[int]:
    """Seeds as people write them: ``7`` or ``1000-1009``, both ends included.

    Raises:
        ValueError: it is neither; argparse says so.
    """
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def is_telling(scenarios: Mapping[str, Scenario]) -> bool:
    """Whether a site and a channel show enough of everything, and enough of nothing, to be a demo."""
    counts = Counter(o.kind for scenario in scenarios.values() for o in scenario.occurrences)
    enough = min(counts["intrusion"], counts["fire"], counts["fall"]) >= 2 and counts["ad"] >= 3
    return enough and all(_quiet_share(scenario) >= 0.25 for scenario in scenarios.values())


def _quiet_share(scenario: Scenario) -> float:
    seconds = range(round(scenario.duration_s))
    return sum(not any(o.start_s <= s <= o.end_s for o in scenario.occurrences) for s in seconds) / len(seconds)


def clip_paths(folder: Path) -> dict[str, Path]:
    """Where the clip of each style stands."""
    return {style: folder / f"{style}.mp4" for style in STYLES}


def clear(folder: Path) -> None:
    """Make the folder, or take away what an earlier demo left there; files that are not of a demo stay.

    Raises:
        ConfigError: there is a file in the folder's place.
    """
    if folder.exists() and not folder.is_dir():
        msg = f"{folder} is a file; give the demo a folder of its own"
        raise ConfigError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    clips = clip_paths(folder).values()
    for path in (*(folder / name for name in FILES), *clips, *map(truth_path, clips)):
        path.unlink(missing_ok=True)


def render(
    folder: Path,
    seed: int,
    duration_s: float = DURATION_S,
    *,
    encoding: ClipFormat = ENCODING,
    on_progress: ShareDone | None = None,
) -> dict[str, Truth]:
    """Render the clips of a seed side by side, one thread each.

    Args:
        folder: where ``clip_paths`` finds them.
        seed: of both scenarios.
        duration_s: of each clip.
        encoding: size, frame rate and quality.
        on_progress: is told style and share done, from several threads.

    Returns:
        the truth of each style.
    """

    def one(style: str) -> Truth:
        tell = None if on_progress is None else partial(on_progress, style)
        path = clip_paths(folder)[style]
        return write_clip(path, seed, style, duration_s, rates=RATES, encoding=encoding, on_progress=tell)

    # A picture is too small to share: threads that wait for one another would take twice as long.
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(len(STYLES), initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return dict(zip(STYLES, pool.map(one, STYLES), strict=True))
    finally:
        torch.set_num_threads(threads)


def sources(clips: Mapping[str, Path]) -> list[FileSource]:
    """The clips as streams, at the rate at which the embedded model was trained."""
    return [FileSource(path, sample_fps=SAMPLE_FPS, stream_id=name, start=START) for name, path in clips.items()]


def watch(
    clips: Mapping[str, Path],
    model: VideoXL,
    store: EventStore,
    *,
    sinks: Sequence[Sink] = (),
    on_progress: Callable[[Progress], None] | None = None,
) -> list[Event]:
    """Watch video files with the embedded model's rules; the answer of each ad also names its brand.

    Args:
        clips: the file of each stream.
        model: has learnt what the rules ask.
        store: where events go.
        sinks: told of each event.
        on_progress: told of each step.

    Returns:
        the events, each as last stored.
    """
    pipeline = Pipeline(
        sources=sources(clips), model=model, rules=embedded_rules(), store=store, sinks=sinks, name="demo"
    )
    return [_named(pipeline, event) if event.rule == "ad" else event for event in pipeline.run(progress=on_progress)]


def _named(pipeline: Pipeline, event: Event) -> Event:
    """Ask which brand an ad showed, and store it with the event."""
    span = Span(event.start_s, event.end_s)
    brand = "".join(pipeline.model.answer(pipeline.memory(event.stream_id), BRAND_QUESTIONS[0], span=span))
    changes = {"answer": f"{event.answer}, {brand}", "revision": event.revision + 1}
    named = event.model_copy(update=changes)
    pipeline.store.commit(pipeline.name, event.stream_id, events=[named])
    return named


@dataclass(frozen=True, slots=True)
class Demo:
    """One run of the demo.

    Args:
        folder: is made, or cleared of an earlier demo; gets the clips, events, report and summary.
        seed: of both clips.
        duration_s: of each clip.
    """

    folder: Path
    seed: int = SEED
    duration_s: float = DURATION_S

    def run(
        self,
        *,
        sinks: Sequence[Sink] = (),
        on_render: ShareDone | None = None,
        on_watch: Callable[[Progress], None] | None = None,
    ) -> Comparison:
        """Render, watch, compare, and write everything down.

        Raises:
            ConfigError: the folder cannot be one.
            CheckpointError: the embedded weights are missing.
        """
        begun = perf_counter()
        clear(self.folder)
        truths = render(self.folder, self.seed, self.duration_s, on_progress=on_render)
        rendered = perf_counter()
        model = VideoXL.from_pretrained("embedded")
        loaded = perf_counter()
        clips = clip_paths(self.folder)
        with EventStore(f"sqlite:///{self.folder / 'events.db'}") as store:
            events = watch(clips, model, store, sinks=sinks, on_progress=on_watch)
        watched = perf_counter()
        compared = Comparison(truths, events)
        write_report(self.folder / "report.html", compared, clips, START)
        seconds = {"render": rendered - begun, "load": loaded - rendered, "watch": watched - loaded}
        write_summary(
            self.folder / "summary.json",
            compared,
            seed=self.seed,
            model={"name": "embedded", "fingerprint": model.fingerprint},
            seconds=seconds | {"total": perf_counter() - begun},
        )
        return compared
