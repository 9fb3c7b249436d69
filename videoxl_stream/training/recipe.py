"""The recipe of the embedded model: every number that training depends on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from videoxl_stream.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Length:
    """Streams of one length: how many frames, how many streams a step, and how often such a step is taken."""

    num_frames: int
    num_streams: int
    share: float


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of training: its share of the steps, and the lengths it mixes."""

    share: float
    lengths: tuple[Length, ...]


_SHORT, _MIDDLE = Length(40, 128, 1.0), Length(160, 32, 1.0)
_MIXED = (Length(40, 128, 0.15), Length(160, 32, 0.25), Length(320, 16, 0.25), Length(640, 8, 0.35))


@dataclass(frozen=True, slots=True)
class Recipe:
    """Sizes, losses, schedule and seeds.

    Args:
        seed: of weights and of training footage; footage seeds count up from ``first_stream_seed``.
        first_stream_seed: seeds below it are never trained on.
        mixing: share of sites whose traits are of several families, and of channels with shots of any kind.
        questions: about events, in a step.
        quizzes: about ads, in a step; a share of ``quiz_share`` of all steps is of this sort. Of these a share of
            ``lettered_share`` asks with options, half as many: such texts are three times as long.
        ratio_shares: how often each ratio is drawn; ``long_ratio_shares`` for streams of more than ``long_frames``.
        mixed_ratio_share: of shorter streams whose windows draw their ratios one by one, which takes far more kernels.
        vision_steps: of the tower on frame labels, at first.
        stream_steps: of the whole model on streams, after that; phases are shares of them.
        new_layers: text layers that the model to begin with lacks, if there is one.
        order_loss: weight of what beacons tell of the order of ads; ``mention_loss`` and ``mark_loss`` of what the
            words of quizzes tell of it, and of what stands behind each option.
        rewarm_steps: over which the learning rate comes back when a run goes on.
    """

    image_size: int = 128
    patch_size: int = 16
    vision_width: int = 192
    vision_layers: int = 4
    vision_heads: int = 3
    text_width: int = 256
    text_layers: int = 6
    text_heads: int = 4
    text_kv_heads: int = 2
    text_mlp: int = 704
    new_layers: tuple[int, ...] = ()
    window_frames: int = 10
    ratios: tuple[int, ...] = (1, 2, 4, 8, 16)
    ratio_shares: tuple[float, ...] = (0.04, 0.06, 0.1, 0.4, 0.4)
    long_frames: int = 320
    long_ratio_shares: tuple[float, ...] = (0.0, 0.0, 0.1, 0.4, 0.5)
    mixed_ratio_share: float = 0.1
    rope_theta: float = 1e6

    seed: int = 1
    first_stream_seed: int = 10_000_000
    mixing: float = 0.0
    sample_fps: float = 2.0
    questions: int = 2048
    quizzes: int = 1024
    quiz_share: float = 0.5
    lettered_share: float = 0.5
    vision_steps: int = 700
    stream_steps: int = 2200
    vision_frames: int = 5120
    vision_lr: float = 1.2e-3
    lr: float = 1.2e-3
    last_lr_share: float = 0.05
    warmup_steps: int = 100
    rewarm_steps: int = 50
    weight_decay: float = 0.02
    beacon_loss: float = 0.3
    frame_loss: float = 0.3
    order_loss: float = 0.3
    mention_loss: float = 0.3
    mark_loss: float = 0.5
    checkpoint_seconds: float = 60.0
    phases: tuple[Phase, ...] = (
        Phase(0.25, (_SHORT,)),
        Phase(0.3, (Length(40, 128, 0.3), _MIDDLE)),
        Phase(0.45, _MIXED),
    )

    @property
    def tokens_per_frame(self) -> int:
        """Visual tokens of one frame after pooling."""
        return (self.image_size // self.patch_size // 2) ** 2

    @property
    def loss_weights(self) -> dict[str, float]:
        """Weights of the losses of streams, by name."""
        weights = {"answer": 1.0, "mark": self.mark_loss, "mention": self.mention_loss, "order": self.order_loss}
        return {**weights, "beacon": self.beacon_loss, "frame": self.frame_loss}

    def phase_at(self, progress: float) -> Phase:
        """The phase at a share 0..1 of the stream steps."""
        done = 0.0
        for phase in self.phases:
            done += phase.share
            if progress < done:
                return phase
        return self.phases[-1]

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Recipe:
        """Read it back.

        Raises:
            ConfigError: it names something a recipe does not have.
        """
        content = json.loads(path.read_text(encoding="utf-8"))
        unknown = set(content) - {field.name for field in fields(cls)}
        if unknown:
            msg = f"{path} sets {sorted(unknown)}, which a recipe does not have; remove them"
            raise ConfigError(msg)
        if "phases" in content:
            content["phases"] = tuple(
                Phase(p["share"], tuple(Length(**length) for length in p["lengths"])) for p in content["phases"]
            )
        for name in ("ratios", "ratio_shares", "long_ratio_shares", "new_layers"):
            if name in content:
                content[name] = tuple(content[name])
        return cls(**content)
