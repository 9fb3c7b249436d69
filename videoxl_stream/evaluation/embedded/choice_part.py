"""The parts that ask about retrieval, order and number by VNBench's rule of four rotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from videoxl_stream.evaluation.bar import bar
from videoxl_stream.evaluation.clip_pair import SAMPLE_FPS
from videoxl_stream.evaluation.embedded.part import Work
from videoxl_stream.evaluation.film import find_videos
from videoxl_stream.evaluation.finished import Finished
from videoxl_stream.evaluation.provenance import hardware, versions
from videoxl_stream.evaluation.record import Record
from videoxl_stream.evaluation.seeds import each_seed
from videoxl_stream.evaluation.vnbench import ROTATIONS_IDLE, Sample, Scoring, count, read, run
from videoxl_stream.evaluation.vnbench_clips import KINDS, make
from videoxl_stream.model.video_xl import VideoXL

Answered = list[tuple[Sample, dict[str, Any]]]


@dataclass(frozen=True)
class ChoicePart:
    """Questions with four options about rendered clips.

    Args:
        title: of the part.
        seeds: one clip for each and each kind of question.
        looks: ``seen`` in training or ``unseen``.
        score: ``letters`` behind the options, or the likelihood of the ``options`` themselves.
        duration_s: of each clip.
    """

    title: str
    seeds: Sequence[int]
    looks: str = "seen"
    score: Scoring = "letters"
    duration_s: float = 60.0
    measure: str = "vnbench"

    @property
    def settings(self) -> Mapping[str, Any]:
        """Footage and scoring."""
        footage = {"seeds": self.seeds, "looks": self.looks, "duration_s": self.duration_s, "fps": SAMPLE_FPS}
        return {**footage, "score": self.score, "kinds": KINDS}

    def run(self, work: Work) -> Record:
        """Render clips that are not there yet, then ask; each video's answers are kept."""
        begun = {"measure": self.measure, "model": work.revision, **self.settings}
        Finished(work.folder, begun)  # refuses a run that was begun otherwise
        clips, total = work.clips / self.looks, len(KINDS) * len(self.seeds)
        ways: dict[str, Any] = {"duration_s": self.duration_s, "looks": self.looks, "jobs": work.jobs}
        with bar(f"{self.title}: clips", total) as tell:
            questions = make(clips, KINDS, self.seeds, on_done=lambda done, _: tell(done), **ways)
        ways = {"model": work.model, "clips": clips, "questions": questions, "score": self.score}
        ask = partial(_ask, **ways, into=work.folder, begun=begun)
        answered: dict[int, Answered] = {}
        with bar(f"{self.title}: questions", len(self.seeds)) as tell:
            for seed, each in each_seed(ask, self.seeds, work.jobs):
                answered[seed] = each
                tell(len(answered))
        made = Record(self.measure, work.named, self.settings, versions(), hardware())
        count(made, [one for seed in self.seeds for one in answered[seed]])
        if self.score == "options":
            made.details["note"] = ROTATIONS_IDLE
        return made


@lru_cache(maxsize=1)
def _model(name: str) -> VideoXL:
    """Load weights once in each process."""
    return VideoXL.from_pretrained(name)


@lru_cache(maxsize=1)
def _samples(questions: Path) -> list[Sample]:
    return read(questions)


def _ask(
    seed: int, *, model: str, clips: Path, questions: Path, score: Scoring, into: Path, begun: Mapping[str, Any]
) -> Answered:
    """Ask all questions about the clips of one seed."""
    samples = [sample for sample in _samples(questions) if sample.video.endswith(f"-{seed}.mp4")]
    videos = find_videos(clips / "videos", {sample.video for sample in samples})
    return list(run(_model(model), samples, videos, Finished(into, begun), score, fps=SAMPLE_FPS))
