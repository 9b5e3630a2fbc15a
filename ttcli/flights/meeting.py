"""When a racket meets the ball: where the ball's way before and its way after it meet on the picture.

Both ways are parabolas, a little more, whose bend is about known. All sightings between the bounce before the stroke
and the passing of the net after it are of one of them. Where the ball is hidden around the stroke, they are drawn on
until they meet.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ttcli.table.constants import GRAVITY

BEND = 9.0
"""m/s^2, 1 sigma on each axis of the picture: drag and spin bend a way by so much, besides gravity."""
JERK = 25.0
"""m/s^3, 1 sigma: how fast that changes."""
FASTEST = 20.0
"""m/s, 1 sigma, of what a way may be before it is seen."""
STEP_SECONDS = 0.008
"""From try to try where the ball is not seen."""
FAR = 4.0
"""Errors beyond which a sighting counts no more."""
SPREAD = 0.05
"""Metres, 1 sigma, by which two ways that meet may miss each other: a racket takes the ball along."""


class Way(NamedTuple):
    """A parabola through some sightings."""

    origin: float
    """Seconds."""
    factors: np.ndarray
    """(4, 2): place, speed, half of the bend, a sixth of its change."""
    covariance: np.ndarray
    """(4, 4), the same for both axes."""
    misfit: float
    """Sum of squares of the sightings, in errors, far ones bounded."""

    def at(self, seconds: float) -> tuple[np.ndarray, float]:
        """Return the place (2,) at a time, and its variance."""
        powers = (seconds - self.origin) ** np.arange(4)
        return powers @ self.factors, float(powers @ self.covariance @ powers)


def meeting(
    times: np.ndarray, pixels: np.ndarray, first: float, last: float, scale: float, error: float
) -> tuple[float, float] | None:
    """Return when two ways meet, and how sure that is (seconds, 1 sigma); None where one of them is not seen.

    Args:
        times: (N,) seconds of sightings before and after.
        pixels: (N, 2).
        first: No earlier than this.
        last: No later.
        scale: Pixels of a metre.
        error: Pixels, 1 sigma, of a sighting.
    """
    tries = _tries(times, first, last)
    costs = np.array([_cost(times, pixels, at, scale, error) for at in tries])
    if not np.isfinite(costs).any():
        return None
    share = np.exp(-0.5 * (costs - np.nanmin(np.where(np.isfinite(costs), costs, np.inf))))
    share = np.where(np.isfinite(costs), share, 0) * _widths(tries)
    share /= share.sum()
    middle = float(share @ tries)
    return middle, float(np.sqrt(share @ (tries - middle) ** 2 + (0.3 * float(_widths(tries).min())) ** 2))


def _tries(times: np.ndarray, first: float, last: float) -> np.ndarray:
    """Return instants between sightings, several where the ball was not seen for long."""
    inside = times[(times > first) & (times < last)]
    edges = np.concatenate([[first], inside, [last]])
    found = []
    for begin, end in pairwise(edges):
        count = max(1, round((end - begin) / STEP_SECONDS))
        found.append(begin + (end - begin) * (np.arange(count) + 0.5) / count)
    return np.concatenate(found)


def _widths(tries: np.ndarray) -> np.ndarray:
    return np.gradient(tries) if len(tries) > 1 else np.ones(1)


def _cost(times: np.ndarray, pixels: np.ndarray, at: float, scale: float, error: float) -> float:
    before = times < at
    if min(before.sum(), (~before).sum()) < 2:
        return np.inf
    ways = [_way(times[rows], pixels[rows], at, scale, error) for rows in (before, ~before)]
    (one, one_variance), (other, other_variance) = (way.at(at) for way in ways)
    variance = one_variance + other_variance + (SPREAD * scale) ** 2
    apart = float(((one - other) ** 2).sum()) / variance
    return sum(way.misfit for way in ways) + apart + 2 * float(np.log(variance))


def _way(times: np.ndarray, pixels: np.ndarray, at: float, scale: float, error: float) -> Way:
    since = times - at
    columns = since[:, None] ** np.arange(4)
    precision = np.diag([1e-12, (FASTEST * scale) ** -2, (BEND * scale / 2) ** -2, (JERK * scale / 6) ** -2])
    fall = np.array([0.0, GRAVITY * scale / 2])
    weights = np.ones(len(times))
    for _ in range(3):
        weighted = columns * (weights / error**2)[:, None]
        covariance = np.linalg.inv(weighted.T @ columns + precision)
        sums = weighted.T @ pixels
        sums[2] += precision[2, 2] * fall
        factors = covariance @ sums
        away = np.linalg.norm(pixels - columns @ factors, axis=1) / error
        weights = np.minimum(1, FAR / np.maximum(away, 1e-9)) ** 2
    wanted = factors - np.array([[0.0, 0.0]] * 2 + [fall.tolist()] + [[0.0, 0.0]])
    strange = float((np.diag(precision)[:, None] * wanted**2).sum())
    return Way(at, factors, covariance, float((np.minimum(away, FAR) ** 2).sum()) + strange)
