"""Claims that stand alone: a few frames with a ball, and none for a while before and after them.

A flake, a glint and a hand look like a ball for a frame or two, or faintly for some more. So does a ball that is hidden
most of the time, but nobody can follow that one: a few places show no flight, no bounce and no stroke. So such claims
lose their confidence, unless the network is sure of several. It need not be as sure where their path leaves the picture
or comes into it, as a ball may that is thrown up. Claims whose path surely falls keep their confidence, however faint
they are. So do those at the ends of a shot, for nobody knows what was before, or comes after.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ttcli.detection.choices import CLAIM, Choice, backing
from ttcli.detection.curves import LEAST_FALL, curve_of

MOST_CLAIMS = 8
"""Frames with a claim that may stand alone."""
LEAST_BACKING, CROSSING_BACKING = 12.0, 4.0
"""Log odds of claims, each by its own frame, which together speak for a ball; the second where their path crosses the
border. A single one never does, and two do that are clear."""
BEYOND = 1.5
"""Steps from the first and last claim, as long as the step beside each, within which a path leaves the picture."""
QUIET_SECONDS, QUIET_FRAMES = 0.4, 8
"""Without any claim before and after them: so long, and so many frames, for a slow camera sees few in that time."""
MOST_HELD = 1000
"""Choices held back at most, for many frames may have one time."""


def without_lone(choices: Iterable[Choice], height: int, width: int) -> Iterator[Choice]:
    """Yield the choices of a shot, in order; claims that stand alone have little confidence.

    A choice is held back while a claim before it may stand alone, for QUIET_SECONDS after each of MOST_CLAIMS.

    Args:
        choices: One for each frame, in order.
        height: Height of the working picture.
        width: Its width.
    """
    held: deque[Choice] = deque()  # from the first of some claims on that may stand alone
    claimed = 0  # of those that are held
    last, frames = None, 0  # when there was a claim, or the shot began, and how many frames ago
    for choice in choices:
        last = choice.time_seconds if last is None else last
        quiet = frames >= QUIET_FRAMES and choice.time_seconds - last >= QUIET_SECONDS
        claims = choice.confidence >= CLAIM
        if held and quiet:
            yield from _judged(held, height, width)
            held.clear()
        if held or (claims and quiet):
            claimed = claims + (claimed if held else 0)
            held.append(choice)
            if claimed > MOST_CLAIMS or len(held) >= MOST_HELD:
                yield from held
                held.clear()
        else:
            yield choice
        last, frames = (choice.time_seconds, 0) if claims else (last, frames + 1)
    yield from held


def _judged(held: Iterable[Choice], height: int, width: int) -> Iterator[Choice]:
    """Yield all that is held, before and after which nothing is claimed."""
    claims = [choice for choice in held if choice.confidence >= CLAIM]
    least = CROSSING_BACKING if _crosses_border(claims, height, width) else LEAST_BACKING
    doubted = backing(claims).sum() < least and not _falls(claims)
    for choice in held:
        yield choice.doubted() if doubted and choice.confidence >= CLAIM else choice


def _crosses_border(claims: Sequence[Choice], height: int, width: int) -> bool:
    """Return whether the path of some claims comes from beyond the picture, or leads there."""
    if len(claims) < 2:
        return False
    places = np.array([claim.peak[:2] for claim in claims])
    before, after = places[0] + BEYOND * (places[0] - places[1]), places[-1] + BEYOND * (places[-1] - places[-2])
    ends = np.stack([before, after])
    return bool(((ends < 0) | (ends > (width - 1, height - 1))).any())


def _falls(claims: Sequence[Choice]) -> bool:
    """Return whether the path of some claims surely bends down as gravity bends it."""
    curve = curve_of(claims)
    return curve is not None and curve.fall - 2 * curve.fall_error >= LEAST_FALL
