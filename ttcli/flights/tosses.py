"""How high and how steeply a server tossed the ball, from the path before his stroke.

A ball that left the palm falls freely; a ball in the hand does not. The path before the stroke has these two parts. The
instant between them tells the rise by the clock alone: no distance need be known. Every instant is tried. What the hand
does before is taken for a random process. So the whole path has a probability for each instant. A Kalman filter that
runs back from the stroke finds it.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ttcli.physics.air import AIR, drag_coefficient
from ttcli.table.camera import TableCamera
from ttcli.table.constants import GRAVITY

LONGEST = 1.3
"""Seconds before the stroke that are looked at. A ball that rises 2 m takes so long up and down."""
LEAST_SIGHTINGS = 5
"""Least sightings of a toss; four fit any."""
COARSE, FINE, EARLIER = 0.03, 0.004, 0.3
"""Seconds from one instant of release to the next that is tried, at first and where it may have been; and how long before
the first sighting it may have been."""
MUCH_LESS = 15.0
"""Logarithm of how much less probable a release may be that is looked at more closely."""
SPEED, SPEED_SPREAD = np.array([0.0, 0.0, -1.5]), np.array([0.35, 0.35, 2.5])
"""m/s and 1 sigma, of the ball's velocity at the stroke, before anything is seen: tosses are steep."""
PUSH_SECONDS, PUSH_SHARE, LEAST_PUSH, MOST_PUSH = 0.12, 0.5, 6.0, 45.0
"""A hand takes so long to bring a ball to its speed. Its acceleration differs from that by this share, 1 sigma, and lies
between so many m/s^2."""
PUSH_ACROSS = 5.0
"""m/s^2, 1 sigma, of the acceleration across."""
CHANGES, CHANGE_SECONDS = np.array([5.0, 5.0, 10.0]), 0.1
"""m/s^2, 1 sigma on each axis, of a hand's accelerations, and how long one lasts."""
WANES, WANED = 0.04, 0.35
"""A hand may stop pushing at once, or its push may wane for so many seconds to this share and less; both are as likely."""
ERRORS = (0.7, 1.2, 2.4)
"""Times the path's error that the sightings of a toss may be off."""
SMOOTH = 0.04
"""Seconds over which the direction to the ball is smoothed."""
SHORT = 0.013
"""Seconds of one step of the filter."""
POOR, POOR_SHARE = 5.0, 0.05
"""A share of the sightings is off by so many times as much."""
FALSE = 4.0
"""Errors from where its neighbours have a sighting, beyond which it is false."""
OPEN = 0.025
"""Share of the probability that may lie before the first sighting; with more the path begins in flight."""
SOONEST = 0.012
"""Seconds between two sightings that are used."""
ROUNDS = 4
"""How often drag is found anew."""
PLACE_DOUBT = 0.15
"""Metres, 1 sigma, by which the place of a stroke may be off besides: in broadcasts, serves lay a tenth too near."""
JUST_BEFORE, LEAST_JOINED = 0.15, 0.8
"""Seconds before the release, and the least share of the sightings in them that a hand explains. With less they were of
something else, or the hand hid the ball: the path begins in flight."""
MOST_HELD = 0.05
"""Probability that the ball did not rise freely at all, beyond which there is no answer."""
LEAST_FREE = 0.7
"""Least share of the sightings after the release that fit a ball in free fall; with less it was no toss."""
ELLIPSE = 6.0
"""Square of sigmas of the ellipse of slopes that holds 95 %: the least angle in it is the lower end of the interval. A
quantile of angles would not do: where one slope is hardly known, nearly all angles are larger than the true one."""
SAMPLES = 4000
_P, _V, _A, _STRUCK = slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 12)


class Toss(NamedTuple):
    """What a path tells about a toss. Each holds its middle, and the ends of an interval of 95 %."""

    rise: tuple[float, float, float]
    """Metres from the palm to the highest point; the last is infinite where the path begins in flight."""
    angle: tuple[float, float, float]
    """Degrees from the vertical as the ball left the palm."""


class _Path(NamedTuple):
    """N sightings of a toss as linear equations on the ball's place, the latest one first."""

    since: np.ndarray
    """(N,) seconds after the stroke, below 0."""
    rows: np.ndarray
    """(N, 2, 3)."""
    told: np.ndarray
    """(N, 2): what rows . (place - place at the stroke) come to, metres."""
    error: float
    """Metres, 1 sigma."""

    def only(self, kept: np.ndarray) -> "_Path":
        """Return some of the sightings."""
        return self._replace(since=self.since[kept], rows=self.rows[kept], told=self.told[kept])


class _Tried(NamedTuple):
    """What follows from R instants of release."""

    release: np.ndarray
    """(R,) seconds after the stroke, below 0."""
    error: np.ndarray
    """(R,) metres, 1 sigma, of a sighting."""
    likely: np.ndarray
    """(R,) logarithm of the probability of the path."""
    speed: np.ndarray
    """(R, 3) m/s at the stroke, without what drag changed since the release."""
    covariance: np.ndarray
    """(R, 3, 3)."""
    free: np.ndarray
    """(R,) share of the sightings since the release that fit a ball in free fall; 0 where there are fewer than three."""
    joined: np.ndarray
    """(R,) share of the sightings just before the release that fit a hand which brings the ball there; 1 without any."""


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
    path = _without_false(_path_of(camera, times[kept] - stroke, pixels[kept], place, error), covariance)
    path = path.only(_apart(path.since))
    if len(path.since) < LEAST_SIGHTINGS:
        return None
    releases = np.arange(float(path.since[-1]) - EARLIER, float(path.since[0]), COARSE)
    drag = _drag(path, releases, covariance)
    errors = path.error * np.array(ERRORS)
    tried = _try(path, np.repeat(releases, len(errors)), np.tile(errors, len(releases)), covariance, drag)
    near = np.unique(tried.release[tried.likely > tried.likely.max() - MUCH_LESS])
    fine = np.unique(np.round((near[:, None] + np.arange(-COARSE - WANES, COARSE, FINE)) / FINE)) * FINE
    same = np.full(2 * len(fine), tried.error[tried.likely.argmax()])
    tried = _try(path, np.repeat(fine, 2), same, covariance, drag, wanes=np.tile([0.0, WANES], len(fine)))
    toss = _told(path, tried, drag)
    return toss if tried.free[tried.likely.argmax()] >= LEAST_FREE else None


def _drag(path: _Path, releases: np.ndarray, place: np.ndarray) -> "_Drag":
    """Return what air does to the ball, by the speed at the stroke that the likeliest release tells with it."""
    drag = _Drag.of(float(SPEED[2]))
    for _ in range(ROUNDS):
        tried = _try(path, releases, np.full(len(releases), path.error), place, drag)
        best = int(tried.likely.argmax())
        releases, drag = tried.release[[best]], _Drag.of(float(tried.speed[best, 2]))
    return drag


def _path_of(camera: TableCamera, since: np.ndarray, pixels: np.ndarray, place: np.ndarray, error: float) -> _Path:
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
    return _Path(since, rows, told, error * distance / camera.focal)


class _Drag(NamedTuple):
    """What air changes in the fall of a ball, by seconds after the stroke (K,), in order."""

    since: np.ndarray
    speed: np.ndarray
    """(K,) m/s upwards, against a fall in a vacuum with the same speed at the stroke."""
    height: np.ndarray
    """(K,) metres."""

    @classmethod
    def of(cls, speed: float, step: float = 0.01) -> "_Drag":
        """Return it for a ball that has a speed upwards at the stroke, m/s."""
        count = round((LONGEST + EARLIER) / step) + 1
        now, extra, high, kept = speed, 0.0, 0.0, [(0.0, 0.0)]
        for _ in range(count):
            slowed = -AIR * drag_coefficient(abs(now)) * abs(now) * now
            high -= (extra - 0.5 * slowed * step) * step
            extra -= slowed * step
            now += (GRAVITY - slowed) * step
            kept.append((extra, high))
        speeds, heights = np.array(kept[::-1]).T
        return cls(-step * np.arange(count + 1)[::-1], speeds, heights)

    def speed_at(self, since: np.ndarray) -> np.ndarray:
        """Return m/s upwards (N,) at times (N,)."""
        return np.interp(since, self.since, self.speed)

    def height_at(self, since: float) -> float:
        """Return metres at a time."""
        return float(np.interp(since, self.since, self.height))


def _try(
    path: _Path, release: np.ndarray, error: np.ndarray, place: np.ndarray, drag: _Drag, wanes: np.ndarray | None = None
) -> _Tried:
    """Return what follows from R instants of release.

    The state is the ball's place, velocity and acceleration against a free fall, and its velocity at the stroke.

    Args:
        path: The sightings.
        release: (R,) seconds after the stroke.
        error: (R,) metres, 1 sigma, of a sighting.
        place: (3, 3) covariance of the place of the stroke.
        drag: What air does.
        wanes: (R,) seconds before the release in which the hand's push wanes; in none if None.
    """
    count = len(release)
    hand = _Hand(release, np.zeros(count) if wanes is None else wanes, -GRAVITY * release + drag.speed_at(release))
    mean, spread = np.zeros((count, 12)), np.zeros((count, 12, 12))
    mean[:, _V] = mean[:, _STRUCK] = SPEED
    spread[:, _P, _P] = place
    spread[:, _V, _V] = spread[:, _V, _STRUCK] = spread[:, _STRUCK, _V] = spread[:, _STRUCK, _STRUCK] = np.diag(SPEED_SPREAD**2)
    likely, now, fits, flown = np.zeros(count), 0.0, np.zeros(count), np.zeros(count)
    brought, held = np.zeros(count), np.zeros(count)
    for since, rows, told in zip(path.since, path.rows, path.told, strict=True):
        instants = np.linspace(now, since, 1 + max(1, int(np.ceil((now - since) / SHORT))))
        for later, earlier in pairwise(instants):
            mean, spread = _back(mean, spread, hand, later, earlier)
        now = since
        fallen = rows[:, 2] * (-0.5 * GRAVITY * since**2 + drag.height_at(since))
        mean, spread, gained, good = _seen(mean, spread, rows, told - fallen, error)
        likely, free = likely + gained, since > release
        flown, fits = flown + free, fits + (free & good)
        just = ~free & (since > release - JUST_BEFORE)
        held, brought = held + just, brought + (just & good)
    joined = np.where(held > 0, brought / np.maximum(held, 1), 1)
    free = np.where(fits >= 3, fits / np.maximum(flown, 1), 0)
    return _Tried(release, error, likely, mean[:, _STRUCK], spread[:, _STRUCK, _STRUCK], free, joined)


class _Hand(NamedTuple):
    """How R hands let go."""

    release: np.ndarray
    """(R,) seconds after the stroke."""
    wanes: np.ndarray
    """(R,) seconds before the release in which the push wanes."""
    fall: np.ndarray
    """(R,) m/s that gravity and drag give a ball between the release and the stroke, downwards."""

    def push(self, mean: np.ndarray, spread: np.ndarray, later: float, earlier: float) -> None:
        """Let those hands push, in place, that do so from some instant of a step back on."""
        push = np.clip((mean[:, 5] + self.fall) / PUSH_SECONDS, LEAST_PUSH, MOST_PUSH) + GRAVITY
        waned = np.where(self.wanes > 0, WANED, 1.0)
        for at, share in ((self.release, waned), (self.release - self.wanes, 1 - waned)):
            begins = ((at > earlier) & (at <= later) & (share > 0)) * share
            mean[:, 8] += begins * push
            spread[:, [6, 7], [6, 7]] += (begins * PUSH_ACROSS**2)[:, None]
            spread[:, 8, 8] += (begins * PUSH_SHARE * push) ** 2


def _back(mean: np.ndarray, spread: np.ndarray, hand: _Hand, later: float, earlier: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the states at the earlier of two instants, by those at the later one: in the hand up to its release, else in the air.

    Args:
        mean: (R, 12).
        spread: (R, 12, 12).
        hand: R hands.
        later: Seconds after the stroke.
        earlier: Seconds after the stroke.
    """
    step = later - earlier
    held = np.clip(hand.release - earlier, 0, step)  # (R,) seconds of the step
    mean, spread = mean.copy(), spread.copy()
    hand.push(mean, spread, later, earlier)
    kept = np.exp(-held / CHANGE_SECONDS)
    move = np.broadcast_to(np.eye(12), spread.shape).copy()
    axes = np.arange(3)
    move[:, axes, 3 + axes] = -step
    move[:, axes, 6 + axes] = 0.5 * held[:, None] ** 2
    move[:, 3 + axes, 6 + axes] = -held[:, None]
    move[:, 6 + axes, 6 + axes] = kept[:, None]
    mean = (move @ mean[..., None])[..., 0]
    mean[:, 8] += (1 - kept) * GRAVITY
    spread = move @ spread @ np.swapaxes(move, 1, 2)
    spread[:, 6 + axes, 6 + axes] += (1 - kept**2)[:, None] * CHANGES**2
    return mean, spread


def _seen(
    mean: np.ndarray, spread: np.ndarray, rows: np.ndarray, told: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the states after a sighting, the logarithm (R,) of its probability, and whether it is a good one, (R,)."""
    miss = told - mean[:, _P] @ rows.T  # (R, 2)
    by_place = spread[:, :, _P] @ rows.T  # (R, 12, 2)
    placed = rows @ by_place[:, _P]
    kinds = [placed + (times * error[:, None, None]) ** 2 * np.eye(2) for times in (1.0, POOR)]
    shares = np.array([_normal(miss, kind) for kind in kinds]) + np.log([[1 - POOR_SHARE], [POOR_SHARE]])
    poor = shares[1] > shares[0]
    whole = np.where(poor[:, None, None], kinds[1], kinds[0])
    gain = by_place @ np.linalg.inv(whole)
    mean = mean + (gain @ miss[..., None])[..., 0]
    # By Joseph's form, which rounding does not make negative.
    left = np.eye(12) - gain @ np.pad(rows, ((0, 0), (0, 9)))
    noise = (whole - placed) @ np.swapaxes(gain, 1, 2)
    spread = left @ spread @ np.swapaxes(left, 1, 2) + gain @ noise
    return mean, spread, np.logaddexp(*shares), ~poor


def _normal(miss: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return the logarithm (R,) of the density of misses (R, 2)."""
    a, b, d = covariance[:, 0, 0], covariance[:, 0, 1], covariance[:, 1, 1]
    size = a * d - b * b
    square = (d * miss[:, 0] ** 2 - 2 * b * miss[:, 0] * miss[:, 1] + a * miss[:, 1] ** 2) / size
    return -0.5 * square - 0.5 * np.log(size) - np.log(2 * np.pi)


def _without_false(path: _Path, place: np.ndarray) -> _Path:
    """Return the path without sightings that are far from where their neighbours have the ball, in hand or not."""
    for _ in range(10):
        count = len(path.since)
        if count < LEAST_SIGHTINGS:
            break
        apart = np.abs(path.since[:, None] - path.since)
        alike = np.exp(-0.5 * (apart / 0.1) ** 2)
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


def _told(path: _Path, tried: _Tried, drag: _Drag) -> Toss | None:
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
