"""Why the flights of a path, together, say that its clock or its table is wrong.

One flight cannot tell: its spin makes up for a table that is too small. Many can: drag, restitution and gravity are the same for
all of them, and depend on how large the table is taken for.
"""

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
"""How much less the sum of squares of a flight must be, in the middle, for a slower clock to be believed."""
SIZES = (0.8, 0.9, 1.11, 1.25)
"""How large the world may be against the one that a wrong table makes of it. One still further off shows at these too."""
LEAST_SIZING, MOST_JUDGED = 6, 24
"""Flights that judge the size, at least, and that judge at all, at most: those seen most often."""
MOST_SAID = 10.0
"""By how much one flight may change the sum of squares of all for or against a size: a flight cut wrongly is no witness."""
CLEARLY, CLEARLY_EACH = 20.0, 0.5
"""How much less that sum must be for another size to be believed: so much, and so much more for each flight. With true tables 24
real flights gain 22 at most, with tables a quarter too large or too small 40 to 140 as a rule (docs/STROKES.md)."""
BESIDE, LEAST_BESIDE, SHARE_BESIDE = 0.06, 3, 0.16
"""Metres beyond the table's edge at which no ball bounces on it, besides what the place may be off by; and how many flights, and
which share of those whose bounce is known, must say so."""
KNOWN = 0.08
"""Metres, 1 sigma, to which a bounce must be known to be a witness."""


class _Judges(NamedTuple):
    """The flights that are seen most often, and what is known of them with the table and the clock that were told."""

    view: View
    pieces: Pieces
    numbers: np.ndarray
    error: float
    stray: np.ndarray
    cost: np.ndarray

    def gains(self, size: float = 1.0, clock: float = 1.0) -> np.ndarray:
        """Return how much better, (N,), flights are explained in a world of another size, or shown at another pace."""
        return self.cost - _cost(self.view, self.pieces, self.numbers, self.error, self.stray, size, clock)


def doubt_of(view: View, pieces: Pieces, fit: Fit, measures: Measures) -> str | None:
    """Return why the numbers of all these flights cannot be trusted; None where nothing speaks against them."""
    if len(pieces.times) < LEAST_JUDGED:
        return None
    judges = judges_of(view, pieces, fit)
    return _slow_or_wrong_size(judges) or _beside(pieces, measures)


def judges_of(view: View, pieces: Pieces, fit: Fit) -> _Judges:
    """Return the flights that judge the table and the clock."""
    error = max(float(np.median(fit.error)), LEAST_ERROR * view.camera.width / 1920)
    often = np.argsort(-pieces.seen.sum(1), kind="stable")[:MOST_JUDGED]
    some, numbers = Pieces(*(part[often] for part in pieces)), fit.numbers[often]
    stray = stray_of(view, some)
    return _Judges(view, some, numbers, error, stray, _cost(view, some, numbers, error, stray))


def _cost(
    view: View, pieces: Pieces, numbers: np.ndarray, error: float, stray: np.ndarray, size: float = 1.0, clock: float = 1.0
) -> np.ndarray:
    """Return what flights cost, (N,): the picture stays the same, all lengths change by `size` and all times by 1 / `clock`."""
    other = numbers.copy()
    other[:, PLACE] = (other[:, PLACE] - (0, 0, ON_TABLE)) * size + (0, 0, ON_TABLE)
    other[:, SPEED] *= size * clock
    return fit_onward(as_wide_as(view, size), pieces._replace(times=pieces.times / clock), error, stray, other)


def _slow_or_wrong_size(judges: _Judges) -> str | None:
    """Return which of the two the flights speak for, if for one: a wrong size too makes balls fall too fast or slowly."""
    slower = max(float(np.median(judges.gains(clock=clock))) for clock in CLOCKS)
    gains = [judges.gains(size) for size in SIZES]
    said = np.array([np.clip(gain, -MOST_SAID, MOST_SAID).sum() for gain in gains])
    count = len(judges.cost)
    wrong = count >= LEAST_SIZING and said.max() >= CLEARLY + CLEARLY_EACH * count
    best = int(np.argmax([np.median(gain) for gain in gains]))
    if slower > CLEARLY_SLOWER and not (wrong and np.median(gains[best]) > slower):
        return "the ball falls as in slow motion, more slowly than gravity has it"
    if not wrong:
        return None
    size = SIZES[best]
    seen_as = f"{abs(1 - 1 / size):.0%} too {'small' if size > 1 else 'large'}"
    return f"the ball flies as if all lengths were about {seen_as}: the table's corners, or the clock, are wrong"


def _beside(pieces: Pieces, measures: Measures) -> str | None:
    sigma = np.sqrt(np.trace(measures.bounce_covariance, axis1=1, axis2=2))
    known = (pieces.bounces > 0) & (sigma < KNOWN) & np.isfinite(measures.bounce).all(1)
    edge = np.array([TABLE_WIDTH, TABLE_LENGTH]) / 2
    away = known & ((np.abs(measures.bounce) - edge).max(1) > BESIDE + sigma)
    if away.sum() < max(LEAST_BESIDE, SHARE_BESIDE * known.sum()):
        return None
    return f"{away.sum()} of {known.sum()} bounces would lie beside the table: it is elsewhere, or its corners are wrong"
