"""Train the embedded model: the tower on frame labels, then everything on streams.

    python -m videoxl_stream.training.embedded RUN [--recipe JSON] [--start MODEL] [--max-seconds S] [--model FOLDER]

Needs a GPU; with several, ``torchrun --nproc-per-node 4 -m videoxl_stream.training.embedded ...`` gives each streams of
its own. RUN is saved every minute, and the same command goes on with it until its recipe is done. ``--model`` writes
the model in our own layout, in half precision.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset
from transformers import PreTrainedTokenizerFast

from videoxl_stream.model.configuration import VideoXLConfig
from videoxl_stream.model.network import VideoXLForConditionalGeneration
from videoxl_stream.model.pictures import PictureProcessor, normalised
from videoxl_stream.model.prompts import around_footage
from videoxl_stream.model.video_xl import VideoXL
from videoxl_stream.training.batches import (
    SORTS,
    Footage,
    FrameBatches,
    StreamBatch,
    StreamBatches,
    draw_windows,
    moved,
    unchanged,
    usual_ratios,
)
from videoxl_stream.training.footage.degrade import Degrade
from videoxl_stream.training.footage.renderer import Renderer
from videoxl_stream.training.footage.tokenizer import build_tokenizer
from videoxl_stream.training.footage.vocabulary import KINDS
from videoxl_stream.training.objective import Objective
from videoxl_stream.training.questioning import TOPICS
from videoxl_stream.training.recipe import Recipe
from videoxl_stream.training.replicas import Replicas
from videoxl_stream.training.saved_run import RunState, SavedRun
from videoxl_stream.training.warm_start import carry_over

_HEADS = "heads.safetensors"
_HELD_OUT_SEED = 5_000_000
_HELD_OUT_BATCHES = 2
_VISION, _STREAMS = "vision", "streams"


def build_network(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> VideoXLForConditionalGeneration:
    """A network of the recipe's sizes with random weights."""
    torch.manual_seed(recipe.seed)
    vocabulary = -(-(len(tokenizer) + 1) // 32) * 32
    config = VideoXLConfig(
        vision_config={
            "hidden_size": recipe.vision_width,
            "intermediate_size": 4 * recipe.vision_width,
            "num_hidden_layers": recipe.vision_layers,
            "num_attention_heads": recipe.vision_heads,
            "image_size": recipe.image_size,
            "patch_size": recipe.patch_size,
            "hidden_act": "quick_gelu",
        },
        text_config={
            "vocab_size": vocabulary,
            "hidden_size": recipe.text_width,
            "intermediate_size": recipe.text_mlp,
            "num_hidden_layers": recipe.text_layers,
            "num_attention_heads": recipe.text_heads,
            "num_key_value_heads": recipe.text_kv_heads,
            "rope_theta": recipe.rope_theta,
            "beacon_window": recipe.window_frames * recipe.tokens_per_frame,
            "beacon_ratio": list(recipe.ratios),
            "eos_token_id": tokenizer.eos_token_id,
            "bos_token_id": None,
        },
        vision_select_layer=-1,
    )
    network = VideoXLForConditionalGeneration(config)
    network.generation_config.eos_token_id = tokenizer.eos_token_id
    network.generation_config.pad_token_id = tokenizer.pad_token_id
    return network


class Training:
    """One piece of a run: from where the last one stopped to the recipe's end, or as far as time allows.

    Args:
        recipe: what to do.
        run: where the run is kept.
        replicas: this process among those that train.
        max_seconds: for this piece.
        start: an earlier model to begin with, if the run has not begun yet.
    """

    def __init__(
        self, recipe: Recipe, run: Path, replicas: Replicas, max_seconds: float, start: Path | None = None
    ) -> None:
        device = replicas.device
        self.recipe, self.replicas, self.device = recipe, replicas, device
        self.tokenizer = build_tokenizer()
        network = build_network(recipe, self.tokenizer)
        prefix = self.tokenizer.encode(around_footage()[0])
        self.objective = Objective(network, prefix).to(device)
        self.saved_run, self.state = SavedRun(run), RunState()
        if self.saved_run.exists:
            self.state = self.saved_run.load(self.objective)
        elif start is not None:
            self._begin_with(start)
        self.state.pieces += 1
        self.vision: Any = network.model.vision.video
        self.render, self.degrade = Renderer(compiled=device.type == "cuda"), Degrade()
        if device.type == "cuda":
            self.vision = torch.compile(self.vision, dynamic=False)
        self.generator = torch.Generator(device).manual_seed(recipe.seed + replicas.rank)
        self.started = self.saved = time.monotonic()
        self.max_seconds = max_seconds

    def _begin_with(self, start: Path) -> None:
        """Begin with what an earlier run has learnt: the weights, and the label heads if they are of the same kinds."""
        carry_over(start, self.objective.network, self.tokenizer, self.recipe.new_layers)
        if (start / _HEADS).is_file():
            kept = load_file(start / _HEADS, device=str(self.device))
            own = self._heads.state_dict()
            fits = {name: name in kept and kept[name].shape == value.shape for name, value in own.items()}
            self._heads.load_state_dict({k: kept[k] if fits[k] else value for k, value in own.items()})

    @property
    def _heads(self) -> nn.ModuleDict:
        objective = self.objective
        by_frames = {"frame": objective.frame_head, "beacon": objective.beacon_head, "order": objective.order_head}
        return nn.ModuleDict({**by_frames, "mention": objective.mention_head, "mark": objective.mark_head})

    def run(self) -> bool:
        """Train, save and measure; says whether the recipe is done."""
        recipe = self.recipe
        frames = FrameBatches(recipe, recipe.vision_steps, self.replicas)
        streams = StreamBatches(recipe, recipe.stream_steps, self.tokenizer, self.replicas)
        done = self._phase(_VISION, frames, self._vision_losses, recipe.vision_lr)
        done = done and self._phase(_STREAMS, streams, self._stream_losses, recipe.lr)
        if self.replicas.rank:
            return done
        self.save()
        self.measure_frames(frames)
        self.measure(streams)
        self.save()
        return done

    @torch.no_grad()
    def measure_frames(self, frames: FrameBatches) -> None:
        """Print how often the frame head finds each kind where it is and where it is not, and names the brand."""
        footage = moved(frames.make(np.random.default_rng(3), _HELD_OUT_SEED), self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            kinds, brands = self.objective.frame_head(self._plain_features(footage).flatten(0, 1))
        labels, found = footage.labels.flat(), kinds > 0
        for number, kind in enumerate(KINDS):
            true = labels.kinds[:, number]
            rates = (found[true, number].float().mean(), (~found[~true, number]).float().mean())
            print(f"frames: {kind} found {rates[0]:.3f}, rejected {rates[1]:.3f}", flush=True)
        shown = labels.brands > 0
        print(f"frames: brand named {(brands.argmax(-1) == labels.brands)[shown].float().mean():.3f}", flush=True)

    @torch.no_grad()
    def measure(self, streams: StreamBatches) -> None:
        """Print how often held-out questions and quizzes are answered right, by length, ratio and topic."""
        for length, ratio in itertools.product(self.recipe.phases[-1].lengths, usual_ratios(self.recipe)):
            right: dict[str, list[float]] = {}
            for part, sort in itertools.product(range(_HELD_OUT_BATCHES), SORTS):
                rng = np.random.default_rng((self.recipe.seed, 3, part))
                windows = draw_windows(self.recipe, length.num_frames, rng, ratio)
                self._tally(streams.make(rng, _HELD_OUT_SEED + part, length.num_streams, windows, sort), right)
            row = {topic: round(float(np.mean(found)), 3) for topic, found in right.items() if found}
            self.state.log.append({"phase": "held out", "frames": length.num_frames, "ratio": ratio, **row})
            print(json.dumps(self.state.log[-1]), flush=True)

    def _tally(self, batch: StreamBatch, right: dict[str, list[float]]) -> None:
        footage, texts = moved(batch.footage, self.device), moved(batch.texts, self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            found = self.objective.right(self._plain_features(footage), batch.windows, texts).cpu().numpy()
        for number, topic in enumerate(TOPICS):
            right.setdefault(topic, []).extend(found[texts.topics == number].astype(float).tolist())

    def frames(self, footage: Footage) -> Tensor:
        """Render and degrade: uint8 (streams, frames, height, width, 3)."""
        size = self.recipe.image_size
        frames = self.render(footage.drawing, size, size)
        half = len(frames) // 2  # degrading costs more than rendering, and clean streams must be learnt too
        return torch.cat((self.degrade(frames[:half], self.generator), frames[half:]))

    def features(self, frames: Tensor) -> Tensor:
        """Visual tokens (streams, frames, tokens, dim)."""
        out: Tensor = self.vision(normalised(frames.flatten(0, 1))).unflatten(0, frames.shape[:2])
        return out

    def _plain_features(self, footage: Footage) -> Tensor:
        """Visual tokens for measuring: a tower compiled without gradient goes on using the weights it first saw."""
        frames = self.frames(footage)
        out: Tensor = self.objective.network.model.vision.video(normalised(frames.flatten(0, 1))).unflatten(
            0, frames.shape[:2]
        )
        return out

    def _vision_losses(self, footage: Footage) -> dict[str, Tensor]:
        footage = moved(footage, self.device)
        features = self.features(self.frames(footage))
        return {"frame": self.objective.frame_head.loss(features.flatten(0, 1), footage.labels.flat())}

    def _stream_losses(self, batch: StreamBatch) -> dict[str, Tensor]:
        footage, texts = moved(batch.footage, self.device), moved(batch.texts, self.device)
        features = self.features(self.frames(footage))
        return self.objective.streams(features, batch.windows, texts, footage.labels)

    def _phase(self, name: str, batches: Dataset[Any], losses: Any, peak_lr: float) -> bool:
        """Take the steps of a phase that are left; says whether all are taken."""
        steps: int = len(batches)  # type: ignore[arg-type]
        first = self.state.steps.get(name, 0)
        if first >= steps:
            return True
        optimizer = self._optimizer(peak_lr)
        weights = {"frame": 1.0} if name == _VISION else self.recipe.loss_weights
        for step, batch in enumerate(self._load(Subset(batches, range(first, steps))), start=first):
            if self.replicas.any(time.monotonic() - self.started > self.max_seconds):
                self._say(f"{name}: out of time at step {step} of {steps}")
                return False
            rate = peak_lr * self._schedule(step - first, step / steps, self.recipe.rewarm_steps if first else None)
            for group in optimizer.param_groups:
                group["lr"] = rate
            with torch.autocast(self.device.type, torch.bfloat16):
                parts = losses(batch)
                total = torch.stack([weights[part] * loss for part, loss in parts.items()]).sum()
            self._update(optimizer, total)
            self.state.steps[name] = step + 1
            self._report(name, step, steps, parts)
        return True

    def _load(self, batches: Dataset[Any]) -> Iterator[Any]:
        workers = 14 if self.device.type == "cuda" else 0
        options = {"prefetch_factor": 4} if workers else {}
        return iter(DataLoader(batches, batch_size=None, num_workers=workers, collate_fn=unchanged, **options))  # type: ignore[arg-type]

    def _optimizer(self, lr: float) -> torch.optim.AdamW:
        matrices = [p for p in self.objective.parameters() if p.ndim > 1]
        others = [p for p in self.objective.parameters() if p.ndim <= 1]
        groups = [
            {"params": matrices, "weight_decay": self.recipe.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98), fused=self.device.type == "cuda")

    def _schedule(self, step: int, progress: float, rewarm_steps: int | None) -> float:
        """One cosine over the whole phase, after a warm-up of each piece."""
        warm = min(1.0, (step + 1) / (rewarm_steps or self.recipe.warmup_steps))
        last = self.recipe.last_lr_share
        return warm * (last + (1 - last) * 0.5 * (1 + math.cos(math.pi * progress)))

    def _update(self, optimizer: torch.optim.AdamW, loss: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.replicas.average(self.objective.parameters())
        norm = nn.utils.clip_grad_norm_(self.objective.parameters(), 1.0)
        if torch.isfinite(norm):  # a masked kernel's backward has been seen to overflow now and then
            optimizer.step()
        else:
            self.state.skipped += 1

    def _report(self, name: str, step: int, steps: int, parts: dict[str, Tensor]) -> None:
        if self.replicas.rank:
            return
        if step % 20 == 0 or step == steps - 1:
            row: dict[str, Any] = {part: round(loss.item(), 4) for part, loss in parts.items()}
            seconds = round(time.monotonic() - self.started, 1)
            where = {"phase": name, "piece": self.state.pieces, "step": step, "seconds": seconds}
            self.state.log.append({**where, "skipped": self.state.skipped, **row})
            if step % 100 == 0 or step == steps - 1:
                print(json.dumps(self.state.log[-1]), flush=True)
        if time.monotonic() - self.saved > self.recipe.checkpoint_seconds:
            self.save()

    def _say(self, text: str) -> None:
        if not self.replicas.rank:
            print(text, flush=True)

    def save(self) -> None:
        """Save the run as it is now."""
        self.saved = time.monotonic()
        self.saved_run.save(self.objective, self.state)

    def write_model(self, folder: Path) -> None:
        """Write the model as it is now in our own layout, in half precision, with its heads, recipe and curves."""
        folder.mkdir(parents=True, exist_ok=True)
        network = copy.deepcopy(self.objective.network).half()
        pictures = PictureProcessor(self.recipe.image_size, "squash")
        VideoXL(network, self.tokenizer, pictures).save_pretrained(folder)
        save_file(self._heads.state_dict(), folder / _HEADS)
        self.recipe.save(folder / "recipe.json")
        (folder / "log.json").write_text(json.dumps(self.state.log) + "\n", encoding="utf-8")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m videoxl_stream.training.embedded", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of the run; one that has begun is gone on with")
    parser.add_argument("--recipe", type=Path, help="JSON; the committed recipe if left out")
    parser.add_argument("--start", type=Path, help="folder of an earlier model to begin with")
    parser.add_argument("--model", type=Path, help="folder to write the model to")
    parser.add_argument("--max-seconds", type=float, default=540.0, help="of training, in this piece")
    arguments = parser.parse_args()
    recipe = Recipe.load(arguments.recipe) if arguments.recipe else Recipe()
    replicas = Replicas.join()
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cuda.enable_cudnn_sdp(False)  # it plans anew, for 40 ms, at every length it has not seen
    training = Training(recipe, arguments.run, replicas, arguments.max_seconds, arguments.start)
    done = arguments.max_seconds > 0 and training.run()
    replicas.leave()
    if replicas.rank:
        return
    if arguments.model:
        training.write_model(arguments.model)
    print("the recipe is done" if done else f"not done: {training.state.steps}; the same command goes on", flush=True)


if __name__ == "__main__":
    main()
