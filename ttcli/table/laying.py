"""Where one line lies on the picture: the straight way through the profiles across it that agrees best with a line."""

from functools import cache
from typing import NamedTuple

import numpy as np

from ttcli.table.gains import Gains
from ttcli.table.profiles import BESIDE, LEAST_SHOWN, STEP, Profiles

FACTORS = 0.4, 1.6
"""How much less or more one line may differ from the surface than lines do on the whole: lamps are somewhere."""
LEAST_BEYOND, LEAST_SHARE = 0.35, 0.3
"""Contrast of a line with what lies beyond it, against its contrast with the surface, and the share of its stations that
must have it. With less, the line may be the floor."""
UNDER_BOARD, UNDER_SHARE = np.linspace(0, 1, 6), 0.6
"""Where under a line, from 0 to the height of a board's side, the side may end if it is as bright as the line. It must
end there at so large a share of the stations."""
OUTSIDE, AS_BRIGHT = 1.5, 0.4
"""Pixels outside of a line, and the part of its brightness from which on it is the side of the board that is seen there.
Then only the line's inner edge tells where it is. Lines of one pixel come out up to 1.6 times too bright."""
LEAST_LIGHTER = 40.0
"""Levels of 255 by which what lies beyond an edge is lighter than the surface, for it to be as white as a line."""
JUST_BEYOND = np.linspace(0.5, 2.0, 4)
"""Pixels beyond an edge at which such a line would be seen."""
LEAST_WIDTH = 0.6
"""Pixels that a line is wide at the least for its edges to be told apart."""


class Line(NamedTuple):
    """A line as it was laid."""

    number: int
    off: np.ndarray
    """(2,) pixels at its first and its last station, inwards, from where it was expected."""
    information: np.ndarray
    """(2, 2) of both."""
    support: float
    """Part of its stations beside the net at which a line is seen there."""
    factor: float
    """How much more it differs from the surface than lines do on the whole."""
    height_off: float = 0.0
    """How much higher or lower than it should be it may be, metres, 1 sigma."""
    off_as_one: float = 0.0
    """Pixels that all of its stations may be off by alike, 1 sigma."""


class Nearness(NamedTuple):
    """Where a line is expected to be."""

    off: np.ndarray
    """(2,) pixels at its first and its last station, inwards."""
    information: np.ndarray
    """(2, 2) of both."""

    def of(self, off: np.ndarray) -> np.ndarray:
        """Return from 0 to 1 how near to that lines (N, 2) are; far ones are not ruled out (Cauchy's weights)."""
        away = off - self.off
        return 1 / (1 + np.einsum("ni,ij,nj->n", away, self.information, away) / 4)


def lay_line(
    number: int,
    gains: Gains,
    agree: np.ndarray,
    colour: np.ndarray,
    profiles: Profiles,
    nearness: Nearness,
    least: float,
) -> Line | None:
    """Return how one line lies by its stations' profiles: the straight way through all of them that agrees best, or None.

    Args:
        number: Number of the line.
        gains: Gains at its stations.
        agree: (K, M) how well a line agrees with each place there.
        colour: (3,) of the lines, the surface's taken off.
        profiles: Profiles at its stations.
        nearness: Where it is expected: of two ways that agree as well, the nearer one is taken.
        least: Mean agreement of a way that counts.
    """
    way = _best_way(gains, agree, profiles.share, nearness, least)
    if way is None:
        return None
    nearest = way.nearest
    rows = np.flatnonzero(agree[np.arange(len(nearest)), nearest] > 0)
    if not len(rows):
        return None
    along = gains.response[rows, nearest[rows]] @ colour / (colour @ colour)
    factor = float(np.clip(np.median(along), *FACTORS))
    farther = _farther_inwards(gains, profiles, rows, nearest[rows], factor * colour)
    if farther is None:
        return None
    return Line(number, way.off + farther, way.information, way.support, factor)


def lay_edge(number: int, gains: Gains, agree: np.ndarray, profiles: Profiles, nearness: Nearness, least: float) -> Line | None:
    """Return how one edge of the surface lies; as `lay_line`, of a board whose white lines are not seen.

    What lies beyond an edge and is lighter than the surface in each colour may be a white line, on a floor as white, or
    that floor. So the edge is taken to be half a line farther out, and may be off by as much.
    """
    way = _best_way(gains, agree, profiles.share, nearness, least)
    if way is None:
        return None
    rows = np.arange(len(way.nearest))
    beyond = profiles.around(rows, gains.shifts[way.nearest][:, None] - JUST_BEYOND)
    surface = profiles.colours[:, -round(BESIDE / STEP) :].mean(1)
    lighter = np.median((beyond - surface[:, None]).min(2).max(1)) > LEAST_LIGHTER
    half = lighter * float(np.median(profiles.widths)) / 2
    return Line(number, way.off - half, way.information, way.support, 1.0, off_as_one=half)


class _Way(NamedTuple):
    """A straight way across the profiles of a line."""

    off: np.ndarray
    """(2,) pixels at its first and its last station."""
    information: np.ndarray
    """(2, 2) of both."""
    support: float
    """Mean agreement of its stations beside the net."""
    nearest: np.ndarray
    """(n,) numbers of the shifts at which it passes the stations."""


def _best_way(gains: Gains, agree: np.ndarray, share: np.ndarray, nearness: Nearness, least: float) -> _Way | None:
    """Return the straight way that agrees best with all stations, `share` of the line from the first one; or None."""
    step = gains.shifts[1] - gains.shifts[0]
    first, last = _coarse_ways(len(gains.shifts))
    values = _total(agree, share, first, last)
    values = values * nearness.of(gains.shifts[0] + np.stack([first, last], 1) * step)
    best = np.array([first[values.argmax()], last[values.argmax()]])
    first, last, solving = _fine_ways()
    values = _total(agree, share, best[0] + first, best[1] + last)
    best = best + [first[values.argmax()], last[values.argmax()]]
    values = _total(agree, share, best[0] + first, best[1] + last)
    _, slope_first, slope_last, bend_first, mixed, bend_last = solving @ values
    bend = -np.array([[bend_first, mixed], [mixed, bend_last]])
    if np.linalg.eigvalsh(bend)[0] <= 1e-6:
        return None
    found = best + np.clip(np.linalg.solve(bend, [slope_first, slope_last]), -1, 1)
    nearest = np.clip(np.round(found[0] + (found[1] - found[0]) * share).astype(int), 0, len(gains.shifts) - 1)
    shown = int(gains.free[np.arange(len(share)), nearest].sum())
    if shown < LEAST_SHOWN or values.max() < least * shown:
        return None
    support = float(values.max() / shown)
    return _Way(gains.shifts[0] + found * step, bend / step**2, support, nearest)


def _farther_inwards(
    gains: Gains, profiles: Profiles, rows: np.ndarray, nearest: np.ndarray, colour: np.ndarray
) -> float | None:
    """Return how many pixels farther inwards a line lies, if the side of the board is as bright; None where it may be no line.

    Args:
        gains: Gains at its stations.
        profiles: Profiles there.
        rows: (R,) stations at which it is seen.
        nearest: (R,) numbers of the shifts there.
        colour: (3,) of this line, the surface's taken off.
    """
    places, least = gains.shifts[nearest], LEAST_BEYOND * float(np.linalg.norm(colour))
    if np.mean(np.linalg.norm(gains.beyond[rows, nearest], axis=1) > least) < LEAST_SHARE:
        line = profiles.around(rows, (places + profiles.widths[rows] / 2)[:, None])
        under = profiles.around(rows, (places - BESIDE)[:, None] - UNDER_BOARD * profiles.sides[rows, None])
        if np.mean(np.linalg.norm(line - under, axis=2).max(1) > least) < UNDER_SHARE:
            return None
    side = _brightness(profiles, rows, (places - OUTSIDE)[:, None], colour)[:, 0]
    bright = side > AS_BRIGHT
    if not profiles.sides.any() or np.median(profiles.widths) < LEAST_WIDTH or bright.mean() < 0.5:
        return 0.0
    return _inner_edge(profiles, rows[bright], places[bright], colour, side[bright])


def _brightness(profiles: Profiles, rows: np.ndarray, places: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Return how bright it is at places (R, S) of some profiles: 0 as the surface beside the line, 1 as the line."""
    surface = profiles.colours[rows, -round(BESIDE / STEP) :].mean(1)
    return (profiles.around(rows, places) - surface[:, None]) @ colour / (colour @ colour)


def _inner_edge(profiles: Profiles, rows: np.ndarray, places: np.ndarray, colour: np.ndarray, side: np.ndarray) -> float:
    """Return how many pixels farther inwards than at places (R,) a line lies by its inner edge, beside a `side` so bright."""
    inner, first = places + profiles.widths[rows], profiles.away[0]
    begin = first + STEP * np.round((inner - BESIDE - first) / STEP)
    there = begin[:, None] + STEP * np.arange(round(2 * BESIDE / STEP))
    lighter = _brightness(profiles, rows, there, colour) - side[:, None] / 2
    last = ((lighter > 0).cumprod(1).sum(1) - 1).clip(0, there.shape[1] - 2)
    before, after = (lighter[np.arange(len(rows)), last + step] for step in (0, 1))
    share = np.clip(before / np.where(before > after, before - after, 1.0), 0, 1)
    return float(np.median(begin + STEP * (last + share) - inner))


@cache
def _coarse_ways(shifts: int) -> tuple[np.ndarray, np.ndarray]:
    """Return straight ways, some places apart, from the first station (W,) to the last (W,); none that leans too much."""
    grid = np.arange(0, shifts, 3.0)
    first, last = (part.ravel() for part in np.meshgrid(grid, grid))
    straight = np.abs(first - last) <= 0.6 * shifts
    return first[straight], last[straight]


@cache
def _fine_ways() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ways beside one, (W,) and (W,), and the matrix (6, W) that fits a paraboloid to a value of each."""
    first, last = (part.ravel() for part in np.meshgrid(np.arange(-2.0, 2.01, 0.5), np.arange(-2.0, 2.01, 0.5)))
    design = np.stack([np.ones_like(first), first, last, first**2 / 2, first * last, last**2 / 2], 1)
    return first, last, np.linalg.pinv(design)


def _total(agree: np.ndarray, share: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return the agreement (n, M) along straight ways from places (W,) at the first station to places (W,) at the last, (W,)."""
    place = first[:, None] + (last - first)[:, None] * share  # (W, n)
    low = np.clip(place.astype(int), 0, agree.shape[1] - 2)
    part = np.clip(place - low, 0, 1)
    rows = np.arange(len(share))
    before = agree[rows, low]
    return (before + part * (agree[rows, low + 1] - before)).sum(1)
