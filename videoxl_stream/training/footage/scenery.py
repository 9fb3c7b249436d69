"""What stands on a site, family by family, as shapes behind everybody."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from videoxl_stream.training.footage.episodes import Traits
from videoxl_stream.training.footage.families import SITE_FAMILIES
from videoxl_stream.training.footage.shapes import ASPECT, COLUMNS, Number, bar, fit, paint, rgb, shape

FIXTURES = 14


def scenery(plan: Traits) -> Tensor:
    """Return what stands on each site, (batch, 1, FIXTURES, COLUMNS); each family is drawn for its own sites only."""
    family = plan["family"][:, 0].long()
    found = plan.values.new_zeros(len(family), 1, FIXTURES, COLUMNS)
    for number in family.unique().tolist():
        rows = (family == number).nonzero().flatten()
        own = Traits(plan.names, plan.values[rows])
        found[rows] = fit([_road(own), *_DRAWN[SITE_FAMILIES[number]](own), *_bench(own)], FIXTURES)
    return found


def _box(x: Number, y: Number, half_x: Number, half_y: Number, colour: Tensor, alpha: Number = 1.0) -> Tensor:
    """Return an upright box."""
    return shape((x, y), (half_x, half_y), colour, corner=0.02, alpha=alpha)


def _on_road(plan: Traits, down: float, half_y: float, colour: Tensor) -> Tensor:
    """Return a band from side to side, ``down`` half widths of the road below its middle."""
    y = plan["road_y"] + down * plan["road_half"]
    return _box(ASPECT / 2, y, ASPECT, half_y, colour, plan["has_road"])


def _road(plan: Traits) -> Tensor:
    """Return the road, aisle, track or path."""
    lawn = plan["family"] == SITE_FAMILIES.index("lawn")
    colour = rgb(torch.where(lawn, 0.1, plan["wall_hue"]), torch.where(lawn, 0.25, 0.05), plan["road_value"])
    return shape((ASPECT / 2, plan["road_y"]), (ASPECT, plan["road_half"]), colour, alpha=plan["has_road"])


def _bench(plan: Traits) -> list[Tensor]:
    """Return a seat and what it stands on."""
    x, y = plan["bench_x"], plan["upper_y"]
    wood = rgb(plan["bench_hue"], 0.6, 0.36 + 0.0 * x)
    seat = shape((x, y - 0.085), (0.17, 0.012), wood, alpha=plan["has_bench"])
    return [seat, shape((x, y - 0.035), (0.15, 0.035), wood * 0.6, alpha=plan["has_bench"] * 0.8)]


def _tree(plan: Traits, x: Tensor, size: Tensor, seen: Tensor) -> list[Tensor]:
    """Return a trunk and a crown; some crowns are as orange as flames."""
    horizon = plan["horizon"]
    trunk = bar((x, horizon + 0.02), (x, horizon - size), 0.03, paint(horizon, (0.3, 0.2, 0.12)), alpha=seen)
    leaves = rgb(plan["crown_hue"], 0.65, 0.36 + 0.2 * (plan["crown_hue"] < 0.16))
    crown = shape((x, horizon - size * 1.5), (size * 0.9, size), leaves, corner=1.0, soft=0.15, alpha=seen)
    return [trunk, crown]


def _yard(plan: Traits) -> list[Tensor]:
    """Return two buildings, windows, a tree and a fence: six shapes."""
    horizon, shapes = plan["horizon"], []
    for i in (1, 2):
        x, tall, wide = plan[f"building_{i}_x"], plan["building_height"] * (1.25 - 0.25 * i), plan["building_width"]
        wall = rgb(plan["wall_hue"] + 0.3 * i, plan["wall_saturation"], plan["building_value"])
        shapes.append(_box(x, horizon - tall + 0.01, wide, tall, wall))
    glass, wide = rgb(plan["wall_hue"], 0.2, plan["window_value"]), plan["building_width"] * 0.8
    y = horizon - plan["building_height"] * 1.2
    shapes.append(_box(plan["building_1_x"], y, wide, plan["building_height"] * 0.22, glass))
    fence = rgb(plan["wall_hue"] + 0.5, 0.15, 0.3 + 0.4 * plan["free_1"])
    shapes.append(_box(ASPECT / 2, horizon, ASPECT, 0.022, fence, (plan["free_0"] < 0.4) * 0.9))
    return [*shapes, *_tree(plan, plan["tree_x"], plan["tree_size"], plan["has_tree"])]


def _hall(plan: Traits) -> list[Tensor]:
    """Return a ceiling with lights, shop windows, a door and columns: eleven shapes."""
    horizon, wall = plan["horizon"], plan["wall_value"]
    ceiling = _box(ASPECT / 2, -0.1, ASPECT, 0.15 + 0.03 * plan["free_0"], rgb(plan["wall_hue"], 0.05, wall * 0.6))
    shapes = [ceiling]
    for i in range(3):
        x = ASPECT * (0.2 + 0.3 * i) + 0.1 * (plan["free_1"] - 0.5)
        shapes.append(_box(x, 0.03, 0.16, 0.012, paint(x, (1.0, 1.0, 0.95))))
    for i in range(3):
        x = ASPECT * (0.15 + 0.33 * i) + 0.16 * (plan["free_2"] - 0.5)
        glass = rgb(plan["wall_hue"] + 0.35 + 0.2 * i, 0.5, plan["window_value"] + 0.25)
        shapes.append(_box(x, horizon - 0.08, 0.17 + 0.04 * plan["free_3"], 0.07, glass))
    shapes.append(_box(ASPECT * plan["free_4"], horizon - 0.07, 0.05, 0.085, rgb(plan["wall_hue"], 0.2, wall * 0.35)))
    stone = rgb(plan["wall_hue"] + 0.1, 0.1, wall * (0.65 + 0.5 * plan["free_5"]))
    for i in range(3):
        x = ASPECT * (0.08 + 0.4 * i) + 0.3 * plan["free_2"]
        foot = plan["road_y"] - plan["road_half"] * 0.9
        shapes.append(_box(x, foot / 2, 0.035, foot / 2, stone))
    return shapes


def _car_park(plan: Traits) -> list[Tensor]:
    """Return a hedge, three parked cars and the lines of bays: eleven shapes."""
    horizon, hedge = plan["horizon"], rgb(0.2 + 0.15 * plan["free_0"], 0.4, 0.3 + 0.0 * plan["horizon"])
    shapes = [_box(ASPECT / 2, horizon - 0.01, ASPECT, 0.03, hedge)]
    for i in range(3):
        x, y = ASPECT * (0.12 + 0.34 * i) + 0.2 * (plan["free_1"] - 0.5), horizon + 0.035
        paintwork = rgb(plan["free_2"] + 0.37 * i, 0.6 * plan["free_3"], 0.3 + 0.6 * plan["free_4"])
        shapes.append(shape((x, y - 0.04), (0.075, 0.025), paint(x, (0.2, 0.24, 0.28)), taper=0.3, corner=0.3))
        shapes.append(shape((x, y), (0.13, 0.028), paintwork, corner=0.35))
    white = paint(horizon, (0.86, 0.86, 0.82))
    top = plan["road_y"] + plan["road_half"] + 0.012
    for i in range(4):
        x = ASPECT * (0.1 + 0.27 * i) + 0.15 * (plan["free_5"] - 0.5)
        shapes.append(bar((x, top), (x - 0.09, top + 0.16), 0.013, white, corner=0.1, alpha=0.85))
    return shapes


def _platform(plan: Traits) -> list[Tensor]:
    """Return rails, the platform's edge, a roof with posts and two signs: ten shapes."""
    steel, edge = paint(plan["horizon"], (0.55, 0.52, 0.5)), plan["road_y"] + plan["road_half"] + 0.012
    roof, foot = rgb(plan["wall_hue"] + 0.5, 0.25, 0.3 + 0.3 * plan["free_0"]), plan["horizon"] + 0.02
    shapes = [_on_road(plan, down, 0.006, steel) for down in (-0.3, 0.5)]
    shapes.append(_box(ASPECT / 2, edge, ASPECT, 0.014, paint(edge, (0.9, 0.9, 0.88))))
    yellow = rgb(0.13 + 0.0 * edge, 0.9, 0.9)
    shapes.append(_box(ASPECT / 2, edge + 0.026, ASPECT, 0.007, yellow, plan["free_1"] > 0.3))
    shapes.append(_box(ASPECT / 2, -0.1, ASPECT, 0.16 + 0.03 * plan["free_2"], roof))
    for i in range(3):
        x = ASPECT * (0.1 + 0.38 * i) + 0.2 * (plan["free_3"] - 0.5)
        shapes.append(bar((x, 0.0 * x), (x, foot), 0.022, roof * 0.8, corner=0.1))
    for i in range(2):
        x = ASPECT * (0.28 + 0.4 * i) + 0.2 * (plan["free_4"] - 0.5)
        shapes.append(_box(x, plan["horizon"] - 0.1, 0.13, 0.03, rgb(plan["free_5"] + 0.4 * i, 0.7, 0.6)))
    return shapes


def _winter(plan: Traits) -> list[Tensor]:
    """Return a hut under snow, heaps beside the road and bare trees: ten shapes."""
    horizon, white = plan["horizon"], paint(plan["horizon"], (0.93, 0.95, 0.98))
    x, wall = ASPECT * (0.15 + 0.6 * plan["free_0"]), rgb(0.04 + 0.05 * plan["free_1"], 0.5, 0.3 + 0.2 * plan["free_2"])
    shapes = [
        shape((ASPECT * plan["free_3"], horizon + 0.05), (0.9, 0.1), white * 0.94, corner=1.0, soft=0.2),
        _box(x, horizon - 0.05, 0.15, 0.075, wall),
        shape((x, horizon - 0.15), (0.19, 0.045), white, taper=0.6, corner=0.15),
    ]
    for i in range(2):
        tree = ASPECT * (0.14 + 0.56 * i) + 0.3 * (plan["free_4"] - 0.5)
        tall, bark = plan["tree_size"] * (1.6 + 0.4 * i), paint(tree, (0.2, 0.17, 0.16))
        fork = horizon - tall * 0.5
        shapes.append(bar((tree, horizon + 0.02), (tree, horizon - tall), 0.016, bark))
        shapes += [bar((tree, fork), (tree + way * 0.07, fork - 0.08), 0.009, bark) for way in (-1.0, 1.0)]
    side = plan["road_y"] + plan["road_half"] * 1.05
    return [*shapes, shape((ASPECT * plan["free_5"], side), (0.5, 0.016), white, corner=1.0, soft=0.3)]


def _lawn(plan: Traits) -> list[Tensor]:
    """Return a hill, a hedge, a house and three trees: ten shapes."""
    horizon, green = plan["horizon"], rgb(plan["ground_hue"] + 0.03, 0.5, plan["ground_value"] * 0.7)
    x = ASPECT * (0.15 + 0.7 * plan["free_0"])
    shapes = [
        shape((ASPECT * plan["free_1"], horizon + 0.02), (0.8, 0.12 * plan["free_2"]), green * 1.1, corner=1.0),
        _box(x, horizon - 0.06, 0.14, 0.07, rgb(plan["free_3"], 0.2, 0.85 + 0.0 * x), plan["free_4"] < 0.6),
        shape((x, horizon - 0.165), (0.17, 0.04), rgb(0.02 + 0.0 * x, 0.6, 0.5), taper=0.5,
              alpha=plan["free_4"] < 0.6),
        _box(ASPECT / 2, horizon + 0.005, ASPECT, 0.022, green * 0.8),
    ]  # fmt: skip
    for i in range(3):
        place = ASPECT * (0.08 + 0.4 * i) + 0.25 * plan["free_5"]
        shapes += _tree(plan, place, plan["tree_size"] * (0.8 + 0.25 * i), plan["has_tree"])
    return shapes


def _warehouse(plan: Traits) -> list[Tensor]:
    """Return racks full of boxes and the lines of an aisle: eleven shapes."""
    horizon, shapes = plan["horizon"], []
    for i in range(3):
        x, y = ASPECT * (0.14 + 0.36 * i) + 0.1 * (plan["free_0"] - 0.5), horizon - 0.1
        frame = rgb(plan["free_1"], 0.6, 0.3 + 0.2 * plan["free_2"])
        shapes.append(_box(x, y, 0.25, 0.13, frame))
        for shelf in range(2):
            card = rgb(0.07 + 0.04 * plan["free_3"] + 0.3 * plan["free_4"] * (i == shelf), 0.45, 0.55 + 0.12 * shelf)
            part = 0.14 + 0.08 * (plan["free_5"] * (3 + i + shelf)).remainder(1.0)
            shapes.append(_box(x - 0.23 + part, y - 0.055 + 0.12 * shelf, part, 0.045, card))
    line = rgb(0.13 + 0.0 * horizon, 0.8, 0.8)
    shapes += [_on_road(plan, down, 0.007, line) for down in (-1.1, 1.1)]
    return shapes


def _harbour(plan: Traits) -> list[Tensor]:
    """Return water, a ship, a crane and stacked containers: eleven shapes."""
    horizon, water = plan["horizon"], rgb(0.55 + 0.06 * plan["free_0"], 0.5, 0.45 + 0.2 * plan["free_1"])
    x, hull = ASPECT * (0.15 + 0.5 * plan["free_2"]), rgb(plan["free_3"], 0.6, 0.35 + 0.0 * horizon)
    mast, rust = ASPECT * (0.2 + 0.6 * plan["free_4"]), rgb(0.12 - 0.1 * plan["free_5"], 0.8, 0.75)
    shapes = [
        _box(ASPECT / 2, horizon - 0.01, ASPECT, 0.045, water),
        shape((x, horizon - 0.035), (0.3, 0.035), hull, taper=-0.3),
        _box(x + 0.16, horizon - 0.11, 0.07, 0.045, paint(horizon, (0.92, 0.92, 0.9))),
        _box(x + 0.18, horizon - 0.17, 0.02, 0.025, hull * 0.8),
        bar((mast, horizon + 0.05), (mast, 0.06 + 0.0 * mast), 0.02, rust, corner=0.1),
        bar((mast - 0.1, 0.07 + 0.0 * mast), (mast + 0.34, 0.07 + 0.0 * mast), 0.016, rust, corner=0.1),
        bar((mast + 0.26, 0.07 + 0.0 * mast), (mast + 0.26, horizon - 0.08), 0.006, paint(mast, (0.15, 0.15, 0.15))),
    ]
    for i in range(4):
        place = ASPECT * (0.05 + 0.16 * (i % 3 + 2.4 * plan["free_2"])).remainder(1.0)
        colour = rgb((plan["free_3"] + 0.31 * i).remainder(1.0), 0.6, 0.45 + 0.3 * plan["free_1"])
        shapes.append(_box(place, horizon + 0.02 - 0.075 * (i // 3), 0.125, 0.037, colour))
    return shapes


def _medley(plan: Traits) -> list[Tensor]:
    """Return things of any form and colour that stand along the horizon, upright, flat or leaning: eleven shapes."""
    shapes = list[Tensor]()
    for i in range(11):
        a, b, c, d, e, f = ((plan[f"free_{n}"] * (5.3 + 3.7 * i + n) + 0.31 * i).remainder(1.0) for n in range(6))
        tall, wide = 0.01 + 0.17 * a * a, 0.01 + 0.3 * b * b * b
        y = plan["horizon"] + 0.03 - tall - 0.2 * c * (c > 0.8)
        there, lean = (d * 7.1).remainder(1.0) < 0.3 + 0.7 * plan["free_0"], 0.5 * (f - 0.5) * (e > 0.75)
        shapes.append(shape((ASPECT * d, y), (wide, tall), rgb(e, c, 0.2 + 0.75 * f), angle=lean,
                            taper=torch.where(e > 0.6, e, 0.0), corner=c * c, alpha=there))  # fmt: skip
    return shapes


def _filling_station(plan: Traits) -> list[Tensor]:
    """Return a roof on two posts, three pumps, a shop and a board with prices: eleven shapes."""
    horizon, x = plan["horizon"], ASPECT * (0.25 + 0.5 * plan["free_0"])
    white, paintwork = paint(horizon, (0.9, 0.9, 0.88)), rgb(plan["free_1"], 0.8, 0.75 + 0.0 * horizon)
    shop = rgb(plan["wall_hue"] + 0.5, 0.1, 0.6 + 0.3 * plan["free_2"])
    roof, board = horizon - 0.19, ASPECT * (plan["free_0"] + 0.5 + 0.2 * plan["free_3"]).remainder(1.0)
    shapes = [
        _box(x + 0.25, horizon - 0.06, 0.28, 0.08, shop),
        _box(x + 0.3, horizon - 0.05, 0.16, 0.045, rgb(0.55 + 0.0 * x, 0.3, plan["window_value"])),
        _box(x, roof, 0.42, 0.03, white),
        _box(x, roof + 0.012, 0.42, 0.01, paintwork),
    ]
    shapes += [_box(x + way * 0.3, horizon - 0.07, 0.014, 0.1, white * 0.8) for way in (-1.0, 1.0)]
    for i in range(3):
        place = x + 0.2 * (i - 1) + 0.06 * (plan["free_4"] - 0.5)
        shapes.append(_box(place, horizon, 0.028, 0.045, paintwork * (0.8 + 0.2 * (i % 2))))
    shapes.append(_box(board, horizon - 0.13, 0.012, 0.15, white * 0.6))
    return [*shapes, _box(board, horizon - 0.24, 0.055, 0.07, rgb(plan["free_1"] + 0.1 * plan["free_5"], 0.7, 0.6))]


def _market(plan: Traits) -> list[Tensor]:
    """Return three stalls with awnings and goods, and a tower behind them: eleven shapes."""
    horizon, x = plan["horizon"], ASPECT * plan["free_0"]
    stone = rgb(plan["wall_hue"], 0.25, 0.5 + 0.2 * plan["free_1"])
    shapes = [
        _box(x, horizon - 0.16, 0.06, 0.18, stone),
        shape((x, horizon - 0.38), (0.075, 0.06), rgb(0.02 + 0.0 * x, 0.55, 0.45), taper=1.0),
    ]
    for i in range(3):
        place = ASPECT * (0.16 + 0.34 * i) + 0.16 * (plan["free_2"] - 0.5)
        awning = rgb(plan["free_3"] + 0.34 * i, 0.65, 0.55 + 0.35 * plan["free_4"])
        goods = rgb((plan["free_5"] * (2 + i)).remainder(1.0), 0.7, 0.75)
        shapes.append(_box(place, horizon + 0.005, 0.16, 0.035, rgb(0.08 + 0.0 * x, 0.5, 0.35)))
        shapes.append(shape((place, horizon - 0.045), (0.13, 0.02), goods, corner=0.5))
        shapes.append(shape((place, horizon - 0.12), (0.2, 0.035), awning, taper=0.35, corner=0.1))
    return shapes


_DRAWN: dict[str, Callable[[Traits], list[Tensor]]] = {
    "yard": _yard,
    "hall": _hall,
    "car park": _car_park,
    "platform": _platform,
    "winter": _winter,
    "lawn": _lawn,
    "warehouse": _warehouse,
    "harbour": _harbour,
    "medley": _medley,
    "filling station": _filling_station,
    "market": _market,
}
