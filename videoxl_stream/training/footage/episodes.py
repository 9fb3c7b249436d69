"""Episodes: what an actor does from when to when, looked up by time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from videoxl_stream.training.footage.dice import Array, Dice


@dataclass(frozen=True)
class Traits:
    """Named numbers packed into the last dimension of one tensor."""

    names: tuple[str, ...]
    values: Tensor  # (..., names)

    def __getitem__(self, name: str) -> Tensor:
        """Return the numbers of ``name``, shape ``values.shape[:-1]``."""
        return self.values[..., self.names.index(name)]

    @classmethod
    def pack(cls, columns: Mapping[str, Array], device: torch.device) -> Traits:
        """Pack equally shaped arrays, in one transfer to ``device``."""
        packed = np.stack([np.asarray(column, dtype=np.float32) for column in columns.values()], axis=-1)
        return cls(tuple(columns), torch.from_numpy(packed).to(device))


@dataclass(frozen=True)
class Moment:
    """The episode of each frame: seen or not, since when, with which traits."""

    seen: Tensor  # (batch, frames) bool
    since_s: Tensor  # (batch, frames) seconds since start_s, negative during the lead-in
    left_s: Tensor  # (batch, frames) seconds until end_s, negative during the trail
    traits: Traits  # (batch, frames, names)

    @property
    def to_come(self) -> Tensor:
        """What is left of the lead-in: 1 where the actor appears, 0 from start_s on."""
        lead_s = self.traits["start_s"] - self.traits["from_s"]
        return (-self.since_s / lead_s.clamp(min=0.1)).nan_to_num().clamp(0, 1)

    @property
    def gone(self) -> Tensor:
        """What has passed of the trail: 0 up to end_s, 1 where the actor disappears."""
        trail_s = self.traits["to_s"] - self.traits["end_s"]
        return (-self.left_s / trail_s.clamp(min=0.1)).nan_to_num().clamp(0, 1)

    @property
    def share(self) -> Tensor:
        """How much of the time from start_s to end_s has passed, 0 to 1 in between."""
        return self.since_s / (self.since_s + self.left_s).clamp(min=0.1)


@dataclass(frozen=True)
class Episodes:
    """Non-overlapping episodes per stream, in order of time.

    An episode counts from start_s to end_s; its actor is seen from ``from_s`` to ``to_s``, walking in and out.
    Unused places hold infinity.
    """

    traits: Traits  # (batch, episodes, names), among them from_s, start_s, end_s, to_s

    def at(self, times: Tensor) -> Moment:
        """Look up the episode at ``times`` (batch, frames), seconds."""
        from_s = self.traits["from_s"].contiguous()
        index = (torch.searchsorted(from_s, times.contiguous(), right=True) - 1).clamp(min=0)  # (batch, frames)
        spread = index.unsqueeze(-1).expand(-1, -1, self.traits.values.shape[-1])
        found = Traits(self.traits.names, self.traits.values.gather(1, spread))  # (batch, frames, names)
        seen = (times >= found["from_s"]) & (times < found["to_s"])
        since_s = torch.nan_to_num(times - found["start_s"], posinf=0.0, neginf=0.0)
        left_s = torch.nan_to_num(found["end_s"] - times, posinf=0.0, neginf=0.0)
        return Moment(seen, since_s, left_s, found)


@dataclass(frozen=True)
class Renewal:
    """A renewal process: how often something happens, how long it lasts and how long nothing may follow.

    A share of ``long_share`` lasts ``long_s`` instead, (batch,) or one number for all.
    """

    per_minute: Array  # (batch,)
    length_s: tuple[float, float]
    lead_s: tuple[float, float] = (0.0, 0.0)
    gap_s: float = 2.0
    long_s: tuple[float, float] | None = None
    long_share: Array | float = 0.5

    def sample(self, dice: Dice, name: str, duration_s: float, whole: bool) -> dict[str, Array]:
        """Draw from_s, start_s, end_s, to_s, each (batch, episodes); unused places hold infinity.

        The process starts before time 0, so that a stream may begin in the middle of an episode. With ``whole``
        it starts with the stream, and only episodes which lie inside, 1.5 s from either end, are kept.
        """
        longest_s = max(self.length_s[1], *(self.long_s or (0.0,)))
        before_s = -1.5 if whole else longest_s + 2 * self.lead_s[1] + self.gap_s
        shortest_s = self.length_s[0] + 2 * self.lead_s[0] + self.gap_s
        shape = (len(self.per_minute), max(int((duration_s + before_s) / shortest_s), 0) + 2)
        length = self._lengths(dice, name, shape)
        lead = dice.uniform(f"{name}/lead", *self.lead_s, shape)
        trail = dice.uniform(f"{name}/trail", *self.lead_s, shape)
        fixed_s = sum(self.length_s) / 2 + sum(self.lead_s) + self.gap_s
        with np.errstate(divide="ignore"):
            idle = np.maximum(60.0 / self.per_minute - fixed_s, 0.5)[:, None]
        wait = np.where(
            np.isinf(idle), np.inf, dice.rng(f"{name}/wait").exponential(1.0, shape) * np.minimum(idle, 1e9)
        )
        if not whole:  # a random first phase keeps a dense process from starting all streams in step
            wait[:, 0] += dice.uniform(f"{name}/phase", 0.0, 1.0, shape[:1]) * fixed_s
        busy = lead + length + trail + self.gap_s
        from_s = np.cumsum(wait + busy, axis=1) - busy - before_s
        start_s = from_s + lead
        end_s = start_s + length
        used = (from_s < duration_s) & np.isfinite(from_s)
        if whole:
            used &= (start_s >= 1.5) & (end_s <= duration_s - 1.5)
        return keep({"from_s": from_s, "start_s": start_s, "end_s": end_s, "to_s": end_s + trail}, used)

    def _lengths(self, dice: Dice, name: str, shape: tuple[int, int]) -> Array:
        """Draw how long each episode lasts, (batch, episodes)."""
        usual = dice.uniform(f"{name}/length", *self.length_s, shape)
        if self.long_s is None:
            return usual
        share = np.broadcast_to(np.asarray(self.long_share, dtype=np.float32), shape[:1])[:, None]
        is_long = dice.uniform(f"{name}/is_long", 0.0, 1.0, shape) < share
        return np.where(is_long, dice.uniform(f"{name}/long", *self.long_s, shape), usual)


def keep(columns: dict[str, Array], used: Array) -> dict[str, Array]:
    """Blank the episodes not used and move them to the end, without a change of shape."""
    order = np.argsort(np.where(used, columns["from_s"], np.inf), axis=1, kind="stable")
    place = np.take_along_axis(used, order, axis=1)
    return {
        name: np.where(place, np.take_along_axis(column, order, axis=1), np.inf if name.endswith("_s") else 0.0)
        for name, column in columns.items()
    }


def clear_of(episodes: Mapping[str, Array], others: Mapping[str, Array]) -> dict[str, Array]:
    """Leave out the episodes during which one of ``others`` can be seen."""
    with np.errstate(invalid="ignore"):
        overlap = (episodes["from_s"][:, :, None] < others["to_s"][:, None, :]) & (
            episodes["to_s"][:, :, None] > others["from_s"][:, None, :]
        )  # (batch, episodes, others)
    return keep(dict(episodes), np.isfinite(episodes["from_s"]) & ~overlap.any(axis=2))


def together(first: Mapping[str, Array], second: Mapping[str, Array]) -> dict[str, Array]:
    """Put two sets of episodes with the same columns into one, in order of time."""
    both = {name: np.concatenate([column, second[name]], axis=1) for name, column in first.items()}
    return keep(both, np.isfinite(both["from_s"]))


def interleave(first: Mapping[str, Array], second: Mapping[str, Array]) -> dict[str, Array]:
    """Merge two sets of episodes with the same columns; those of ``second`` that overlap ``first`` are dropped."""
    return together(first, clear_of(second, first))
