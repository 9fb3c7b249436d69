"""Inserted ads: a full-frame card or a banner over the programme, with the brand's symbol."""

from __future__ import annotations

import torch
from torch import Tensor

from videoxl_stream.training.footage.channel_plan import ABOVE, BANNER, DARK, STICKER, TINTED
from videoxl_stream.training.footage.episodes import Moment, Traits
from videoxl_stream.training.footage.shapes import ASPECT, paint, rgb, shape, symbol
from videoxl_stream.training.footage.vocabulary import COLOUR_RGB, SYMBOLS


def brand_colour(colour: Tensor) -> Tensor:
    """Return the RGB of colour indices, shape ``colour.shape + (3,)``."""
    table = torch.tensor(COLOUR_RGB, dtype=torch.float32, device=colour.device)
    return table[colour.long()]


def _panel(traits: Traits) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return centre and half size of the ad's area, each (batch, frames)."""
    banner, sticker = traits["form"] == BANNER, traits["form"] == STICKER
    half_x = torch.where(banner, ASPECT * (0.15 + 0.15 * traits["wide"]), ASPECT / 2 + 0.01)
    half_y = torch.where(banner, 0.12 + 0.06 * traits["size"], 0.51)
    small = 0.1 + 0.07 * traits["size"]
    half_x, half_y = torch.where(sticker, small, half_x), torch.where(sticker, small, half_y)
    slack = ASPECT / 2 - half_x - 0.04
    x = ASPECT / 2 + torch.where(banner | sticker, slack * (2 * traits["place"] - 1), 0.0)
    edge = half_y + 0.03
    y = torch.where(banner, torch.where(traits["top"] > 0, edge, 1 - edge), 0.5)
    y = torch.where(sticker, edge + (1 - 2 * edge) * traits["wide"], y)
    return x, y, half_x, half_y


def advert(moment: Moment, *, fades: bool = True) -> list[Tensor]:
    """Return the nine shapes of the ad that is on, if any: panel, frame, symbol (2), product, text (4).

    Args:
        moment: with the traits of ``ad_looks``.
        fades: whether it comes and goes within 0.2 s each, or at once.
    """
    traits = moment.traits
    banner, sticker = traits["form"] == BANNER, traits["form"] == STICKER
    alpha = moment.seen.float()
    if fades:
        alpha = (moment.since_s / 0.2).clamp(0, 1) * (moment.left_s / 0.2).clamp(0, 1) * alpha
    x, y, half_x, half_y = _panel(traits)
    dark = (traits["tone"] == DARK).unsqueeze(-1)
    tinted = (traits["tone"] == TINTED).unsqueeze(-1)
    back = torch.where(tinted, rgb(traits["tint"], 0.22, 0.86), torch.where(dark, 0.09, 0.94))
    ink = torch.where(dark, paint(x, (0.8, 0.8, 0.82)), paint(x, (0.22, 0.22, 0.25)))
    brand = (traits["brand"] - 1).clamp(min=0)
    colour = brand_colour(torch.div(brand, len(SYMBOLS), rounding_mode="floor"))
    size = half_y * torch.where(banner | sticker, 0.76, 0.36 + 0.2 * traits["size"])
    size = size * (1 + 0.05 * torch.sin(moment.since_s * 2.2 + traits["phase"]))
    above = ~banner & ~sticker & (traits["layout"] == ABOVE)
    size = size * torch.where(above, 0.72, 1.0)
    aside = torch.where(banner, half_x - half_y, half_x * 0.42) * traits["mirror"] * ~above * ~sticker
    centre = (x - aside, y + torch.where(banner | sticker, 0.0, torch.where(above, -0.17, -0.06)))
    text_x = x + torch.where(banner, half_y * 0.95 * traits["mirror"], aside)
    text_half = torch.where(banner, half_x - half_y * 1.15, half_x * torch.where(above, 0.6, 0.36))
    bare = sticker & (traits["layout"] == ABOVE)
    frame = shape((x, y), (half_x, half_y), ink * 0.6, corner=0.03, alpha=alpha * ~bare)
    panel = shape((x, y), (half_x - 0.008, half_y - 0.008), back, corner=0.03, alpha=alpha * ~bare)
    rows = ((-0.42, 0.95, 0.13), (-0.02, 0.7, 0.08), (0.26, 0.85, 0.08), (0.54, 0.5, 0.08))
    thick = half_y * torch.where(banner, 1.0, torch.where(above, 0.35, 0.62))
    middle, step = torch.where(above, y + half_y * 0.55, y), half_y * torch.where(above, 0.4, 0.9)
    written = alpha * ~sticker
    words = [
        shape(
            (text_x, middle + step * down),
            (text_half * wide, thick * tall),
            ink,
            alpha=written * (traits["rows"] >= row),
        )
        for row, (down, wide, tall) in enumerate(rows)
    ]
    foot = shape((x, y + half_y * 0.86), (half_x * 0.9, half_y * 0.035), ink, alpha=alpha * ~banner * ~sticker)
    kind = brand.remainder(len(SYMBOLS))
    return [frame, panel, foot, *words, *symbol(kind, centre, size, colour, alpha)]
