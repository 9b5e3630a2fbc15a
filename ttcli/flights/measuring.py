"""What fitted flights say of strokes, and how far it can be trusted.

Each number is read off the most probable flight, and off flights one sigma away from it to both sides of each
independent direction. How much it differs there is its own uncertainty.
"""

import math
from typing import NamedTuple

import numpy as np

from ttcli.flights.fit import DRAG_, NUMBERS, PLACE, SPEED, Fit, fly_flights, spins
from ttcli.physics.air import fly, slowing
from ttcli.physics.arcs import Arcs
from ttcli.table.constants import NET_HEIGHT, TABLE_HEIGHT

DOUBT = 0.023
"""Share of its speed, 1 sigma, by which a real ball just after the stroke differs from the flight that fits its whole
path best: 0.019 in 70 flights that were measured in space."""
TAIL = 8.0
"""Degrees of freedom of Student's distribution that errors have which no camera is to blame for: far ones are more
frequent than chance would have it."""
AHEAD = 1.0
"""Seconds after the last sighting in which a bounce is still looked for."""
_STEPS_BACK = 6
"""Steps back of the integration from the first sighting back to the stroke."""
NET_TOP = TABLE_HEIGHT + NET_HEIGHT


class Measured(NamedTuple):
    """A number of N flights."""

    value: np.ndarray
    """(N,), NaN where there is none."""
    spread: np.ndarray
    """(N,) 1 sigma."""


class Measures(NamedTuple):
    """What is read off N flights."""

    place: np.ndarray
    """(N, 3) metres, of the stroke."""
    place_covariance: np.ndarray
    """(N, 3, 3)."""
    speed: Measured
    """m/s, at the stroke."""
    clearance: Measured
    """Metres, of the ball's middle over the net's upper edge."""
    apex: Measured
    """Metres over the floor."""
    bounce_time: Measured
    """Seconds after the first sighting, of the last bounce that was allowed for."""
    bounce: np.ndarray
    """(N, 2) metres, NaN where it does not bounce."""
    bounce_covariance: np.ndarray
    """(N, 2, 2)."""
    topspin: Measured
    """rad/s, about the axis to the left of the way; below 0 for backspin."""
    tail: np.ndarray
    """(N,) degrees of freedom of Student's distribution that the errors have."""

    def quantile(self, share: float) -> np.ndarray:
        """Return how many sigmas to each side, (N,), hold a share of all cases."""
        return student(0.5 + share / 2, self.tail)


def measure(fit: Fit, duration: np.ndarray, bounces: np.ndarray, stroke: np.ndarray, stroke_error: np.ndarray) -> Measures:
    """Return what flights say.

    Args:
        fit: N flights.
        duration: (N,) seconds for which they were seen.
        bounces: (N,) how often each may bounce.
        stroke: (N,) seconds of the stroke after the first sighting; a little below 0 as a rule.
        stroke_error: (N,) seconds, 1 sigma, of that instant.
    """
    around = np.concatenate([0 * fit.spread[..., :1], fit.spread, -fit.spread], 2)[:, :NUMBERS]  # (N, NUMBERS, R)
    numbers = fit.numbers[:, None] + np.swapaxes(around, 1, 2)
    arcs = fly_flights(numbers, duration + AHEAD, bounces)
    place, speed = _at_stroke(numbers, stroke)
    time, where = _last_bounce(arcs, bounces)
    landing = np.where(np.isfinite(time), where[:2], np.nan)
    covariance = _covariance(landing)
    direction = speed[:2] / np.maximum(np.linalg.norm(speed[:2], axis=0), 1e-9)
    spin = np.moveaxis(spins(numbers), -1, 0)
    fast = _measured(np.linalg.norm(speed, axis=0))
    unsure = slowing(fast.value) * fast.value * stroke_error  # by so much air slows it in that time
    fast = fast._replace(spread=np.sqrt(fast.spread**2 + (DOUBT * fast.value) ** 2 + unsure**2))
    return Measures(
        np.moveaxis(place[:, :, 0], 0, -1),
        _covariance(place) + np.einsum("an,bn,n->nab", speed[:, :, 0], speed[:, :, 0], stroke_error**2),
        fast,
        _measured(_over_net(arcs) - NET_TOP),
        _measured(_apex(arcs, time)),
        _measured(np.where(np.isfinite(time), time, np.nan)),
        np.moveaxis(landing[:, :, 0], 0, -1),
        covariance,
        _measured(direction[0] * spin[1] - direction[1] * spin[0]),
        1 / (1 / fit.freedom + 1 / TAIL),
    )


def _measured(values: np.ndarray) -> Measured:
    """Return a number (N, 1 + 2 P) read off the best flights and those beside them."""
    sides = (values.shape[1] - 1) // 2
    half = (values[:, 1 : 1 + sides] - values[:, 1 + sides :]) / 2
    return Measured(values[:, 0], np.sqrt((half**2).sum(1)))


def _covariance(values: np.ndarray) -> np.ndarray:
    """Return the covariance (N, D, D) of numbers (D, N, 1 + 2 P)."""
    sides = (values.shape[2] - 1) // 2
    half = np.moveaxis(values[:, :, 1 : 1 + sides] - values[:, :, 1 + sides :], 0, 1) / 2
    return half @ np.swapaxes(half, 1, 2)


def _at_stroke(numbers: np.ndarray, stroke: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return places and velocities (3, N, R) at the stroke, which lies a little before the first sighting."""
    parts = numbers[..., PLACE], numbers[..., SPEED], spins(numbers)
    place, speed, spin = (tuple(np.moveaxis(part, -1, 0)) for part in parts)
    step = stroke[:, None] / _STEPS_BACK
    for _ in range(_STEPS_BACK):
        place, speed = fly(place, speed, spin, step, np.exp(numbers[..., DRAG_]))
    return np.array(place), np.array(speed)


def _last_bounce(arcs: Arcs, bounces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return when (N, R) and where (3, N, R) the ball bounces for the last time that was allowed for."""
    time, place = arcs.bounces(0)
    if (bounces > 1).any():
        second_time, second_place = arcs.bounces(1)
        twice = (bounces > 1)[:, None]
        time, place = np.where(twice, second_time, time), np.where(twice, second_place, place)
    return time, place


def _over_net(arcs: Arcs) -> np.ndarray:
    """Return how high (N, R) over the floor the ball's middle passes the plane of the net; NaN where it does not."""
    along = arcs.position[:, 1]
    passes = np.sign(along[:-1]) != np.sign(along[1:])
    step = passes.argmax(axis=0)
    begin, speed = (np.take_along_axis(values[:, 1], step[None], 0)[0] for values in (arcs.position, arcs.velocity))
    time = step * arcs.step - begin / np.where(speed == 0, 1e-9, speed)
    for _ in range(2):
        place = arcs.at(time[..., None])[..., 0]
        ahead = arcs.at(time[..., None] + 1e-3)[..., 0]
        time = time - place[1] / np.where(ahead[1] == place[1], 1e-9, ahead[1] - place[1]) * 1e-3
    place = arcs.at(time[..., None])[..., 0]
    return np.where(passes.any(axis=0) & (np.abs(place[1]) < 0.05), place[2], np.nan)


def _apex(arcs: Arcs, bounce_time: np.ndarray) -> np.ndarray:
    """Return the height (N, R) of the highest point up to the bounce."""
    count = len(arcs.bounce)
    height, rise, bend = arcs.position[:, 2], arcs.velocity[:, 2], arcs.acceleration[:, 2]
    turns = (rise[:-1] > 0) & (rise[1:] <= 0)
    top = height[:-1] + rise[:-1] ** 2 / np.maximum(-2 * bend[:-1], 1e-3)
    highest = np.where(turns, top, height[:-1])
    early = np.arange(count)[:, None, None] * arcs.step <= bounce_time
    return np.where(early, highest, -np.inf).max(axis=0)


def ellipse(covariance: np.ndarray, sigmas: float) -> tuple[float, float, float]:
    """Return half of the longer and of the shorter axis, and the angle of the longer one in degrees from 0 to 180."""
    values, vectors = np.linalg.eigh(covariance)
    minor, major = sigmas * np.sqrt(np.maximum(values, 0))
    return float(major), float(minor), math.degrees(math.atan2(vectors[1, 1], vectors[0, 1])) % 180


def student(share: float, freedom: np.ndarray) -> np.ndarray:
    """Return the quantile of Student's distribution, by its expansion about the normal one.

    M. Abramowitz and I. Stegun, Handbook of Mathematical Functions (1964), 26.7.5; within 0.5 % from 5 degrees on.
    """
    z = _normal_quantile(share)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + np.sum([term / freedom ** (power + 1) for power, term in enumerate(terms)], axis=0)


def _normal_quantile(share: float) -> float:
    """Return the quantile of the normal distribution, by halving."""
    low, high = -9.0, 9.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if normal_share(middle) < share else (low, middle)
    return (low + high) / 2


def normal_share(sigmas: float) -> float:
    """Return the share of the normal distribution below so many sigmas."""
    return 0.5 * math.erfc(-sigmas / math.sqrt(2))
