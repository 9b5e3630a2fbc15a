"""What pictures show across the lines of a table that a camera should see: colours at stations along each of them."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np

from ttcli.table.camera import TableCamera, outlines
from ttcli.table.constants import NET_HEIGHT, TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH
from ttcli.table.evidence import Region

LINE_WIDTH, CENTRE_LINE_WIDTH, TAPE_WIDTH = 0.02, 0.003, 0.015
"""Metres. ITTF, The Laws of Table Tennis, 2.1.5 and 2.1.6; a net's tape is so wide at most."""
TAPE = 5
"""Number of the net's tape among the lines, after two sides, the middle and two ends."""
STATIONS = 24
"""Profiles across each line, and across each half of one."""
LEAST_SHOWN = STATIONS // 4
"""Stations of a line that are in the picture and not before or behind the net, where the line counts."""
STEP = 0.35
"""Pixels between two samples of a profile."""
BESIDE = 3.0
"""Pixels beside a line that are compared with it."""
NET_MARGIN = 4
"""Pixels about the net in which no line is looked for: its tape looks as a line does."""
WIDEST = 40.0
"""Pixels that a line is wide at most, and that is looked at of the board's side."""
BOARD = 0.05
"""Metres that a board is thick at most. Its side may be as white as its lines."""
SAME_SURFACE = 15.0
"""Levels of 255 by which the surface beside a line may differ from picture to picture; by more, somebody stands there."""
LEAST_LINES = 3
"""Lines without which there is nothing to agree on."""
MARGIN, MARGIN_PIXELS = 0.1, 24
"""Part of a region that is kept on either side, and pixels besides."""


class Picture(NamedTuple):
    """A piece of a picture."""

    pixels: np.ndarray
    """(H, W, 3) RGB."""
    scale: np.ndarray
    """(2,) its pixels to one of the video."""
    corner: np.ndarray
    """(2,) where its first pixel lies on the whole picture of that scale."""
    motion: np.ndarray
    """(3, 3) similarity from the picture in which the camera is wanted to this picture, both in pixels of the video."""

    def at(self, pixels: np.ndarray) -> np.ndarray:
        """Return places (..., 2) on the piece of places in pixels of the video, as they are where the camera is asked for."""
        linear = self.scale[:, None] * self.motion[:2, :2]
        shift = self.scale * (self.motion[:2, 2] + 0.5) - 0.5 - self.corner
        x, y = pixels[..., 0], pixels[..., 1]
        return np.stack([row[0] * x + row[1] * y + there for row, there in zip(linear, shift, strict=True)], -1)


def piece(picture: np.ndarray, region: Region, height: int, width: int, motion: np.ndarray) -> Picture:
    """Return a copy of the part of a picture (H, W, 3) that shows a region of a video, and a little around it."""
    size = np.array(picture.shape[1::-1])
    extent = np.array([region.width, region.height])
    low = np.clip(np.floor(size * ((region.left, region.top) - MARGIN * extent)).astype(int) - MARGIN_PIXELS, 0, size)
    high = np.clip(np.ceil(size * ((region.left, region.top) + (1 + MARGIN) * extent)).astype(int) + MARGIN_PIXELS, 0, size)
    return Picture(picture[low[1] : high[1], low[0] : high[0]].copy(), size / (width, height), low, motion)


class Stations(NamedTuple):
    """Places on the outer edges of L straight lines."""

    places: np.ndarray  # (L, STATIONS, 3)
    inwards: np.ndarray  # (L, 1, 3) unit vectors
    widths: np.ndarray  # (L,) metres
    whole: np.ndarray  # (L,) which line of the table it is, or half of


@cache
def stations_of(halves: bool) -> Stations:
    """Return stations on two sides, the middle, two ends and the net's tape.

    Lines along the table come in halves, if its halves lie at an angle.
    """
    across, along = TABLE_WIDTH / 2, TABLE_LENGTH / 2
    share, half = np.linspace(-0.97, 0.97, STATIONS), np.linspace(0.03, 0.97, STATIONS)
    one, level, middle = np.ones(STATIONS), np.full(STATIONS, TABLE_HEIGHT), -CENTRE_LINE_WIDTH / 2
    ways = [-along * half, along * half] if halves else [along * share]
    places = [np.stack(parts, 1) for parts in (
        *((side * one, way, level) for side in (-across, across, middle) for way in ways),
        *((across * share, end * one, level) for end in (-along, along)),
        (across * share, 0 * one, level + NET_HEIGHT),
    )]  # fmt: skip
    whole = np.array([*np.repeat([0, 1, 2], len(ways)), 3, 4, TAPE])
    inwards = np.array([[1, 0, 0], [-1, 0, 0], [1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, -1]], float)
    widths = np.array([LINE_WIDTH, LINE_WIDTH, CENTRE_LINE_WIDTH, LINE_WIDTH, LINE_WIDTH, TAPE_WIDTH])
    return Stations(np.stack(places), inwards[whole][:, None], widths[whole], whole)


class Profiles(NamedTuple):
    """Colours across the lines, at K stations."""

    colours: np.ndarray  # (K, T, 3)
    free: np.ndarray  # (K, T) bool: not where the net is seen, but for its own tape
    away: np.ndarray  # (T,) pixels inwards of where the line's edge is expected
    widths: np.ndarray  # (K,) pixels
    sides: np.ndarray  # (K,) pixels outwards that the board's side is high at most; 0 where none is seen
    lines: np.ndarray  # (K,) numbers, in order
    share: np.ndarray  # (K,) from 0 at the first station of a line that is in the picture to 1 at the last one
    normals: np.ndarray  # (K, 2) inwards, times the pixels of the piece to one of the video
    places: np.ndarray  # (K, 3)

    def own_stations(self) -> list[tuple[int, slice]]:
        """Return the numbers of the lines, in order, and which profiles are of each."""
        numbers, first = np.unique(self.lines, return_index=True)
        ends = [*first[1:].tolist(), len(self.lines)]
        return [(number, slice(*own)) for number, *own in zip(numbers.tolist(), first.tolist(), ends, strict=True)]

    def of(self, own: slice) -> "Profiles":
        """Return some of the profiles."""
        return Profiles(*(self.away if part is self.away else part[own] for part in self))

    def around(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Return the colours (R, S, 3) of some profiles at places (R, S), in pixels as `away`."""
        numbers = np.round((places - self.away[0]) / STEP).astype(int)
        return self.colours[rows[:, None], np.clip(numbers, 0, len(self.away) - 1)]


def profiles_across(
    stations: Stations, camera: TableCamera, pictures: Sequence[Picture], reach: float, hump: float
) -> Profiles | None:
    """Return the profiles of the pictures, by the median of those in which nobody seems to stand before a station."""
    first, count = pictures[0], len(stations.places)
    places = stations.places.reshape(-1, 3)
    places = places + hump * risen(places)[:, None] * [0, 0, 1]
    inwards = np.broadcast_to(stations.inwards, stations.places.shape).reshape(-1, 3)
    expected = camera.project(places)
    inner = (camera.project(places + inwards * LINE_WIDTH) - expected) * first.scale
    along = np.gradient((expected * first.scale).reshape(count, STATIONS, 2), axis=1).reshape(-1, 2)
    normals = np.stack([-along[:, 1], along[:, 0]], 1) / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    width = (inner * normals).sum(1)
    normals *= np.sign(width)[:, None]
    width = np.minimum(np.abs(width) * np.repeat(stations.widths, STATIONS) / LINE_WIDTH, WIDEST)
    below = (camera.project(places - [0, 0, BOARD]) - expected) * first.scale
    sides = np.clip(-(below * normals).sum(1), 0, WIDEST) * (np.repeat(stations.widths, STATIONS) == LINE_WIDTH)
    far = reach + BESIDE
    shown, size = first.at(expected), np.array(first.pixels.shape[1::-1])
    inside = ((shown - far * np.abs(normals) > 0) & (shown + far * np.abs(normals) < size - 1)).all(1)
    numbers = np.repeat(np.arange(count), STATIONS)
    keep = inside & (np.bincount(numbers, inside, count)[numbers] >= LEAST_SHOWN)
    if len(set(stations.whole[numbers[keep]]) - {TAPE}) < LEAST_LINES:
        return None
    outside = np.ceil(sides[keep].max() / STEP)
    away = STEP * np.arange(-outside, (2 * far + width[keep].max()) / STEP + 1) - far
    there = expected[keep, None] + away[:, None] * (normals[keep] / first.scale)[:, None]
    seen = [_sampled(each.pixels, each.at(there), cv2.INTER_LINEAR) for each in pictures]
    bare = _sampled(_net(camera, first), first.at(there), cv2.INTER_NEAREST) == 0
    free = bare | (stations.whole[numbers[keep], None] == TAPE)
    colours = seen[0].astype(np.float32) if len(seen) == 1 else _unhidden(np.stack(seen).astype(np.float32), bare)
    part, lines = np.tile(np.linspace(0, 1, STATIONS), count)[keep], numbers[keep]
    share = np.zeros_like(part)
    for line in np.unique(lines):
        own = part[lines == line]
        share[lines == line] = (own - own[0]) / (own[-1] - own[0])
    return Profiles(colours, free, away, width[keep], sides[keep], lines, share, normals[keep] * first.scale, places[keep])


def _unhidden(seen: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Return the median (K, T, 3) of profiles (P, K, T, 3), of each station where the surface beside its line is seen best.

    What the surface looks like is known from the profiles that are `free` (K, T) of the net.
    """
    beside = slice(-round(BESIDE / STEP), None)
    inner, bare = seen[:, :, beside].mean(2), free[:, beside].all(1)
    surface = np.median(inner[:, bare] if bare.any() else inner, axis=(0, 1))
    unlike = np.abs(inner - surface).max(2)  # (P, K)
    seen_well = unlike <= unlike.min(0) + SAME_SURFACE
    found = np.median(seen, axis=0)
    for some in np.unique(seen_well, axis=1).T:
        if not some.all():
            own = (seen_well == some[:, None]).all(0)
            found[own] = np.median(seen[some][:, own], axis=0)
    return found


def risen(places: np.ndarray) -> np.ndarray:
    """Return how much of the height at the net there is at places (N, 3), 1 at the net and 0 at the ends."""
    return 1 - np.abs(places[:, 1]) / (TABLE_LENGTH / 2)


def _sampled(pixels: np.ndarray, places: np.ndarray, flags: int) -> np.ndarray:
    x, y = places.astype(np.float32).transpose(2, 0, 1)
    return cv2.remap(pixels, x, y, flags, borderMode=cv2.BORDER_REPLICATE)


def _net(camera: TableCamera, picture: Picture) -> np.ndarray:
    """Return where the net may be seen (H, W), 255 there and 0 elsewhere."""
    mask = np.zeros(picture.pixels.shape[:2], np.uint8)
    border = np.clip(np.round(picture.at(camera.project(outlines()["net"][0]))), -(2**14), 2**14).astype(np.int32)
    cv2.fillPoly(mask, [border], 255)
    cv2.polylines(mask, [border], True, 255, 2 * NET_MARGIN)
    return mask
