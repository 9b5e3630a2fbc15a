"""When a ball passes the net's plane, where the table is known: its flight in space is fitted to its path on the picture.

A path alone does not tell how far away the ball is, so seen from beside the net's plane it passes the net anywhere
within 30 ms. A bounce does tell: there the ball is on the table. The flight that ends there (or begins, at a serve's
first bounce) has one velocity and little spin that it can have had, and it passes the plane of the net at one instant.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ttcli.physics.air import slowing
from ttcli.table.camera import TableCamera
from ttcli.table.constants import BALL_RADIUS, GRAVITY, TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH

LONGEST_FLIGHT_SECONDS = 0.8
LEAST_SIGHTINGS = 4
FASTEST = 35.0
"""m/s; no ball is as fast. Backwards in time, drag would drive one without bound."""
LIFT_SPREAD = 4.0
"""m/s^2, 1 sigma: what spin does to a ball's flight."""
SIGHTING_ERROR = 1.5 / 1920
"""Picture widths, 1 sigma; farther ones count less."""
MOST_MISFIT = 5 / 1920
"""Picture widths, of a flight that fits: else it is no flight, or the table is elsewhere."""
MOST_SPREAD = 0.03
"""Seconds, 1 sigma, of an instant that is of use."""
BESIDE_TABLE = 0.25
"""Metres beside the board at which a bounce may still seem to be: what lies farther off bounced on something else."""
BESIDE_SURE, BESIDE_HIDDEN = 8 / 1920, 24 / 1920
"""Picture widths that a bounce may seem to lie farther off: where the ball was seen around it, and where it was hidden.

A found table may be wrong by the first. Seen from a low camera it is more than a metre along the line of sight.
"""
OTHER_BEND_SECONDS = 0.03
"""A bend farther than this from a bounce is another one, and ends its flights."""
SMEARED_SECONDS = 0.0075
"""Sightings nearer to a bounce are smeared over both of its flights, and left out."""
ONE_PASSING_SECONDS = 0.15
"""A flight's passing and the network's are the same if they are no farther apart."""
NETWORK_SPREAD = 0.03
"""Seconds, 1 sigma, of the network's instants of passings."""
MOST_DROPPED, DROP_COST = 4, 0.25 / 1920
"""Sightings farthest from the bounce that may be left out, as false ones at a racket or of the flight before are, and
by how much each must better the misfit."""
_FAR = 8.0
"""Errors of a sighting beyond which it is no worse, in SIGHTING_ERROR."""
_STEP = 1 / 30
"""Seconds from knot to knot of a flight; the midpoint rule errs by 0.1 mm in one."""
_ROUNDS = 8
_NUDGE = 1e-3
_LIFT = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
"""Axes that spin pushes a ball along: across the table, and up."""


class Waypoint(NamedTuple):
    """Where a flight is thought to have been."""

    seconds: float
    """From its start."""
    place: np.ndarray
    """(3,) metres."""
    spread: np.ndarray
    """(3,) metres, 1 sigma."""


class Flight(NamedTuple):
    """A flight in space that ends or begins on the table, by its sightings."""

    start: np.ndarray
    """(3,) where it is on the table, metres."""
    state: np.ndarray
    """(5,) velocity there, m/s, and lift, m/s^2."""
    spread: np.ndarray
    """(5, 5) covariance of the state, as far as the sightings err by SIGHTING_ERROR."""
    misfit: float
    """Root mean square distance of the sightings to the flight, picture widths; far ones count less."""
    roughness: float
    """The same without weights, the farthest taken as _FAR."""
    cost: float
    """What speaks against it: twice the negative logarithm of its likelihood, but for a constant."""

    def after(self, seconds: float) -> np.ndarray:
        """Return where it is (3,) so many seconds after its start, or before."""
        return _fly(self.start, self.state[None], np.array([seconds]))[0, 0]


class Passing(NamedTuple):
    """A passing of the net by a flight in space."""

    time: float
    spread: float
    """Seconds, 1 sigma."""
    misfit: float
    """Root mean square distance of the sightings to the flight, picture widths; far ones count less."""
    roughness: float
    """The same without weights, the farthest taken as _FAR."""
    state: np.ndarray
    """(5,) velocity at the bounce, m/s, and lift, m/s^2."""


def on_table(camera: TableCamera, pixel: np.ndarray, beside: float = BESIDE_SURE) -> bool:
    """Return whether a ball at a pixel (2,) may have bounced on the table, if that pixel is off by `beside` picture widths."""
    place = camera.on_plane(pixel, TABLE_HEIGHT + BALL_RADIUS)
    if place is None:
        return False
    reach = np.array([TABLE_WIDTH, TABLE_LENGTH]) / 2 + BESIDE_TABLE
    nearest = np.append(np.clip(place[:2], -reach, reach), place[2])
    return bool(np.linalg.norm(camera.project(nearest) - pixel) <= beside * camera.width)


def flights_at(
    camera: TableCamera, times: np.ndarray, pixels: np.ndarray, bounce: tuple[float, np.ndarray], bends: Sequence[float]
) -> list[Passing]:
    """Return the passings of the net by the flights before and after a bounce, none, one or two.

    Args:
        camera: Camera of the picture.
        times: (N,) seconds of all sightings.
        pixels: (N, 2) their places.
        bounce: When and where on the picture (2,) the ball is on the table.
        bends: Instants at which flights end: bounces and hits.
    """
    at, place = bounce
    apart = [bend for bend in bends if abs(bend - at) > OTHER_BEND_SECONDS]
    begin = max((bend for bend in apart if bend < at), default=-np.inf)
    end = min((bend for bend in apart if bend > at), default=np.inf)
    before = (times > max(begin, at - LONGEST_FLIGHT_SECONDS)) & (times < at - SMEARED_SECONDS)
    after = (times < min(end, at + LONGEST_FLIGHT_SECONDS)) & (times > at + SMEARED_SECONDS)
    found = [_best_passing(camera, times[rows], pixels[rows], at, place) for rows in (before, after)]
    return [passing for passing in found if passing and begin - 0.02 <= passing.time <= end + 0.02]


def _best_passing(
    camera: TableCamera, times: np.ndarray, pixels: np.ndarray, bounce_time: float, bounce_pixel: np.ndarray
) -> Passing | None:
    """Return the passing by the sightings of a flight of which those at its far end may belong to another one."""
    order = np.argsort(np.abs(times - bounce_time))
    best, least = None, np.inf
    for dropped in range(MOST_DROPPED + 1):
        rows = order[: len(order) - dropped]
        begin = None if best is None else best.state
        passing = fit_passing(camera, times[rows], pixels[rows], bounce_time, bounce_pixel, begin)
        cost = np.inf if passing is None else passing.roughness + DROP_COST * dropped
        if cost < least:
            best, least = passing, cost
        if least < DROP_COST * (dropped + 1) or (best is None and dropped == 2):
            break  # no further one can be better, or none passes the net
    return best


def nearest_passing(time: float, passings: Sequence[Passing]) -> Passing | None:
    """Return the best known of the crossings that may be the one that the network found; None where there is none."""
    near = [passing for passing in passings if abs(passing.time - time) <= ONE_PASSING_SECONDS]
    return min(near, key=lambda passing: passing.spread, default=None)


def refined(time: float, passing: Passing) -> tuple[float, float]:
    """Return the instant by both, the network's and the flight's, and half of its 95 % interval, seconds."""
    share = NETWORK_SPREAD**2 / (NETWORK_SPREAD**2 + passing.spread**2)
    return time + share * (passing.time - time), 1.96 * passing.spread * share**0.5


def fit_passing(
    camera: TableCamera,
    times: np.ndarray,
    pixels: np.ndarray,
    bounce_time: float,
    bounce_pixel: np.ndarray,
    begin: np.ndarray | None = None,
) -> Passing | None:
    """Return the net crossing of a flight that ends or begins on the table; None where nobody can tell.

    It takes the arguments of `fit_flight`.
    """
    flight = fit_flight(camera, times, pixels, bounce_time, bounce_pixel, begin)
    if flight is None:
        return None
    away = times - bounce_time
    way, longest = np.sign(away[np.abs(away).argmax()]), float(np.abs(away).max()) + 0.05
    crossings = _crossings(flight.start, _nudged(flight.state), way, longest)
    if not np.isfinite(crossings).all():
        return None
    slope = (crossings[1:] - crossings[0]) / _NUDGE
    sigma = float(np.sqrt(slope @ flight.spread @ slope)) * max(1.0, flight.misfit / SIGHTING_ERROR)
    time = bounce_time + float(crossings[0])
    return Passing(time, sigma, flight.misfit, flight.roughness, flight.state) if sigma < MOST_SPREAD else None


def fit_flight(
    camera: TableCamera,
    times: np.ndarray,
    pixels: np.ndarray,
    bounce_time: float,
    bounce_pixel: np.ndarray,
    begin: np.ndarray | None = None,
    waypoint: Waypoint | None = None,
) -> Flight | None:
    """Return the flight that ends or begins on the table; None where too little was seen, or it is none.

    Args:
        camera: Camera of the picture.
        times: (N,) seconds of the sightings of one flight, all before the bounce or all after it.
        pixels: (N, 2) their places.
        bounce_time: When the ball is on the table.
        bounce_pixel: (2,) where.
        begin: State (5,) to begin with; None takes the best one without drag and spin.
        waypoint: Where it was at another instant, on the same side of the bounce.
    """
    start = camera.on_plane(bounce_pixel, TABLE_HEIGHT + BALL_RADIUS)
    if len(times) < LEAST_SIGHTINGS or start is None:
        return None
    away = times - bounce_time
    order = np.argsort(np.abs(away))
    away, pixels = away[order], pixels[order]
    state = begin if begin is not None else np.concatenate([_straight(camera, start, away, pixels), np.zeros(len(_LIFT))])
    spread = camera.width * SIGHTING_ERROR
    prior = np.array([0.0, 0.0, 0.0, 1 / LIFT_SPREAD, 1 / LIFT_SPREAD])
    for _ in range(_ROUNDS):
        if not np.linalg.norm(state) < FASTEST:
            return None
        seen = camera.project(_fly(start, _nudged(state), away))  # (1 + P, N, 2)
        residual = pixels - seen[0]
        distance = np.linalg.norm(residual, axis=1) / spread
        weight = 1 / np.sqrt(1 + distance**2)  # Cauchy's: sightings far off count less
        slope = ((seen[1:] - seen[0]) / _NUDGE).transpose(1, 2, 0).reshape(-1, len(state))  # (2 N, P)
        rows = np.repeat(weight / spread, 2)
        matrix = np.concatenate([slope * rows[:, None], np.diag(prior)])
        wanted = np.concatenate([residual.ravel() * rows, -prior * state])
        off = np.zeros(0)
        if waypoint is not None:
            there = _fly(start, _nudged(state), np.array([waypoint.seconds]))[:, 0]  # (1 + P, 3)
            off = (waypoint.place - there[0]) / waypoint.spread
            matrix = np.concatenate([matrix, ((there[1:] - there[0]) / _NUDGE).T / waypoint.spread[:, None]])
            wanted = np.concatenate([wanted, off])
        change = np.linalg.lstsq(matrix, wanted, rcond=None)[0]
        state = state + change
        if np.abs(change).max() < _NUDGE:
            break
    misfit = float(np.sqrt(np.average(distance**2, weights=weight**2))) * SIGHTING_ERROR
    roughness = float(np.sqrt((np.minimum(distance, _FAR) ** 2).mean())) * SIGHTING_ERROR
    if not np.linalg.norm(state) < FASTEST or misfit > MOST_MISFIT:
        return None
    cost = float(np.log1p(distance**2).sum() + ((prior * state) ** 2).sum() + (off**2).sum())
    return Flight(start, state, np.linalg.pinv(matrix.T @ matrix), misfit, roughness, cost)


def _nudged(state: np.ndarray) -> np.ndarray:
    """Return a state (P,), and each of its numbers moved a little, (1 + P, P)."""
    return state + np.concatenate([np.zeros((1, len(state))), _NUDGE * np.eye(len(state))])


def _straight(camera: TableCamera, start: np.ndarray, away: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return the velocity (3,) at the bounce of a flight under gravity alone, by linear least squares."""
    fallen = start - 0.5 * GRAVITY * away[:, None] ** 2 * np.array([0.0, 0.0, 1.0])
    matrix, wanted = [], []
    for axis in (0, 1):
        # focal (r_axis . X) = (pixel - centre) (r_z . X), linear in the velocity
        row = camera.focal * camera.rotation[axis] - (pixels[:, axis] - camera.centre[axis])[:, None] * camera.rotation[2]
        matrix.append(row * away[:, None])
        wanted.append(-(row * (fallen - camera.position)).sum(1))
    return np.linalg.lstsq(np.concatenate(matrix), np.concatenate(wanted), rcond=None)[0]


def _crossings(start: np.ndarray, states: np.ndarray, way: float, longest: float) -> np.ndarray:
    """Return when flights first cross the net's plane above the table, (M,) seconds from the start; infinite where they do not."""
    path, _ = _knots(start, states, way, longest)  # (K, M, 3)
    sides = np.sign(path[..., 1])
    crosses = sides[1:] != sides[:-1]
    first, flight = crosses.argmax(0), np.arange(len(states))
    one, other = path[first, flight], path[first + 1, flight]
    part = one[:, 1] / np.where(one[:, 1] == other[:, 1], np.inf, one[:, 1] - other[:, 1])
    passes = crosses.any(0) & (other[:, 2] > TABLE_HEIGHT)
    return np.where(passes, way * _STEP * (first + part), np.inf)


def _fly(start: np.ndarray, states: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Return places (M, N, 3) of flights at times (N,) in seconds from their start, all forward or all backward.

    Args:
        start: (3,) place at time 0.
        states: (M, 5) velocity at time 0 and lift.
        away: (N,) seconds.
    """
    way, late = float(np.sign(away[np.abs(away).argmax()])), np.abs(away) / _STEP
    places, velocities = _knots(start, states, way, float(np.abs(away).max()))
    knot = np.minimum(late.astype(int), len(places) - 2)
    part = (late - knot)[:, None, None]
    # Cubics through the knots, with their velocities.
    slopes = [velocities[knot + later] * (way * _STEP) for later in (0, 1)]
    bend = part * (1 - part)
    straight = (1 - part) * places[knot] + part * places[knot + 1]
    chord = places[knot + 1] - places[knot]
    curve = straight + bend * ((1 - part) * (slopes[0] - chord) + part * (chord - slopes[1]))
    return curve.transpose(1, 0, 2)


def _knots(start: np.ndarray, states: np.ndarray, way: float, longest: float) -> tuple[np.ndarray, np.ndarray]:
    """Return places and velocities (K, M, 3) of flights at steps of _STEP, until `longest` seconds from their start or later."""
    count = max(1, int(np.ceil(longest / _STEP - 1e-9)))
    places, velocities = np.empty((2, count + 1, len(states), 3))
    place, velocity, step = np.repeat(start[None], len(states), 0), states[:, :3], way * _STEP
    push = states[:, 3:] @ np.array(_LIFT) - np.array([0.0, 0.0, GRAVITY])
    places[0], velocities[0] = place, velocity
    for knot in range(1, count + 1):
        middle = velocity + 0.5 * step * (push - _drag(velocity) * velocity)
        place, velocity = place + step * middle, velocity + step * (push - _drag(middle) * middle)
        places[knot], velocities[knot] = place, velocity
    return places, velocities


def _drag(velocity: np.ndarray) -> np.ndarray:
    """Return the deceleration over the speed, (M, 1) per second, of flights with velocities (M, 3)."""
    return slowing(np.minimum(np.sqrt(np.einsum("mi,mi->m", velocity, velocity)), FASTEST))[:, None]
