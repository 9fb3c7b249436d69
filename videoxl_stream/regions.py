"""Where in the picture rules look and where nobody may: zones that are drawn, masks that are filled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from videoxl_stream.errors import ConfigError
from videoxl_stream.frames import Frame, Image

Point = tuple[float, float]
Colour = tuple[int, int, int]

_GREY = 128
_LINE = 0.016  # of a zone's outline, as a share of the picture's height; the rendered sites' zones look alike
_HATCH = 0.012
_LINE_OPACITY, _HATCH_OPACITY, _FILL_OPACITY = 0.95, 0.8, 0.15
_HATCH_AT = (-0.85, -0.25, 0.35)  # where bars begin at the zone's foot, -1 left to 1 right; they lean by 0.5
_TOUCHES_PX = math.sqrt(0.5)  # a line nearer than this to a pixel's centre may cross the pixel


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the picture that rules can speak of, drawn as a hatched outline.

    Args:
        name: what people call it.
        corners: at least three (x, y) in order around it, as shares of the picture: x right, y down, both 0..1.
        colour: (red, green, blue), each 0..255.

    Raises:
        ConfigError: it has no name, too few corners, a corner outside the picture or an impossible colour.
    """

    name: str
    corners: Sequence[Point]
    colour: Colour = (242, 194, 36)

    def __post_init__(self) -> None:
        """Refuse what could not be drawn."""
        if not self.name.strip():
            msg = "a zone needs a name"
            raise ConfigError(msg)
        object.__setattr__(self, "corners", _polygon(f"zone {self.name!r}", self.corners))
        colour = tuple(self.colour)
        if [0 <= part <= 255 for part in colour] != [True] * 3:
            msg = f"zone {self.name!r} has the colour {colour}; give red, green and blue, each 0 to 255"
            raise ConfigError(msg)
        object.__setattr__(self, "colour", colour)


@dataclass(frozen=True, slots=True)
class Regions:
    """The zones and privacy masks of one stream.

    Zones are drawn into what the model sees. Masks are flat grey over every pixel that they touch, wholly or in
    part; overlapping turns of one outline all count as covered.

    Args:
        zones: with different names.
        masks: polygons, each at least three (x, y) as shares of the picture: x right, y down, both 0..1.

    Raises:
        ConfigError: two zones share a name, or a polygon has too few corners or one outside the picture.
    """

    zones: Sequence[Zone] = ()
    masks: Sequence[Sequence[Point]] = ()
    _stencils: dict[tuple[int, int], _Stencil] = field(
        default_factory=dict, init=False, repr=False, compare=False, hash=False
    )

    def __post_init__(self) -> None:
        """Keep tuples, so that regions can be compared and never change."""
        names = [zone.name for zone in self.zones]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            msg = f"zones must have different names, but these come twice: {twice}"
            raise ConfigError(msg)
        object.__setattr__(self, "zones", tuple(self.zones))
        masks = tuple(_polygon(f"mask {number}", mask) for number, mask in enumerate(self.masks))
        object.__setattr__(self, "masks", masks)

    def draw(self, frame: Frame) -> Frame:
        """Return the frame as the model may see it: zones drawn, then masks filled; the given one is not changed."""
        if not self.zones and not self.masks:
            return frame
        image = frame.image.copy()
        stencil = self._stencil(image)
        for paint in stencil.paints:
            box = image[paint.rows, paint.columns]
            box[...] = (box * paint.keep + paint.add) >> 8
        image.reshape(-1, 3)[stencil.hidden] = _GREY
        return replace(frame, image=image)

    def hide(self, image: Image) -> Image:
        """Return a picture (height, width, 3) with the masks filled and nothing else drawn."""
        if not self.masks:
            return image
        hidden = image.copy()
        hidden.reshape(-1, 3)[self._stencil(image).hidden] = _GREY
        return hidden

    def _stencil(self, image: Image) -> _Stencil:
        size = image.shape[0], image.shape[1]
        if size not in self._stencils:
            self._stencils[size] = _cut(self.zones, self.masks, *size)
        return self._stencils[size]


@dataclass(frozen=True, slots=True, eq=False)
class _Paint:
    """How the box around a zone changes: ``(pixel * keep + add) / 256``, whole numbers for speed."""

    rows: slice
    columns: slice
    keep: NDArray[np.uint16]  # (height, width, 1), 256 where nothing changes
    add: NDArray[np.uint16]  # (height, width, 3)


@dataclass(frozen=True, slots=True, eq=False)
class _Stencil:
    """Regions worked out for one size of picture."""

    paints: tuple[_Paint, ...]
    hidden: NDArray[np.intp]


class _Grid:
    """The centres of a picture's pixels, in pixels from its upper left corner."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.y, self.x = np.ogrid[0.5 : height + 0.5 : 1.0, 0.5 : width + 0.5 : 1.0]

    def place(self, corners: Sequence[Point]) -> list[Point]:
        """Turn shares of the picture into pixels."""
        return [(x * self.width, y * self.height) for x, y in corners]

    def covered(self, corners: Sequence[Point]) -> NDArray[np.bool_]:
        """Pixels whose centre the outline goes around, in whichever sense (height, width)."""
        turns: NDArray[np.int32] = np.zeros((self.height, self.width), np.int32)
        for (x0, y0), (x1, y1) in _sides(corners):
            side = (x1 - x0) * (self.y - y0) - (self.x - x0) * (y1 - y0)
            turns += (y0 <= self.y) & (self.y < y1) & (side > 0)
            turns -= (y1 <= self.y) & (self.y < y0) & (side < 0)
        covered: NDArray[np.bool_] = turns != 0
        return covered

    def near(self, start: Point, end: Point, reach: float) -> NDArray[np.bool_]:
        """Pixels whose centre is at most ``reach`` pixels away from a line (height, width)."""
        (x0, y0), (x1, y1) = start, end
        dx, dy = x1 - x0, y1 - y0
        along = ((self.x - x0) * dx + (self.y - y0) * dy) / max(dx * dx + dy * dy, 1e-12)
        along = np.clip(along, 0.0, 1.0)
        near: NDArray[np.bool_] = np.hypot(self.x - x0 - along * dx, self.y - y0 - along * dy) <= reach
        return near

    def outline(self, corners: Sequence[Point], reach: float) -> NDArray[np.bool_]:
        """Pixels near any side of a polygon (height, width)."""
        near = np.zeros((self.height, self.width), np.bool_)
        for start, end in _sides(corners):
            near |= self.near(start, end, reach)
        return near


def _cut(zones: Sequence[Zone], masks: Sequence[Sequence[Point]], height: int, width: int) -> _Stencil:
    grid = _Grid(height, width)
    hidden = np.zeros((height, width), np.bool_)
    for mask in masks:
        corners = grid.place(mask)
        hidden |= grid.covered(corners) | grid.outline(corners, _TOUCHES_PX)
    return _Stencil(tuple(_paint(grid, zone) for zone in zones), np.flatnonzero(hidden))


def _paint(grid: _Grid, zone: Zone) -> _Paint:
    corners = grid.place(zone.corners)
    inside = grid.covered(corners)
    opacity = np.where(inside, np.float32(_FILL_OPACITY), np.float32(0))
    (left, top), (right, bottom) = np.min(corners, axis=0), np.max(corners, axis=0)
    half, middle = (right - left) / 2, (left + right) / 2
    for at in _HATCH_AT:
        foot, head = (middle + at * half, bottom), (middle + (at + 0.5) * half, top)
        opacity[grid.near(foot, head, _half_px(_HATCH, grid)) & inside] = _HATCH_OPACITY
    # The line runs inside the zone, so that nothing beyond it is touched.
    opacity[grid.outline(corners, 2 * _half_px(_LINE, grid)) & inside] = _LINE_OPACITY
    rows, columns = _extent(inside, 1), _extent(inside, 0)
    share = np.rint(opacity[rows, columns, None] * 256)
    add = share * np.asarray(zone.colour) + 128  # half of what is divided by, so that it rounds
    return _Paint(rows, columns, (256 - share).astype(np.uint16), add.astype(np.uint16))


def _extent(inside: NDArray[np.bool_], axis: int) -> slice:
    """From the first to the last place at which anything along ``axis`` is inside."""
    places = np.flatnonzero(np.any(inside, axis=axis))
    return slice(places[0], places[-1] + 1) if len(places) else slice(0, 0)


def _half_px(thickness: float, grid: _Grid) -> float:
    """Half of a line's thickness in pixels, never so thin that it vanishes."""
    return max(_TOUCHES_PX, thickness * grid.height / 2)


def _sides(corners: Sequence[Point]) -> list[tuple[Point, Point]]:
    return list(zip(corners, [*corners[1:], corners[0]], strict=True))


def _polygon(what: str, corners: Sequence[Point]) -> tuple[Point, ...]:
    try:
        points = tuple((float(x), float(y)) for x, y in corners)
    except (TypeError, ValueError) as e:
        msg = f"{what} must be a list of (x, y) corners, not {corners!r}"
        raise ConfigError(msg) from e
    if len(points) < 3:
        msg = f"{what} has {len(points)} corners; give at least three"
        raise ConfigError(msg)
    if not all(0 <= share <= 1 for point in points for share in point):
        msg = f"{what} leaves the picture: give corners as shares of it, 0 to 1, not pixels; got {list(points)}"
        raise ConfigError(msg)
    return points
