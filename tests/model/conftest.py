"""A tiny random network in the released layout, recorded from the original, as the tests' Video-XL."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from videoxl_stream.frames import Image
from videoxl_stream.model.pictures import PictureProcessor
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.model.weights import load_network, load_tokenizer

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="session")
def model() -> VideoXL:
    tokenizer = load_tokenizer(GOLDEN / "tiny_tokenizer")
    return VideoXL(load_network(GOLDEN / "model_a"), tokenizer, PictureProcessor(56, "squash"))


@pytest.fixture(scope="session")
def footage() -> list[Image]:
    rng = np.random.default_rng(7)
    return [rng.integers(0, 256, (40, 60, 3), dtype=np.uint8) for _ in range(64)]


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A checkpoint folder in the released layout, tokenizer and all, to do damage to."""
    folder = tmp_path / "released"
    shutil.copytree(GOLDEN / "model_a", folder)
    shutil.copytree(GOLDEN / "tiny_tokenizer", folder, dirs_exist_ok=True)
    return folder
