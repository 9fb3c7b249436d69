from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from functools import partial
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.errors import ConfigError
from videoxl_stream.frames import Frame, Image
from videoxl_stream.regions import Point, Regions, Zone

SQUARE: list[Point] = [(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)]
ARROW: list[Point] = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.5, 0.3), (0.1, 0.9)]  # concave
RED = (255, 0, 0)


def frame(image: Image) -> Frame:
    return Frame("cam", 3, 1.5, datetime(2026, 1, 1, tzinfo=UTC), image)


def noise(height: int, width: int, seed: int = 0) -> Image:
    """A picture without the grey of masks."""
    image = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    image[image >= 100] += 1
    image[(image > 100) & (image < 160)] = 160
    return image


def drawn(regions: Regions, image: Image) -> Image:
    return regions.draw(frame(image)).image


def winding(corners: list[Point], x: float, y: float) -> int:
    """How often a polygon goes around a point, by the angles at which its corners are seen."""
    turns = 0.0
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        before, after = math.atan2(y0 - y, x0 - x), math.atan2(y1 - y, x1 - x)
        turns += (after - before + math.pi) % (2 * math.pi) - math.pi
    return round(turns / (2 * math.pi))


def touches(corners: list[Point], height: int, width: int, row: int, column: int) -> bool:
    """Whether some point well inside a pixel lies within the polygon."""
    parts = (0.03, 0.35, 0.65, 0.97)
    return any(
        winding(corners, (column + across) / width, (row + down) / height) != 0
        for down, across in product(parts, parts)
    )


def ends(corners: list[Point], height: int, width: int) -> tuple[list[Point], list[Point]]:
    """Where the sides of a polygon begin and end, in pixels."""
    points = [(x * width, y * height) for x, y in corners]
    return points, [*points[1:], points[0]]


def away(point: Point, start: Point, end: Point) -> float:
    """Distance of a point from a line."""
    (x, y), (x0, y0), (x1, y1) = point, start, end
    length = max((x1 - x0) ** 2 + (y1 - y0) ** 2, 1e-12)
    share = min(1.0, max(0.0, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length))
    return math.hypot(x - x0 - share * (x1 - x0), y - y0 - share * (y1 - y0))


SHARE = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0]))
POLYGON = st.lists(st.tuples(SHARE, SHARE), min_size=3, max_size=7)
SPECK = st.builds(
    lambda x, y, size: [(x, y), (min(1, x + size), y), (x, min(1.0, y + size))], SHARE, SHARE, st.floats(0, 0.02)
)
SIDE = st.integers(1, 12)


@given(st.lists(st.one_of(POLYGON, SPECK), min_size=1, max_size=2), SIDE, SIDE)
def test_no_pixel_under_a_mask_survives(masks: list[list[Point]], height: int, width: int) -> None:
    regions = Regions(zones=[Zone("all", [(0, 0), (1, 0), (1, 1), (0, 1)])], masks=masks)
    seen, stored = drawn(regions, noise(height, width)), regions.hide(noise(height, width))
    for row, column in product(range(height), range(width)):
        if any(touches(mask, height, width, row, column) for mask in masks):
            assert (seen[row, column] == 128).all()
            assert (stored[row, column] == 128).all()


@given(st.lists(st.one_of(POLYGON, SPECK), min_size=1, max_size=2), SIDE, SIDE)
def test_what_is_under_a_mask_leaves_no_trace(masks: list[list[Point]], height: int, width: int) -> None:
    regions = Regions(masks=masks)
    one, other = noise(height, width, 1), noise(height, width, 2)
    hidden = (regions.hide(one) == 128).all(axis=-1)
    other[~hidden] = one[~hidden]
    assert np.array_equal(regions.hide(one), regions.hide(other))
    assert hidden.any()  # even a speck covers the pixel that it lies in


@given(POLYGON, POLYGON, SIDE, SIDE)
def test_what_is_outside_zones_and_masks_does_not_change(
    zone: list[Point], mask: list[Point], height: int, width: int
) -> None:
    image = noise(height, width)
    seen = drawn(Regions(zones=[Zone("zone", zone)], masks=[mask]), image)
    only_mask = Regions(masks=[mask]).hide(image)
    for row, column in product(range(height), range(width)):
        x, y = (column + 0.5) / width, (row + 0.5) / height
        if winding(zone, x, y) == 0 and (only_mask[row, column] == image[row, column]).all():
            distance = min(map(partial(away, (x * width, y * height)), *ends(zone, height, width)))
            if distance > 1e-3:  # on the very line either side will do
                assert (seen[row, column] == image[row, column]).all()


@given(POLYGON, SIDE, SIDE)
def test_a_mask_hides_no_more_than_the_pixels_around_it(mask: list[Point], height: int, width: int) -> None:
    image = noise(height, width)
    hidden = (Regions(masks=[mask]).hide(image) == 128).all(axis=-1)
    rows, columns = np.nonzero(hidden)
    xs, ys = [x * width for x, _ in mask], [y * height for _, y in mask]
    assert ((rows + 1.3 > min(ys)) & (rows - 0.3 < max(ys))).all()
    assert ((columns + 1.3 > min(xs)) & (columns - 0.3 < max(xs))).all()


def test_the_notch_of_a_concave_mask_stays_open() -> None:
    image = noise(100, 100)
    hidden = Regions(masks=[ARROW]).hide(image)
    assert np.array_equal(hidden[60:, 45:55], image[60:, 45:55])
    assert (hidden[20, 15:85] == 128).all()


def test_masks_cover_zones() -> None:
    regions = Regions(zones=[Zone("yard", SQUARE, RED)], masks=[SQUARE])
    assert (drawn(regions, noise(40, 40))[10:30, 10:30] == 128).all()


def test_a_zone_can_be_seen_at_the_size_of_the_models_eyes() -> None:
    grey = np.full((128, 128, 3), 90, np.uint8)
    seen = drawn(Regions(zones=[Zone("yard", SQUARE, RED)]), grey).astype(int)
    redness = seen[..., 0] - seen[..., 1]
    line = redness > 120
    assert line[33:95, 32:34].all()  # an outline of two pixels
    assert line[32:34, 33:95].all()
    inside = redness[40:88, 40:88]
    assert (inside > 10).all()  # lightly filled
    assert 0.03 < (inside > 120).mean() < 0.3  # and hatched


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (128, 128), (360, 640), (361, 641)])
def test_a_zone_shows_in_every_size(size: tuple[int, int]) -> None:
    grey = np.full((*size, 3), 90, np.uint8)
    whole = Zone("all", [(0, 0), (1, 0), (1, 1), (0, 1)], RED)
    assert (drawn(Regions(zones=[whole]), grey)[..., 0] > 200).any()


def test_sizes_may_take_turns() -> None:
    regions = Regions(masks=[SQUARE])
    first = regions.hide(noise(20, 30))
    regions.hide(noise(50, 10))
    assert np.array_equal(regions.hide(noise(20, 30)), first)
    assert np.array_equal(Regions(masks=[SQUARE]).hide(noise(50, 10)), regions.hide(noise(50, 10)))


def test_the_given_picture_is_left_as_it_is() -> None:
    image = noise(20, 30)
    before, shown = image.copy(), frame(image)
    regions = Regions(zones=[Zone("yard", SQUARE)], masks=[ARROW])
    changed = regions.draw(shown)
    regions.hide(image)
    assert np.array_equal(image, before)
    assert (changed.stream_id, changed.index, changed.time_s, changed.utc) == ("cam", 3, 1.5, shown.utc)


def test_a_picture_that_may_not_be_written_to_can_be_drawn_on() -> None:
    image = noise(20, 30)
    image.flags.writeable = False
    assert (Regions(masks=[SQUARE]).hide(image)[10, 15] == 128).all()
    turned = np.rot90(noise(30, 20))
    assert (drawn(Regions(masks=[SQUARE]), turned)[10, 15] == 128).all()


def test_without_regions_nothing_is_copied() -> None:
    shown = frame(noise(4, 4))
    assert Regions().draw(shown) is shown
    assert Regions().hide(shown.image) is shown.image


def test_regions_are_plain_values() -> None:
    one = Regions(zones=[Zone("yard", SQUARE)], masks=[ARROW])
    other = Regions(zones=(Zone("yard", tuple(SQUARE)),), masks=(tuple(ARROW),))
    one.hide(noise(5, 5))
    assert one == other
    assert hash(one) == hash(other)
    with pytest.raises(FrozenInstanceError):
        one.zones = ()  # type: ignore[misc]


@pytest.mark.parametrize(
    ("corners", "message"),
    [
        ([(0, 0), (1, 1)], "at least three"),
        ([(0, 0), (1, 0), (0.5, 1.2)], "0 to 1, not pixels"),
        ([(0, 0), (640, 0), (640, 360)], "0 to 1, not pixels"),
        ([(0, 0), (1, 0), (float("nan"), 1)], "0 to 1"),
        ([0, 0, 1, 0], "list of .x, y. corners"),
        ([(0, 0, 0), (1, 0, 0), (1, 1, 0)], "list of .x, y. corners"),
        ([("a", "b")] * 3, "list of .x, y. corners"),
    ],
)
def test_a_polygon_that_cannot_be_drawn_is_refused(corners: list[Point], message: str) -> None:
    with pytest.raises(ConfigError, match=f"zone 'yard'.*{message}"):
        Zone("yard", corners)
    with pytest.raises(ConfigError, match=f"mask 1.*{message}"):
        Regions(masks=[SQUARE, corners])


@pytest.mark.parametrize("colour", [(0, 0), (0, 0, 256), (-1, 0, 0)])
def test_a_colour_that_does_not_exist_is_refused(colour: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigError, match="red, green and blue"):
        Zone("yard", SQUARE, colour)


def test_zones_need_different_names() -> None:
    with pytest.raises(ConfigError, match="'yard'"):
        Regions(zones=[Zone("yard", SQUARE), Zone("yard", ARROW)])
    with pytest.raises(ConfigError, match="needs a name"):
        Zone(" ", SQUARE)
