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

import numpy as np

from ttcli.detection.choices import CLAIM, Choice, backing
from ttcli.detection.curves import LEAST_FALL, PLACE_ERROR, curve_of

LEAST_BACKING, EVEN_BACKING, RISING_BACKING = 2.0, 3.0, 5.0
"""Mean log odds of the claims of a run, each by its own frame: below, the network hardly believes in it. The second is
asked of a run that goes far and evenly, the third where it bends upwards. A ball's path does so under a camera above
the table: seven drawn ones had 6.2 and more."""
LEAST_RISING = 7
"""Claims of a run that bends upwards: a stroke in the middle of fewer looks like a bend."""
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
    curve = curve_of(run)
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
    rises = len(run) >= LEAST_RISING and curve.fall + 2 * curve.fall_error < 0 and curve.risen >= MOST_BENT * curve.away
    return bool((is_even and believed < EVEN_BACKING) or (rises and believed < RISING_BACKING))
