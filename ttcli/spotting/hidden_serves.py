"""A serve's first bounce that nobody could see, behind a player: told by the flight that it began.

The flight that ends at a serve's second bounce is known from there, where the table is known. It began on the server's
half. Those instants are likely from which a flight leads to the second bounce along what the camera saw.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ttcli.spotting.net_plane import LEAST_SIGHTINGS, SMEARED_SECONDS, Flight, Waypoint, fit_flight
from ttcli.table.camera import TableCamera, Tables
from ttcli.table.constants import BALL_RADIUS, GRAVITY, TABLE_HEIGHT, TABLE_LENGTH

TAKES = np.arange(0.24, 0.64, 0.03)
"""Seconds from a serve's first bounce to its second: those that are tried."""
FROM_NET, ACROSS, HEIGHT_ERROR = (0.88, 0.29), 0.4, 0.02
"""Metres: how far from the net a serve bounces first, with 1 sigma, and 1 sigma across the table and of its height there.
So do the simulated ones."""
LONGEST_STEP, LARGEST_SPEED = 0.09, 3.0
"""Seconds and picture widths a second between two sightings of one flight; what is farther apart is hidden, or false."""
LEAST_HIDDEN, FARTHEST = 0.09, 0.3
"""Seconds for which the ball was not seen before its flight was, and from the bounce until then at most."""
MOST_SPREAD, TABLE_SPREAD = 0.05, 0.05
"""Seconds, 1 sigma, of an instant that is of use by the flight; and what a table that is found errs by beside that."""
MOST_ROUGH = 7 / 1920
"""Picture widths, root mean square, by which its sightings lie off the flight."""
SLOWEST = 2.0
"""Metres a second along the table, at the second bounce."""
ONE_BOUNCE = 0.25
"""Seconds around the instant in which another bounce is either this one, or none: a racket or a hand."""
SURE = 0.85
"""Confidence of one that is kept."""
PLAY = 1.6
"""Seconds before, in which a passing of the net, or a bounce on the other half, shows that no serve follows."""
CONFIDENCE = 0.75
"""Confidence of such a bounce, as a share of the second one's."""


class ToldBounce(NamedTuple):
    """A bounce that the network found."""

    time: float
    pixel: np.ndarray
    """(2,) where."""
    confidence: float


class HiddenServe(NamedTuple):
    """A serve's first bounce that only the flight after it shows."""

    time: float
    spread: float
    """Seconds, 1 sigma."""
    pixel: np.ndarray
    """(2,) where it was."""
    confidence: float
    instead_of: list[ToldBounce]
    """Bounces that were none."""


def hidden_serves(
    tables: Tables, times: np.ndarray, pixels: np.ndarray, bounces: Sequence[ToldBounce], passings: Sequence[float]
) -> list[HiddenServe]:
    """Return the first bounces of serves that were hidden, in order of time.

    Args:
        tables: Where the table is.
        times: (N,) seconds of all sightings, ascending.
        pixels: (N, 2) their places.
        bounces: Those that the network found, in order of time.
        passings: Seconds at which the ball was told to pass the net.
    """
    found = []
    for second in bounces:
        camera = tables(second.time)
        likely = second.time - TAKES[-1], second.time - TAKES[0]
        if camera is None or _is_in_play(camera, second, bounces, passings, *likely):  # which spares fits of 50 ms together
            continue
        flight = _hidden_flight(camera, times, pixels, second)
        if flight is None:
            continue
        begun, spread, pixel = flight
        near = [bounce for bounce in bounces if abs(bounce.time - begun) < ONE_BOUNCE and bounce is not second]
        sure = any(bounce.confidence > SURE for bounce in near)
        if not (sure or _is_in_play(camera, second, bounces, passings, begun, begun)):
            found.append(HiddenServe(begun, spread, pixel, CONFIDENCE * second.confidence, near))
    return found


def _is_in_play(
    camera: TableCamera,
    second: ToldBounce,
    bounces: Sequence[ToldBounce],
    passings: Sequence[float],
    earliest: float,
    latest: float,
) -> bool:
    """Return whether bounces and passings show that no serve began between two instants, at whichever of them it was."""
    between = any(latest + ONE_BOUNCE <= bounce.time < second.time for bounce in bounces)
    before = [bounce for bounce in bounces if latest - PLAY < bounce.time <= earliest - ONE_BOUNCE]
    played = any(_side(camera, bounce.pixel) == _side(camera, second.pixel) for bounce in before)
    return between or played or any(latest - PLAY < passing < earliest for passing in passings)


def _hidden_flight(
    camera: TableCamera, times: np.ndarray, pixels: np.ndarray, second: ToldBounce
) -> tuple[float, float, np.ndarray] | None:
    """Return when and where the flight that ends at a bounce began on the other half, if that was hidden: time, 1 sigma, pixel."""
    rows = _seen_before(times, pixels, second.time, camera.width)
    end = camera.on_plane(second.pixel, TABLE_HEIGHT + BALL_RADIUS)
    if (
        len(rows) < LEAST_SIGHTINGS
        or end is None
        or not LEAST_HIDDEN < _hidden_before(times, pixels, rows[0], camera.width) < np.inf
    ):
        return None
    seen = second.time - times[rows[0]]
    tried = [takes for takes in TAKES if seen < takes < seen + FARTHEST]
    flights = [_flight(camera, times[rows], pixels[rows], second, end, takes) for takes in tried]
    found = [(takes, flight) for takes, flight in zip(tried, flights, strict=True) if flight is not None]
    if not found:
        return None
    takes, costs = np.array([takes for takes, _ in found]), np.array([flight.cost for _, flight in found])
    share = np.exp(0.5 * (costs.min() - costs))
    share /= share.sum()
    mean = float((share * takes).sum())
    spread = float(np.sqrt((share * (takes - mean) ** 2).sum() + (TAKES[1] - TAKES[0]) ** 2 / 12))
    likeliest, best = found[int(costs.argmin())]
    if spread > MOST_SPREAD or best.roughness > MOST_ROUGH or likeliest == TAKES[-1]:
        return None
    begun = best.after(-mean)
    if abs(begun[1]) > TABLE_LENGTH / 2 or abs(best.state[1]) < SLOWEST:
        return None
    return second.time - mean, float(np.hypot(spread, TABLE_SPREAD)), camera.project(begun)


def _flight(
    camera: TableCamera, times: np.ndarray, pixels: np.ndarray, second: ToldBounce, end: np.ndarray, takes: float
) -> Flight | None:
    """Return the flight to a bounce at `end` (3,) that began on the other half so many seconds before."""
    far, spread = FROM_NET
    begun = np.array([0.0, -np.sign(end[1]) * far, TABLE_HEIGHT + BALL_RADIUS])
    straight = np.append((end - begun)[:2] / takes, -GRAVITY * takes / 2)
    waypoint = Waypoint(-takes, begun, np.array([ACROSS, spread, HEIGHT_ERROR]))
    return fit_flight(camera, times, pixels, second.time, second.pixel, np.append(straight, [0.0, 0.0]), waypoint)


def _seen_before(times: np.ndarray, pixels: np.ndarray, at: float, width: int) -> np.ndarray:
    """Return the indexes of the sightings before an instant, back to where the ball was hidden."""
    first, last = np.searchsorted(times, [at - TAKES[-1], at - SMEARED_SECONDS])
    rows = np.arange(first, last)
    steps = np.diff(times[rows])
    far = np.linalg.norm(np.diff(pixels[rows], axis=0), axis=1) > LARGEST_SPEED * width * steps
    breaks = np.flatnonzero((steps > LONGEST_STEP) | far)
    return rows[breaks[-1] + 1 :] if len(breaks) else rows


def _hidden_before(times: np.ndarray, pixels: np.ndarray, row: int, width: int) -> float:
    """Return for how many seconds the ball of a sighting was not seen before it; infinite where it never was."""
    since = times[row] - times[:row]
    reached = np.linalg.norm(pixels[:row] - pixels[row], axis=1) <= LARGEST_SPEED * width * since
    return float(since[reached].min(initial=np.inf))


def _side(camera: TableCamera, pixel: np.ndarray) -> int:
    """Return the sign of y of the half on which a bounce at a pixel (2,) is; 0 where it is on none."""
    place = camera.on_plane(pixel, TABLE_HEIGHT + BALL_RADIUS)
    return 0 if place is None else int(np.sign(place[1]))
