"""Streaming scores: each question is answered at its moment, from the footage seen so far, in one pass over a video."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from videoxl_stream.errors import NotInMemoryError
from videoxl_stream.evaluation.choices import lettered, letters
from videoxl_stream.evaluation.film import opened
from videoxl_stream.evaluation.finished import Finished
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.timed_questions import TimedQuestion
from videoxl_stream.evaluation.vnbench import Scoring
from videoxl_stream.interfaces import VideoModel
from videoxl_stream.queries import Query


def run(
    model: VideoModel[Any],
    questions: Sequence[TimedQuestion],
    videos: Mapping[str, Path],
    finished: Finished,
    scoring: Scoring,
    *,
    fps: float,
    ratio: int | None = None,
    budget: int | None = None,
    on_done: Callable[[int], None] | None = None,
) -> Iterator[tuple[TimedQuestion, dict[str, Any]]]:
    """Watch every video that is not done yet, once, and ask its questions on the way.

    Args:
        model: that watches.
        questions: in any order.
        videos: where each video stands.
        finished: what is done already.
        scoring: as for ``vnbench.run``.
        fps: frames sampled per second.
        ratio: of memories; None for the model's own.
        budget: slots of memories; None for no limit.
        on_done: is told how many videos are done.

    Yields:
        each question with its answer, those of a video in order of time.
    """
    by_video: dict[str, list[TimedQuestion]] = {}
    for question in sorted(questions, key=lambda one: one.time_s):
        by_video.setdefault(question.video, []).append(question)
    for number, (video, asked) in enumerate(sorted(by_video.items()), 1):
        name = f"{number:05}-{Path(video).stem}"
        piece = finished.get(name)
        if piece is None:
            with opened(videos[video], model, fps, ratio=ratio, budget=budget) as film:
                answers = []
                for one in asked:
                    film.show(one.time_s)
                    answers.append(_answer(model, film.memory, one, scoring))
            piece = finished.put(name, {"answers": answers, "num_frames": film.num_frames})
        yield from zip(asked, piece["answers"], strict=True)
        if on_done is not None:
            on_done(number)


def _answer(model: VideoModel[Any], memory: Any, asked: TimedQuestion, scoring: Scoring) -> dict[str, Any]:
    if scoring == "letters":
        answers = letters(len(asked.options))
        query = Query(lettered(asked.question, asked.options), answers, asked.span)
    else:
        answers = asked.options
        query = Query(asked.question, answers, asked.span)
    begun = perf_counter()
    try:
        [verdict] = model.verdicts(memory, [query])
    except NotInMemoryError as e:
        return {"said": None, "why": str(e), "right": False, "probability": 0.0, "ask_s": perf_counter() - begun}
    said = verdict.answer
    return {
        "said": said,
        "right": said == answers[asked.right],
        "probability": round(verdict.probability(said), 5),
        "ask_s": perf_counter() - begun,
    }


def count(made: Record, answered: Sequence[tuple[TimedQuestion, Mapping[str, Any]]]) -> None:
    """Put the scores into a record: by task, by group of tasks and of all; what had left the memory counts as wrong."""
    pairs: list[tuple[bool, float]] = []
    for number, (asked, answer) in enumerate(answered):
        scores = ["all", f"task {asked.task}", *([f"group {asked.group}"] if asked.group else [])]
        made.add(scores, asked.task, f"{asked.name} #{number}", answer["right"])
        if answer["said"] is not None:
            pairs.append((answer["right"], answer["probability"]))
    made.details["not in memory"] = len(answered) - len(pairs)
    made.add_reliability("answers", pairs)
