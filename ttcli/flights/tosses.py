"""How high and how steeply a server tossed the ball, from the path before his stroke.

A ball that left the palm falls freely; a ball in the hand does not. The path before the stroke has these two parts. The
instant between them tells the rise by the clock alone: no distance need be known. `releases` says how probable the path
is for each instant, and here all of them are asked.
"""

from typing import NamedTuple

import numpy as np

from ttcli.flights.releases import EARLIER, LONGEST, SPEED, Drag, TossPath, Tried, try_releases
from ttcli.physics.air import AIR, drag_coefficient
from ttcli.table.camera import TableCamera
from ttcli.table.constants import GRAVITY

LEAST_SIGHTINGS = 5
"""Least sightings of a toss; four fit any."""
COARSE, FINE = 0.03, 0.004
"""Seconds from one instant of release to the next that is tried, at first and where it may have been."""
MUCH_LESS = 15.0
"""Logarithm of how much less probable a release may be that is looked at more closely."""
WANES = 0.04
"""A hand may stop pushing at once, or its push may wane for so many seconds; both are as likely."""
ERRORS = (0.7, 1.2, 2.4)
"""Times the path's error that the sightings of a toss may be off."""
SMOOTH = 0.04
"""Seconds over which the direction to the ball is smoothed."""
FALSE, FALSE_ROUNDS, FLIES_ALIKE = 4.0, 10, 0.1
"""Errors from where its neighbours have a sighting, beyond which it is false; how often such ones are looked for, and for
how many seconds a ball goes on as it did."""
OPEN = 0.025
"""Share of the probability that may lie before the first sighting; with more the path begins in flight."""
SOONEST = 0.012
"""Seconds between two sightings that are used."""
ROUNDS = 4
"""How often drag is found anew."""
PLACE_DOUBT = 0.15
"""Metres, 1 sigma, by which the place of a stroke may be off besides: in broadcasts, serves lay a tenth too near."""
LEAST_JOINED = 0.8
"""Least share of the sightings just before the release that a hand explains. With less they were of something else, or
the hand hid the ball: the path begins in flight."""
MOST_HELD = 0.05
"""Probability that the ball did not rise freely at all, beyond which there is no answer."""
LEAST_FREE = 0.7
"""Least share of the sightings after the release that fit a ball in free fall; with less it was no toss."""
ELLIPSE = 6.0
"""Square of sigmas of the ellipse of slopes that holds 95 %: the least angle in it is the lower end of the interval. A
quantile of angles would not do: where one slope is hardly known, nearly all angles are larger than the true one."""
SAMPLES = 4000


class Toss(NamedTuple):
    """What a path tells about a toss. Each holds its middle, and the ends of an interval of 95 %."""

    rise: tuple[float, float, float]
    """Metres from the palm to the highest point; the last is infinite where the path begins in flight."""
    angle: tuple[float, float, float]
    """Degrees from the vertical as the ball left the palm."""


def toss_of(
    camera: TableCamera,
    times: np.ndarray,
    pixels: np.ndarray,
    stroke: float,
    place: np.ndarray,
    covariance: np.ndarray,
    error: float,
) -> Toss | None:
    """Return the toss before a serve; None where too few sightings are left.

    Args:
        camera: Camera with a straight lens.
        times: (N,) seconds of the sightings before the stroke, in order.
        pixels: (N, 2).
        stroke: Seconds of the stroke.
        place: (3,) where the ball was struck.
        covariance: (3, 3) of that place.
        error: Pixels, 1 sigma, of a sighting.
    """
    covariance = covariance + PLACE_DOUBT**2 * np.eye(3)
    kept = np.flatnonzero((times >= stroke - LONGEST) & (times < stroke))[::-1]
    path = _without_false(_path_of(camera, times[kept] - stroke, pixels[kept], place, error))
    path = path.only(_apart(path.since))
    if len(path.since) < LEAST_SIGHTINGS:
        return None
    releases = np.arange(float(path.since[-1]) - EARLIER, float(path.since[0]), COARSE)
    drag = _drag(path, releases, covariance)
    errors = path.error * np.array(ERRORS)
    tried = try_releases(path, np.repeat(releases, len(errors)), np.tile(errors, len(releases)), covariance, drag)
    near = np.unique(tried.release[tried.likely > tried.likely.max() - MUCH_LESS])
    fine = np.unique(np.round((near[:, None] + np.arange(-COARSE - WANES, COARSE, FINE)) / FINE)) * FINE
    same = np.full(2 * len(fine), tried.error[tried.likely.argmax()])
    tried = try_releases(path, np.repeat(fine, 2), same, covariance, drag, wanes=np.tile([0.0, WANES], len(fine)))
    return _told(path, tried, drag) if tried.free[tried.likely.argmax()] >= LEAST_FREE else None


def _drag(path: TossPath, releases: np.ndarray, place: np.ndarray) -> Drag:
    """Return what air does to the ball, by the speed at the stroke that the likeliest release tells with it."""
    drag = Drag.of(float(SPEED[2]))
    for _ in range(ROUNDS):
        tried = try_releases(path, releases, np.full(len(releases), path.error), place, drag)
        best = int(tried.likely.argmax())
        releases, drag = tried.release[[best]], Drag.of(float(tried.speed[best, 2]))
    return drag


def _path_of(camera: TableCamera, since: np.ndarray, pixels: np.ndarray, place: np.ndarray, error: float) -> TossPath:
    """Return the sightings as equations.

    Their rows are smoothed. With the noise of the sightings in them, a ball beside the camera, where noise means little,
    would explain any path best.
    """
    right, down, forward = camera.rotation
    away = (pixels - camera.centre) / camera.focal
    alike = np.exp(-0.5 * ((since[:, None] - since) / SMOOTH) ** 2)
    smooth = alike @ away / alike.sum(1, keepdims=True)
    rows = np.stack([right - smooth[:, :1] * forward, down - smooth[:, 1:] * forward], 1)
    distance = float((place - camera.position) @ forward)
    told = rows @ (camera.position - place) + distance * (away - smooth)
    return TossPath(since, rows, told, error * distance / camera.focal)


def _without_false(path: TossPath) -> TossPath:
    """Return the path without sightings that are far from where their neighbours have the ball, in hand or not."""
    for _ in range(FALSE_ROUNDS):
        count = len(path.since)
        if count < LEAST_SIGHTINGS:
            break
        apart = np.abs(path.since[:, None] - path.since)
        alike = np.exp(-0.5 * (apart / FLIES_ALIKE) ** 2)
        moves = np.einsum("nia,nm,mja->nimj", path.rows, alike, path.rows, optimize=True).reshape(2 * count, 2 * count)
        inverse = np.linalg.inv(moves + path.error**2 * np.eye(2 * count))
        away = ((inverse @ path.told.ravel()) / np.sqrt(np.diag(inverse))).reshape(count, 2)
        far = np.abs(away).max(1)
        edges = np.pad(far, 1)
        wrong = (far > FALSE) & (far >= edges[:-2]) & (far >= edges[2:])
        if not wrong.any():
            break
        path = path.only(~wrong)
    return path


def _apart(since: np.ndarray) -> np.ndarray:
    """Return which sightings are left if those go that follow another one too soon: they tell little and cost much."""
    kept: list[int] = []
    for row, seconds in enumerate(since):
        if not kept or since[kept[-1]] - seconds >= SOONEST:
            kept.append(row)
    return np.array(kept, int)


def _told(path: TossPath, tried: Tried, drag: Drag) -> Toss | None:
    """Return the rise and the angle, by how probable each release is; None where the ball may never have risen freely."""
    random = np.random.default_rng(0)
    share = np.exp(tried.likely - tried.likely.max())
    share /= share.sum()
    which = np.sort(random.choice(len(share), SAMPLES, p=share))
    roots = np.linalg.cholesky(tried.covariance + 1e-9 * np.eye(3))
    speeds = tried.speed[which] + (roots[which] @ random.normal(size=(SAMPLES, 3, 1)))[..., 0]
    release = tried.release[which] + FINE * (random.random(SAMPLES) - 0.5)
    up = speeds[:, 2] - GRAVITY * release + drag.speed_at(release)
    rise = np.maximum(_rise(up) - _rise(speeds[:, 2]), 0)
    if (rise == 0).mean() > MOST_HELD:
        return None
    low, middle, high = np.quantile(rise, (0.025, 0.5, 0.975))
    open_ended = share[tried.release < path.since[-1]].sum() > OPEN or tried.joined[share.argmax()] < LEAST_JOINED
    return Toss((float(middle), float(low), np.inf if open_ended else float(high)), _angle(speeds[:, :2], up))


def _rise(up: np.ndarray) -> np.ndarray:
    """Return how far a ball rises that has a speed upwards, m/s."""
    up = np.maximum(up, 0)
    drag = AIR * drag_coefficient(0.6 * up)
    return np.log1p(drag * up**2 / GRAVITY) / (2 * drag)


def _angle(across: np.ndarray, up: np.ndarray) -> tuple[float, float, float]:
    """Return the angle from the vertical, degrees, by samples of the velocity (S, 2) and (S,)."""
    slope = across / np.maximum(up, 0.1)[:, None]
    middle, spread = slope.mean(0), np.cov(slope.T)
    angles = np.degrees(np.arctan(np.linalg.norm(slope, axis=1)))
    value = float(np.degrees(np.arctan(np.linalg.norm(middle))))
    away = slope - middle
    inside = (away * np.linalg.solve(spread, away.T).T).sum(1) < ELLIPSE
    upright = middle @ np.linalg.solve(spread, middle) < ELLIPSE
    return value, 0.0 if upright else float(angles[inside].min()), max(float(np.quantile(angles, 0.97)), value)
