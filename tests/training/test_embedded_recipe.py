"""The embedded model's recipe: it runs, goes on from its own checkpoint, and trains what streams will use."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from videoxl_stream.errors import CheckpointError, ConfigError
from videoxl_stream.model.pictures import PictureProcessor, normalised
from videoxl_stream.model.prompts import around_footage
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.model.windows import RatioDraw, Window, cut
from videoxl_stream.queries import Query, Span
from videoxl_stream.training.batches import StreamBatches, draw_windows
from videoxl_stream.training.embedded import Training, build_network
from videoxl_stream.training.footage.tokenizer import build_tokenizer
from videoxl_stream.training.objective import Objective, Texts, slots_before
from videoxl_stream.training.recipe import Length, Phase, Recipe
from videoxl_stream.training.replicas import Replicas
from videoxl_stream.training.saved_run import RunState, SavedRun

TINY = dataclasses.replace(
    Recipe(),
    image_size=32,
    patch_size=8,
    vision_width=32,
    vision_layers=1,
    vision_heads=2,
    text_width=32,
    text_layers=2,
    text_heads=2,
    text_kv_heads=1,
    text_mlp=48,
    ratios=(2, 4),
    ratio_shares=(0.5, 0.5),
    questions=6,
    quizzes=6,
    vision_frames=16,
    vision_steps=1,
    stream_steps=2,
    warmup_steps=1,
    phases=(Phase(1.0, (Length(20, 2, 1.0),)),),
)


def _train(folder: Path, recipe: Recipe = TINY, **options: Any) -> Training:
    training = Training(recipe, folder / "run", Replicas(), **{"max_seconds": 600.0, **options})
    training.run()
    return training


def test_a_run_writes_a_model_and_another_begins_with_it(tmp_path: Path) -> None:
    training = _train(tmp_path)
    training.write_model(tmp_path / "model")
    model = VideoXL.from_pretrained(tmp_path / "model")
    assert model.window_frames == TINY.window_frames
    assert Recipe.load(tmp_path / "model" / "recipe.json") == TINY
    assert any(row["phase"] == "held out" for row in json.loads((tmp_path / "model" / "log.json").read_text()))
    more = Training(TINY, tmp_path / "more", Replicas(), max_seconds=600, start=tmp_path / "model")
    for name, kept in model.network.state_dict().items():
        rows = slice(None, len(training.tokenizer)) if "embed_tokens" in name or "lm_head" in name else slice(None)
        torch.testing.assert_close(more.objective.network.state_dict()[name][rows], kept[rows])


def test_a_run_out_of_time_goes_on_where_it_stopped(tmp_path: Path) -> None:
    first = _train(tmp_path, max_seconds=0.0)
    assert first.state.steps == {}
    longer = dataclasses.replace(TINY, stream_steps=3)
    done = _train(tmp_path, TINY)
    assert done.state.steps == {"vision": 1, "streams": 2}
    more = Training(longer, tmp_path / "run", Replicas(), max_seconds=600)
    for name, tensor in done.objective.state_dict().items():
        torch.testing.assert_close(more.objective.state_dict()[name], tensor)
    assert more.run()
    assert (more.state.steps, more.state.pieces) == ({"vision": 1, "streams": 3}, 3)
    steps = [row["step"] for row in more.state.log if row["phase"] == "streams"]
    assert steps == sorted(steps)


def test_a_run_that_lacks_a_part_is_refused(tmp_path: Path) -> None:
    _train(tmp_path)
    (tmp_path / "run" / "weights-1.safetensors").unlink()
    with pytest.raises(CheckpointError, match="all its parts"):
        Training(TINY, tmp_path / "run", Replicas(), max_seconds=600)


def test_no_part_of_a_run_is_large(tmp_path: Path) -> None:
    saved = SavedRun(tmp_path)
    saved.save(torch.nn.Sequential(*(torch.nn.Linear(1500, 1500) for _ in range(3))), RunState())
    parts = list(tmp_path.glob("weights-*"))
    assert len(parts) == 3
    assert all(part.stat().st_size < 16 * 2**20 for part in parts)


def test_what_is_trained_is_what_streams_run() -> None:
    """Text logits of the training pass equal verdicts of VideoXL on the same frames, view by view."""
    tokenizer = build_tokenizer()
    network = build_network(TINY, tokenizer).eval()
    before, template = around_footage()
    rng = np.random.default_rng(5)
    frames = rng.integers(0, 256, (25, 32, 32, 3), dtype=np.uint8)
    asked = tokenizer.encode(template.format("Is there a fire?"))
    yes, no = tokenizer.encode("yes"), tokenizer.encode("no")
    assert len(yes) == len(no) == 1
    ranges = np.array([[[0, 25], [10, 20], [5, 23]]])
    ids = torch.tensor([[asked + yes] * 3])
    nothing = torch.full_like(ids, -100)
    texts = Texts(ids, nothing, nothing, nothing, ranges, np.zeros((1, 3)))
    with torch.no_grad():
        features = network.model.vision.video(normalised(torch.from_numpy(frames)))[None]
        windows = cut(25 * features.shape[2], 10 * features.shape[2], [2], RatioDraw(0))
        hidden = Objective(network, tokenizer.encode(before)).hidden(features, windows, texts)
        logits = network.lm_head(hidden.text[0]).unflatten(0, (3, -1))[:, len(asked) - 1].log_softmax(-1)
    assert hidden.label.shape == (1, 25, TINY.text_width)
    model = VideoXL(network, tokenizer, PictureProcessor(32, "squash"))
    memory = model.open_memory(ratio=2)
    model.append(memory, list(frames), [float(i) for i in range(25)])
    model.close_window(memory)
    fork_logits = []
    for first, last in ranges[0]:
        fork = memory.fork()
        fork.look_at(fork.find(Span(float(first), float(last))))
        text = network.read_text(fork, network.text.embed_tokens(torch.tensor([asked])))
        fork_logits.append(network.lm_head(text[0, -1]).log_softmax(-1))
    torch.testing.assert_close(logits, torch.stack(fork_logits).detach(), atol=1e-4, rtol=1e-4)
    assert len(model.verdicts(memory, [Query("Is there a fire?", span=Span(5, 23))])) == 1


def test_the_same_step_gives_the_same_batch() -> None:
    batches = StreamBatches(TINY, 4, build_tokenizer(), Replicas())
    one, again = batches[2], batches[2]
    assert torch.equal(one.footage.drawing.shapes, again.footage.drawing.shapes)
    assert torch.equal(one.texts.ids, again.texts.ids)
    assert one.windows == again.windows
    assert not torch.equal(one.footage.drawing.shapes, batches[3].footage.drawing.shapes)


def test_slots_are_counted_frame_by_frame() -> None:
    windows = [Window(40, 2), Window(40, 4), Window(20, 2)]
    slots = slots_before(windows, 4, 25)
    assert slots[0] == 0
    assert slots[10] == 20
    assert slots[20] == 30
    assert slots[25] == 40


def test_windows_of_a_batch_cover_every_frame() -> None:
    for seed in range(20):
        windows = draw_windows(TINY, 25, np.random.default_rng(seed))
        assert sum(window.num_raw for window in windows) == 25 * TINY.tokens_per_frame


def test_a_recipe_with_unknown_numbers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text('{"learning_rate": 1}')
    with pytest.raises(ConfigError, match="learning_rate"):
        Recipe.load(tmp_path / "recipe.json")
