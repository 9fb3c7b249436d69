"""Watch a video once, then ask its memory about any moment, as often as you like.

    python examples/ask_memory.py demo/site-38.mp4 "What happened?" --every 30

No footage is looked at again: every answer comes from the memory, and asking does not change it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from videoxl_stream import EventStore, Pipeline, Query, Span
from videoxl_stream.names import EMBEDDED, Model, find_rules, find_sources, load_model

FIRE = Query("Is there a fire?")


def answers(video: str, question: str, every_s: float, model: Model = EMBEDDED) -> Iterator[tuple[Span, str, float]]:
    """Give for each stretch of the video what the memory answers, and how sure it is of a fire there."""
    [source] = find_sources(video, model=model)
    with EventStore("sqlite://") as store:  # kept nowhere
        pipeline = Pipeline(
            sources=[source], model=load_model(model), rules=find_rules("fire", model), store=store, budget=8192
        )
        pipeline.run()
    remembered = pipeline.memory(source.stream_id).span
    if remembered is None:
        return
    start_s = remembered.start_s
    while start_s < remembered.end_s:
        span = Span(start_s, start_s + every_s)
        [verdict] = pipeline.verdicts(source.stream_id, [Query(FIRE.text, span=span)])
        yield span, pipeline.answer(source.stream_id, question, span=span), verdict.probability("yes")
        start_s += every_s


def main() -> None:
    """Read the command line and print a line for each stretch."""
    parser = argparse.ArgumentParser(description="Ask a video's memory about every stretch of it.")
    parser.add_argument("video")
    parser.add_argument("question")
    parser.add_argument("--every", type=float, default=30.0, help="seconds of a stretch")
    parser.add_argument("--model", default=EMBEDDED)
    given = parser.parse_args()
    for span, answer, fire in answers(given.video, given.question, given.every, given.model):
        print(f"{span.start_s:6.1f} s to {span.end_s:6.1f} s: {answer} (fire: {fire:.0%})")


if __name__ == "__main__":
    main()
