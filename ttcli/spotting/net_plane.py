"""When a ball passes the net's plane, where the table is known: its flight in space is fitted to its path on the picture.

A path alone does not tell how far away the ball is, so seen from beside the net's plane it passes the net anywhere
within 30 ms. A bounce does tell: there the ball is on the table. The flight that ends there (or begins, at a serve's first
bounce) has one velocity and little spin that it can have had, and it passes the plane of the net at one instant.
"""

from collections.abc import Sequence

import numpy as np

from ttcli.table import BALL_RADIUS, TABLE_HEIGHT, TableCamera

GRAVITY = 9.81
DRAG = 0.125
"""1/m: deceleration over speed squared, of 2.7 g, 40 mm and a coefficient of 0.45."""
LONGEST_FLIGHT_SECONDS = 0.8
LEAST_SIGHTINGS = 4
FASTEST = 35.0
"""m/s; no ball is as fast. Backwards in time, drag would drive one without bound."""
LIFT_SPREAD = 4.0
"""m/s^2, 1 sigma: what spin does to a ball's flight."""
SIGHTING_ERROR = 1.5 / 1920
"""Picture widths, 1 sigma; farther ones count less."""
MOST_RESIDUAL = 6 / 1920
"""Of a flight that fits, root mean square: else it is no flight, or the table is elsewhere."""
_STEP = 1 / 240
_ROUNDS = 8
_LIFT = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
"""Axes that spin pushes a ball along: across the table, and up."""


def pass_time(
    camera: TableCamera, times: np.ndarray, pixels: np.ndarray, bounce_time: float, bounce_pixel: np.ndarray
) -> tuple[float, float] | None:
    """Return when a flight that ends or begins on the table passes the net, and how badly it fits; None where it does not.

    Args:
        camera: Of the picture.
        times: (N,) seconds of the sightings of one flight, all before the bounce or all after it.
        pixels: (N, 2) their places.
        bounce_time: When the ball is on the table.
        bounce_pixel: (2,) where.

    Returns:
        Seconds, and the root mean square distance of sightings to the flight in picture widths.
    """
    away = times - bounce_time
    if len(times) < LEAST_SIGHTINGS or np.abs(away).max() > LONGEST_FLIGHT_SECONDS:
        return None
    start = camera.on_plane(bounce_pixel, TABLE_HEIGHT + BALL_RADIUS)
    if start is None:
        return None
    forward = np.sign(away[np.abs(away).argmax()])
    order = np.argsort(np.abs(away))
    away, pixels = away[order], pixels[order]
    state = np.concatenate([_straight(camera, start, away, pixels), np.zeros(len(_LIFT))])
    if not np.linalg.norm(state) < FASTEST:
        return None
    spread = camera.width * SIGHTING_ERROR
    prior = np.concatenate([np.zeros(3), np.full(len(_LIFT), 1 / LIFT_SPREAD)])
    for _ in range(_ROUNDS):
        moved = state + np.concatenate([np.zeros((1, len(state))), 1e-3 * np.eye(len(state))])
        seen = camera.project(_fly(start, moved, away))  # (1 + P, N, 2)
        residual = pixels - seen[0]
        distance = np.linalg.norm(residual, axis=1) / spread
        weight = 1 / np.sqrt(1 + distance**2)  # Cauchy's: sightings far off count less
        slope = ((seen[1:] - seen[0]) / 1e-3).transpose(1, 2, 0).reshape(-1, len(state))  # (2 N, P)
        rows = np.repeat(weight / spread, 2)
        matrix = np.concatenate([slope * rows[:, None], np.diag(prior)])
        wanted = np.concatenate([residual.ravel() * rows, -prior * state])
        change = np.linalg.lstsq(matrix, wanted, rcond=None)[0]
        state = state + change
        if not np.linalg.norm(state) < FASTEST:
            return None
        if np.abs(change).max() < 1e-3:
            break
    error = float(np.sqrt(np.average(distance**2, weights=weight**2)) * SIGHTING_ERROR)
    reach = np.arange(1, int((np.abs(away).max() + 0.06) / _STEP)) * _STEP * forward
    path = _fly(start, state[None], reach)[0]
    sides = np.sign(np.concatenate([start[None], path])[:, 1])
    crossing = np.flatnonzero(sides[1:] != sides[:-1])
    if not len(crossing) or path[crossing[0], 2] < TABLE_HEIGHT:
        return None
    index = int(crossing[0])
    before, after = (start if index == 0 else path[index - 1])[1], path[index, 1]
    part = before / (before - after)
    return bounce_time + float(forward * _STEP * (index + part)), error


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


def _fly(start: np.ndarray, states: np.ndarray, away: Sequence[float]) -> np.ndarray:
    """Return places (M, N, 3) at ascending distances in time from the start, all forward or all backward.

    Args:
        start: (3,) place at time 0.
        states: (M, 5) velocity at time 0 and lift.
        away: (N,) seconds.
    """
    place = np.repeat(start[None], len(states), 0)
    velocity, push = states[:, :3].copy(), states[:, 3:] @ np.array(_LIFT) - np.array([0.0, 0.0, GRAVITY])
    found, now = [], 0.0
    for end in away:
        steps = max(1, int(np.ceil(abs(end - now) / _STEP)))
        step = (end - now) / steps
        for _ in range(steps if end != now else 0):
            speed = np.minimum(np.linalg.norm(velocity, axis=1, keepdims=True), FASTEST)
            middle = velocity + 0.5 * step * (push - DRAG * speed * velocity)
            speed = np.minimum(np.linalg.norm(middle, axis=1, keepdims=True), FASTEST)
            place, velocity = place + step * middle, velocity + step * (push - DRAG * speed * middle)
        now = end
        found.append(place)
    return np.stack(found, 1)
