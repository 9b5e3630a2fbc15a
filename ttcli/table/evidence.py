"""What the network says of a part of the picture, to be asked for in pixels of the video."""

from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np

from ttcli.networks.table_finder import CORNER, KINDS, NET, POINT_KINDS, TOP
from ttcli.table.camera import TableCamera, outlines

LEAST_PEAK = 0.12
"""Probability from which on a maximum may be a landmark."""
MOST_PEAKS = (6, 3, 4, 3)
"""Most peaks of each kind of points that are used; some belong to another table, or to none."""
RIDGE_CELLS = 3.0
"""How far from where a line is expected it is looked for."""
_STEPS = np.linspace(-1, 1, 13)


class Region(NamedTuple):
    """A part of the picture; 0 to 1 from its left to its right border, and from its upper to its lower one."""

    left: float
    top: float
    width: float
    height: float

    def within(self, outer: "Region") -> "Region":
        """Return a part of a part of a picture as a part of the picture."""
        left, top = outer.left + self.left * outer.width, outer.top + self.top * outer.height
        return Region(left, top, self.width * outer.width, self.height * outer.height)

    def overlap(self, other: "Region") -> float:
        """Return which part of both together two parts of a picture have in common."""
        across = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        down = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        common = max(0.0, across) * max(0.0, down)
        return common / (self.width * self.height + other.width * other.height - common)


WHOLE = Region(0.0, 0.0, 1.0, 1.0)


class Evidence:
    """Maps of a region of a picture.

    Args:
        heat: Probabilities (KINDS, h, w).
        width: Width of the video's picture, in whose pixels places are.
        height: The same.
        region: Part of the video's picture that was looked at.
    """

    def __init__(self, heat: np.ndarray, width: int, height: int, region: Region = WHOLE) -> None:
        assert len(heat) == KINDS
        self.heat, self.width, self.height, self.region = heat, width, height, region
        whole = np.array([width, height])
        self._corner = whole * (region.left, region.top)
        # video pixels to a cell
        self._cell = whole * (region.width, region.height) / np.array(heat.shape[:0:-1])
        self.cell = float(self._cell.mean())
        """Pixels to a cell."""
        self._near = np.stack([cv2.dilate(plane, np.ones((3, 3), np.uint8)) for plane in heat])

    def cells(self, pixels: np.ndarray) -> np.ndarray:
        """Return places (..., 2) in cells of places in pixels."""
        return (pixels + 0.5 - self._corner) / self._cell - 0.5

    def pixels(self, cells: np.ndarray) -> np.ndarray:
        """Return places (..., 2) in pixels of places in cells."""
        return (cells + 0.5) * self._cell + self._corner - 0.5

    def inside(self, pixels: np.ndarray, margin: float = 0.0) -> np.ndarray:
        """Return which places (..., 2) were looked at, so many cells from the border or more."""
        size = np.array(self.heat.shape[:0:-1])
        cells = self.cells(pixels)
        return np.all((cells >= margin - 0.5) & (cells <= size - 0.5 - margin), axis=-1)

    def at(self, kind: int, pixels: np.ndarray, near: bool = False) -> np.ndarray:
        """Return the probability (...) of a kind at places (..., 2), or the highest within a cell of them; 0 outside."""
        cells = self.cells(pixels).astype(np.float32)
        plane = (self._near if near else self.heat)[kind]
        flat = cells.reshape(-1, 1, 2)
        found = cv2.remap(plane, flat[..., 0], flat[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return found.reshape(cells.shape[:-1])

    @cached_property
    def peaks(self) -> list[np.ndarray]:
        """The peaks of each kind of points, (N, 3) x and y in pixels, and probability, strongest first."""
        found = []
        for plane, most in zip(self.heat[:POINT_KINDS], MOST_PEAKS, strict=True):
            highest = cv2.dilate(plane, np.ones((5, 5), np.uint8))
            rows, columns = np.nonzero((plane == highest) & (plane >= LEAST_PEAK))
            order = np.argsort(-plane[rows, columns])[:most]
            peaks = np.array([_centre(plane, rows[i], columns[i]) for i in order]).reshape(-1, 3)
            peaks[:, :2] = self.pixels(peaks[:, :2])
            found.append(peaks)
        return found

    def ridge(self, kind: int, pixels: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how far along its normal (N, 2) a kind of line lies from each place (N, 2), pixels, and how sure that is."""
        reach = RIDGE_CELLS * self.cell * _STEPS
        seen = self.at(kind, pixels[:, None] + reach[:, None] * normals[:, None])  # (N, S)
        weight = seen**2
        away = (weight * reach).sum(1) / np.maximum(weight.sum(1), 1e-9)
        return away, seen.max(1)


def _centre(plane: np.ndarray, row: int, column: int) -> tuple[float, float, float]:
    """Return the middle of the peak at a cell, x then y, and its height: a parabola through the logarithms, for it is a bell."""
    height = float(plane[row, column])
    if not (0 < row < plane.shape[0] - 1 and 0 < column < plane.shape[1] - 1):
        return float(column), float(row), height
    logs = np.log(np.maximum(plane[row - 1 : row + 2, column - 1 : column + 2], 1e-4))
    return column + _vertex(logs[1]), row + _vertex(logs[:, 1]), height


def _vertex(values: np.ndarray) -> float:
    """Return where the parabola through three values has its vertex, from the middle one; no farther than half a step."""
    bend = 2 * values[1] - values[0] - values[2]
    return float(np.clip((values[2] - values[0]) / (2 * bend), -0.5, 0.5)) if bend > 1e-6 else 0.0


ROOM = 1.5
"""A region round a table is so many times as large as what is seen of the table."""
SMALLEST_REGION, LARGEST_REGION = 0.22, 0.8
"""Parts of the picture's width; instead of a larger one the whole picture is taken."""
LEAST_SURFACE = 0.5
"""Probability from which on a cell is of a table's surface."""
LEAST_CELLS = 14
"""Cells that a surface has at the least."""
OWN, OTHER = 1, 2
"""Marks of a surface, and of others on the same picture."""
BESIDE = 3
"""Cells beside a surface in which its corners may lie."""
PART = 0.5
"""Share of a surface that lies on another one for it to be a part of that."""
MOST_TABLES = 3
LEAST_SHARE = 0.1
"""Share of the largest surface that others have at the least to be looked at."""


def region_of(camera: TableCamera, height: int, width: int) -> Region | None:
    """Return the part of the picture that shows a camera's table large; None where that is the whole picture."""
    shown = (camera.project(outlines()["top"][0]) + 0.5) / (width, height)
    low, high = np.clip(shown.min(0), 0, 1), np.clip(shown.max(0), 0, 1)
    share = max(SMALLEST_REGION / 2, ROOM * float((high - low).max()))
    if share > LARGEST_REGION:
        return None
    left, top = np.clip((low + high) / 2 - share / 2, 0, 1 - share)
    return Region(float(left), float(top), share, share)


class Patch(NamedTuple):
    """A surface that may be a table's."""

    region: Region
    """A part of the picture that shows the table large."""
    size: float
    """Size of the surface, as a part of the picture; less where net and corners are not sure."""
    surface: np.ndarray
    """(h, w) of the picture that was looked at: OWN where the surface is, OTHER where another is, else 0."""

    def within(self, outer: Region) -> "Patch":
        """Return what was seen in a part of a picture as it lies on the whole picture."""
        height, width = self.surface.shape
        surface = np.zeros((round(height / outer.height), round(width / outer.width)), np.uint8)
        top, left = round(outer.top * surface.shape[0]), round(outer.left * surface.shape[1])
        place = surface[top : top + height, left : left + width]
        place[:] = self.surface[: place.shape[0], : place.shape[1]]
        return Patch(self.region.within(outer), self.size * outer.width * outer.height, surface)

    def is_part_of(self, other: "Patch") -> bool:
        """Return whether a surface lies on another one, both on the whole picture: from afar two tables may look like one."""
        size = np.array(other.surface.shape) / self.surface.shape
        rows, columns = np.nonzero(self.surface == OWN)
        there = other.surface[(rows * size[0]).astype(int), (columns * size[1]).astype(int)]
        return bool((there == OWN).mean() > PART)


def _weight(heat: np.ndarray, patch: np.ndarray, facts: np.ndarray) -> float:
    """Return how large a surface (h, w) is, less where it has neither a net nor corners: floors and barriers are surfaces, too."""
    left, top, width, height, _ = (int(part) for part in facts)
    box = (slice(max(0, top - BESIDE), top + height + BESIDE), slice(max(0, left - BESIDE), left + width + BESIDE))
    net = np.sort(heat[NET][box], axis=None)[-6:].mean()
    corners = heat[CORNER][box]
    peaks = np.sort(corners[corners == cv2.dilate(corners, np.ones((5, 5), np.uint8))])[-4:]
    return float((heat[TOP][patch] ** 2).sum() * net * peaks.mean())


def tables_apart(heat: np.ndarray) -> list[Patch]:
    """Return the surfaces that may be tables', the surest and largest first, by the maps (KINDS, h, w) of the whole picture."""
    surface = heat[TOP]
    count, labels, facts, _ = cv2.connectedComponentsWithStats((surface > LEAST_SURFACE).astype(np.uint8))
    weights = [_weight(heat, labels == each, facts[each]) for each in range(count)]
    size = np.array(surface.shape[::-1])
    found: list[Patch] = []
    for each in sorted(range(1, count), key=lambda each: -weights[each])[:MOST_TABLES]:
        weight = weights[each] / size.prod()
        if found and weight < LEAST_SHARE * found[0].size:
            break
        left, top, width, height, area = (int(part) for part in facts[each])
        if area < LEAST_CELLS:
            continue
        marked = np.where(labels == each, OWN, np.where(labels > 0, OTHER, 0)).astype(np.uint8)
        low, high = np.array([left, top]) / size, np.array([left + width, top + height]) / size
        share = max(SMALLEST_REGION, ROOM * float((high - low).max()))
        if share >= LARGEST_REGION:
            found.append(Patch(WHOLE, weight, marked))
            continue
        corner = np.clip((low + high) / 2 - share / 2, 0, 1 - share)
        region = Region(float(corner[0]), float(corner[1]), share, share)
        found.append(Patch(region, weight, marked))
    return found
