"""The instant at which a hand let go of the ball, tried one after the other along a path that is known from its stroke.

A ball that left the palm falls freely; what a hand does to it is taken for a random process. So the whole path has a
probability for each instant of release, found by a Kalman filter that runs back from the stroke. All instants are
tried at once.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ttcli.physics.air import AIR, drag_coefficient
from ttcli.table.constants import GRAVITY

LONGEST, EARLIER = 1.3, 0.3
"""Seconds before the stroke that are looked at: a ball that rises 2 m takes so long up and down. And how long before
the first sighting the release may have been."""
SPEED, SPEED_SPREAD = np.array([0.0, 0.0, -1.5]), np.array([0.35, 0.35, 2.5])
"""m/s and 1 sigma, of the ball's velocity at the stroke, before anything is seen: tosses are steep."""
PUSH_SECONDS, PUSH_SHARE, LEAST_PUSH, MOST_PUSH = 0.12, 0.5, 6.0, 45.0
"""A hand takes so long to bring a ball to its speed. Its acceleration differs from that by this share, 1 sigma, and lies
between so many m/s^2."""
PUSH_ACROSS = 5.0
"""m/s^2, 1 sigma, of the acceleration across."""
CHANGES, CHANGE_SECONDS = np.array([5.0, 5.0, 10.0]), 0.1
"""m/s^2, 1 sigma on each axis, of a hand's accelerations, and how long one lasts."""
WANED = 0.35
"""Share to which a push may have waned before the hand lets go."""
JUST_BEFORE = 0.15
"""Seconds before the release in which it is counted how many sightings a hand explains."""
SHORT = 0.013
"""Seconds of one step of the filter."""
POOR, POOR_SHARE = 5.0, 0.05
"""A share of the sightings is off by so many times as much."""
_P, _V, _A, _STRUCK = slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 12)


class TossPath(NamedTuple):
    """N sightings of a toss as linear equations on the ball's place, the latest one first."""

    since: np.ndarray
    """(N,) seconds after the stroke, below 0."""
    rows: np.ndarray
    """(N, 2, 3)."""
    told: np.ndarray
    """(N, 2): what rows . (place - place at the stroke) come to, metres."""
    error: float
    """Metres, 1 sigma."""

    def only(self, kept: np.ndarray) -> "TossPath":
        """Return some of the sightings."""
        return self._replace(since=self.since[kept], rows=self.rows[kept], told=self.told[kept])


class Tried(NamedTuple):
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


class Drag(NamedTuple):
    """What air changes in the fall of a ball, by seconds after the stroke (K,), in order."""

    since: np.ndarray
    speed: np.ndarray
    """(K,) m/s upwards, against a fall in a vacuum with the same speed at the stroke."""
    height: np.ndarray
    """(K,) metres."""

    @classmethod
    def of(cls, speed: float, step: float = 0.01) -> "Drag":
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


def try_releases(
    path: TossPath, release: np.ndarray, error: np.ndarray, place: np.ndarray, drag: Drag, wanes: np.ndarray | None = None
) -> Tried:
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
    return Tried(release, error, likely, mean[:, _STRUCK], spread[:, _STRUCK, _STRUCK], free, joined)


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
