"""Why the flights of a path, together, contradict its clock or its table.

One flight is no witness: its spin makes up for a table that is too small. Many flights are. Gravity, drag and
restitution are the same for all of them, and each depends on how large the table is taken for.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ttcli.flights.fit import LEAST_ERROR, PLACE, SPEED, Fit, Pieces, fit_onward, stray_of
from ttcli.flights.measuring import Measures
from ttcli.flights.sightlines import as_wide_as
from ttcli.flights.views import View
from ttcli.physics.arcs import ON_TABLE
from ttcli.table.constants import TABLE_LENGTH, TABLE_WIDTH

LEAST_JUDGED = 3
"""Flights from which on they judge the clock, and whether there is a table at all."""
CLOCKS = (1.7, 3.0, 5.5, 10.0)
"""How much slower than it was a film may show what happened."""
CLEARLY_SLOWER = 25.0
"""How much less the sum of squares of the median flight must be for a slower clock to be believed."""
SIZES = (0.8, 0.87, 1.15, 1.25)
"""How large the world may be against the world that a wrong table implies. A table still further off shows here too."""
SLOW = 15.0
"""m/s: faster strokes do not judge the size, since what air does to them was never measured in space."""
LEAST_SIZING, MOST_JUDGED = 8, 24
"""How many flights judge the size, at least and at most. The flights with the most sightings do."""
MOST_SAID = 10.0
"""How much one flight may change the sum of squares for or against a size: a flight cut wrongly is no witness."""
CLEARLY, CLEARLY_EACH = 16.0, 0.5
"""How much less the sum of squares must be for another size to be believed: so much, and so much more for each flight.

With true tables, two dozen real flights gain 12 at the most in 9 cases. With corners of a table 1.25, 1.1 and 0.8 times
as large they gain up to 178, and are refused in 9, 7 and 6 of 9 cases (docs/STROKES.md).
"""
BESIDE = 0.06
"""Metres beyond the edge of the table at which no ball bounces on it, besides the error of the place."""
LEAST_BESIDE, SHARE_BESIDE = 3, 0.16
"""Flights, and share of the flights with a known bounce, that must bounce beside the table to refuse it."""
KNOWN, SIGMAS = 0.3, 2.0
"""Metres, 1 sigma, to which a bounce must be known to be a witness; and how many sigmas it must lie beside the table."""


class Fitted(NamedTuple):
    """The flights that one camera saw, fitted."""

    view: View
    pieces: Pieces
    fit: Fit
    measures: Measures


class _Judges(NamedTuple):
    """Some flights of one camera, explained with the table and the clock at hand."""

    view: View
    pieces: Pieces
    numbers: np.ndarray
    error: float
    stray: np.ndarray
    cost: np.ndarray

    @classmethod
    def of(cls, fitted: Fitted, flights: np.ndarray) -> "_Judges":
        """Return the flights that a mask (N,) chooses."""
        view, pieces, fit, _ = fitted
        error = max(float(np.median(fit.error)), LEAST_ERROR * view.camera.width / 1920)
        some = Pieces(*(part[flights] for part in pieces))
        stray = stray_of(view, some)
        return cls(view, some, fit.numbers[flights], error, stray, _cost(view, some, fit.numbers[flights], error, stray))

    def gains(self, size: float = 1.0, clock: float = 1.0) -> np.ndarray:
        """Return how much better, (N,), a world of another size or a film of another pace explains the flights."""
        return self.cost - _cost(self.view, self.pieces, self.numbers, self.error, self.stray, size, clock)


def doubt_of(cameras: Sequence[Fitted]) -> str | None:
    """Return why the numbers of these flights cannot be trusted; None where nothing contradicts them.

    Args:
        cameras: The flights of each camera. A camera that moves counts as another one for each flight.
    """
    if sum(len(each.pieces.times) for each in cameras) < LEAST_JUDGED:
        return None
    return _slow_or_wrong_size(_judges(cameras, np.inf), _judges(cameras, SLOW)) or _beside(cameras)


def _speeds(fit: Fit) -> np.ndarray:
    """Return how fast flights begin, (N,), m/s."""
    return np.linalg.norm(fit.numbers[:, SPEED], axis=1)


def _judges(cameras: Sequence[Fitted], fastest: float) -> list[_Judges]:
    """Return the flights with the most sightings that are no faster, m/s."""
    seen = np.concatenate([each.pieces.seen.sum(1)[_speeds(each.fit) <= fastest] for each in cameras])
    if not len(seen):
        return []
    least = int(np.sort(seen)[::-1][:MOST_JUDGED][-1])
    chosen = [(each, (each.pieces.seen.sum(1) >= least) & (_speeds(each.fit) <= fastest)) for each in cameras]
    return [_Judges.of(each, flights) for each, flights in chosen if flights.any()]


def _cost(
    view: View, pieces: Pieces, numbers: np.ndarray, error: float, stray: np.ndarray, size: float = 1.0, clock: float = 1.0
) -> np.ndarray:
    """Return what flights cost, (N,), if all lengths change by `size`, all times by 1 / `clock`, the picture not at all."""
    other = numbers.copy()
    other[:, PLACE] = (other[:, PLACE] - (0, 0, ON_TABLE)) * size + (0, 0, ON_TABLE)
    other[:, SPEED] *= size * clock
    return fit_onward(as_wide_as(view, size), pieces._replace(times=pieces.times / clock), error, stray, other)


def _slow_or_wrong_size(judges: Sequence[_Judges], slow: Sequence[_Judges]) -> str | None:
    """Return whether slow motion or a wrong size explains the flights better; None where neither does."""
    slower = max(float(np.median(np.concatenate([each.gains(clock=clock) for each in judges]))) for clock in CLOCKS)
    gains = [np.concatenate([np.zeros(0), *(each.gains(size) for each in slow)]) for size in SIZES]
    said = np.array([np.clip(gain, -MOST_SAID, MOST_SAID).sum() for gain in gains])
    count = len(gains[0])
    wrong = count >= LEAST_SIZING and said.max() >= CLEARLY + CLEARLY_EACH * count
    best = int(said.argmax())
    if slower > CLEARLY_SLOWER and not (wrong and np.median(gains[best]) > slower):
        return "the ball falls as in slow motion, more slowly than gravity has it"
    if not wrong:
        return None
    size = SIZES[best]
    seen_as = f"{abs(1 - 1 / size):.0%} too {'small' if size > 1 else 'large'}"
    return f"the ball flies as if all lengths were about {seen_as}: the table's corners, or the clock, are wrong"


def _beside(cameras: Sequence[Fitted]) -> str | None:
    """Return that too many bounces lie beside the table, where they do."""
    all_known = all_away = 0
    edge = np.array([TABLE_WIDTH, TABLE_LENGTH]) / 2
    for _, pieces, _, measures in cameras:
        sigma = np.sqrt(np.trace(measures.bounce_covariance, axis1=1, axis2=2))
        known = (pieces.bounces > 0) & (sigma < KNOWN) & np.isfinite(measures.bounce).all(1)
        away = known & ((np.abs(measures.bounce) - edge).max(1) > BESIDE + SIGMAS * sigma)
        all_known, all_away = all_known + int(known.sum()), all_away + int(away.sum())
    if all_away < max(LEAST_BESIDE, SHARE_BESIDE * all_known):
        return None
    return f"{all_away} of {all_known} bounces would lie beside the table: it is elsewhere, or its corners are wrong"
