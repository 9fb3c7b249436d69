"""The processor: prompts, frames and images to what generate() takes, as the original prepares them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PILImage
from safetensors.torch import load_file

from tests.model.conftest import GOLDEN
from tests.model.streams import QUESTION, filled
from tests.model.test_checkpoint import edit_config
from videoxl_stream.errors import CheckpointError, ConfigError
from videoxl_stream.evaluation.golden_checks import recorded_frame
from videoxl_stream.frames import Image
from videoxl_stream.model.configuration import VideoXLConfig
from videoxl_stream.model.pictures import PictureProcessor, fit
from videoxl_stream.model.processing import VideoXLProcessor
from videoxl_stream.model.prompts import around_footage, image_token_ids
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.model.weights import load_tokenizer

PINPOINTS = json.loads((GOLDEN / "image_grid_pinpoints_7b.json").read_text())


def case(name: str) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    content: dict[str, Any] = json.loads((GOLDEN / name / "case.json").read_text())
    file = GOLDEN / name / "tensors.safetensors"
    return content, load_file(file) if file.exists() else {}


def names(pattern: str) -> list[str]:
    return sorted(path.name for path in GOLDEN.glob(pattern) if path.is_dir())


@pytest.fixture(scope="module")
def processor() -> VideoXLProcessor:
    """At the released sizes, which need no weights."""
    config = VideoXLConfig(
        vision_config={"image_size": 336, "patch_size": 14, "num_hidden_layers": 2},
        text_config={"vocab_size": 512},
        image_grid_pinpoints=PINPOINTS,
    )
    return VideoXLProcessor(load_tokenizer(GOLDEN / "tiny_tokenizer"), PictureProcessor(336, "crop"), config)


@pytest.mark.parametrize("name", names("preprocess_*"))
def test_frames_are_prepared_as_in_the_original(processor: VideoXLProcessor, name: str) -> None:
    content, tensors = case(name)
    kind, width, height = content["frame_kind"], content["width"], content["height"]
    frames = [recorded_frame(kind, width, height, seed) for seed in content.get("seeds") or [0]]
    inputs = processor(text="<image>\nWhat is this?", videos=frames)
    assert inputs["modality"] == "video"
    found = inputs["pixel_values"][:, :, ::8, ::8]
    torch.testing.assert_close(found, tensors["sampled_every_8"], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", names("anyres_*"))
def test_images_are_cut_as_in_the_original(processor: VideoXLProcessor, name: str) -> None:
    content, tensors = case(name)
    picture = recorded_frame(content["frame_kind"], content["width"], content["height"], 0)
    inputs = processor(text="<image>\nWhat is this?", images=picture, expand=True)
    assert inputs["modality"] == "image"
    torch.testing.assert_close(inputs["pixel_values"][:, :, ::16, ::16], tensors["sampled_every_16"], atol=1e-6, rtol=0)
    fills = (inputs["input_ids"] == 511).sum()
    assert fills == content["n_visual_tokens"]


def test_prompts_are_those_of_the_original(processor: VideoXLProcessor) -> None:
    content, _ = case("tokenisation")
    frame = np.zeros((336, 336, 3), np.uint8)
    asked = 0
    for item in content["tokenizer_image_token"]:
        if item["prompt"].count("<image>") == 1:
            asked += 1
            assert processor(text=item["prompt"], videos=[frame])["input_ids"].tolist() == [item["ids"]]
        elif "<image>" not in item["prompt"]:
            assert processor(item["prompt"])["input_ids"].tolist() == [item["ids"]]
    assert asked
    before, after = around_footage("Be brief.")
    assert processor.chat("Why {not}?", "Be brief.") == before + "<image>" + after.replace("{}", "Why {not}?")


def test_what_it_gives_is_what_generate_takes(model: VideoXL, footage: list[Image]) -> None:
    processor, frames = model.processor, footage[:13]
    inputs = processor(text=processor.chat(QUESTION), videos=frames)
    expanded = processor(text=processor.chat(QUESTION), videos=np.stack(frames), expand=True)
    assert torch.equal(model.network.expand(inputs["input_ids"], 13 * 4), expanded["input_ids"])
    options: dict[str, Any] = {"max_new_tokens": 8, "do_sample": False, "ratios": [8]}
    out = model.network.generate(**inputs, **options)
    assert torch.equal(model.network.generate(**expanded, **options), out)
    words = "".join(model.answer(filled(model, frames), QUESTION, max_new_tokens=8))
    said = out[:, expanded["input_ids"].shape[1] :]
    assert processor.decode(said[0]).startswith(words)
    assert processor.batch_decode(said) == [processor.decode(said[0])]


def test_an_image_in_crops_generates(model: VideoXL) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (60, 170, 3), dtype=np.uint8)
    inputs = model.processor(text=["<image>\nWhat?"], images=[picture], expand=True)
    crops = len(inputs["pixel_values"])
    assert crops > 2
    assert (inputs["input_ids"] == 511).sum() == (crops - 1) * 4
    assert model.network.generate(**inputs, ratios=[4], max_new_tokens=2, do_sample=False).shape[1] > 8


def test_pictures_may_come_in_any_wrapping(model: VideoXL, footage: list[Image]) -> None:
    expected = model.processor("<image>", videos=footage[:3])["pixel_values"]
    wrapped: list[Any] = [
        [footage[:3]],
        tuple(footage[:3]),
        np.stack(footage[:3]),
        np.stack(footage[:3])[None],
        [PILImage.fromarray(frame) for frame in footage[:3]],
        [[PILImage.fromarray(frame) for frame in footage[:3]]],
    ]
    for videos in wrapped:
        assert torch.equal(model.processor("<image>", videos=videos)["pixel_values"], expected)


def test_text_alone_is_only_ids(processor: VideoXLProcessor) -> None:
    inputs = processor("He walks.")
    assert list(inputs) == ["input_ids"]
    assert inputs["input_ids"].tolist() == [processor.tokenizer.encode("He walks.")]


FRAME = np.zeros((8, 8, 3), np.uint8)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "both": ({"text": "<image>", "videos": [FRAME], "images": FRAME}, "a video or an image, not both"),
    "no place": ({"text": "What?", "videos": [FRAME]}, r"holds <image> 0 times for 1 pieces of footage; use chat"),
    "no footage": ({"text": "<image>"}, "holds <image> 1 times for 0"),
    "two places": ({"text": "<image> <image>", "videos": [FRAME]}, "holds <image> 2 times for 1"),
    "two texts": ({"text": ["a", "b"]}, "text must be one, got 2"),
    "no text": ({"text": None, "videos": [FRAME]}, "text must be one, got 0"),
    "two videos": ({"text": "<image>", "videos": [[FRAME], [FRAME]]}, "videos must be one, got 2"),
    "two images": ({"text": "<image>", "images": [FRAME, FRAME]}, "images must be one, got 2"),
    "no frames": ({"text": "<image>", "videos": []}, "the video has no frames"),
    "floats": ({"text": "<image>", "videos": [FRAME / 255]}, r"is float64 \(8, 8, 3\); give uint8"),
    "grey": ({"text": "<image>", "images": FRAME[..., 0]}, r"is uint8 \(8, 8\); give uint8"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused(processor: VideoXLProcessor, name: str) -> None:
    options, words = REFUSED[name]
    with pytest.raises(ConfigError, match=words):
        processor(**options)


@pytest.mark.parametrize("how", ["crop", "pad", "squash"])
def test_it_is_saved_with_the_model_and_loads_alone(model: VideoXL, tmp_path: Path, how: Any) -> None:
    pictures = PictureProcessor(56, how, std=(0.5, 0.5, 0.5))
    VideoXL(model.network, model.tokenizer, pictures).save_pretrained(tmp_path)
    for loaded in (VideoXLProcessor.from_pretrained(tmp_path), VideoXL.from_pretrained(tmp_path).processor):
        assert vars(loaded.pictures) == vars(pictures)
        assert loaded.config.image_grid_pinpoints == model.network.config.image_grid_pinpoints
        assert loaded.chat("a") == model.processor.chat("a")
    assert VideoXLProcessor.from_pretrained(tmp_path, fit="crop").pictures.how == "crop"


def test_a_released_checkpoint_has_its_processor(released: Path) -> None:
    processor = VideoXLProcessor.from_pretrained(released)
    assert (processor.pictures.size, processor.pictures.how) == (56, "pad")
    assert processor.config.image_grid_pinpoints
    edit_config(released, image_aspect_ratio="pad")
    assert VideoXLProcessor.from_pretrained(released).config.image_grid_pinpoints is None


@pytest.mark.parametrize("load", [VideoXLProcessor.from_pretrained, VideoXL.from_pretrained])
def test_a_wrong_way_to_fit_is_the_callers_fault(released: Path, load: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="fit='zoom' is unknown"):
        load(released, fit="zoom")
    (released / "preprocessor_config.json").write_text('{"fit": "zoom"}')
    with pytest.raises(CheckpointError, match=r"preprocessor_config\.json cannot be used"):
        load(released)


@pytest.mark.parametrize("size", [(160, 90), (90, 160), (70, 70), (999, 3), (1, 1)])
def test_only_crop_loses_a_part_of_the_picture(size: tuple[int, int]) -> None:
    """A white frame on a white ground: padding shows as black, cutting as lost corners."""
    width, height = size
    picture = np.full((height, width, 3), 255, np.uint8)
    marked = picture.copy()
    marked[:, : max(1, width // 8)] = (255, 0, 0)  # a stripe at the left edge
    for how, seen in (("crop", width <= height), ("pad", True), ("squash", True)):
        found = np.asarray(fit(PILImage.fromarray(marked), 56, how))  # type: ignore[arg-type]
        assert found.shape == (56, 56, 3)
        if width / height < 20:
            red = (found[..., 0] > 200) & (found[..., 1] < 60)
            assert red.any() == seen, how


def test_a_prompt_for_ids_may_name_no_footage(processor: VideoXLProcessor) -> None:
    assert image_token_ids("", processor.tokenizer) == []
    assert around_footage("with <image> in it")[0].count("<image>") == 1
