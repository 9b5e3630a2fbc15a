"""Where one shot dissolves into another: every picture on the way is a mixture of the last one and the next one.

In a dissolve of two shots A and B each picture is (1 - a) A + a B, and a rises evenly from 0 to 1. A pan, a zoom and
something large before the lens move what the picture shows. They leave pictures that are no such mixture. A fade to or
from black is a dissolve too. docs/EXPERIMENTS.md has what was measured on pictures that `cuts` reduced.
"""

from collections import deque
from collections.abc import Callable
from itertools import islice

import numpy as np

SPANS = (12, 24, 48, 90)
"""Pictures before its end in which a dissolve may have begun: each of these lengths is tried."""
LEAST_STEPS = 5
"""Pictures of the shortest dissolve; a cut that takes two or three pictures is `cuts`'s."""
PURE = 0.06
"""Share of the next shot up to which a picture counts as one of the last shot."""
MOST_BENT = 0.25
"""By so much the share may differ from one that rises evenly: some dissolves begin and end softly."""
LARGEST_STEP = 0.5
"""Share by which it may rise from one picture to the next; a cut is one step."""
MOST_BESIDE = 0.15
"""How far from a mixture a picture may lie, as a share of the difference between both ends: people go on moving. In 127
clips without a dissolve, what rose as evenly lay 0.197 beside one at the least."""
STILL_RISES = 0.5
"""Part of its mean rise with which the share may still rise after the end."""
WAVERS = 0.04
"""By so much it may waver afterwards anyway, for people move."""


class DissolveFinder:
    """Tells where a dissolve has ended, from reduced pictures in order.

    Args:
        after: Pictures after the end that are looked at.
        differ: Whether two reduced pictures are of two shots.
    """

    def __init__(self, after: int, differ: Callable[[np.ndarray, np.ndarray], bool]) -> None:
        self._after, self._differ = after, differ
        self._pictures: deque[np.ndarray] = deque(maxlen=SPANS[-1] + after + 1)
        """The newest of this shot."""

    def begin(self) -> None:
        """Forget what was before the newest `after` pictures and the one before them, with which a shot begins."""
        while len(self._pictures) > self._after + 1:
            self._pictures.popleft()

    def add(self, picture: np.ndarray) -> None:
        """Take the next reduced picture, less its mean."""
        self._pictures.append(picture)

    def has_ended(self, later: int) -> bool:
        """Return whether the first picture after a dissolve is the one that `later` others have followed."""
        last = len(self._pictures) - 1 - later
        if later < 1 or last < LEAST_STEPS:
            return False
        firsts = sorted({max(last - span, 0) for span in SPANS}, reverse=True)
        return any(self._dissolves(first, last) for first in firsts)

    def _dissolves(self, first: int, last: int) -> bool:
        """Return whether a dissolve that began after one of the pictures ends with another."""
        if not self._differ(self._pictures[first], self._pictures[last]):
            return False
        pictures = np.array(list(islice(self._pictures, first, None))).reshape(len(self._pictures) - first, -1)
        before, after = pictures[: last - first + 1], pictures[last - first + 1 :]
        change = before[-1] - before[0]
        shares = (before - before[0]) @ change / (change @ change)
        rising = shares[np.flatnonzero(shares <= PURE)[-1] :]
        rises_on = float((after[-1] - before[-1]) @ change / (change @ change))
        if not (_rises_evenly(rising) and -WAVERS <= rises_on <= max(WAVERS, STILL_RISES * len(after) / (len(rising) - 1))):
            return False
        beside = np.abs(before - before[0] - shares[:, None] * change).mean(1).max()
        return bool(beside <= MOST_BESIDE * np.abs(change).mean())


def _rises_evenly(shares: np.ndarray) -> bool:
    """Return whether the share of the next shot rises about as a line does, from 0 to 1, in steps of a dissolve."""
    even = np.linspace(0, 1, len(shares))
    return bool(
        len(shares) > LEAST_STEPS and np.diff(shares).max() <= LARGEST_STEP and np.abs(shares - even).max() <= MOST_BENT
    )
