"""Where the white lines lie on the picture itself, to a part of a pixel, and the camera that agrees with them.

The network's maps have cells of several pixels. Lines are 20 mm wide and straight: once their rough position is known,
profiles across them give the rest. Each line is placed as a whole, so that people in front of a part do little harm.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np

from ttcli.table.camera import STATE, TableCamera, outlines
from ttcli.table.constants import TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH
from ttcli.table.evidence import Region

LINE_WIDTH, CENTRE_LINE_WIDTH = 0.02, 0.003
"""Metres. ITTF, The Laws of Table Tennis, 2.1.5 and 2.1.6."""
STATIONS = 24
"""Profiles across each line, and across each half of one."""
HUMP_SIGMA = 0.008
"""How much higher than its ends a table may be at the net, metres, 1 sigma."""
LEAST_SHOWN = STATIONS // 4
"""Stations of a line that are in the picture and not before or behind the net, where the line counts."""
STEP = 0.35
"""Pixels between two samples of a profile."""
BLUR = 0.8
"""How far an edge is spread on the picture, 1 sigma, pixels."""
REACHES = (18.0, 7.0, 3.0)
"""Pixels on either side in which a line is looked for, round after round."""
BESIDE = 3.0
"""Pixels beside a line that are compared with it."""
NET_MARGIN = 4
"""Pixels about the net in which no line is looked for: its tape looks as a line does."""
WIDEST = 40.0
"""Pixels that a line is wide at most."""
LEAST_CONTRAST = 12.0
"""Levels of 255 by which a line must be brighter than the surface to be seen."""
FACTORS = 0.4, 1.6
"""How much less or more one line may differ from the surface than lines do on the whole: lamps are somewhere."""
SAME_SURFACE = 15.0
"""Levels of 255 by which the surface beside a line may differ from picture to picture; by more, somebody stands there."""
LEAST_SUPPORT = 0.2
"""Mean agreement of a line from which on it counts."""
SURE_LINE = 0.6
"""Support of a line below which it counts less."""
LEAST_LINES = 3
REST = 0.3
"""How much what a line does not explain counts against it."""
LEAST_BEYOND, LEAST_SHARE = 0.35, 0.3
"""Contrast of a line with what lies beyond it, against its contrast with the surface, and the share of its stations that
must have it. With less, the line may be the floor."""
SURE_LINES, SURE_SUPPORT = 4, 0.34
"""Lines that must be found, and the mean support of all lines that should be seen. Then only a table looks like that."""
MOST_LEFT = 1.5
"""Pixels that a line may be off the camera in which they agree to count as seen."""
LINE_OFF, LINE_OFF_TOLD = 0.25, 0.8
"""Pixels that a whole line is off, 1 sigma, besides the error of its profiles: for the fit, and for the stated error.

The second makes the stated 95 % hold on drawn pictures (tools/measure_tables.py --simulated): the lines lean together.
"""
INSIDE = 0.4
"""Pixels by which border lines of films seem to lie inside of where they are, the median of 14 drawn films.

In painted pictures without a lens and a codec it is 0.1 at most.
"""
NOISE = 0.3
"""Variance that a line's agreement is divided by."""
LOOSER = 16.0
"""How much larger the covariance of the network's answers is taken: they lean the same way in all pictures of a hall."""
BEND_SIGMA = 0.01
"""How far the bend of a lens may be from the bend that the network's points and lines gave, 1 sigma."""
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


class Laid(NamedTuple):
    """A camera that agrees with the white lines."""

    camera: TableCamera
    support: dict[int, float]
    """Line that should be seen -> the share of the line that is, 0 to 1."""
    hump: float
    """How much higher than its ends the table is at the net, metres."""

    @property
    def mean_support(self) -> float:
        """Mean support of the lines that should be seen."""
        return float(np.mean(list(self.support.values())))

    @property
    def sure(self) -> bool:
        """Whether so many lines agree that no other thing than a table looks so."""
        return sum(support > 0 for support in self.support.values()) >= SURE_LINES and self.mean_support >= SURE_SUPPORT


def lay_lines(
    start: TableCamera,
    pictures: Sequence[Picture],
    free: np.ndarray,
    reaches: tuple[float, ...] = REACHES,
    known_hump: float | None = None,
) -> Laid | None:
    """Return the camera near `start` that agrees best with the lines on pictures of one view.

    Args:
        start: Camera with a covariance.
        pictures: Pieces of pictures, all of one size and place.
        free: What may change, numbers in STATE, 7 for the bend.
        reaches: Pixels of the pictures in which lines are looked for, round after round.
        known_hump: How much higher the table is at the net, metres; None where nobody knows.

    Returns:
        None where too few lines are seen that agree on a camera.
    """
    bent = known_hump is not None and abs(known_hump) > HUMP_SIGMA / 2
    laid = None if bent else _laid(start, pictures, free, reaches, None)
    if laid is not None and laid.sure:
        return laid
    other = _laid(start, pictures, free, reaches, known_hump or 0.0, known_hump is None)
    return other if laid is None or (other is not None and other.sure) else laid


def _laid(
    start: TableCamera,
    pictures: Sequence[Picture],
    free: np.ndarray,
    reaches: tuple[float, ...],
    hump: float | None,
    rises: bool = False,
) -> Laid | None:
    """Return the camera that agrees with the lines of a flat table, or with those of one that rises to the net by a hump.

    How high the hump is, metres, is found where it `rises`.
    """
    stations, camera, left = _stations(halves=hump is not None), start, dict[int, float]()
    support: dict[int, float] = {}
    factors = dict.fromkeys(range(len(stations.places)), FACTORS)
    for reach in reaches:
        profiles = _profiles(stations, camera, pictures, reach, hump or 0.0)
        if profiles is None:
            return None
        gains = _gains(profiles, reach)
        colour = _line_colour(gains, stations.widths[profiles.lines] == LINE_WIDTH)
        if colour is None:
            return None
        lines = []
        for number in np.unique(profiles.lines).tolist():
            own = profiles.lines == number
            line = _lay(number, gains.of(own), colour, factors[number], profiles.share[own])
            support.pop(number, None)
            if line is not None or _to_be_seen(gains.free[own]):
                support[number] = 0.0 if line is None else line.support
            if line is not None:
                last = reach == reaches[-1] and stations.widths[number] == LINE_WIDTH
                lines.append(line._replace(off=line.off - INSIDE) if last else line)
                factors[number] = line.factor, line.factor
        if len({stations.whole[line.number] for line in lines}) < LEAST_LINES:
            return None
        camera, found, left = _agreed(start, camera, lines, profiles, free, hump or 0.0, rises)
        hump = None if hump is None else found
    support |= {number: 0.0 for number, off in left.items() if off > MOST_LEFT}
    shares: dict[int, list[float]] = {}
    for number, share in support.items():
        shares.setdefault(int(stations.whole[number]), []).append(share)
    whole = {number: float(np.mean(each)) for number, each in shares.items()}
    return Laid(camera, whole, hump or 0.0) if sum(share > 0 for share in whole.values()) >= LEAST_LINES else None


class _Stations(NamedTuple):
    """Places on the outer edges of L straight lines."""

    places: np.ndarray  # (L, STATIONS, 3)
    inwards: np.ndarray  # (L, 1, 3) unit vectors
    widths: np.ndarray  # (L,) metres
    whole: np.ndarray  # (L,) which line of the table it is, or half of


@cache
def _stations(halves: bool) -> _Stations:
    """Return stations on two sides, two ends and the middle; those along the table in halves, if its halves lie at an angle."""
    across, along = TABLE_WIDTH / 2, TABLE_LENGTH / 2
    share, half = np.linspace(-0.97, 0.97, STATIONS), np.linspace(0.03, 0.97, STATIONS)
    one, level, middle = np.ones(STATIONS), np.full(STATIONS, TABLE_HEIGHT), -CENTRE_LINE_WIDTH / 2
    ways = [-along * half, along * half] if halves else [along * share]
    places = [np.stack(parts, 1) for parts in (
        *((side * one, way, level) for side in (-across, across, middle) for way in ways),
        *((across * share, end * one, level) for end in (-along, along)),
    )]  # fmt: skip
    whole = np.array([*np.repeat([0, 1, 2], len(ways)), 3, 4])
    inwards = np.array([[1, 0, 0], [-1, 0, 0], [1, 0, 0], [0, 1, 0], [0, -1, 0]], float)
    widths = np.array([LINE_WIDTH, LINE_WIDTH, CENTRE_LINE_WIDTH, LINE_WIDTH, LINE_WIDTH])
    return _Stations(np.stack(places), inwards[whole][:, None], widths[whole], whole)


class _Profiles(NamedTuple):
    """Colours across the lines, at K stations."""

    colours: np.ndarray  # (K, T, 3)
    free: np.ndarray  # (K, T) bool: not where the net is seen
    away: np.ndarray  # (T,) pixels inwards of where the line's edge is expected
    widths: np.ndarray  # (K,) pixels
    lines: np.ndarray  # (K,) numbers
    share: np.ndarray  # (K,) from 0 at the first station of a line that is in the picture to 1 at the last one
    normals: np.ndarray  # (K, 2) inwards, times the pixels of the piece to one of the video
    places: np.ndarray  # (K, 3)


def _profiles(
    stations: _Stations, camera: TableCamera, pictures: Sequence[Picture], reach: float, hump: float
) -> _Profiles | None:
    """Return the profiles of the pictures, by the median of those in which nobody seems to stand before a station."""
    first, count = pictures[0], len(stations.places)
    places = stations.places.reshape(-1, 3)
    places = places + hump * _risen(places)[:, None] * [0, 0, 1]
    inwards = np.broadcast_to(stations.inwards, stations.places.shape).reshape(-1, 3)
    expected = camera.project(places)
    inner = (camera.project(places + inwards * LINE_WIDTH) - expected) * first.scale
    along = np.gradient((expected * first.scale).reshape(count, STATIONS, 2), axis=1).reshape(-1, 2)
    normals = np.stack([-along[:, 1], along[:, 0]], 1) / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    width = (inner * normals).sum(1)
    normals *= np.sign(width)[:, None]
    width = np.minimum(np.abs(width) * np.repeat(stations.widths, STATIONS) / LINE_WIDTH, WIDEST)
    far = reach + BESIDE
    shown, size = first.at(expected), np.array(first.pixels.shape[1::-1])
    inside = ((shown - far * np.abs(normals) > 0) & (shown + far * np.abs(normals) < size - 1)).all(1)
    numbers = np.repeat(np.arange(count), STATIONS)
    keep = inside & (np.bincount(numbers, inside, count)[numbers] >= LEAST_SHOWN)
    if np.unique(stations.whole[numbers[keep]]).size < LEAST_LINES:
        return None
    away = np.arange(-far, far + width[keep].max() + STEP, STEP)
    there = expected[keep, None] + away[:, None] * (normals[keep] / first.scale)[:, None]
    seen = [_sampled(each.pixels, each.at(there), cv2.INTER_LINEAR) for each in pictures]
    free = _sampled(_net(camera, first), first.at(there), cv2.INTER_NEAREST) == 0
    colours = seen[0].astype(np.float32) if len(seen) == 1 else _unhidden(np.stack(seen).astype(np.float32), free)
    part, lines = np.tile(np.linspace(0, 1, STATIONS), count)[keep], numbers[keep]
    share = np.zeros_like(part)
    for line in np.unique(lines):
        own = part[lines == line]
        share[lines == line] = (own - own[0]) / (own[-1] - own[0])
    return _Profiles(colours, free, away, width[keep], lines, share, normals[keep] * first.scale, places[keep])


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


def _risen(places: np.ndarray) -> np.ndarray:
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


class _Gains(NamedTuple):
    """The lines that explain each profile best, were they at each of M places."""

    response: np.ndarray  # (K, M, 3) their colour, the surface's taken off; 0 where the net is seen
    rest: np.ndarray  # (K, M) squares that neither the line nor the levels beside it explain, as `response` squared
    beyond: np.ndarray  # (K, M, 3) the line's colour, what is beyond it taken off
    size: np.ndarray  # (K,) how much such a line changes a profile
    shifts: np.ndarray  # (M,) pixels
    free: np.ndarray  # (K, M) bool: no net there

    def of(self, own: np.ndarray) -> "_Gains":
        """Return those of some profiles."""
        parts = (self.response[own], self.rest[own], self.beyond[own], self.size[own])
        return _Gains(*parts, self.shifts, self.free[own])


def _gains(profiles: _Profiles, reach: float) -> _Gains:
    """Lay a line, between any surface within and anything without, at each place of each profile, by least squares."""
    before, after = np.floor(BESIDE / STEP), np.floor((profiles.widths.max() + BESIDE) / STEP)
    window = STEP * np.arange(-before, after + 1)
    weight = (window < profiles.widths[:, None] + BESIDE).astype(np.float32)  # (K, W)
    within = _edge(window / BLUR)
    line = within - _edge((window - profiles.widths[:, None]) / BLUR)
    shape = line.shape
    parts = np.stack([np.broadcast_to(1 - within, shape), np.broadcast_to(within, shape), line], 1)  # (K, 3, W)
    weighted = (parts * weight[:, None]).astype(np.float32)
    matrix = weighted @ parts.transpose(0, 2, 1) + 1e-4 * np.eye(3)
    size = 1 / np.linalg.inv(matrix)[:, 2, 2]  # what is left of a line that levels and a step at its edge do not explain
    windows = np.lib.stride_tricks.sliding_window_view(profiles.colours, len(window), axis=1)  # (K, M, 3, W)
    shifts = profiles.away[: windows.shape[1]] - window[0]
    near = np.abs(shifts) <= reach + 1e-9
    windows = windows[:, near]
    seen = np.matmul(windows, weighted.transpose(0, 2, 1)[:, None])  # (K, M, 3 colours, 3 parts)
    levels = seen @ np.linalg.inv(matrix).astype(np.float32)[:, None]
    squares = np.matmul(windows**2, weight[:, None, :, None])[..., 0].sum(2) - (seen * levels).sum((2, 3))
    net = np.lib.stride_tricks.sliding_window_view(profiles.free, len(window), axis=1)[:, near]
    free = (net | (weight * (line > 0.1) == 0)[:, None]).all(2)
    response = np.where(free[..., None], levels[..., 2], 0.0)
    rest = np.maximum(squares, 0) / size[:, None]
    return _Gains(response, rest, levels[..., 1] + levels[..., 2] - levels[..., 0], size, shifts[near], free)


def _edge(sigmas: np.ndarray) -> np.ndarray:
    """Return how bright it is beside a soft edge between 0 and 1."""
    return 1 / (1 + np.exp(-1.702 * sigmas))


def _agreement(gains: _Gains, colour: np.ndarray, factors: tuple[float, float]) -> np.ndarray:
    """Return from -0.5 to 1 how well a line of a colour (3,), times some factor, agrees with each place (K, M)."""
    squared = colour @ colour
    along = gains.response @ colour / squared
    factor = np.clip(along, *factors)
    explained = (2 * factor * along - factor**2) * squared
    agree = (explained - REST * gains.rest) / np.maximum((gains.response**2).sum(-1), factor**2 * squared)
    return np.where(gains.free, np.clip(agree, -0.5, 1), 0.0)


def _line_colour(gains: _Gains, borders: np.ndarray) -> np.ndarray | None:
    """Return the colour (3,) of the lines, the surface's taken off, that agrees with most profiles, or None."""
    border = gains.response[borders]
    near = np.exp(-0.5 * (gains.shifts / (gains.shifts[-1] / 2)) ** 2)
    strength = border.sum(2) * near * np.sqrt(gains.size[borders])[:, None]
    tried = border[np.arange(len(border)), strength.argmax(1)]
    tried = tried[tried.mean(1) > LEAST_CONTRAST][::2]
    if not len(tried):
        return None
    squared = (tried**2).sum(1)
    agree = 2 * (border[:, ::2] @ tried.T) / squared - 1  # (K, M / 2, tried)
    total = (np.clip(agree, 0, 1) * near[::2, None]).max(1).sum(0) * np.sqrt(squared)
    return tried[total.argmax()].astype(float)


def _to_be_seen(free: np.ndarray) -> bool:
    """Return whether enough of a line, free of the net (n, M), lies where it is expected."""
    return int(free[:, free.shape[1] // 2].sum()) >= LEAST_SHOWN


class _Line(NamedTuple):
    """A line as it was laid."""

    number: int
    off: np.ndarray  # (2,) pixels at its first and its last station, inwards, from where it was expected
    information: np.ndarray  # (2, 2) of both
    support: float  # part of its stations beside the net at which a line is seen there
    factor: float  # how much more it differs from the surface than lines do on the whole


def _lay(number: int, gains: _Gains, colour: np.ndarray, factors: tuple[float, float], share: np.ndarray) -> _Line | None:
    """Return how one line lies by its stations' profiles: the straight way through all of them that agrees best."""
    agree, step = _agreement(gains, colour, factors), gains.shifts[1] - gains.shifts[0]
    grid = np.arange(0, len(gains.shifts), 3.0)
    first, last = (part.ravel() for part in np.meshgrid(grid, grid))
    straight = np.abs(first - last) <= 0.6 * len(gains.shifts)
    first, last = first[straight], last[straight]
    values = _total(agree, share, first, last)
    best = np.array([first[values.argmax()], last[values.argmax()]])
    first, last = (part.ravel() for part in np.meshgrid(np.arange(-2.0, 2.01, 0.5), np.arange(-2.0, 2.01, 0.5)))
    values = _total(agree, share, best[0] + first, best[1] + last)
    best = best + [first[values.argmax()], last[values.argmax()]]
    values = _total(agree, share, best[0] + first, best[1] + last)
    design = np.stack([np.ones_like(first), first, last, first**2 / 2, first * last, last**2 / 2], 1)
    _, slope_first, slope_last, bend_first, mixed, bend_last = np.linalg.lstsq(design, values, rcond=None)[0]
    bend = -np.array([[bend_first, mixed], [mixed, bend_last]])
    if np.linalg.eigvalsh(bend)[0] <= 1e-6:
        return None
    found = best + np.clip(np.linalg.solve(bend, [slope_first, slope_last]), -1, 1)
    nearest = np.clip(np.round(found[0] + (found[1] - found[0]) * share).astype(int), 0, len(gains.shifts) - 1)
    shown = int(gains.free[np.arange(len(share)), nearest].sum())
    if shown < LEAST_SHOWN or values.max() < LEAST_SUPPORT * shown:
        return None
    rows = np.flatnonzero(agree[np.arange(len(share)), nearest] > 0)
    along = gains.response[rows, nearest[rows]] @ colour / (colour @ colour)
    factor = float(np.clip(np.median(along), *FACTORS)) if len(rows) else 1.0
    beyond = np.linalg.norm(gains.beyond[rows, nearest[rows]], axis=1)
    if not len(rows) or np.mean(beyond > LEAST_BEYOND * factor * np.linalg.norm(colour)) < LEAST_SHARE:
        return None
    return _Line(number, gains.shifts[0] + found * step, bend / step**2, float(values.max() / shown), factor)


def _total(agree: np.ndarray, share: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return the agreement (n, M) along straight ways from places (W,) at the first station to places (W,) at the last, (W,)."""
    place = first[:, None] + (last - first)[:, None] * share  # (W, n)
    low = np.clip(place.astype(int), 0, agree.shape[1] - 2)
    part = np.clip(place - low, 0, 1)
    rows = np.arange(len(share))
    before = agree[rows, low]
    return (before + part * (agree[rows, low + 1] - before)).sum(1)


def _agreed(
    start: TableCamera,
    camera: TableCamera,
    lines: list[_Line],
    profiles: _Profiles,
    free: np.ndarray,
    hump: float,
    rises: bool,
) -> tuple[TableCamera, float, dict[int, float]]:
    """Return the camera that agrees with where lines were laid from `camera`, and with what was known of `start`.

    Lines that are far off count less (Cauchy's weights). Beside it stand how much the table rises to its net, metres, which is
    found where it `rises`, and how far each line is off, pixels of the picture.
    """
    rows, places, told = [], [], []
    for line in lines:
        own = np.flatnonzero(profiles.lines == line.number)[[0, -1]]
        _, slopes = camera.slopes(profiles.places[own])
        across = np.einsum("nj,njk->nk", profiles.normals[own], slopes)
        risen = -across[:, UP] * _risen(profiles.places[own]) * rises  # what rises is as a camera that sinks
        rows.append(np.column_stack([across[:, free], risen]))
        doubt = max(1.0, SURE_LINE / line.support) ** 2  # what hides most of a line may be taken for the rest
        spread = np.linalg.inv(line.information) * NOISE
        places.append(np.linalg.inv((spread + LINE_OFF**2 * np.eye(2)) * doubt**2))
        told.append(np.linalg.inv((spread + LINE_OFF_TOLD**2 * np.eye(2)) * doubt))
    known = np.zeros((len(STATE) + 1, len(STATE) + 1))
    known[:-1, :-1] = start.covariance if start.covariance is not None else np.eye(len(STATE))
    known[-1, -1] = BEND_SIGMA**2 / LOOSER
    prior = np.zeros((len(free) + 1, len(free) + 1))
    prior[:-1, :-1] = np.linalg.inv(LOOSER * known[np.ix_(free, free)] + 1e-12 * np.eye(len(free)))
    prior[-1, -1] = 1 / HUMP_SIGMA**2
    before = prior @ np.append(_between(start, camera)[free], hump * rises)
    change, sure = np.zeros(len(free) + 1), prior
    for _ in range(ROUNDS):
        matrix, right, sure = prior.copy(), -before, prior.copy()
        for line, row, information, less in zip(lines, rows, places, told, strict=True):
            off = line.off - row @ change
            weight = 1 / (1 + off @ information @ off / 8)
            matrix += weight * row.T @ information @ row
            right += weight * row.T @ information @ line.off
            sure += weight * row.T @ less @ row
        change = np.linalg.solve(matrix, right)
    left = {line.number: float(np.abs(line.off - row @ change).max()) for line, row in zip(lines, rows, strict=True)}
    step = np.zeros(len(STATE) + 1)
    step[free] = change[:-1]
    covariance = np.zeros_like(known)
    covariance[np.ix_(free, free)] = np.linalg.inv(sure)[:-1, :-1]
    moved = replace(camera.moved(step[:-1]), bend=camera.bend + float(step[-1]), covariance=covariance[:-1, :-1])
    return moved, hump + float(change[-1]), left


ROUNDS, UP = 6, STATE.index("z")


def _between(start: TableCamera, camera: TableCamera) -> np.ndarray:
    """Return the change (8,) of STATE and bend that leads from one camera to another near it."""
    turn = cv2.Rodrigues(camera.rotation @ start.rotation.T)[0][:, 0]
    focal = np.log(camera.focal / start.focal)
    return np.array([*turn, *(camera.position - start.position), focal, camera.bend - start.bend])
