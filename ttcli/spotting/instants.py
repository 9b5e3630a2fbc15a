"""From probabilities along a path to instants: peaks, and the fit of the flight before and after a bounce."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ttcli.spotting.paths import LONGEST_GAP_SECONDS, Grid, Track, soft_targets

SPACING_SECONDS = {"bounce": 0.06, "net": 0.1, "net_touch": 0.1}
"""Least time between two events of a kind. A ball that leaves the table at 0.3 m/s is back after 0.06 s, and lower
jumps are no bounce worth a name. To cross the net again it must first be struck or bounce on the other side."""
ONE_INSTANT_SECONDS = 0.02
"""Two events closer than this are one, and the more probable is kept."""
_REACH = 7
"""Steps to each side of a peak that belong to it at most: 58 ms."""
_LEAST_HEIGHT = 0.4
"""Least height of a peak, as a share of the threshold for its confidence."""
_FIT_SECONDS = 0.1
"""Seconds of flight to each side of a bounce, or longer until there are LEAST_SIGHTINGS."""
_LONGEST_FIT_SECONDS = 0.2
_LEAST_SIGHTINGS = 3
_TRUST_SECONDS = 0.008
"""How far off the network's own instant is as a rule, 1 sigma: the fit is held to it by so much."""
_TRUST_IN_GAP = 0.2
"""The same where nobody saw the bounce, as a part of how long the ball was not seen."""
_LEAST_ERROR = 0.4 / 1920
"""Least error of a position, in picture widths: no path is better."""
_NEIGHBOURS, _AGREEING_PAIRS = 3, 0.2
"""Sightings to each side that tell whether one between them is false, and which share of their pairs must agree: those on its
own side of the bounce do."""
_WILD_STEPS, _WILD = 2.0, 10 / 1920
"""Farther from where they lead than so many steps between sightings, and so many picture widths, it is false."""
_MOST_SPEEDUP, _NEAR = 2.0, 10 / 1920
"""A ball seen before or after an instant can have been as far away as it goes in that time at so many times its usual speed
on that side, and so many picture widths."""
_REACH_SIGHTINGS = 4
"""On each side, of which the usual speed is."""
_HIDDEN_STEPS = 2.5
"""Where the ball is not seen for longer than so many of the steps between these, it may have been anywhere."""
_TOUCH_SECONDS = 0.04
"""How far from a passing of the net its touch is looked for: the ball's middle passes before or after it touches."""
_TOUCH_SIGHTINGS = 7
"""Around a touch at least, three of them on each side."""
_LEAST_LOSS, _MOST_CHANGE, _LEAST_SIGNIFICANCE = 0.25, 1.6, 12.0
"""For a touch: the share of its speed that the ball loses, its change of velocity as a share of that at the most (more
is a false position), and how many standard errors that change is. With these, 24 of 100 touches of simulated paths are
told, and 83 of 100 told are touches; one passing in 40 is one."""
TOUCH_CONFIDENCE = 0.83
_PARAMETERS = 9
_TRIES = 61


class Peak(NamedTuple):
    """A maximum of one event's probability along the path."""

    kind: str
    time: float
    confidence: float
    """In [0, 1], that the event happened about here; the probability at the maximum is less where only its instant is
    in doubt."""


class Instant(NamedTuple):
    """Where and when a flight breaks."""

    time: float
    position: np.ndarray
    """(2,) picture widths."""
    error: float | None
    """Half of the 95 % interval of `time`, in seconds; None where there was too little to fit."""


def find_peaks(grid: Grid, probabilities: np.ndarray, kinds: Sequence[str], threshold: float) -> list[Peak]:
    """Return the peaks of all kinds in order of time, no two of a kind closer than physics allows, one per instant.

    Args:
        grid: With S steps.
        probabilities: (K, S).
        kinds: Their K names.
        threshold: Least confidence.
    """
    found = [
        Peak(kind, *_weigh(grid, row, int(step)))
        for kind, row in zip(kinds, probabilities, strict=True)
        for step in np.flatnonzero((row >= _LEAST_HEIGHT * threshold) & grid.valid)
        if row[step] >= row[max(0, step - 1) : step + 2].max()
    ]
    return apart([peak for peak in found if peak.confidence >= threshold])


def apart(peaks: Sequence[Peak]) -> list[Peak]:
    """Return the surest of peaks that are closer than physics allows, in order of time."""
    kept: list[Peak] = []
    for peak in sorted(peaks, key=lambda peak: -peak.confidence):
        if all(abs(peak.time - other.time) >= _spacing(peak, other) for other in kept):
            kept.append(peak)
    return sorted(kept, key=lambda peak: peak.time)


def fit_bounce(track: Track, peak: Peak, others: Sequence[float]) -> Instant:
    """Return the instant at which the flights before and after a bounce meet, by least squares.

    Both flights are parabolas on the picture with one acceleration; they meet at the bounce, with different speeds.

    Args:
        track: The sightings.
        peak: The bounce as the network tells it.
        others: Instants of other bends, in seconds: flights end there.
    """
    rows = _flights(track, peak.time, others)
    rows = rows[_near_its_neighbours(track.times[rows], track.positions[rows])]
    times, positions = track.times[rows], track.positions[rows]
    unseen = _unseen(track, peak.time)
    spread = max(0.02, 0.75 * float(np.median(np.diff(times))), unseen / 2) if len(times) > 1 else 0.0
    trust = max(_TRUST_SECONDS, _TRUST_IN_GAP * unseen)
    if min((times < peak.time).sum(), (times >= peak.time).sum()) < 2 or len(times) < 5:
        return own_instant(track, peak)
    tries = peak.time + np.linspace(-spread, spread, _TRIES)
    weights = np.ones(len(times))
    for _ in range(3):  # sightings far off their flight, as false ones are, count less each time
        squares = _squares(times - tries[:, None], positions, weights)
        best = tries[squares.argmin()]
        residuals = np.linalg.norm(_meet(times - best, positions, weights)[2], axis=1)
        scale = max(_LEAST_ERROR, 1.5 * float(np.median(residuals)))
        weights = 1 / np.maximum(1.0, residuals / (2 * scale))
    freedom = max(1.0, 2 * weights.sum() - _PARAMETERS)
    variance = max(_LEAST_ERROR**2, squares.min() / freedom)
    log_odds = -0.5 * squares / variance - 0.5 * ((tries - peak.time) / trust) ** 2
    share = np.exp(log_odds - log_odds.max())
    share /= share.sum()
    time = float((share * tries).sum())
    error = 1.96 * float(np.sqrt((share * (tries - time) ** 2).sum() + (tries[1] - tries[0]) ** 2 / 12))
    return Instant(time, _meet(times - time, positions, weights)[1], error)


def own_instant(track: Track, peak: Peak) -> Instant:
    """Return the instant that the network tells, on the line between the sightings around it."""
    return Instant(peak.time, place_at(track, peak.time), None)


def can_have_been(track: Track, instant: Instant) -> bool:
    """Return whether the ball can have been at a place then, by how far it was shortly before and after, and how fast.

    Flights that are fitted may meet far off the path: where a sighting is from before a stroke, or where the clock lies
    because frames were lost and repeated.
    """
    after = int(np.searchsorted(track.times, instant.time))
    around = slice(max(0, after - _REACH_SIGHTINGS), after + _REACH_SIGHTINGS)
    times = track.times[around]
    if len(times) < 2 or _unseen(track, instant.time) > _HIDDEN_STEPS * float(np.median(np.diff(times))):
        return True
    sides = slice(around.start, after), slice(after, around.stop)
    return all(_can_reach(track.times[side], track.positions[side], instant) for side in sides)


def _can_reach(times: np.ndarray, positions: np.ndarray, instant: Instant) -> bool:
    """Return whether a ball seen on one side of an instant can have come from its place, or can get there."""
    if len(times) < 2:
        return True
    speeds = np.linalg.norm(np.diff(positions, axis=0), axis=1) / np.diff(times)
    usual = float(np.quantile(speeds, 0.5, method="lower"))  # of two, the one that no jump made
    nearest = 0 if times[0] >= instant.time else -1
    reach = _MOST_SPEEDUP * usual * abs(times[nearest] - instant.time) + _NEAR
    return bool(np.linalg.norm(positions[nearest] - instant.position) <= reach)


def fit_touch(track: Track, peak: Peak, others: Sequence[float]) -> Instant | None:
    """Return the instant at which a ball that passes the net touches it, or None where it does not, or nobody can tell.

    A ball that passes freely keeps its velocity, but for air and gravity. One that touches loses some velocity at once.

    Args:
        track: The sightings.
        peak: The passing of the net.
        others: Instants of other bends, in seconds.
    """
    rows = _flights(track, peak.time, others)
    times, positions = track.times[rows], track.positions[rows]
    tries = [
        at for at in peak.time + np.linspace(-_TOUCH_SECONDS, _TOUCH_SECONDS, 17)
        if min((times < at).sum(), (times >= at).sum()) >= _LEAST_SIGHTINGS
    ]  # fmt: skip
    if len(times) < _TOUCH_SIGHTINGS or not tries:
        return None
    weights = np.ones(len(times))
    squares = [_meet(times - at, positions, weights)[0] for at in tries]
    time = float(tries[int(np.argmin(squares))])
    _, place, residuals = _meet(times - time, positions, weights)
    columns = _columns(times - time)
    variance = max(_LEAST_ERROR**2, float((residuals**2).sum()) / max(1, 2 * len(times) - _PARAMETERS))
    _, before, after, _ = np.linalg.lstsq(columns, positions, rcond=None)[0]
    spread = np.linalg.pinv(columns.T @ columns) * variance
    error = float(np.sqrt(max(spread[1, 1] + spread[2, 2] - 2 * spread[1, 2], 1e-12)))
    speed, change = float(np.linalg.norm(before)), float(np.linalg.norm(after - before))
    if speed == 0 or change > _MOST_CHANGE * speed or change < _LEAST_SIGNIFICANCE * error:
        return None
    loss = 1 - float(after @ before) / speed**2
    return Instant(time, place, None) if _LEAST_LOSS < loss < _MOST_CHANGE else None


def place_at(track: Track, time: float) -> np.ndarray:
    """Return the position (2,) on the line between the sightings around an instant."""
    return np.array([np.interp(time, track.times, column) for column in track.positions.T])


def _unseen(track: Track, time: float) -> float:
    """Return how long the ball was not seen around an instant, in seconds; 0 outside of the track."""
    after = int(np.searchsorted(track.times, time))
    return float(track.times[after] - track.times[after - 1]) if 0 < after < len(track.times) else 0.0


def _spacing(one: Peak, other: Peak) -> float:
    return SPACING_SECONDS[one.kind] if one.kind == other.kind else ONE_INSTANT_SECONDS


def _weigh(grid: Grid, row: np.ndarray, step: int) -> tuple[float, float]:
    """Return the instant of a peak, the mean of its steps, and its confidence.

    Targets rise and fall over 4 steps. Where the instant is in doubt the peak is lower and wider, with the same area; so
    the confidence is its area as a share of that of a target at the same place.
    """
    first = last = step
    while first > max(0, step - _REACH) and grid.valid[first - 1] and row[first - 1] <= row[first]:
        first -= 1
    while last < min(len(row) - 1, step + _REACH) and grid.valid[last + 1] and row[last + 1] <= row[last]:
        last += 1
    # The same number of steps on both sides, else a cut slope would draw the mean to the other.
    reach = min(step - first, last - step)
    middle = slice(step - reach, step + reach + 1)
    time = float(np.average(grid.times[middle], weights=row[middle]))
    whole = slice(first, last + 1)
    area = float(row[whole].sum() / max(1.0, soft_targets(grid.times[whole], np.array([time])).sum()))
    return time, min(1.0, max(area, float(row[step])))


def _flights(track: Track, time: float, others: Sequence[float]) -> np.ndarray:
    """Return the indexes of the sightings to fit: without gaps, and not beyond other bends."""
    others = [other for other in others if abs(other - time) > ONE_INSTANT_SECONDS]
    begin = max((other for other in others if other < time), default=-np.inf)
    end = min((other for other in others if other > time), default=np.inf)
    middle = int(np.searchsorted(track.times, time))
    longest = _LONGEST_FIT_SECONDS + _unseen(track, time) / 2
    before = _one_way(track.times, range(middle - 1, -1, -1), time, begin, longest)
    after = _one_way(track.times, range(middle, len(track.times)), time, end, longest)
    return np.array(before[::-1] + after, int)


def _one_way(times: np.ndarray, order: range, time: float, end: float, longest: float) -> list[int]:
    rows: list[int] = []
    last = time
    for index in order:
        away = abs(times[index] - time)
        far = away > _FIT_SECONDS and len(rows) >= _LEAST_SIGHTINGS
        if far or away > longest or abs(times[index] - last) > LONGEST_GAP_SECONDS:
            break
        if abs(end - time) <= away:
            break
        rows.append(index)
        last = times[index]
    return rows


def _near_its_neighbours(times: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return which sightings (N,) lie where lines through two of their neighbours lead; a false one lies nowhere near."""
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    allowed = _WILD_STEPS * float(np.median(steps)) + _WILD if len(steps) else 0.0
    kept = np.ones(len(times), bool)
    for place, time in enumerate(times):
        around = [
            other for other in range(place - _NEIGHBOURS, place + _NEIGHBOURS + 1) if other != place and 0 <= other < len(times)
        ]
        if len(around) < _NEIGHBOURS:
            continue
        first, second = np.array(list(combinations(around, 2))).T
        share = (time - times[first]) / (times[second] - times[first])
        led = positions[first] + share[:, None] * (positions[second] - positions[first])
        away = np.linalg.norm(led - positions[place], axis=1)
        kept[place] = np.quantile(away, _AGREEING_PAIRS) <= allowed
    return kept


def _columns(away: np.ndarray) -> np.ndarray:
    """Return what two flights that meet are sums of, (..., N, 4): the place, both velocities and the acceleration."""
    return np.stack([np.ones_like(away), np.minimum(away, 0), np.maximum(away, 0), away**2 / 2], -1)


def _squares(away: np.ndarray, positions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted sums of squares (T,) of `_meet` for as many instants at once; `away` is (T, N)."""
    root = np.sqrt(weights)[:, None]
    columns = _columns(away) * root
    residuals = positions * root - columns @ (np.linalg.pinv(columns) @ (positions * root))
    return (residuals**2).sum((1, 2))


def _meet(away: np.ndarray, positions: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the weighted sum of squares, the place (2,) where the flights meet, and the residuals (N, 2).

    Args:
        away: (N,) seconds from the instant at which they meet.
        positions: (N, 2).
        weights: (N,).
    """
    columns = _columns(away)
    root = np.sqrt(weights)[:, None]
    solution = np.linalg.lstsq(columns * root, positions * root, rcond=None)[0]
    residuals = positions - columns @ solution
    return float((weights[:, None] * residuals**2).sum()), solution[0], residuals
