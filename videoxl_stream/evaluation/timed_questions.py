"""Questions at moments of videos, to be answered from the footage seen so far; three file formats.

Ours is a JSON list of ``{"video", "time_s", "question", "answer"}`` with, where wanted, ``"options"`` (yes and no, if
left out), ``"task"`` and ``"span_s"``: ``[start, end]`` of the footage asked about. The files of OVO-Bench (Li et al.,
arXiv 2501.05510) and StreamingBench (Lin et al., arXiv 2411.03628) are read as they are published.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videoxl_stream.errors import ConfigError
from videoxl_stream.evaluation.choices import letters
from videoxl_stream.evaluation.question_file import entries_of
from videoxl_stream.queries import Span

YES_NO = ("yes", "no")
_OVO_GROUPS = {
    "backward": ("EPM", "ASI", "HLD"),
    "realtime": ("STU", "OJR", "ATR", "ACR", "OCR", "FPD"),
    "forward": ("REC", "SSR", "CRR"),
}
_LETTER = re.compile(r"^\s*[A-Z][.)]\s*")


@dataclass(frozen=True, slots=True)
class TimedQuestion:
    """One question at one moment.

    Args:
        video: as the file names it.
        time_s: only footage before it is seen.
        question: without options.
        options: two or more.
        right: place of the right option.
        task: what it is counted to.
        group: of tasks; empty where there are none.
        span: the footage asked about; None for all of it.
    """

    video: str
    time_s: float
    question: str
    options: tuple[str, ...]
    right: int
    task: str = "all"
    group: str = ""
    span: Span | None = None

    def __post_init__(self) -> None:
        """Refuse what nobody can answer."""
        if not self.time_s > 0:
            msg = f"{self.question!r} is asked at {self.time_s} s, before any footage; give a later time"
            raise ConfigError(msg)
        letters(len(self.options))
        if len(set(self.options)) < len(self.options) or not 0 <= self.right < len(self.options):
            msg = f"{self.question!r} has options {list(self.options)}; they must differ, and one of them be right"
            raise ConfigError(msg)

    @property
    def name(self) -> str:
        """Tells it from all others."""
        return f"{self.video} at {self.time_s:g} s: {self.question}"


@dataclass(frozen=True, slots=True)
class Questions:
    """What a file holds.

    Args:
        form: ``ours``, ``OVO-Bench`` or ``StreamingBench``.
        asked: in the order of the file.
        left_out: entries that have no options to choose from, such as StreamingBench's proactive ones.
    """

    form: str
    asked: tuple[TimedQuestion, ...]
    left_out: int = 0


def read(path: Path) -> Questions:
    """Read a file of questions in any of the three formats.

    Raises:
        ConfigError: it is none of them; the message names the entry.
    """
    entries = entries_of(path, "a list of questions")
    form, reader = _reader(entries[0])
    asked: list[TimedQuestion] = []
    left_out = 0
    for number, entry in enumerate(entries):
        try:
            for one in reader(entry):
                if one is None:
                    left_out += 1
                else:
                    asked.append(one)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as e:
            reason = f"it has no {e}" if isinstance(e, KeyError) else str(e)
            msg = f"{path}, entry {number}, cannot be read as {form}: {reason}; correct it, or leave it out"
            raise ConfigError(msg) from e
    if not asked:
        msg = f"{path} holds no question with options; give another file"
        raise ConfigError(msg)
    return Questions(form, tuple(asked), left_out)


Reader = Callable[[dict[str, Any]], Iterator[TimedQuestion | None]]


def _reader(first: dict[str, Any]) -> tuple[str, Reader]:
    if "questions" in first:
        return "StreamingBench", _streaming_bench
    if "realtime" in first or "test_info" in first:
        return "OVO-Bench", _ovo_bench
    return "ours", _ours


def _ours(entry: dict[str, Any]) -> Iterator[TimedQuestion]:
    options = tuple(map(str, entry.get("options", YES_NO)))
    if str(entry["answer"]) not in options:
        msg = f"the answer {entry['answer']!r} is none of the options {list(options)}"
        raise ValueError(msg)
    span = Span(*map(float, entry["span_s"])) if entry.get("span_s") is not None else None
    yield TimedQuestion(
        video=str(entry["video"]),
        time_s=float(entry["time_s"]),
        question=str(entry["question"]),
        options=options,
        right=options.index(str(entry["answer"])),
        task=str(entry.get("task", "all")),
        span=span,
    )


def _ovo_bench(entry: dict[str, Any]) -> Iterator[TimedQuestion]:
    task, video = str(entry["task"]), str(entry["video"])
    group = next((name for name, tasks in _OVO_GROUPS.items() if task in tasks), "")
    if "test_info" not in entry:
        options = tuple(map(str, entry["options"]))
        at, question = float(entry["realtime"]), str(entry["question"])
        yield TimedQuestion(video, at, question, options, int(entry["gt"]), task, group)
        return
    for moment in entry["test_info"]:
        question, options, right = _forward(task, entry, moment)
        yield TimedQuestion(video, float(moment["realtime"]), question, options, right, task, group)


def _forward(task: str, entry: dict[str, Any], moment: dict[str, Any]) -> tuple[str, tuple[str, ...], int]:
    """Question, options and right place of OVO-Bench's forward tasks, which ask the same again and again."""
    if task == "REC":
        most = max(9, *(int(each["count"]) for each in entry["test_info"]))
        options = tuple(map(str, range(most + 1)))
        return f"How many times did they {entry['activity']}?", options, int(moment["count"])
    right = YES_NO.index("yes" if moment["type"] else "no")
    if task == "SSR":
        return f"Is somebody doing this right now: {moment['step']}", YES_NO, right
    if task == "CRR":
        return f"Can this be answered from what has been shown so far: {entry['question']}", YES_NO, right
    msg = f"task {task!r} is not known to have test_info"
    raise ValueError(msg)


def _streaming_bench(entry: dict[str, Any]) -> Iterator[TimedQuestion | None]:
    for one in entry["questions"]:
        if not one.get("options"):
            yield None
            continue
        options = tuple(_LETTER.sub("", str(option)) for option in one["options"])
        right = letters(len(options)).index(str(one["answer"]).strip()[:1])
        at = _seconds(str(one["time_stamp"]))
        yield TimedQuestion(str(entry["video_path"]), at, str(one["question"]), options, right, str(one["task_type"]))


def _seconds(text: str) -> float:
    """Read 0:03:26, 03:26 or 206."""
    seconds = 0.0
    for part in text.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds
