"""Every verdict of a watch, kept, so that rules can be tried on them without watching again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from videoxl_stream.asking import Look, edges_at, pursue
from videoxl_stream.buffer import FrameBuffer, Window
from videoxl_stream.decisions import Moment, RuleState, Sighting, close, decide
from videoxl_stream.errors import EndOfStream
from videoxl_stream.evaluation.clip_pair import ClipPair
from videoxl_stream.events import Event
from videoxl_stream.interfaces import Source, VideoModel
from videoxl_stream.localise import Search
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.pipelines.embedded_rules import embedded_rules
from videoxl_stream.queries import Span, Verdict
from videoxl_stream.rules import Rule
from videoxl_stream.training.footage.clips import ClipFormat, Truth
from videoxl_stream.training.footage.vocabulary import STYLES

PIPELINE = "demo"
_READ_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a rule can be told at the close of one window.

    Args:
        moment: the close.
        edges: where the footage looked at can be cut.
        verdicts: of the whole, first, and of every piece that a search may ask about.
    """

    moment: Moment
    edges: tuple[float, ...]
    verdicts: Mapping[Span, Verdict]

    @property
    def span(self) -> Span:
        """The window."""
        return self.moment.span

    @property
    def verdict(self) -> Verdict:
        """What was said about all that the rule looks at."""
        return self.verdicts[Span(self.edges[0], self.edges[-1])]

    def sightings(self, rule: Rule, state: RuleState) -> list[Sighting]:
        """What a rule would have been told, with the thresholds that it has now."""
        look = Look.over(self.edges, rule, state, self.moment)
        while wanted := look.search.wanted:
            look.tell([self.verdicts[span] for span in wanted])
        return look.sightings


@dataclass(frozen=True, slots=True)
class Watched:
    """One clip's truth and what each rule was told at each window."""

    truth: Truth
    sightings: Mapping[str, Sequence[Seen]]


def kinds_in(clips: Iterable[Watched]) -> set[str]:
    """What happens in any of the clips."""
    return {one.kind for clip in clips for one in clip.truth.occurrences}


def watch_seed(
    seed: int, *, model: str, duration_s: float, encoding: ClipFormat, styles: Sequence[str] = STYLES
) -> list[Watched]:
    """Render the clips of a seed and watch them with the embedded rules, keeping the verdicts and nothing else."""
    pair = ClipPair(seed, duration_s, encoding, only=styles)
    with TemporaryDirectory() as folder:
        truths = pair.render(Path(folder))
        return [
            Watched(truths[one.stream_id], watch_sightings(_model(model), one, embedded_rules()))
            for one in pair.sources(Path(folder))
        ]


@lru_cache(maxsize=1)
def _model(name: str) -> VideoXL:
    """Load weights once in each process."""
    return VideoXL.from_pretrained(name)


def watch_sightings(model: VideoModel[Any], source: Source, rules: Sequence[Rule]) -> dict[str, list[Seen]]:
    """Watch a source to its end as ``Pipeline`` does, asking every rule everything at each window's close.

    Returns:
        for each rule what it was told, in order. Thresholds, cooldowns and the like play no part yet, schedules
        none at all.
    """
    memory = model.open_memory()
    seen: dict[str, list[Seen]] = {rule.name: [] for rule in rules}
    before = RuleState()
    for number, window in enumerate(_windows(source, model.window_frames)):
        model.append(memory, [frame.image for frame in window.frames], [frame.time_s for frame in window.frames])
        if window.short:
            model.close_window(memory)
        moment = Moment(pipeline=PIPELINE, stream_id=source.stream_id, window=number, span=window.span, end=window.end)
        ready = [rule for rule in rules if rule.has_footage(memory.span or window.span, window.span)]
        edges = [tuple(edges_at(memory, rule, before, moment)) for rule in ready]
        looks = [Look(rule, moment, Search(at, 0.0, 0.0)) for rule, at in zip(ready, edges, strict=True)]
        pursue(model, memory, looks)
        for look, at in zip(looks, edges, strict=True):
            seen[look.rule.name].append(Seen(moment, at, look.verdicts))
        before = RuleState(until_s=window.span.end_s)
    return seen


def events_from(rule: Rule, seen: Sequence[Seen]) -> list[Event]:
    """Decide on what was seen in order, as the pipeline does while it watches; each event in its latest revision."""
    state, found = RuleState(), dict[str, Event]()
    for one in seen:
        state, events = decide(rule, state, one.sightings(rule, state))
        found.update((event.id, event) for event in events)
    _, last = close(rule, state)
    found.update((event.id, event) for event in last)
    return list(found.values())


def _windows(source: Source, window_frames: int) -> Iterator[Window]:
    buffer, footage = FrameBuffer(window_frames), source.open()
    try:
        while True:
            frame = footage.read(_READ_TIMEOUT_S)
            if frame is not None:
                buffer.put(frame, footage.position())
            while window := buffer.take():
                yield window
    except EndOfStream:
        buffer.end()
    finally:
        footage.close()
    while window := buffer.take():
        yield window
