"""A first guess of flights: lines that bend under gravity and drag, broken at one bounce, by linear least squares.

On the picture a place that is a sum of unknowns gives, after multiplying by its distance, equations linear in the
unknowns. When
the ball bounces is not known: a grid of instants is tried, all flights at once.
"""

from typing import NamedTuple

import numpy as np

from ttcli.physics.air import slowing
from ttcli.physics.arcs import ON_TABLE
from ttcli.table.camera import TableCamera
from ttcli.table.constants import GRAVITY

TRIES = 32
"""Instants of the bounce."""
REBOUND = (0.75, 0.75, -0.92)
"""Speed after a bounce as a share of that before, about, across, along and up."""
REBOUND_SPREAD = (1.2, 1.8, 0.5)
"""m/s, 1 sigma, of what is left of that guess."""
SPEED_SPREAD = (3.0, 12.0, 3.0)
"""m/s, 1 sigma, of velocities before anything is seen."""
_ROUNDS = 4
_UNKNOWNS = 9  # place, velocity before, velocity after


TOLD_SPREAD = 0.03
"""Seconds, 1 sigma, of a bounce that was found."""
STARTS = 4
"""Guesses with a bounce that are given for each flight, its best ones."""
_ROUNDS = 4
_UNKNOWNS = 9  # place, velocity before, velocity after


class Guesses(NamedTuple):
    """S guesses of the flights of N pieces, at their first sightings, best first."""

    position: np.ndarray
    """(N, S, 3)."""
    velocity: np.ndarray


def guess_flights(
    camera: TableCamera,
    times: np.ndarray,
    pixels: np.ndarray,
    seen: np.ndarray,
    told_bounce: np.ndarray,
    believed: tuple[np.ndarray, np.ndarray],
    error: float,
    with_bounce: bool,
) -> Guesses:
    """Return first guesses of N flights, STARTS of each, or one where none bounces.

    Args:
        camera: Camera of the picture.
        times: (N, T) seconds after the first sighting.
        pixels: (N, T, 2).
        seen: (N, T) whether there is a sighting.
        told_bounce: (N,) seconds of the bounce, NaN where nobody told it.
        believed: Where they begin, (N, 3), and how far off that may be, (3,), 1 sigma.
        error: Error of a sighting, pixels, 1 sigma.
        with_bounce: Whether each bounces once; else none does.
    """
    last = np.where(seen, times, 0).max(1)
    share = np.linspace(0.02, 1.15, TRIES) if with_bounce else np.array([0.5])
    at = last[:, None] * share  # (N, C)
    since = times[:, None] - at[..., None]  # (N, C, T)
    rows, told = _equations(camera, pixels)
    weights = np.broadcast_to(seen[:, None], since.shape).astype(float)
    unknown = np.zeros((*at.shape, _UNKNOWNS))
    cost = np.zeros(at.shape)
    prior = _prior(believed, at, with_bounce)
    distance = np.full((*at.shape, 1), np.linalg.norm(camera.position - (0, 0, ON_TABLE)) / camera.focal)
    for _ in range(_ROUNDS):
        columns, bend = _columns(since, unknown, with_bounce)
        unknown = _solve(rows, told, columns, bend, weights / (error * distance) ** 2, prior)
        places = (columns @ unknown[..., None, :, None])[..., 0] + bend  # (N, C, T, 3)
        depth = (places - camera.position) @ camera.rotation[2]
        distance = np.maximum(depth, 0.3) / camera.focal
        miss = np.linalg.norm(camera.project(places) - pixels[:, None], axis=-1) / error
        weights = seen[:, None] / np.maximum(1, miss / 3)
        cost = (seen[:, None] * np.minimum(miss, 8) ** 2).sum(-1) + _strangeness(unknown, prior, with_bounce)
    cost = cost + np.nan_to_num((at - told_bounce[:, None]) / TOLD_SPREAD) ** 2 * with_bounce
    chosen = _lowest(cost, STARTS if with_bounce else 1)
    place, before = (np.take_along_axis(unknown[..., part], chosen[..., None], 1) for part in (slice(0, 3), slice(3, 6)))
    begun = np.take_along_axis(at, chosen, 1)[..., None]
    fall = np.array([0, 0, -GRAVITY]) - slowing(np.linalg.norm(before, axis=-1, keepdims=True)) * before
    return Guesses(place - begun * before + 0.5 * begun**2 * fall, before - begun * fall)


def _lowest(cost: np.ndarray, count: int) -> np.ndarray:
    """Return which tries cost least, (N, S), those that are lower than their neighbours before others."""
    edges = np.pad(cost, ((0, 0), (1, 1)), constant_values=np.inf)
    valley = (cost <= edges[:, :-2]) & (cost <= edges[:, 2:])
    return np.argsort(np.where(valley, cost, 1e6 + cost), axis=1, kind="stable")[:, :count]


def _equations(camera: TableCamera, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows (N, T, 2, 3) and what they come to (N, T, 2): row . place = told, off by pixels times distance / focal."""
    right, down, forward = camera.rotation
    away = (pixels - camera.centre) / camera.focal
    rows = np.stack([right - away[..., :1] * forward, down - away[..., 1:] * forward], -2)
    return rows, rows @ camera.position


def _columns(since: np.ndarray, unknown: np.ndarray, with_bounce: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return what places are sums of, (N, C, T, 3, U), and what is added by gravity and drag, (N, C, T, 3)."""
    columns = np.zeros((*since.shape, 3, _UNKNOWNS))
    before = np.minimum(since, 0) if with_bounce else since
    after = np.maximum(since, 0) if with_bounce else np.zeros_like(since)
    for axis in range(3):
        columns[..., axis, axis] = 1
        columns[..., axis, 3 + axis] = before
        columns[..., axis, 6 + axis] = after
    bend = np.zeros((*since.shape, 3))
    for part, speed in ((before, unknown[..., 3:6]), (after, unknown[..., 6:9])):
        slowed = -slowing(np.linalg.norm(speed, axis=-1, keepdims=True)) * speed
        slowed = np.clip(slowed, -40, 40)
        slowed[..., 2] -= GRAVITY
        bend += 0.5 * part[..., None] ** 2 * slowed[..., None, :]
    return columns, bend


class _Prior(NamedTuple):
    """What is believed before anything is seen, as equations on the unknowns."""

    normal: np.ndarray  # (N, C, U, U)
    sums: np.ndarray  # (N, C, U)
    squares: np.ndarray  # (N, C)


def _solve(
    rows: np.ndarray, told: np.ndarray, columns: np.ndarray, bend: np.ndarray, weights: np.ndarray, prior: _Prior
) -> np.ndarray:
    """Return the unknowns (N, C, U)."""
    left = np.einsum("ntri,nctiu->nctru", rows, columns, optimize=True)
    right = told[:, None] - np.einsum("ntri,ncti->nctr", rows, bend, optimize=True)
    weighted = left * weights[..., None, None]
    normal = np.einsum("nctru,nctrv->ncuv", weighted, left, optimize=True)
    sums = np.einsum("nctru,nctr->ncu", weighted, right, optimize=True)
    return np.linalg.solve(normal + prior.normal, (sums + prior.sums)[..., None])[..., 0]


def _prior(believed: tuple[np.ndarray, np.ndarray], at: np.ndarray, with_bounce: bool) -> _Prior:
    """Return what is believed of flights that bounce at some instants (N, C): where they begin, how fast, how they rebound."""
    begin, spread = believed
    prior = _Prior(np.zeros((*at.shape, _UNKNOWNS, _UNKNOWNS)), np.zeros((*at.shape, _UNKNOWNS)), np.zeros(at.shape))
    for axis in range(3):
        row = np.zeros((*at.shape, _UNKNOWNS))
        row[..., axis], row[..., 3 + axis] = 1, -at
        fallen = 0.5 * at**2 * GRAVITY if axis == 2 else 0
        _believe(prior, row, begin[:, None, axis] + fallen, spread[axis])
        row = np.zeros((*at.shape, _UNKNOWNS))
        row[..., 3 + axis] = 1
        _believe(prior, row, 0, SPEED_SPREAD[axis])
        row[..., 6 + axis], row[..., 3 + axis] = 1, -REBOUND[axis] if with_bounce else 0
        _believe(prior, row, 0, REBOUND_SPREAD[axis])
    if with_bounce:
        row = np.zeros((*at.shape, _UNKNOWNS))
        row[..., 2] = 1
        _believe(prior, row, ON_TABLE, 0.01)
    return prior


def _believe(prior: _Prior, row: np.ndarray, value: np.ndarray | float, spread: float) -> None:
    """Add an equation row . unknowns = value, off by `spread`."""
    scaled, told = row / spread, np.broadcast_to(np.asarray(value) / spread, row.shape[:-1])
    prior.normal[...] += scaled[..., :, None] * scaled[..., None, :]
    prior.sums[...] += scaled * told[..., None]
    prior.squares[...] += told**2


def _strangeness(unknown: np.ndarray, prior: _Prior, with_bounce: bool) -> np.ndarray:
    """Return what speaks against unknowns (N, C, U), as a sum of squares; a ball that bounces upwards is none."""
    turned = (prior.normal @ unknown[..., None])[..., 0]
    cost = (unknown * turned).sum(-1) - 2 * (unknown * prior.sums).sum(-1) + prior.squares
    return cost + (1e3 * np.maximum(unknown[..., 5] + 0.3, 0) if with_bounce else 0)
