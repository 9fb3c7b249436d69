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
        ratio: of the memory.
    """

    title: str
    seeds: Sequence[int]
    looks: str = "seen"
    score: Scoring = "letters"
    duration_s: float = 60.0
    ratio: int = 8
    measure: str = "vnbench"

    @property
    def settings(self) -> Mapping[str, Any]:
        """Footage and scoring."""
        footage = {"seeds": self.seeds, "looks": self.looks, "duration_s": self.duration_s, "fps": SAMPLE_FPS}
        return {**footage, "score": self.score, "ratio": self.ratio, "kinds": KINDS}

    def run(self, work: Work) -> Record:
        """Render clips that are not there yet, then ask; each video's answers are kept."""
        begun = {"measure": self.measure, "model": work.revision, **self.settings}
        Finished(work.folder, begun)  # refuses a run that was begun otherwise
        ways: dict[str, Any] = {"duration_s": self.duration_s, "looks": self.looks, "jobs": work.jobs}
        with bar(f"{self.title}: clips", len(KINDS) * len(self.seeds)) as tell:
            questions = make(work.clips / self.looks, KINDS, self.seeds, on_done=lambda done, _: tell(done), **ways)
        ask = partial(_ask, self, work=work, questions=questions, begun=begun)
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


def _ask(part: ChoicePart, seed: int, *, work: Work, questions: Path, begun: Mapping[str, Any]) -> Answered:
    """Ask all questions about the clips of one seed."""
    samples = [sample for sample in read(questions) if sample.video.endswith(f"-{seed}.mp4")]
    videos = find_videos(questions.parent / "videos", {sample.video for sample in samples})
    model, finished = _model(work.model), Finished(work.folder, begun)
    return list(run(model, samples, videos, finished, part.score, fps=SAMPLE_FPS, ratio=part.ratio))
