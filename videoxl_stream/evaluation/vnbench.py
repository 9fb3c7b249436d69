"""VNBench: retrieval, ordering and counting, where a sample counts only if it is right in all four rotations.

The format is that of VideoNIAH (Zhao et al., arXiv 2406.09367): a JSON list with one entry for each ``try``, each of
which shows the same four options in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, get_args

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.choices import lettered, letters
from videoxl_stream.evaluation.film import opened
from videoxl_stream.evaluation.finished import Finished
from videoxl_stream.evaluation.question_file import entries_of
from videoxl_stream.evaluation.record import Record
from videoxl_stream.interfaces import VideoModel
from videoxl_stream.queries import Query

Scoring = Literal["letters", "options"]
SCORINGS = get_args(Scoring)
GROUPS = {"ret": "retrieval", "ord": "ordering", "cnt": "counting"}
NUM_TRIES = 4
ROTATIONS_IDLE = "options are scored by their own likelihood: the order in which they stand cannot matter"
_AT_ONCE = 8  # queries in one call: its cost grows with the square of its text
_KEYS = ("video", "question", "options", "gt", "type")


@dataclass(frozen=True, slots=True)
class Sample:
    """One question about one video.

    Args:
        video: as the file names it.
        question: without options.
        kind: its ``type``; what stands before the first underscore names the group.
        tries: the options of each try, and the place of the right one.
    """

    video: str
    question: str
    kind: str
    tries: tuple[tuple[tuple[str, ...], int], ...]

    @property
    def group(self) -> str:
        """Retrieval, ordering or counting."""
        return GROUPS[self.kind.partition("_")[0]]

    def queries(self, scoring: Scoring) -> list[Query]:
        """What to ask: each try with its letters, or once for all the likelihood of each option."""
        if scoring == "options":
            return [Query(self.question, tuple(dict.fromkeys(self.tries[0][0])))]
        return [Query(lettered(self.question, options), letters(len(options))) for options, _ in self.tries]

    def truths(self, scoring: Scoring) -> list[str]:
        """The right answer to each of ``queries``."""
        if scoring == "options":
            options, right = self.tries[0]
            return [options[right]]
        return [letters(len(options))[right] for options, right in self.tries]


def read(path: Path) -> list[Sample]:
    """Read a file of questions.

    Raises:
        ConfigError: it is no such file; the message names the entry.
    """
    entries = entries_of(path, "questions as VNBench has them")
    tries: dict[tuple[str, str, str], list[tuple[tuple[str, ...], int]]] = {}
    for number, entry in enumerate(entries):
        key, one = _entry(f"{path}, entry {number}", entry)
        tries.setdefault(key, []).append(one)
    for (video, question, _), each in tries.items():
        if len(each) != NUM_TRIES or len({frozenset(options) for options, _ in each}) > 1:
            msg = (
                f"{path}: {question!r} about {video} comes {len(each)} times; the rule takes {NUM_TRIES} rotations "
                "of the same options: add those that lack, or leave the sample out"
            )
            raise ConfigError(msg)
    return [Sample(video, question, kind, tuple(each)) for (video, question, kind), each in tries.items()]


def _entry(where: str, entry: Mapping[str, Any]) -> tuple[tuple[str, str, str], tuple[tuple[str, ...], int]]:
    if any(key not in entry for key in _KEYS):
        msg = f"{where} must have {', '.join(_KEYS)}; give a file as VNBench has it"
        raise ConfigError(msg)
    kind, options, gt = str(entry["type"]), tuple(map(str, entry["options"])), str(entry["gt"])
    if kind.partition("_")[0] not in GROUPS:
        msg = f"{where} is of type {kind!r}, which must begin with {', '.join(GROUPS)}; correct it"
        raise ConfigError(msg)
    right = _right(where, options, gt, entry.get("gt_option"))
    return (str(entry["video"]), str(entry["question"]), kind), (options, right)


def _right(where: str, options: tuple[str, ...], gt: str, letter: object) -> int:
    """Place of the right option, on which text and letter must agree."""
    if len(options) != NUM_TRIES or options.count(gt) != 1:
        msg = f"{where} has options {list(options)} for {gt!r}; there must be {NUM_TRIES}, exactly one of them right"
        raise ConfigError(msg)
    right = options.index(gt)
    if letter is not None and str(letter) != letters(NUM_TRIES)[right]:
        msg = f"{where} says {letter!r} is right, but {gt!r} is option {letters(NUM_TRIES)[right]}; correct one"
        raise ConfigError(msg)
    return right


def by_video(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    """Samples of each video, which is watched once for all of them."""
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.video, []).append(sample)
    return found


def run(
    model: VideoModel[Any],
    samples: Sequence[Sample],
    videos: Mapping[str, Path],
    finished: Finished,
    scoring: Scoring,
    *,
    fps: float,
    ratio: int | None = None,
    on_done: Callable[[int], None] | None = None,
) -> Iterator[tuple[Sample, dict[str, Any]]]:
    """Watch every video that is not done yet, once, and ask all of its questions.

    Args:
        model: that watches.
        samples: what is asked.
        videos: where each video stands.
        finished: what is done already.
        scoring: ``letters`` puts the options behind the question and compares the letters' likelihood; ``options``
            compares the likelihood of each option's text behind the bare question.
        fps: frames sampled per second.
        ratio: of memories; None for the model's own.
        on_done: is told how many videos are done.

    Yields:
        each sample with its answers, and how long its video took.
    """
    for number, (video, asked) in enumerate(by_video(samples).items(), 1):
        name = f"{number:05}-{Path(video).stem}"
        piece = finished.get(name)
        if piece is None:
            piece = finished.put(name, _watch(model, asked, videos[video], scoring, fps, ratio))
        yield from zip(asked, piece["samples"], strict=True)
        if on_done is not None:
            on_done(number)


def _watch(
    model: VideoModel[Any], asked: Sequence[Sample], path: Path, scoring: Scoring, fps: float, ratio: int | None
) -> dict[str, Any]:
    begun = perf_counter()
    with opened(path, model, fps, ratio=ratio) as film:
        film.show()
        if not film.num_frames:
            msg = f"{path} shows nothing; replace it, or leave it out"
            raise ConfigError(msg)
        watched = perf_counter()
        answers = [_answers(model, film.memory, sample, scoring) for sample in asked]
    times = {"watch_s": watched - begun, "ask_s": perf_counter() - watched, "num_frames": film.num_frames}
    return {"samples": [{**answer, **times} for answer in answers]}


def _answers(model: VideoModel[Any], memory: Any, sample: Sample, scoring: Scoring) -> dict[str, Any]:
    queries = sample.queries(scoring)
    verdicts = [
        verdict
        for start in range(0, len(queries), _AT_ONCE)
        for verdict in model.verdicts(memory, queries[start : start + _AT_ONCE])
    ]
    said = [verdict.answer for verdict in verdicts]
    right = [one == truth for one, truth in zip(said, sample.truths(scoring), strict=True)]
    probabilities = [round(v.probability(v.answer), 5) for v in verdicts]
    return {"said": said, "right": right, "probabilities": probabilities}


def count(made: Record, answered: Sequence[tuple[Sample, Mapping[str, Any]]]) -> None:
    """Put the scores into a record: by type, by group and of all, and how many single tries were right.

    The benchmark's own figure of a group is the mean of its types, and the overall one that of its groups; these stand
    in the record's details. Where all types are equally many it is the same.
    """
    pairs: list[tuple[bool, float]] = []
    for sample, answer in answered:
        scores = ["all", sample.group, f"{sample.group}: {sample.kind}"]
        made.add(scores, sample.kind, f"{sample.video}: {sample.question}", all(answer["right"]))
    for sample, answer in answered:
        for number, right in enumerate(answer["right"]):
            name = f"{sample.video}: {sample.question}/{number}"
            made.add(["single tries"], f"{sample.kind}/tries", name, right)
        pairs += zip(answer["right"], answer["probabilities"], strict=True)
    made.add_reliability("answers", pairs)
    kinds = {group: [name for name in made.scores if name.startswith(f"{group}: ")] for group in GROUPS.values()}
    means = {group: sum(map(made.value, names)) / len(names) for group, names in kinds.items() if names}
    made.details["means"] = {**means, "overall": sum(means.values()) / len(means)}
