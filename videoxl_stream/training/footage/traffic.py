"""Vehicles of a site: those that pass, halt or break down, and the parked car."""

from __future__ import annotations

import torch
from torch import Tensor

from videoxl_stream.training.footage.actors import Car, vehicle
from videoxl_stream.training.footage.episodes import Moment, Traits
from videoxl_stream.training.footage.incident_plan import BROKEN_DOWN, PASSING
from videoxl_stream.training.footage.shapes import ASPECT, paint, rgb, shape

_OUTSIDE = 0.4
_LANES = (0.45, -0.3)  # where the wheels of the near and the far lane are, in half widths of the road


def traffic(plan: Traits, moment: Moment, night: Tensor, lane: int) -> list[Tensor]:
    """Return the eight shapes of a lane's vehicle; in the near lane (0) also two warning lights and a triangle."""
    traits, way = moment.traits, moment.traits["heading"]
    y = plan["road_y"] + plan["road_half"] * _LANES[lane]
    x = torch.where(traits["manner"] == PASSING, _crossing(moment), _halting(moment))
    lamps = (night > 0).float() * 0.9 + 0.1
    seen = moment.seen.float()
    length = traits["length"] * (1 - 0.15 * lane)
    car = Car(x, y, length, way, traits["van"], lamps, seen)
    shapes = vehicle(car, rgb(traits["hue"], traits["saturation"], traits["value"]))
    if lane:
        return shapes
    flashing = (traits["manner"] == BROKEN_DOWN) & (moment.since_s > 0) & (moment.left_s > 0)
    on = (torch.sin(moment.since_s * 9.4) > -0.2).float() * flashing * seen
    amber = paint(x, (1.0, 0.62, 0.05))
    size, red = (length * 0.09, length * 0.07), paint(x, (0.9, 0.12, 0.08))
    lights = [shape((x + k * length, y - length * 0.17), size, amber, corner=1.0, alpha=on) for k in (-0.45, 0.45)]
    behind = (x - way * (length * 0.5 + 0.09), y - 0.025)
    sign = shape(behind, (0.028, 0.035), red, taper=1.0, alpha=flashing * seen * (moment.since_s > 2))
    return [*shapes, *lights, sign]


def _crossing(moment: Moment) -> Tensor:
    """Where a vehicle is that crosses the whole picture, (batch, frames)."""
    return ASPECT / 2 + moment.traits["heading"] * (moment.share - 0.5) * (ASPECT + 2 * _OUTSIDE)


def _halting(moment: Moment) -> Tensor:
    """Where a vehicle is that comes to a stop and drives off later, (batch, frames)."""
    way, stop = moment.traits["heading"], moment.traits["stop_x"]
    ahead = torch.where(way > 0, ASPECT - stop, stop) + _OUTSIDE
    behind = ASPECT + 2 * _OUTSIDE - ahead
    return stop + way * (moment.gone**2 * ahead - moment.to_come**2 * behind)


def parked(plan: Traits, away: Moment) -> list[Tensor]:
    """Return a car that stands beside the road, and may drive off and come back."""
    y, way = plan["road_y"] + plan["road_half"] * 0.9, plan["car_heading"]
    traits = away.traits
    leaving = 1 + away.since_s / (traits["start_s"] - traits["from_s"]).clamp(min=0.1)
    coming = 1 + away.left_s / (traits["to_s"] - traits["end_s"]).clamp(min=0.1)
    gone = torch.where(away.since_s < 0, leaving, torch.where(away.left_s < 0, coming, 1.0)).nan_to_num().clamp(0, 1)
    gone = gone * away.seen
    out = torch.where(way > 0, ASPECT - plan["car_x"], plan["car_x"]) + _OUTSIDE
    car = Car(plan["car_x"] + way * out * gone**2, y, plan["car_length"], way, torch.ones_like(y),
              torch.zeros_like(y), plan["has_car"] * (gone < 1))  # fmt: skip
    return vehicle(car, rgb(plan["car_hue"], 0.55, plan["car_value"]))[:6]
