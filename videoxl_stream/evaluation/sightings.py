"""Sightings: every verdict of a watch, kept, so that rules can be tried on them without watching again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from videoxl_stream.buffer import FrameBuffer, Window
from videoxl_stream.errors import EndOfStream
from videoxl_stream.events import Event
from videoxl_stream.interfaces import Source, VideoModel
from videoxl_stream.rules import Rule, RuleState, Sighting, close, decide

PIPELINE = "demo"
_READ_TIMEOUT_S = 1.0


def watch_sightings(model: VideoModel[Any], source: Source, rules: Sequence[Rule]) -> dict[str, list[Sighting]]:
    """Watch a source to its end as ``Pipeline`` does, asking every rule at each window's close.

    Returns:
        for each rule its sightings in order. Schedules, thresholds and cooldowns play no part yet.
    """
    memory = model.open_memory()
    seen: dict[str, list[Sighting]] = {rule.name: [] for rule in rules}
    for number, window in enumerate(_windows(source, model.window_frames)):
        model.append(memory, [frame.image for frame in window.frames], [frame.time_s for frame in window.frames])
        if window.short:
            model.close_window(memory)
        spans = [rule.look_back(memory.span or window.span, window.span) for rule in rules]
        queries = [rule.query(span) for rule, span in zip(rules, spans, strict=True)]
        for rule, span, verdict in zip(rules, spans, model.verdicts(memory, queries), strict=True):
            seen[rule.name].append(
                Sighting(
                    pipeline=PIPELINE,
                    stream_id=source.stream_id,
                    window=number,
                    span=span,
                    end=window.end,
                    verdict=verdict,
                )
            )
    return seen


def events_from(rule: Rule, sightings: Sequence[Sighting]) -> list[Event]:
    """Decide on sightings in order, as the pipeline does while it watches; each event in its latest revision."""
    state, found = RuleState(), dict[str, Event]()
    for sighting in sightings:
        state, event = decide(rule, state, sighting)
        if event is not None:
            found[event.id] = event
    _, last = close(rule, state)
    if last is not None:
        found[last.id] = last
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
