from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from random import Random

from tests.connectors.clips import every, write_video
from tests.connectors.corruption import KINDS
from videoxl_stream.connectors.file import FileSource
from videoxl_stream.connectors.outcomes import Fate
from videoxl_stream.errors import EndOfStream

NUM_FILES = 300
CODECS = {".mp4": "libx264", ".mkv": "libx264", ".avi": "mpeg4", ".ts": "libx264", ".webm": "libvpx", ".flv": "flv"}


def corrupted_files(folder: Path) -> None:
    """Every kind of damage to every kind of file, from one seed."""
    rng = Random(3)
    good = {
        suffix: write_video(folder.parent / f"good{suffix}", every(100, 20), codec=codec).read_bytes()
        for suffix, codec in CODECS.items()
    }
    cases = [(kind, suffix) for kind in KINDS for suffix in CODECS]
    for number in range(NUM_FILES):
        kind, suffix = cases[number % len(cases)]
        (folder / f"{number}-{kind}{suffix}").write_bytes(KINDS[kind](rng, good[suffix]))


def test_of_300_corrupted_files_each_is_accounted_for(tmp_path: Path) -> None:
    folder = tmp_path / "found on a drive"
    folder.mkdir()
    corrupted_files(folder)
    descriptors = os.listdir("/proc/self/fd")
    opened = FileSource(folder, sample_fps=None).open(packets=True)
    num_frames, num_packets = 0, 0
    while True:
        try:
            frame = opened.read(60)
        except EndOfStream:
            break
        num_packets += len(opened.packets())
        if frame is not None:
            assert frame.index == num_frames
            num_frames += 1
    assert [outcome.path.name.split("-")[0] for outcome in opened.outcomes] == [str(i) for i in range(NUM_FILES)]
    assert sum(outcome.num_frames for outcome in opened.outcomes) == num_frames
    assert all(outcome.reason for outcome in opened.outcomes if outcome.fate != Fate.READ)
    fates = Counter(outcome.fate for outcome in opened.outcomes)
    assert fates[Fate.READ] > 100 < NUM_FILES - fates[Fate.READ]
    assert {Fate.DAMAGED, Fate.TRUNCATED} < set(fates)
    assert num_frames > NUM_FILES < num_packets
    assert os.listdir("/proc/self/fd") == descriptors
