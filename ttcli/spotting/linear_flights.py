"""Flights in space by linear least squares: how probable the sightings of one are, and whether two meet on the table.

Under gravity, a constant push of spin, and a drag that goes with a known speed, places are linear in how a flight
began. So the sum over all flights that are believed possible is exact, and a few rounds set the speed right.
"""

from typing import NamedTuple

import numpy as np

from ttcli.physics.air import slowing
from ttcli.table.camera import TableCamera
from ttcli.table.constants import BALL_RADIUS, GRAVITY, TABLE_HEIGHT

PLANE = TABLE_HEIGHT + BALL_RADIUS
"""Height of a ball's middle on the table, metres."""
PLANE_SPREAD = 0.012
"""How far it may be off that, metres, 1 sigma."""
BELIEF = np.array([0, 0, PLANE + 0.25, 0, 0, 0, 0, 0, 0])
SPREAD = np.array([1.2, 2.0, 0.3, 6.0, 8.0, 2.5])
"""What is believed of a flight beforehand: its first place (metres) and velocity, with 1 sigma, and no push of spin."""
LIFT, LEAST_PUSH, MOST_PUSH = 0.07, 0.3, 6.0
"""What spin pushes, 1 sigma: m/s^2 at 1 m/s, for it goes with the square of the speed, and bounds. So a ball that
trickles falls as a stone does."""
HIGH, HIGH_SPREAD = 1.5, 0.5
"""Metres above the table that a ball seldom exceeds, and by how much it may, 1 sigma. Without them one flight up to the
camera and down again explains a ball that bounces on one spot."""
LEAST_SIGHTINGS = 2
"""Sightings of a flight; fewer say nothing."""
JUNK = 9.0
"""What a sighting costs that is of no flight, in logarithms: the ball in a hand, or no ball."""
KEEPS = np.array([[1, 1, 1, 0, 0, 0], [1, 1, 1, 0.92, 0.92, -0.92]])
"""What a stroke leaves of a place and a velocity, and what a bounce does: friction and restitution."""
SLACK = np.array([[0.04, 0.04, 0.04, 6.0, 8.0, 2.5], [0.015, 0.015, 0.015, 0.1, 0.1, 0.05]])
"""How far a place and a velocity may be off that, metres and m/s, 1 sigma: rackets give any velocity."""
STEEPER = np.array([0, 0, 0, 0.3, 0.3, 0.06])
"""By how much more after a bounce for each m/s at which the ball meets the table: friction goes with the impact."""
STEEPEST = 5.0
"""m/s, of such an impact at the most."""
RISING = -30.0
"""Log odds of a bounce of a ball that rises before it, or falls after it."""
_KNOTS = 1 / 120
_ROUNDS = 3
_FASTEST = 30.0
_STATE = 6
"""Numbers of a place and a velocity."""
_ON_TABLE = np.array([[(begins, ends) for ends in (0, 1)] for begins in (0, 1)])


class Sight(NamedTuple):
    """How a camera saw a ball."""

    camera: TableCamera
    times: np.ndarray
    """(N,) seconds, ascending."""
    pixels: np.ndarray
    """(N, 2), as a lens that does not bend would show them."""
    sigma: float
    """Error of a sighting, pixels, 1 sigma."""

    @property
    def depth(self) -> float:
        """Distance of the table, metres."""
        return float(np.linalg.norm(self.camera.position - [0, 0, PLANE]))


class States(NamedTuple):
    """Places and velocities of one flight in the four ways: begun on the table or anywhere, ended there or anywhere."""

    mean: np.ndarray
    """(2, 2, 6) metres and m/s."""
    spread: np.ndarray
    """(2, 2, 6, 6)."""


class Flight(NamedTuple):
    """What the sightings between two instants say."""

    odds: np.ndarray
    """(2, 2) log probability of the sightings, in the four ways of `States`."""
    begin: States
    end: States


class _Course(NamedTuple):
    """How a flight goes, at K knots: its velocity is `kept` (v0 + `share` a), its place x0 + `way` v0 + `fall` a."""

    knots: np.ndarray
    kept: np.ndarray
    way: np.ndarray
    fall: np.ndarray
    share: np.ndarray


def flight_between(sight: Sight, begin: float, end: float) -> Flight:
    """Return the flight from one instant to another, in seconds."""
    own = slice(*np.searchsorted(sight.times, (begin, end)).tolist())
    away, pixels = sight.times[own] - begin, sight.pixels[own]
    junk = np.full((2, 2), -JUNK * (len(away) + 1))
    unknown = _believed()
    if len(away) < LEAST_SIGHTINGS:
        return Flight(junk, unknown, _turned(unknown))
    camera = sight.camera
    # A point is on the line of sight where two rows of it, times the way from the camera, are 0.
    rows = camera.focal * camera.rotation[:2] - (pixels - camera.centre)[:, :, None] * camera.rotation[2]  # (N, 2, 3)
    rows /= sight.sigma * sight.depth
    metres = float(np.linalg.norm(pixels[-1] - pixels[0])) * sight.depth / camera.focal
    knots = np.linspace(0, end - begin, max(3, int(np.ceil((end - begin) / _KNOTS)) + 1))
    speed = np.full(len(knots), min(metres / max(away[-1] - away[0], 1e-3), _FASTEST))
    for _ in range(_ROUNDS):
        course = _course(knots, speed)
        believed = np.append(SPREAD, np.full(3, np.clip(LIFT * (speed**2).mean(), LEAST_PUSH, MOST_PUSH)))
        odds, mean, spread = _solved(camera.position, rows, away, course, believed)
        push = mean[1, 1, _STATE:] - [0, 0, GRAVITY]
        velocity = course.kept[:, None] * (mean[1, 1, 3:_STATE] + course.share[:, None] * push)
        speed = np.minimum(np.linalg.norm(velocity, axis=1), _FASTEST)
    odds = odds - 0.5 * (np.maximum(_highest(mean, course) - PLANE - HIGH, 0) / HIGH_SPREAD) ** 2
    lost = odds < junk
    begins = States(mean[..., :_STATE], spread[..., :_STATE, :_STATE])
    return Flight(
        np.maximum(odds, junk), _either(lost, unknown, begins), _either(lost, _turned(unknown), _ended(mean, spread, course))
    )


def joint_odds(arriving: list[Flight], leaving: list[Flight]) -> np.ndarray:
    """Return the log odds (2, I, 2, O, 2) of a stroke and of a bounce where a flight ends and another begins.

    The axes: stroke or bounce, which flight arrives, whether it began on the table, which one leaves, and whether it
    ends there.
    """
    ends = [np.stack([flight.end[part] for flight in arriving]) for part in (0, 1)]  # (I, 2, on, 6), (I, 2, on, 6, 6)
    begins = [np.stack([flight.begin[part] for flight in leaving]) for part in (0, 1)]  # (O, on, 2, 6), (O, on, 2, 6, 6)
    ways = []
    for on in (0, 1):
        mean = KEEPS[on] * ends[0][:, :, on]
        slack = SLACK[on] + on * STEEPER * np.minimum(np.abs(mean[..., 5:]), STEEPEST)
        spread = KEEPS[on][:, None] * ends[1][:, :, on] * KEEPS[on] + slack[..., None] ** 2 * np.eye(_STATE)
        off = begins[0][:, on] - mean[:, :, None, None]
        both = begins[1][:, on] + spread[:, :, None, None]
        size = np.linalg.slogdet(_belief(on)[1])[1] + np.linalg.slogdet(both)[1]
        ways.append(-0.5 * (size + (off * np.linalg.solve(both, off[..., None])[..., 0]).sum(-1)))
    falls = (ends[0][:, :, 1, 5] < 0)[:, :, None, None] & (begins[0][:, 1, :, 5] > 0)
    return np.stack([ways[0], np.where(falls, ways[1], RISING)])


def log_sum(values: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return the logarithm of the sum of exponentials over some axes."""
    highest = np.maximum(values.max(axes, keepdims=True), -1e30)
    return np.log(np.exp(values - highest).sum(axes) + 1e-300) + np.squeeze(highest, axes)


def _solved(
    position: np.ndarray, rows: np.ndarray, away: np.ndarray, course: _Course, believed: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the log probability (2, 2) of rows (N, 2, 3), the mean (2, 2, 9) and the covariance of how a flight began."""
    way, fall = (np.interp(away, course.knots, part)[:, None, None] for part in (course.way, course.fall))
    matrix = np.concatenate([rows, rows * way, rows * fall], 2).reshape(-1, len(BELIEF))
    wanted = (rows @ (position + GRAVITY * fall[..., 0] * [0, 0, 1])[..., None]).ravel()
    height = np.zeros((2, len(BELIEF)))  # where it begins, and where it ends
    height[0, 2] = 1
    height[1, [2, 5, 8]] = 1, course.way[-1], course.fall[-1]
    level = np.array([PLANE, PLANE + GRAVITY * course.fall[-1]])
    held = np.diag(1 / believed**2) + np.einsum("abk,ki,kj->abij", _ON_TABLE, height, height) / PLANE_SPREAD**2
    pull = BELIEF / believed**2 + np.einsum("abk,k,ki->abi", _ON_TABLE, level, height) / PLANE_SPREAD**2
    seen, right = held + matrix.T @ matrix, pull + matrix.T @ wanted
    mean = np.linalg.solve(seen, right[..., None])[..., 0]
    # Where it begins is believed beforehand; that it ends on the table is one more sighting.
    begun, drawn = held[:, :1], pull[:, :1]
    before = (np.linalg.solve(begun, drawn[..., None])[..., 0] * drawn).sum(-1)
    squares = (mean * right).sum(-1) - wanted @ wanted - before - np.array([0.0, (level[1] / PLANE_SPREAD) ** 2])
    odds = 0.5 * (squares + np.linalg.slogdet(begun)[1] - np.linalg.slogdet(seen)[1])
    return odds, mean, np.linalg.inv(seen)


def _highest(mean: np.ndarray, course: _Course) -> np.ndarray:
    """Return the greatest heights (2, 2) of flights by how they began (2, 2, 9), metres."""
    rises = np.stack([np.ones_like(course.way), course.way, course.fall])
    return (mean[..., 2::3] @ rises - GRAVITY * course.fall).max(-1)


def _ended(mean: np.ndarray, spread: np.ndarray, course: _Course) -> States:
    """Return how a flight ended by how it began."""
    reached, eye = np.zeros((_STATE, len(BELIEF))), np.eye(3)
    kept, share = course.kept[-1], course.kept[-1] * course.share[-1]
    reached[:3] = np.concatenate([eye, course.way[-1] * eye, course.fall[-1] * eye], 1)
    reached[3:] = np.concatenate([0 * eye, kept * eye, share * eye], 1)
    fallen = GRAVITY * np.array([0, 0, course.fall[-1], 0, 0, share])
    return States(mean @ reached.T - fallen, reached @ spread @ reached.T)


def _belief(on: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (6,) and the precision (6, 6) of what is believed of a beginning, on the table or anywhere."""
    precision = np.diag(1 / SPREAD**2)
    pull = BELIEF[:_STATE] / SPREAD**2
    if on:
        precision[2, 2] += 1 / PLANE_SPREAD**2
        pull[2] += PLANE / PLANE_SPREAD**2
    return np.linalg.solve(precision, pull), precision


def _believed() -> States:
    """Return the beginnings of flights of which nothing is seen."""
    beliefs = [_belief(on) for on in (0, 1)]
    spreads = np.array([np.linalg.inv(precision) for _, precision in beliefs])
    return States(np.repeat(np.array([mean for mean, _ in beliefs])[:, None], 2, 1), np.repeat(spreads[:, None], 2, 1))


def _turned(states: States) -> States:
    """Return the same of flights flown backwards: begun where they ended."""
    return States(states.mean.swapaxes(0, 1), states.spread.swapaxes(0, 1))


def _either(lost: np.ndarray, unknown: States, known: States) -> States:
    """Return states that are unknown where (2, 2) the sightings are of no flight."""
    mean = np.where(lost[..., None], unknown.mean, known.mean)
    return States(mean, np.where(lost[..., None, None], unknown.spread, known.spread))


def _course(knots: np.ndarray, speed: np.ndarray) -> _Course:
    """Return how a flight goes whose speeds (K,) at its knots are known: v' = a - slowing(speed) v."""
    step = np.diff(knots)
    kept = np.exp(-_summed(slowing(speed), step))
    share = _summed(1 / kept, step)
    return _Course(knots, kept, _summed(kept, step), _summed(kept * share, step), share)


def _summed(values: np.ndarray, step: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum((values[1:] + values[:-1]) / 2 * step)])
