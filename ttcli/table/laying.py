"""Where one line lies on the picture: the straight way through the profiles across it that agrees best with a line."""

from typing import NamedTuple

import numpy as np

from ttcli.table.gains import Gains, agreement
from ttcli.table.profiles import LEAST_SHOWN

FACTORS = 0.4, 1.6
"""How much less or more one line may differ from the surface than lines do on the whole: lamps are somewhere."""
LEAST_BEYOND, LEAST_SHARE = 0.35, 0.3
"""Contrast of a line with what lies beyond it, against its contrast with the surface, and the share of its stations that
must have it. With less, the line may be the floor."""


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
    colour: np.ndarray,
    factors: tuple[float, float],
    share: np.ndarray,
    nearness: Nearness,
    least: float,
) -> Line | None:
    """Return how one line lies by its stations' profiles: the straight way through all of them that agrees best, or None.

    Args:
        number: Number of the line.
        gains: Gains at its stations.
        colour: (3,) of the lines, the surface's taken off.
        factors: Least and most times that colour.
        share: (n,) where its stations are, from 0 at the first to 1 at the last.
        nearness: Where it is expected: of two ways that agree as well, the nearer one is taken.
        least: Mean agreement of a way that counts.
    """
    agree, step = agreement(gains, colour, factors), gains.shifts[1] - gains.shifts[0]
    grid = np.arange(0, len(gains.shifts), 3.0)
    first, last = (part.ravel() for part in np.meshgrid(grid, grid))
    straight = np.abs(first - last) <= 0.6 * len(gains.shifts)
    first, last = first[straight], last[straight]
    values = _total(agree, share, first, last)
    values = values * nearness.of(gains.shifts[0] + np.stack([first, last], 1) * step)
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
    if shown < LEAST_SHOWN or values.max() < least * shown:
        return None
    rows = np.flatnonzero(agree[np.arange(len(share)), nearest] > 0)
    along = gains.response[rows, nearest[rows]] @ colour / (colour @ colour)
    factor = float(np.clip(np.median(along), *FACTORS)) if len(rows) else 1.0
    beyond = np.linalg.norm(gains.beyond[rows, nearest[rows]], axis=1)
    if not len(rows) or np.mean(beyond > LEAST_BEYOND * factor * np.linalg.norm(colour)) < LEAST_SHARE:
        return None
    return Line(number, gains.shifts[0] + found * step, bend / step**2, float(values.max() / shown), factor)


def _total(agree: np.ndarray, share: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return the agreement (n, M) along straight ways from places (W,) at the first station to places (W,) at the last, (W,)."""
    place = first[:, None] + (last - first)[:, None] * share  # (W, n)
    low = np.clip(place.astype(int), 0, agree.shape[1] - 2)
    part = np.clip(place - low, 0, 1)
    rows = np.arange(len(share))
    before = agree[rows, low]
    return (before + part * (agree[rows, low + 1] - before)).sum(1)
