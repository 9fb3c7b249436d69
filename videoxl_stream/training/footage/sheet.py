"""Strips of pictures: what each kind, what only resembles it and what a camera does to it looks like."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from itertools import count as count_from
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from videoxl_stream.training.footage.clips import ClipFormat, write_clip
from videoxl_stream.training.footage.conditions import has_low_bit_rate
from videoxl_stream.training.footage.examples import EXAMPLES, Example
from videoxl_stream.training.footage.painter import Painter
from videoxl_stream.training.footage.scenes import Rates, Scenario
from videoxl_stream.training.footage.vocabulary import ABANDONED_S

Picture = NDArray[np.uint8]
Size = tuple[int, int]
MODEL_SIZE: Size = (128, 128)
"""Height and width of pictures as the embedded model sees them."""
_GAP, _TITLE = 2, 14


def render(example: Example, seed: int, count: int, size: Size = MODEL_SIZE) -> list[Picture]:
    """Render up to ``count`` moments that show an example, (height, width, 3) each, of another stream each."""
    return list(Painter()(example.find(seed, count), *size)[:, 0].numpy())


def left_behind(seed: int, size: Size = MODEL_SIZE) -> list[Picture]:
    """Render what happens to a bag: put down, 20 s later, after ABANDONED_S, when it counts, and taken up again."""
    rates = Rates({"abandoned": 0.8}, quiet=0.0, spread=(1.0,))
    while not (bags := _bags(scenario := Scenario.of(seed, "site", 180.0, rates))):
        seed += 1
    counts_s, end_s = bags[0]
    put_s = counts_s - ABANDONED_S
    times = torch.tensor([[put_s - 1.0, put_s + 20.0, counts_s + 1.0, end_s + 1.0]])
    return list(Painter()(scenario.batch.draw(times), *size)[0].numpy())


def _bags(scenario: Scenario) -> list[tuple[float, float]]:
    """List from when to when each bag counts."""
    return [(o.start_s, o.end_s) for o in scenario.occurrences if o.kind == "abandoned"]


def encoded(seed: int, count: int, size: Size = MODEL_SIZE, *, low: bool) -> list[Picture]:
    """Write a clip of a low or the usual bit rate, read it back and show a frame of each of its first occurrences."""
    seed = next(number for number in count_from(seed) if has_low_bit_rate(number, "site") == low)
    kinds = ("intrusion", "fire", "fall", "crowd", "breakdown")
    rates, found = Rates(dict.fromkeys(kinds, 1.0), quiet=0.0, spread=(1.0,)), dict[int, Picture]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "site.mp4"
        truth = write_clip(path, seed, "site", 60.0, rates=rates, encoding=ClipFormat(fps=2))
        middles = [int(o.start_s + o.end_s) for o in truth.occurrences][:count]
        with av.open(str(path)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number in middles:
                    image = frame.to_image().resize(size[::-1], Image.Resampling.BICUBIC)
                    found[number] = np.asarray(image, dtype=np.uint8)
    return list(found.values())


def rows(seed: int, count: int, size: Size = MODEL_SIZE) -> dict[str, list[Picture]]:
    """Render every row of the sheet by its name."""
    found = {example.name: render(example, seed, count, size) for example in EXAMPLES}
    found["abandoned: put down, after 20 s, after 60 s (event), taken"] = left_behind(seed, size)
    found["usual bit rate"] = encoded(seed, count, size, low=False)
    found["low bit rate"] = encoded(seed, count, size, low=True)
    return found


def strip(pictures: Sequence[Picture]) -> Image.Image:
    """Put pictures side by side."""
    height, width, _ = pictures[0].shape
    image = Image.new("RGB", (len(pictures) * (width + _GAP) - _GAP, height), "white")
    for column, picture in enumerate(pictures):
        image.paste(Image.fromarray(picture), (column * (width + _GAP), 0))
    return image


def contact_sheet(found: Mapping[str, Sequence[Picture]]) -> Image.Image:
    """Put strips below each other, with their names."""
    strips = {name: strip(pictures) for name, pictures in found.items()}
    line = max(image.height for image in strips.values()) + _TITLE
    sheet = Image.new("RGB", (max(image.width for image in strips.values()), len(strips) * line), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (name, image) in enumerate(strips.items()):
        pen.text((2, number * line + 1), name, fill="black")
        sheet.paste(image, (0, number * line + _TITLE))
    return sheet


def save_strips(found: Mapping[str, Sequence[Picture]], folder: Path) -> list[Path]:
    """Write each strip as a JPEG named after it, ``no-fire-steam.jpg``."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, pictures in found.items():
        words = "".join(c if c.isalnum() else " " for c in name).split()
        paths.append(folder / f"{'-'.join(words)}.jpg")
        strip(pictures).save(paths[-1], quality=74, optimize=True)
    return paths
