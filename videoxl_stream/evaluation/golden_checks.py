"""How each kind of recorded case is compared."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PILImage
from torch import Tensor

from videoxl_stream.evaluation.golden import Case, Result
from videoxl_stream.model.memory import VideoMemory
from videoxl_stream.model.network import VideoXLForConditionalGeneration
from videoxl_stream.model.pictures import PictureProcessor, anyres_crops, best_resolution, fit
from videoxl_stream.model.prompts import IMAGE_TOKEN_INDEX, chat_prompt, image_token_ids
from videoxl_stream.model.released import our_name
from videoxl_stream.model.weights import load_network, load_tokenizer
from videoxl_stream.training.labels import chat_example, plain_example

_WAYS = {"steps": False, "parallel": True}


class Networks:
    """Networks by sequence and way, so that what ran before decides the ratios drawn next, as in the original."""

    def __init__(self) -> None:
        self._sequence: tuple[Path, str] | None = None
        self._kept: dict[str, VideoXLForConditionalGeneration] = {}

    def get(self, case: Case, way: str) -> VideoXLForConditionalGeneration:
        """The network of a case's sequence."""
        sequence = (case.folder.parent, case.sequence[0])
        if sequence != self._sequence:
            self._sequence, self._kept = sequence, {}
        if way not in self._kept:
            self._kept[way] = load_network(case.folder / case.content["model_dir"], dtype=torch.float32)
            self._kept[way].parallel = _WAYS[way]
        network = self._kept[way]
        network.config.spatial_pool_mode = case.content.get("mm_spatial_pool_mode") or "average"
        return network


def _ids(ids: list[int]) -> Tensor:
    return torch.tensor([ids])


def _ratios(case: Case) -> list[int] | None:
    ratio = case.content.get("ratio")
    return [ratio] if isinstance(ratio, int) else ratio


def _pixels(tensors: dict[str, Tensor]) -> Tensor:
    return tensors["pixel_int8"].float() / 32


def check_inference(case: Case, result: Result, networks: Networks) -> None:
    """Features, memory, logits and greedy tokens."""
    tensors = case.tensors()
    for way in _WAYS:
        network = networks.get(case, way)
        features = _check_features(case, result, network, tensors)
        ids = network.expand(_ids(case.content["input_ids"]), len(features))
        result.same("expanded ids", ids[0].tolist(), case.content["expanded_ids"])
        draw = copy.deepcopy(network.draw)
        with torch.no_grad():
            out = network(ids, image_features=features, ratios=_ratios(case))
        logits = tensors["logits"]
        result.close(f"logits, {way}", out.logits[0, -len(logits) :], logits)
        _check_memory(result, out.past_key_values, tensors, way)
        _check_trace(case, result, out.past_key_values, way)
        network.draw = draw
        _check_generation(case, result, network, ids, features, tensors, way)


def _check_features(
    case: Case, result: Result, network: VideoXLForConditionalGeneration, tensors: dict[str, Tensor]
) -> Tensor:
    vision, pixels = network.model.vision, _pixels(tensors)
    with torch.no_grad():
        result.close("vision tower", vision.patches(pixels), tensors["vision_tower_features"])
        features: Tensor = vision(pixels, case.content["modality"])
    result.close("visual tokens", features, tensors["image_features"])
    return features


def _check_memory(result: Result, memory: VideoMemory, tensors: dict[str, Tensor], way: str) -> None:
    states = {"sink": memory.sink_states(), "beacon": memory.beacon_states(), "raw": memory.text_states()}
    for part, (keys, values) in states.items():
        for letter, kept in (("k", keys), ("v", values)):
            for layer in range(len(kept)):
                expected = tensors.get(f"{part}_{letter}.{layer}")
                if expected is not None:
                    result.close(f"{part} {letter}, {way}", kept[layer], expected)


def _check_trace(case: Case, result: Result, memory: VideoMemory, way: str) -> None:
    trace = case.content["trace"]
    found = [(chunk.num_slots, chunk.ratio) for chunk in memory.chunks]
    expected = [(step["n_beacons"], step["ratio"]) for step in trace if step["n_beacons"]]
    result.same(f"windows, {way}", found, expected)
    sizes = (memory.num_sink, memory.num_slots, memory.text_length)
    result.same(f"sizes, {way}", sizes, tuple(trace[-1][f"{part}_len"] for part in ("sink", "beacon", "raw")))


def _check_generation(
    case: Case,
    result: Result,
    network: VideoXLForConditionalGeneration,
    ids: Tensor,
    features: Tensor,
    tensors: dict[str, Tensor],
    way: str,
) -> None:
    options = dict(case.content["generation"])
    options.pop("greedy", None)
    out = network.generate(
        ids,
        image_features=features,
        ratios=_ratios(case),
        do_sample=False,
        pad_token_id=0,
        output_logits=True,
        return_dict_in_generate=True,
        **options,
    )
    result.same(f"greedy tokens, {way}", out.sequences[0, ids.shape[1] :].tolist(), case.content["generated"])
    result.close(f"step logits, {way}", torch.cat(out.logits), tensors["generation_logits"])


def check_text_only(case: Case, result: Result, networks: Networks) -> None:
    """A prompt without footage equals plain Qwen2."""
    tensors, network = case.tensors(), networks.get(case, "steps")
    ids = _ids(case.content["input_ids"])
    with torch.no_grad():
        logits = network(ids).logits[0]
    result.close("logits", logits[-len(tensors["logits"]) :], tensors["logits"])
    result.close("all logits", logits, tensors["all_logits"])
    count = len(case.content["generated"])
    out = network.generate(ids, do_sample=False, max_new_tokens=count, pad_token_id=0)
    result.same("greedy tokens", out[0, ids.shape[1] :].tolist(), case.content["generated"])


def check_train(case: Case, result: Result, networks: Networks) -> None:
    """Loss, every gradient's norm, chosen gradients, and the memory both ways."""
    tensors, content = case.tensors(), case.content
    ids, labels = _ids(content["expanded_ids"]), _ids(content["labels"])
    for way in _WAYS:
        network = networks.get(case, way)
        with torch.no_grad():
            features = network.model.vision(_pixels(tensors))
            memory = network(ids, image_features=features, ratios=_ratios(case)).past_key_values
        _check_memory(result, memory, tensors, way)
    network = networks.get(case, "parallel").train()
    network.zero_grad(set_to_none=True)
    loss = network(ids, pixel_values=_pixels(tensors), labels=labels, ratios=_ratios(case)).loss
    loss.backward()
    result.close("loss", loss.reshape(1), torch.tensor([content["loss"]]))
    result.same("learnt tokens", sum(label != -100 for label in content["labels"][1:]), content["n_label_tokens"])
    _check_gradients(result, dict(network.named_parameters()), content, tensors)
    network.eval()


def _check_gradients(
    result: Result, parameters: dict[str, torch.nn.Parameter], content: dict[str, Any], tensors: dict[str, Tensor]
) -> None:
    norms = content["grad_norms"]
    result.same("parameters", sorted(parameters), sorted(our_name(name) for name in norms))
    total = torch.zeros(())
    for name, expected in norms.items():
        gradient = parameters[our_name(name)].grad
        result.same("unused parameters", gradient is None, expected is None)
        if gradient is not None and expected is not None:
            total += gradient.square().sum()
            result.close("gradient norms", gradient.norm().reshape(1), torch.tensor([expected]))
    result.close("total gradient norm", total.sqrt().reshape(1), torch.tensor([content["total_grad_norm"]]))
    for name, tensor in tensors.items():
        if name.startswith("grad."):
            gradient = parameters[our_name(name.removeprefix("grad."))].grad
            result.close("gradients", torch.zeros_like(tensor) if gradient is None else gradient, tensor)


def recorded_frame(kind: str, width: int, height: int, seed: int) -> np.ndarray:
    """A frame by the recorded recipe: seeded noise or an integer pattern."""
    if kind == "noise":
        return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    y, x = np.mgrid[:height, :width]
    blue = ((x // 16 + y // 16) % 2) * 200 + (x + y) % 40
    return np.stack([(3 * x + 5 * y) % 256, (x * y // 7) % 256, blue], axis=-1).astype(np.uint8)


def check_preprocess(case: Case, result: Result, networks: Networks) -> None:
    """Frames to pixel values."""
    del networks
    c, tensors = case.content, case.tensors()
    frames = [recorded_frame(c["frame_kind"], c["width"], c["height"], seed) for seed in c.get("seeds") or [0]]
    pixels = PictureProcessor(336, "crop").frames(frames)
    first = np.array(fit(PILImage.fromarray(frames[0]), 336, "crop")).transpose(2, 0, 1)
    views = {
        "frames": torch.from_numpy(np.stack(frames)),
        "first_frame_resized_cropped_uint8": torch.from_numpy(first),
        "sampled_every_8": pixels[:, :, ::8, ::8],
        "row_0": pixels[:, :, 0],
        "row_335": pixels[:, :, -1],
        "col_0": pixels[:, :, :, 0],
        "col_335": pixels[:, :, :, -1],
    }
    for name, expected in tensors.items():
        result.close(name, views.get(name, pixels), expected)
    result.close("channel means", pixels.mean(dim=(0, 2, 3)), torch.tensor(c["stats"]["mean"]))


def check_anyres(case: Case, result: Result, networks: Networks) -> None:
    """An image to its crops."""
    del networks
    c = case.content
    pinpoints = json.loads((case.folder.parent / "image_grid_pinpoints_7b.json").read_text(encoding="utf-8"))
    image = PILImage.fromarray(recorded_frame(c["frame_kind"], c["width"], c["height"], 0))
    result.same("canvas", list(best_resolution(image.size, pinpoints)), c["best_resolution_wh"])
    pixels = PictureProcessor(336).normalise(anyres_crops(image, 336, pinpoints))
    result.same("crops", len(pixels), c["n_crops"])
    result.close("pixels", pixels[:, :, ::16, ::16], case.tensors()["sampled_every_16"])
    result.close("crop means", pixels.mean(dim=(1, 2, 3)), torch.tensor(c["stats_per_crop"]["mean"]))


def check_tokenisation(case: Case, result: Result, networks: Networks) -> None:
    """Prompts, their ids, and the labels of chat and plain examples."""
    del networks
    c = case.content
    tokenizer = load_tokenizer(case.folder.parent / "tiny_tokenizer")
    for item in c["tokenizer_image_token"]:
        result.same("prompt ids", image_token_ids(item["prompt"], tokenizer), item["ids"])
    for item in c["qwen_1_5_prompts"]:
        result.same("prompts", chat_prompt([(role, text) for role, text in item["turns"]]), item["prompt"])
    expansion = c["transform_input_id"]
    fills = [expansion["special_token"]] * expansion["num_tokens"]
    out = [id_ for old in expansion["ids"] for id_ in (fills if old == IMAGE_TOKEN_INDEX else [old])]
    result.same("expansion", out, expansion["out"])
    for item in c["preprocess_qwen"]:
        example = chat_example(item["conversations"], tokenizer)
        result.same("chat ids", example.input_ids, item["input_ids"])
        result.same("chat labels", example.labels, item["labels"])
    item = c["preprocess_plain_pretrain"]
    example = plain_example(item["conversations"], tokenizer)
    result.same("plain ids", example.input_ids, item["input_ids"])
    result.same("plain labels", example.labels, item["labels"])


def check_model(case: Case, result: Result, networks: Networks) -> None:
    """A checkpoint folder in the released layout loads, name for name."""
    del networks
    network = load_network(case.folder, dtype=torch.float32)
    found = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    result.same("tensors", found, {our_name(name): shape for name, shape in case.content["names"].items()})


CHECKS: dict[str, Callable[[Case, Result, Networks], None]] = {
    "inference": check_inference,
    "text_only": check_text_only,
    "train_loss": check_train,
    "clip_preprocess": check_preprocess,
    "anyres_preprocess": check_anyres,
    "tokenisation": check_tokenisation,
    "model": check_model,
}
