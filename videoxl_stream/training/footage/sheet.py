"""A contact sheet: what each kind, and what only resembles it, looks like to the model."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from videoxl_stream.training.footage.channel_plan import BANNER, CARD
from videoxl_stream.training.footage.clips import ClipFormat, truth_path, write_clip
from videoxl_stream.training.footage.painter import Painter
from videoxl_stream.training.footage.scenes import Rates, SceneBatch, sample_batch
from videoxl_stream.training.footage.site_plan import CROUCH, SIT, STAND

Picture = NDArray[np.uint8]
Mask = Callable[[SceneBatch, Tensor], Tensor]
_SIZE = 128


def _visits(batch: SceneBatch, times: Tensor, posture: int) -> Tensor:
    """Say where the second or third visitor stands still in a posture, (batch, frames) bool."""
    found = torch.zeros_like(times, dtype=torch.bool)
    for visits in batch.site.visitors[1:]:
        moment = visits.at(times)
        still = (moment.since_s > 0.4) & (moment.left_s > 0.4)
        found |= moment.seen & (moment.traits["posture"] == posture) & still
    return found


def _passes(batch: SceneBatch, times: Tensor) -> Tensor:
    """Say where somebody passes in front of a zone in which nobody is."""
    plan, moment = batch.site.plan, batch.site.visitors[2].at(times)
    near = (moment.traits["x_begin"] - plan["zone_x"]).abs() < plan["zone_half_x"]
    front = (moment.traits["y"] > plan["zone_y"]) & (plan["has_zone"] > 0)
    still = (moment.since_s > 0) & (moment.left_s > 0)
    return moment.seen & still & near & front & (moment.traits["posture"] == STAND)


def _steams(batch: SceneBatch, times: Tensor) -> Tensor:
    """Say where it steams without a fire."""
    moment = batch.site.fires.at(times)
    return moment.seen & (moment.traits["burns"] == 0) & (moment.since_s > 2)


def _shines(batch: SceneBatch, times: Tensor) -> Tensor:
    """Say where headlights pass a lit lamp at dusk or night."""
    plan, moment = batch.site.plan, batch.site.vehicles.at(times)
    middle = (moment.since_s > 0.8) & (moment.left_s > 0.8)
    return moment.seen & middle & (plan["lamp_on"] * plan["has_lamp"] * (plan["light"] > 0) > 0)


def _ads(form: int) -> Mask:
    """Say where an ad of a form is on."""
    return lambda batch, times: batch.labels(times)["ad"] & (batch.events["ad"].at(times).traits["form"] == form)


def _eventless(mask: Mask) -> Mask:
    """Keep frames without any event."""
    return lambda batch, times: mask(batch, times) & ~torch.stack(list(batch.labels(times).values())).any(dim=0)


def _kind(kind: str) -> Mask:
    """Say where a kind is going on."""
    return lambda batch, times: batch.labels(times)[kind]


ROWS: dict[str, tuple[str, Mask]] = {
    "intrusion": ("site", _kind("intrusion")),
    "no intrusion: passing the zone": ("site", _eventless(_passes)),
    "fire": ("site", _kind("fire")),
    "no fire: steam": ("site", _eventless(_steams)),
    "no fire: lamp and headlights": ("site", _eventless(_shines)),
    "fall": ("site", _kind("fall")),
    "no fall: crouching": ("site", _eventless(lambda batch, times: _visits(batch, times, CROUCH))),
    "no fall: sitting": ("site", _eventless(lambda batch, times: _visits(batch, times, SIT))),
    "ad: card": ("channel", _ads(CARD)),
    "ad: banner": ("channel", _ads(BANNER)),
    "no ad: programme": ("channel", _eventless(lambda batch, times: torch.ones_like(times, dtype=torch.bool))),
}


def examples(seed: int, style: str, mask: Mask, count: int) -> list[Picture]:
    """Render up to ``count`` frames where a mask is true, each of another stream."""
    batch = sample_batch(seed, 64, 60.0, Rates(channel=float(style == "channel")))
    times = torch.arange(0.0, 60.0, 1.3).expand(64, -1)
    wanted = mask(batch, times)
    painter, found = Painter(), []
    for stream in wanted.any(dim=1).nonzero().flatten().tolist()[:count]:
        frames = wanted[stream].nonzero().flatten()
        frame = frames[len(frames) // 2]
        drawing = batch.draw(times[:, frame : frame + 1])
        found.append(painter(drawing[stream : stream + 1], _SIZE, _SIZE)[0, 0].numpy())
    return found


def encoded_examples(seed: int, count: int) -> list[Picture]:
    """Write clips, read them back and squash a frame from the middle of each occurrence."""
    found: list[Picture] = []
    rates = Rates({"intrusion": 1.5, "fire": 1.5, "fall": 1.5, "ad": 2.0}, quiet=0.0, spread=(1.0,))
    with tempfile.TemporaryDirectory() as folder:
        for turn, style in enumerate(("site", "channel")):
            path = Path(folder) / f"{style}.mp4"
            truth = write_clip(path, seed + turn, style, 75.0, rates=rates, encoding=ClipFormat(fps=2))
            truth_path(path).unlink()
            middles = [int(o.start_s + o.end_s) for o in truth.occurrences][: count // 2]
            with av.open(str(path)) as container:
                for number, frame in enumerate(container.decode(video=0)):
                    if number in middles:
                        image = frame.to_image().resize((_SIZE, _SIZE), Image.Resampling.BICUBIC)
                        found.append(np.asarray(image, dtype=np.uint8))
    return found


def contact_sheet(seed: int, columns: int = 9) -> Image.Image:
    """Draw rows of examples at 128x128, the way the model sees 16:9 footage, with their names."""
    rows = {name: examples(seed, style, mask, columns) for name, (style, mask) in ROWS.items()}
    rows["after H.264"] = encoded_examples(seed, columns)
    title = 14
    sheet = Image.new("RGB", (columns * (_SIZE + 2), len(rows) * (_SIZE + title)), "white")
    pen = ImageDraw.Draw(sheet)
    for line, (name, found) in enumerate(rows.items()):
        top = line * (_SIZE + title)
        pen.text((2, top + 1), name, fill="black")
        for column, picture in enumerate(found[:columns]):
            sheet.paste(Image.fromarray(picture), (column * (_SIZE + 2), top + title))
    return sheet
