"""Bounces seen from above: the flights between bends of a path, fitted in space, say which of the bends lie on the table.

Seen from the side, a bounce is the lowest point of a path. Seen from above it is a slight bend, as a stroke or an error
of positions may be. But the path between two bends is a flight in space, and begins or ends on the table's plane where
a bend is a bounce. A path can be divided into flights in many ways, and each way counts by the probability of its
sightings. The probability of a bounce is the share of all ways that have it.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ttcli.spotting.instants import Peak
from ttcli.spotting.linear_flights import Flight, Sight, flight_between, joint_odds, log_sum
from ttcli.spotting.net_plane import on_table
from ttcli.spotting.paths import GRID_RATE, LONGEST_GAP_SECONDS
from ttcli.table.camera import TableCamera, Tables
from ttcli.table.constants import TABLE_HEIGHT

STEEP = 0.8
"""Sine of the angle at which a camera looks down on the table, from which on it sees it from above: 53 degrees."""
LONGEST_FLIGHT_SECONDS = 1.2
LEAST_RUN = 6
"""Sightings without a gap; fewer show no bounce."""
KINK_SECONDS = 0.1
"""Path on either side that shows a bend. More candidates, by twice that or a lower LEAST_KINK, made results worse."""
LEAST_KINK = 5.0
"""Drop of the sum of squares, in variances of a sighting, from which on there may be a bend."""
SPACING_SECONDS = 0.03
"""Least time between two bends."""
LEAST_ERROR = 1.0 / 1920
"""Least error of a sighting, picture widths, 1 sigma."""
BOUNCE_COST, STROKE_COST = 0.0, 3.0
"""What bends cost, in logarithms: there are few."""
MOST_SURE = 0.982
"""What the network's confidence counts as at the most, and one minus it at the least."""
LEAST_SHARE = 0.1
"""Probability of a bounce from which on it is returned."""
SHIFTS = np.linspace(-0.08, 0.08, 13)
"""Seconds by which a bounce is moved to find its instant."""
INSTANT_SPREAD = 0.015
"""Seconds that the network's instants are off, 1 sigma."""
_NEVER = 100.0
_EDGE_SECONDS = 0.01


def sees_from_above(camera: TableCamera) -> bool:
    """Return whether a camera looks down on the table so steeply that bounces are no lowest points."""
    towards = np.array([0, 0, TABLE_HEIGHT]) - camera.position
    return bool(-towards[2] > STEEP * np.linalg.norm(towards))


def runs_from_above(tables: Tables, times: np.ndarray) -> list[tuple[slice, TableCamera]]:
    """Return the runs of sightings at times (N,) without a gap that a camera sees from above, and that camera."""
    ends = np.flatnonzero(np.diff(times) > LONGEST_GAP_SECONDS) + 1
    found = []
    for begin, end in pairwise([0, *ends.tolist(), len(times)]):
        camera = tables(float(times[(begin + end) // 2])) if end - begin >= LEAST_RUN else None
        if camera is not None and sees_from_above(camera):
            found.append((slice(begin, end), camera))
    return found


def bounces_from_above(
    camera: TableCamera, times: np.ndarray, pixels: np.ndarray, bounces: Sequence[Peak], strokes: Sequence[Peak]
) -> list[Peak]:
    """Return the bends of a path without a gap that may be bounces, each with its probability, in order.

    Args:
        camera: It looks down on the table.
        times: (N,) seconds, ascending.
        pixels: (N, 2).
        bounces: Instants at which the network takes a bounce for possible.
        strokes: The same of strokes.
    """
    straight = camera.straight(pixels)
    sight = Sight(camera, times, straight, _error_of(times, straight, camera.width))
    bends = _bends(sight, [peak.time for peak in (*bounces, *strokes)])
    if len(bends) < 3:
        return []
    odds = np.array([[_odds_at(bend, strokes) - STROKE_COST, _odds_at(bend, bounces) - BOUNCE_COST] for bend in bends])
    places = np.stack([np.interp(bends, times, column) for column in pixels.T], 1)
    odds[[not on_table(camera, place) for place in places], 1] = -_NEVER
    shares = _shares(sight, bends, odds)
    found = []
    for number in np.flatnonzero(shares[:, 1] >= LEAST_SHARE):
        likely = np.append(np.flatnonzero(shares.sum(1) > 0.5), [0, len(bends) - 1])
        around = bends[likely[likely < number].max()], bends[likely[likely > number].min()]
        time = _best_instant(sight, float(bends[number]), *around, bounces)
        found.append(Peak("bounce", time, min(float(shares[number, 1]), 1.0)))
    return found


def _best_instant(sight: Sight, guess: float, before: float, after: float, told: Sequence[Peak]) -> float:
    """Return the instant near a guess at which the flights from the bend before and to the bend after meet on the table.

    The network's own instants count, too, by how sure it is.
    """
    tries = guess + SHIFTS
    tries = tries[(tries > before + SPACING_SECONDS) & (tries < after - SPACING_SECONDS)]
    if not len(tries):
        return guess
    odds = []
    for time in tries:
        arriving, leaving = flight_between(sight, before, time), flight_between(sight, time, after)
        joint = joint_odds([arriving], [leaving])[1, 0, :, 0]  # (begins, ends)
        odds.append(log_sum(arriving.odds[:, 1, None] + joint + leaving.odds[None, 1], (0, 1)))
    odds = np.array(odds) + _odds_of_instants(tries, told)
    weight = np.exp(odds - odds.max())
    return float((weight * tries).sum() / weight.sum())


def _odds_of_instants(tries: np.ndarray, told: Sequence[Peak]) -> np.ndarray:
    """Return the log odds of instants (T,) by the network's own, each off by INSTANT_SPREAD or no bounce at all."""
    odds = [np.log(np.full(len(tries), 1 - MOST_SURE))]
    odds += [np.log(peak.confidence) - 0.5 * ((tries - peak.time) / INSTANT_SPREAD) ** 2 for peak in told]
    return np.max(odds, 0)


def _odds_at(bend: float, told: Sequence[Peak]) -> float:
    """Return the network's log odds of what it told about an instant."""
    sure = max((peak.confidence for peak in told if abs(peak.time - bend) <= SPACING_SECONDS), default=0.0)
    sure = min(max(sure, 1 - MOST_SURE), MOST_SURE)
    return float(np.log(sure / (1 - sure)))


def _error_of(times: np.ndarray, pixels: np.ndarray, width: int) -> float:
    """Return the error of a sighting, pixels: how far each is off the line between its neighbours differs by it."""
    part = ((times[1:-1] - times[:-2]) / (times[2:] - times[:-2]))[:, None]
    off = pixels[1:-1] - (1 - part) * pixels[:-2] - part * pixels[2:]
    # Half of the sum of squares of (1/2, -3/2, 3/2, -1/2) is 5/2; a normal error's median is 0.6745 sigma.
    usual = float(np.median(np.abs(np.diff(off, axis=0)))) / 0.6745 / 5**0.5
    return max(LEAST_ERROR * width, usual)


def _bends(sight: Sight, told: Sequence[float]) -> np.ndarray:
    """Return the instants between flights (K,): both ends of a path, what the network told, and where the path bends."""
    first, last = float(sight.times[0]), float(sight.times[-1])
    tries = np.arange(first + 2 * _EDGE_SECONDS, last - 2 * _EDGE_SECONDS, 1 / GRID_RATE)
    drop = np.array([_kink(sight, at) for at in tries])
    peaks = [step for step in range(len(tries)) if drop[step] == drop[max(0, step - 2) : step + 3].max() >= LEAST_KINK]
    kept: list[float] = []
    for time in sorted(time for time in told if first + _EDGE_SECONDS < time < last - _EDGE_SECONDS):
        if not kept or time - kept[-1] >= SPACING_SECONDS / 2:
            kept.append(time)
    for step in sorted(peaks, key=lambda step: -drop[step]):
        if all(abs(tries[step] - other) >= SPACING_SECONDS for other in kept):
            kept.append(float(tries[step]))
    return np.array([first - 1e-3, *sorted(kept), last + 1e-3])


def _kink(sight: Sight, at: float) -> float:
    """Return how much better two flights that meet explain the path around an instant than one does, in variances."""
    around = slice(*np.searchsorted(sight.times, (at - KINK_SECONDS, at + KINK_SECONDS)).tolist())
    away = sight.times[around] - at
    if min((away < 0).sum(), (away >= 0).sum()) < 2 or len(away) < 5:
        return 0.0
    basis, _ = np.linalg.qr(np.stack([np.ones_like(away), away, away**2], 1))
    bent = np.maximum(away, 0)
    bent = bent - basis @ (basis.T @ bent)
    bent /= max(float(np.linalg.norm(bent)), 1e-9) * sight.sigma
    return float(((bent @ sight.pixels[around]) ** 2).sum())


def _shares(sight: Sight, bends: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Return the probabilities (K, 2) of a stroke and of a bounce at each bend, by all ways to divide a path into flights.

    Args:
        sight: The path.
        bends: (K,) instants, both ends of the path among them.
        told: (K, 2) log odds of a stroke and of a bounce, before the flights are looked at.
    """
    flights, arriving, leaving = _flights(sight, bends)
    odds = np.array([flight.odds for flight in flights])  # (F, begins, ends)
    ahead = np.full_like(odds, -np.inf)  # all that comes before a flight, itself included
    behind = np.full_like(odds, -np.inf)  # all that comes after it
    ahead[leaving[0], 0] = odds[leaving[0], 0]
    joints: list[np.ndarray] = [np.zeros(0)] * len(bends)
    for bend in range(1, len(bends) - 1):
        into, out = arriving[bend], leaving[bend]
        joints[bend] = joint_odds([flights[i] for i in into], [flights[i] for i in out]) + told[bend].reshape(2, 1, 1, 1, 1)
        for on in (0, 1):
            ahead[out, on] = odds[out, on] + log_sum(ahead[into][:, :, on, None, None] + joints[bend][on], (0, 1))
    behind[arriving[-1], :, 0] = 0.0
    whole = log_sum(ahead[arriving[-1]][:, :, 0], (0, 1))
    shares = np.zeros((len(bends), 2))
    for bend in range(len(bends) - 2, 0, -1):
        into, rest = arriving[bend], odds[leaving[bend]] + behind[leaving[bend]]  # (O, begins, ends)
        for on in (0, 1):
            behind[into, :, on] = log_sum(joints[bend][on] + rest[None, None, :, on], (2, 3))
            shares[bend, on] = np.exp(log_sum(ahead[into][:, :, on] + behind[into][:, :, on], (0, 1)) - whole)
    return shares


def _flights(sight: Sight, bends: np.ndarray) -> tuple[list[Flight], list[list[int]], list[list[int]]]:
    """Return the flights between any two bends that are near enough, and the numbers of those that end and begin at each."""
    flights: list[Flight] = []
    arriving: list[list[int]] = [[] for _ in bends]
    leaving: list[list[int]] = [[] for _ in bends]
    for first in range(len(bends) - 1):
        for last in range(first + 1, len(bends)):
            if bends[last] - bends[first] > LONGEST_FLIGHT_SECONDS and last > first + 1:
                break
            arriving[last].append(len(flights))
            leaving[first].append(len(flights))
            flights.append(flight_between(sight, bends[first], bends[last]))
    return flights, arriving, leaving
