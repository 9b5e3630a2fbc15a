"""Runs of claims for which neither the network nor gravity speaks: smooth paths of faint peaks that do not fall.

The decision over time believes in a faint peak on the path of clear ones, and it should: a ball fades for some frames.
But glints that slide along something round, and cars, draw smooth paths of peaks that are faint nearly all the time.
A ball that is hard to see is faint as well, and so this alone is no reason. A ball in the air falls, though, and turns
where it bounces or is hit. So a run loses its confidence if both are missing: the network sees a ball in few of its
frames by themselves, and its path is one smooth curve that gravity does not bend down. How often the network must see
a ball depends on the curve: least on a short one, which may be anything. More is asked where something goes a long way
evenly, and most where its path bends upwards.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ttcli.detection.choices import CLAIM, Choice, backing

LEAST_BACKING, EVEN_BACKING, RISING_BACKING = 2.0, 3.0, 5.0
"""Mean log odds of the claims of a run, each by its own frame: below, the network hardly believes in it. The second is
asked of a run that goes far and evenly, the third where it bends upwards. A ball's path does so under a camera above
the table: seven drawn ones had 6.2 and more."""
LEAST_CLAIMS = 5
"""Fewer are no path."""
LEAST_FALL = 160.0
"""Working pixels per second squared by which the path of a ball bends down: gravity is 245 for a ball one pixel wide,
and a third is left to cameras that look down."""
PLACE_ERROR = 0.5
"""Standard error of a place, working pixels: by it short runs do not show how their path bends."""
SMOOTH = 3 * PLACE_ERROR
"""Distance (RMS) of the claims from one parabola, working pixels. Beyond, something was hit, or bounced, or the camera
shakes."""
FAR, EVEN = 30.0, 0.1
"""Working pixels that a run goes to go far, and the part of that by which it bends at most to go evenly."""
FAR_SMOOTH = 0.03, 6 * PLACE_ERROR
"""The same as SMOOTH for runs that go far: a part of how far they go, for their curve is no parabola, and the most."""
MOST_BENT = 6.0
"""So many times farther than its claims are from it must a curve bend upwards to be one."""
MOST_STEPS = 2.5
"""Usual steps between two claims of a run that goes far. Over a longer gap it may be two runs."""
MOST_GAP = 0.15
"""Seconds without a claim over which a run goes on."""
MOST_JUMP, MOST_CHANGE = 12.0, 0.6
"""Working pixels, and share of the last step beside them, by which a claim may lie from where the last step leads."""
LONGEST, MOST_HELD = 1.0, 1000
"""Seconds after which a run is judged and another begins, and the most choices, for many frames may have one time."""


def with_backing(choices: Iterable[Choice]) -> Iterator[Choice]:
    """Yield the choices of a shot, in order; those in runs without backing have little confidence.

    A choice is held back while its run goes on, for LONGEST seconds at most.

    Args:
        choices: One for each frame, in order.
    """
    held: deque[Choice] = deque()
    run: list[Choice] = []
    for choice in choices:
        claims = choice.confidence >= CLAIM
        if run and _ends(run, choice, claims, len(held)):
            yield from _judged(held, run)
            run = []
        if claims:
            run.append(choice)
        held.append(choice)
        if not run:
            yield from _judged(held, run)
    yield from _judged(held, run)


def _ends(run: Sequence[Choice], choice: Choice, claims: bool, held: int) -> bool:
    """Return whether a run ended before a choice."""
    since = choice.time_seconds - run[-1].time_seconds
    too_long = choice.time_seconds - run[0].time_seconds > LONGEST or held >= MOST_HELD
    return since > MOST_GAP or too_long or (claims and not _follows(run, choice))


def _follows(run: Sequence[Choice], claim: Choice) -> bool:
    """Return whether a claim lies about where the last step of a run leads; after a single claim any does."""
    if len(run) == 1:
        return True
    last, place = np.array(run[-1].peak[:2]), np.array(claim.peak[:2])
    step = last - run[-2].peak[:2]
    since, before = claim.time_seconds - run[-1].time_seconds, run[-1].time_seconds - run[-2].time_seconds
    step = step * (since / before if before > 0 else 1.0)
    return bool(np.linalg.norm(place - last - step) <= MOST_JUMP + MOST_CHANGE * np.linalg.norm(step))


def _judged(held: deque[Choice], run: Sequence[Choice]) -> Iterator[Choice]:
    """Yield all that is held, the claims as their run leaves them."""
    doubted = _is_no_ball(run)
    while held:
        choice = held.popleft()
        yield choice.doubted() if doubted and choice.confidence >= CLAIM else choice


def _is_no_ball(run: Sequence[Choice]) -> bool:
    """Return whether the network sees a ball too seldom in a run for the curve that it follows."""
    curve = _curve(run)
    if curve is None:
        return False
    believed = backing(run).mean()
    falls = curve.fall + curve.fall_error >= LEAST_FALL
    if believed < LEAST_BACKING and curve.away <= SMOOTH and not falls:
        return True
    part, most = FAR_SMOOTH
    if curve.length < FAR or curve.away > min(part * curve.length, most) or curve.steps > MOST_STEPS:
        return False
    is_even = curve.bent <= EVEN * curve.length and not falls
    rises = curve.fall + 2 * curve.fall_error < 0 and curve.risen >= MOST_BENT * curve.away
    return bool((is_even and believed < EVEN_BACKING) or (rises and believed < RISING_BACKING))


class _Curve(NamedTuple):
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


def _curve(run: Sequence[Choice]) -> _Curve | None:
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
    length, bent = np.linalg.norm(np.ptp(places, axis=0)), np.linalg.norm(middle)
    return _Curve(*map(float, (curve[2, 1], error, away, length, bent, -middle[1], times.max() / max(np.median(times), 1e-9))))
