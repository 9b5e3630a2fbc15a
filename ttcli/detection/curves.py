"""The curve that a run of claims follows: how it bends, and how far the claims are from it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ttcli.detection.choices import Choice

LEAST_CLAIMS = 5
"""Fewer are no path."""
LEAST_FALL = 160.0
"""Working pixels per second squared by which the path of a ball bends down: gravity is 245 for a ball one pixel wide,
and a third is left to cameras that look down."""
PLACE_ERROR = 0.5
"""Standard error of a place, working pixels: by it short runs do not show how their path bends."""


class Curve(NamedTuple):
    """The parabola that a run follows, in working pixels."""

    fall: float
    """How it bends down, per second squared."""
    fall_error: float
    """Standard error of that."""
    away: float
    """Distance (RMS) of the claims from it."""
    length: float
    """Diagonal of the box around the claims."""
    bent: float
    """How far it is from a line in its middle."""
    risen: float
    """How much of that is upwards."""
    steps: float
    """The longest time between two claims, in usual ones."""


def curve_of(run: Sequence[Choice]) -> Curve | None:
    """Return the parabola that a run follows, or None of too few claims."""
    seconds = np.array([claim.time_seconds for claim in run])
    if len(np.unique(seconds)) < LEAST_CLAIMS:
        return None
    seconds -= seconds.mean()
    terms = np.stack([np.ones(len(run)), seconds, seconds**2 / 2], 1)
    places = np.array([claim.peak[:2] for claim in run])
    curve, *_ = np.linalg.lstsq(terms, places, rcond=None)
    error = PLACE_ERROR * np.sqrt(np.linalg.inv(terms.T @ terms)[2, 2])
    away = np.sqrt(((terms @ curve - places) ** 2).sum(1).mean())
    middle = curve[2] * (seconds[-1] - seconds[0]) ** 2 / 8
    times = np.diff(seconds)
    return Curve(
        fall=float(curve[2, 1]),
        fall_error=float(error),
        away=float(away),
        length=float(np.linalg.norm(np.ptp(places, axis=0))),
        bent=float(np.linalg.norm(middle)),
        risen=float(-middle[1]),
        steps=float(times.max() / max(np.median(times), 1e-9)),
    )
