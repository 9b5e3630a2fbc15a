"""The fit of flights in space to sightings: all flights of a camera at once, by weighted robust least squares.

A flight is how it began (place, velocity, spin) and what its air and table were like (drag, restitution, friction).
What is believed of these beforehand counts as further sightings, and so do the numbers of the camera. The curvature of
the sum of squares at its minimum tells how far all of them, and whatever follows from them, may be off (Laplace's
approximation).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ttcli.flights.beginnings import guess_flights
from ttcli.flights.views import View
from ttcli.physics.arcs import Arcs, Beginnings, integrate
from ttcli.physics.impacts import TABLE_FRICTION
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT, TABLE_LENGTH

PLACE, SPEED, SPIN, DRAG_, RESTITUTION, FRICTION = slice(0, 3), slice(3, 6), slice(6, 9), 9, 10, 11
NUMBERS = 12
"""Numbers of a flight, before the camera's."""
PRIOR_SPREAD = np.array([0.9, 0.7, 0.5, 4.0, 14.0, 3.0, 0.6, 0.3, 0.4, 0.1, 0.045, 0.25])
"""1 sigma of what is believed beforehand: metres, m/s, surface speed / speed, and logarithms of drag, restitution and
friction. Real flights differ from the usual drag and restitution by as much. Who strikes faster gives more spin."""
PRIOR_PLACE = (0.0, TABLE_LENGTH / 2 + 0.15, TABLE_HEIGHT + 0.25)
"""Where strokes are made, at the end of positive y."""
STRAY, STRAY_SECONDS = 0.005, 0.035
"""Metres, 1 sigma on each axis, by which real flights stray from the most probable one of this kind, and how long they
stay on one side: measured on 190 flights in space. However often a ball is seen, so much of its way is not known."""
_NUDGE = np.array([1e-4] * 3 + [1e-3] * 9)
MOST_STEP = 1 / 40
"""Seconds of one step of the integration; the midpoint rule errs by 0.2 mm in half a second of them."""
LEAST_ERROR = 0.25
"""Pixels of a picture 1920 wide, 1 sigma: no path is better."""
USUAL_ERROR, USUAL_WEIGHT = 1.5, 6.0
"""What the error of a sighting is taken for beforehand, and how many numbers that is worth."""
OWN_WEIGHT = 40.0
"""How many numbers the usual error of a path is worth against the error of one flight."""
MOST_ERROR = 8.0
"""Times the usual error that a flight's error counts at the most."""
FAR = 3.0
"""Errors beyond which a sighting counts less, by the fourth power."""
FASTEST = 35.0
"""m/s; no ball is as fast."""
TOGETHER = 64
"""Flights that are integrated at a time."""
FAR_OFF = 1e4
"""Metres: where a flight is taken for that numbers cannot follow."""
ROUNDS = 12
LEAST_GAIN = 0.02
"""Least gain of the sum of squares, in a round; less is as good as nothing."""
NEAR = 1.5
"""The same while flights are rough, in proportion only: else the way after a wrong bounce would be thrown away as false."""
_ROUGH = (2.0,) * 7
"""Rounds with guesses, and how much larger errors are taken for then."""


class Pieces(NamedTuple):
    """N parts of a path, each of one flight from a racket on, to be seen up to T times."""

    times: np.ndarray
    """(N, T) seconds after the first sighting."""
    pixels: np.ndarray
    """(N, T, 2)."""
    seen: np.ndarray
    """(N, T) whether there is a sighting; the rest only fills up."""
    side: np.ndarray
    """(N,) the end, -1 or 1 by the sign of y, from which the ball comes."""
    bounces: np.ndarray
    """(N,) how often it may bounce on the table."""
    told: np.ndarray
    """(N, 2) seconds after the first sighting of its first and its second bounce, as far as somebody told them; else NaN."""

    @classmethod
    def of(cls, times: np.ndarray, pixels: np.ndarray, seen: np.ndarray, side: np.ndarray, bounces: np.ndarray) -> "Pieces":
        """Return pieces of whose bounces nobody told when they were."""
        return cls(times, pixels, seen, side, bounces, np.full((len(times), 2), np.nan))


class Fit(NamedTuple):
    """N flights and their uncertainty."""

    numbers: np.ndarray
    """(N, NUMBERS) of the most probable flights."""
    errors: np.ndarray
    """(N, Q) of the camera, in units of its own spread."""
    spread: np.ndarray
    """(N, NUMBERS + Q, NUMBERS + Q): independent errors of one sigma in columns; times its transpose it is the covariance."""
    weights: np.ndarray
    """(N, T) in [0, 1]: how much each sighting counted."""
    cost: np.ndarray
    """(N,): sum of squares, sightings and beliefs, far sightings by their bounded loss."""
    error: np.ndarray
    """(N,) pixels: what the error of a sighting was found to be, 1 sigma."""
    freedom: np.ndarray
    """(N,) how many numbers stand behind it."""


def spins(numbers: np.ndarray) -> np.ndarray:
    """Return the spins (..., 3), rad/s, of flights (..., NUMBERS)."""
    return numbers[..., SPIN] * np.linalg.norm(numbers[..., SPEED], axis=-1, keepdims=True) / BALL_RADIUS


def beginnings(numbers: np.ndarray) -> Beginnings:
    """Return how flights (..., NUMBERS) begin."""
    parts = np.moveaxis(numbers, -1, 0)
    drag, restitution, friction = np.exp(np.clip(parts[9:12], -1.5, 1.5))
    place, speed = (tuple(parts[part]) for part in (PLACE, SPEED))
    return Beginnings(place, speed, tuple(np.moveaxis(spins(numbers), -1, 0)), drag, restitution, TABLE_FRICTION * friction)


def fly_flights(numbers: np.ndarray, duration: np.ndarray, bounces: np.ndarray) -> Arcs:
    """Return flights (N, R, NUMBERS), followed for `duration` (N,) seconds."""
    count = max(2, int(np.ceil(float(duration.max()) / MOST_STEP)))
    step = np.broadcast_to((np.maximum(duration, 0.02) / count)[:, None], numbers.shape[:2])
    return integrate(beginnings(numbers), step, count, np.broadcast_to(bounces[:, None], numbers.shape[:2]))


def fit_flights(view: View, pieces: Pieces, error: float | None = None) -> Fit:
    """Return the flights of pieces, as many in one call as there are: that is what makes it fast.

    Args:
        view: The camera.
        pieces: Pieces of the path.
        error: Error of a sighting, pixels, 1 sigma; found from how well flights fit if None.
    """
    usual = USUAL_ERROR * view.camera.width / 1920 if error is None else error
    order = np.argsort(np.where(pieces.seen, pieces.times, 0).max(1))
    groups = [order[begin : begin + TOGETHER] for begin in range(0, len(order), TOGETHER)]
    problems = [_Problem(view, _only(pieces, rows), usual) for rows in groups]
    begun = [problem.begin() for problem in problems]
    if error is None:
        find_errors(problems, begun, usual)
        begun = [problem.descend(numbers, (1.0,) * ROUNDS)[0] for problem, numbers in zip(problems, begun, strict=True)]
        find_errors(problems, begun, usual)
    fits = [problem.solve(numbers) for problem, numbers in zip(problems, begun, strict=True)]
    most = pieces.times.shape[1]
    fits = [fit._replace(weights=np.pad(fit.weights, ((0, 0), (0, most - fit.weights.shape[1])))) for fit in fits]
    back = np.argsort(order)
    return Fit(*(np.concatenate(parts)[back] for parts in zip(*fits, strict=True)))


def fit_onward(view: View, pieces: Pieces, error: float, stray: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return what flights cost, (N,), fitted from known ones on. This takes a part of the time of `fit_flights`.

    Args:
        view: The camera.
        pieces: N flights.
        error: The error of a sighting, pixels, 1 sigma.
        stray: (N,) pixels, see `stray_of`. Costs can be compared where it is the same.
        numbers: (N, NUMBERS), where the fit begins.
    """
    problem = _Problem(view, pieces, error)
    problem.stray = stray
    exact = np.concatenate([numbers, np.zeros((len(numbers), problem.extra))], 1)
    return problem.descend(exact, (*_ROUGH[:2], *[1.0] * ROUNDS))[1]


def _only(pieces: Pieces, rows: np.ndarray) -> Pieces:
    """Return some of the pieces, without what only fills up the rest."""
    some = Pieces(*(part[rows] for part in pieces))
    most = int(some.seen.sum(1).max())
    return some._replace(times=some.times[:, :most], pixels=some.pixels[:, :most], seen=some.seen[:, :most])


class _Problem:
    """Flights of about the same length, fitted together.

    Args:
        view: The camera.
        pieces: N of them.
        usual: Error of a sighting, pixels.
    """

    def __init__(self, view: View, pieces: Pieces, usual: float) -> None:
        self.view, self.pieces, self.usual = view, pieces, usual
        count = len(pieces.times)
        self.error, self.freedom = np.full(count, usual), np.full(count, 1e6)
        self.stray = stray_of(view, pieces)
        self.duration = np.where(pieces.seen, pieces.times, 0).max(1)
        self.belief = np.zeros((count, NUMBERS))
        self.belief[:, :3] = PRIOR_PLACE
        self.belief[:, 1] *= pieces.side
        self.extra = view.spread.shape[1]
        self.precision = np.concatenate([PRIOR_SPREAD**-2, np.ones(self.extra)])
        self.reach = 3 * np.concatenate([PRIOR_SPREAD, np.ones(self.extra)])

    def begin(self) -> np.ndarray:
        """Return rough flights (N, NUMBERS + Q): of several guesses the one that a few rounds bring nearest to the sightings."""
        pieces = self.pieces
        believed = self.belief[:, PLACE], PRIOR_SPREAD[PLACE]
        # A guess has one bounce: what follows the second one says nothing to it.
        early = pieces.seen & ~(pieces.times > pieces.told[:, 1:])
        told = (pieces.times, pieces.pixels, early, pieces.told[:, 0], believed, 2 * self.usual)
        guesses = [guess_flights(self.view.camera, *told, with_bounce=with_bounce) for with_bounce in (True, False)]
        places, speeds = (np.concatenate(parts, 1) for parts in zip(*guesses, strict=True))
        count, starts = places.shape[:2]
        numbers = np.zeros((count, starts, NUMBERS + self.extra))
        numbers[..., PLACE], numbers[..., SPEED] = places, np.clip(speeds, -FASTEST, FASTEST)
        several = _Problem(self.view, _only(pieces, np.repeat(np.arange(count), starts)), self.usual)
        tried, cost = several.descend(numbers.reshape(count * starts, -1), _ROUGH)
        best = cost.reshape(count, starts).argmin(1)
        return tried.reshape(count, starts, -1)[np.arange(count), best]

    def solve(self, numbers: np.ndarray) -> Fit:
        """Return the most probable flights, from rough ones on."""
        numbers, cost = self.descend(numbers, (1.0,) * ROUNDS)
        values, slopes = self.look(numbers, slopes=True)
        weights, cost = self.weigh(numbers, values, 1.0)
        normal, _ = self.normal(numbers, values, slopes, weights, 1.0)
        spread = self.spread_of(normal)
        return Fit(numbers[:, :NUMBERS], numbers[:, NUMBERS:], spread, weights, cost, self.error, self.freedom)

    def spread_of(self, normal: np.ndarray) -> np.ndarray:
        """Return independent errors of one sigma, in the columns of (N, P, P), by normal matrices (N, P, P)."""
        scale = np.concatenate([PRIOR_SPREAD, np.ones(self.extra)])
        whole = np.isfinite(normal).all((1, 2), keepdims=True)
        white = np.where(whole, normal * scale[:, None] * scale, np.eye(len(scale)))
        values, vectors = np.linalg.eigh(white)
        # Nothing is known less well than it was believed beforehand, whatever rounding says.
        return scale[:, None] * vectors / np.sqrt(np.maximum(values, 1.0))[:, None]

    @property
    def share(self) -> np.ndarray:
        """(N, 1): what a sighting tells, as a share of what it would if nothing but its own error were in the way."""
        return (self.error**2 / (self.error**2 + self.stray**2))[:, None]

    def descend(self, numbers: np.ndarray, roughness: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """Return better flights, and what they cost, by a round of Levenberg and Marquardt for each roughness.

        Args:
            numbers: (N, NUMBERS + Q).
            roughness: How much larger the errors of sightings are taken for in each round.
        """
        damping = np.full(len(numbers), 1e-3)
        values, slopes = self.look(numbers, slopes=True)
        for rough in roughness:
            weights, cost = self.weigh(numbers, values, rough)
            normal, sums = self.normal(numbers, values, slopes, weights, rough)
            diagonal = np.einsum("nii->ni", normal)
            for _ in range(3):
                damped = normal + damping[:, None, None] * diagonal[:, :, None] * np.eye(normal.shape[1])
                moved = numbers + np.clip(np.linalg.solve(damped, sums[..., None])[..., 0], -self.reach, self.reach)
                moved_values, moved_slopes = self.look(moved, slopes=True)
                _, new = self.weigh(moved, moved_values, rough)
                better = new <= cost
                numbers = np.where(better[:, None], moved, numbers)
                values = np.where(better[:, None, None], moved_values, values)
                slopes = np.where(better[:, None, None, None], moved_slopes, slopes)
                gain = np.where(better, cost - new, 0)
                damping = np.where(better, np.maximum(damping / 5, 1e-7), np.minimum(damping * 10, 1e8))
                if better.mean() > 0.8:
                    break
            if rough == 1.0 and gain.max() < LEAST_GAIN and better.any():
                break
        return numbers, self.weigh(numbers, values, 1.0)[1]

    def look(self, numbers: np.ndarray, slopes: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return where the balls are seen, (N, T, 2), and how that changes with each number, (N, T, 2, NUMBERS + Q)."""
        flights, errors = numbers[:, :NUMBERS], numbers[:, NUMBERS:]
        tried = flights[:, None]
        if slopes:
            tried = np.concatenate([tried, flights[:, None] + np.diag(_NUDGE)], 1)
        arcs = fly_flights(tried, self.duration, self.pieces.bounces)
        places = arcs.at(self.pieces.times[:, None])  # (3, N, R, T)
        places = np.nan_to_num(places, nan=FAR_OFF, posinf=FAR_OFF, neginf=-FAR_OFF)
        shown = np.moveaxis(self.view.project(places, errors), 0, -1)  # (N, R, T, 2)
        if not slopes:
            return shown[:, 0], np.zeros(0)
        change = np.moveaxis((shown[:, 1:] - shown[:, :1]) / _NUDGE[:, None, None], 1, -1)
        by_camera = [
            np.moveaxis(self.view.project(places[:, :, 0], errors + 1e-2 * unit), 0, -1) - shown[:, 0]
            for unit in np.eye(self.extra)
        ]
        return shown[:, 0], np.concatenate([change, np.stack(by_camera, -1) / 1e-2], -1) if by_camera else change

    def weigh(self, numbers: np.ndarray, values: np.ndarray, rough: float) -> tuple[np.ndarray, np.ndarray]:
        """Return how much each sighting counts, (N, T), and the bounded sum of squares, (N,)."""
        away = np.linalg.norm(values - self.pieces.pixels, axis=-1) / (rough * self.error)[:, None]
        away = np.where(self.pieces.seen, np.nan_to_num(away, nan=1e6, posinf=1e6), 0)
        if rough > 1:
            weights = NEAR / np.maximum(away, NEAR)
            loss = np.where(away <= NEAR, away**2, 2 * NEAR * away - NEAR**2)
        else:
            weights = (FAR / np.maximum(away, FAR)) ** 4
            # The integral of r (FAR / r)^4 from FAR on: what lies far costs no more than 2 FAR^2.
            loss = np.where(away <= FAR, away**2, FAR**2 * (2 - np.sqrt(weights)))
        strange = ((numbers[:, :NUMBERS] - self.belief) / PRIOR_SPREAD) ** 2
        return np.where(self.pieces.seen, weights, 0), (self.share * loss).sum(1) + strange.sum(1) + (
            numbers[:, NUMBERS:] ** 2
        ).sum(1)

    def normal(
        self, numbers: np.ndarray, values: np.ndarray, slopes: np.ndarray, weights: np.ndarray, rough: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the normal matrices (N, P, P) and the right sides (N, P)."""
        scaled = weights * self.share / (rough * self.error[:, None]) ** 2
        count, size = len(numbers), slopes.shape[-1]
        flat = slopes.reshape(count, -1, size)
        weighted = flat * np.repeat(scaled, slopes.shape[2], axis=1)[..., None]
        miss = (self.pieces.pixels - values).reshape(count, -1, 1)
        normal = np.swapaxes(weighted, 1, 2) @ flat
        sums = (np.swapaxes(weighted, 1, 2) @ miss)[..., 0]
        believed = np.concatenate([self.belief, np.zeros((count, self.extra))], 1)
        return normal + np.diag(self.precision), sums + self.precision * (believed - numbers)


def stray_of(view: View, pieces: Pieces) -> np.ndarray:
    """Return in pixels (N,) what straying adds to the error of sightings that are so close that several stray alike."""
    spacing = np.where(pieces.seen, pieces.times, 0).max(1) / np.maximum(pieces.seen.sum(1) - 1, 1)
    alike = np.exp(-np.maximum(spacing, 1e-4) / STRAY_SECONDS)
    distance = np.linalg.norm(view.camera.position - (0, 0, TABLE_HEIGHT))
    return STRAY * view.camera.focal / distance * np.sqrt(2 * alike / (1 - alike))


def find_errors(problems: Sequence[_Problem], flights: Sequence[np.ndarray], usual: float) -> None:
    """Set the errors of sightings by their distances to rough flights, of the path and of each flight.

    Args:
        problems: Problems of one path.
        flights: Flights of each.
        usual: Error of a sighting beforehand, pixels.
    """
    least = LEAST_ERROR * problems[0].view.camera.width / 1920
    squares, told = [], []
    for problem, numbers in zip(problems, flights, strict=True):
        values, slopes = problem.look(numbers, slopes=True)
        weights, _ = problem.weigh(numbers, values, 1.0)
        away = weights * ((values - problem.pieces.pixels) ** 2).sum(-1)
        normal, _ = problem.normal(numbers, values, slopes, weights, 1.0)
        left = problem.spread_of(normal) ** 2  # what is believed takes up the rest
        taken_up = normal.shape[1] - np.einsum("nij,i->n", left, problem.precision)
        told.append(np.maximum(2 * weights.sum(1) - taken_up, 0.5))
        squares.append(np.minimum(away.sum(1), told[-1] * (MOST_ERROR * usual) ** 2))
    all_told = float(sum(each.sum() for each in told))
    path = (USUAL_WEIGHT * usual**2 + sum(each.sum() for each in squares)) / (USUAL_WEIGHT + all_told)
    for problem, square, numbers_told in zip(problems, squares, told, strict=True):
        problem.error = np.sqrt(np.maximum((OWN_WEIGHT * path + square) / (OWN_WEIGHT + numbers_told), least**2))
        problem.freedom = min(OWN_WEIGHT, USUAL_WEIGHT + all_told) + numbers_told
